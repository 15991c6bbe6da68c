"""Write docs/licenses.md: the license of every package that the bot runs on.

`uv run poe licenses`
"""

import re
from importlib.metadata import metadata
from pathlib import Path

from tests.programs import run

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/licenses.md"
HEAD = """# Licenses

The bot is under the [MIT license](../LICENSE). It runs on these packages, each under its own.
None is under the GPL or the AGPL; those under the LGPL are used unchanged, as libraries.

This page is written from the packages' own metadata: `uv run poe licenses`.
A release's SBOM (`backup-bot-<version>.cdx.json`) has their versions and hashes.

| Package | License |
| --- | --- |
"""
SPDX = {  # what older metadata says instead
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
COPYLEFT = re.compile(r"A?GPL|SSPL|EUPL|OSL|BUSL")  # but not LGPL, nor MPL


def runtime_packages() -> list[str]:
    """Return the packages of the lock that the bot can need, with its extras."""
    export = ("--frozen", "--offline", "--quiet", "--no-header", "--no-hashes", "--no-annotate")
    lines = run(
        "uv", "export", *export, "--no-dev", "--all-extras", "--no-emit-project"
    ).splitlines()
    return [line.partition("==")[0] for line in lines]


def license_of(package: str) -> str:
    """Return the SPDX expression of an installed package; empty if it names no license."""
    about = metadata(package)
    classifiers = about.get_all("Classifier") or []
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    older = about.get_all("License") or [" AND ".join(named)]
    said = str((about.get_all("License-Expression") or older)[0])
    return SPDX.get(said, said)


def is_forbidden(expression: str) -> bool:
    """Return whether every choice that an expression offers is forbidden, or none is known."""
    choices = [re.split(r"\s+AND\s+", choice) for choice in re.split(r"\s+OR\s+", expression)]
    return all(any(_is_forbidden(one.strip("() ")) for one in choice) for choice in choices)


def _is_forbidden(license_id: str) -> bool:
    return not license_id or bool(COPYLEFT.match(license_id))


def page() -> str:
    rows = (f"| `{package}` | {license_of(package)} |" for package in runtime_packages())
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
