"""What a release consists of: reproducible, complete, and under licenses that allow it."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.deploy.files import ROOT, read
from tests.licenses import PAGE, is_forbidden, license_of, page, runtime_packages
from tests.programs import run

VERSION = tomllib.loads(read("pyproject.toml"))["project"]["version"]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What .ci/release makes of the last commit; it fails if two builds differ."""
    directory = tmp_path_factory.mktemp("release")
    run(str(ROOT / ".ci/release"), directory)
    return directory


def test_a_release_is_built_twice_into_the_same_bytes(release: Path) -> None:
    """And its checksums are those of all its files."""
    checksums = (release / "SHA256SUMS").read_text("utf-8")
    listed = re.findall(r"^[0-9a-f]{64}  (.+)$", checksums, re.MULTILINE)

    assert sorted(listed) == sorted(
        [
            f"backup_bot-{VERSION}-py3-none-any.whl",
            f"backup_bot-{VERSION}.tar.gz",
            f"backup-bot-helm-{VERSION}.tgz",
            f"backup-bot-{VERSION}.cdx.json",
        ]
    )
    assert {file.name for file in release.iterdir()} == {*listed, "SHA256SUMS"}


def test_the_sbom_lists_every_package_that_the_bot_runs_on(release: Path) -> None:
    bill = json.loads((release / f"backup-bot-{VERSION}.cdx.json").read_text("utf-8"))

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == VERSION
    assert {part["name"] for part in bill["components"]} == set(runtime_packages())
    assert all(part["purl"].startswith("pkg:pypi/") for part in bill["components"])


@pytest.mark.parametrize("package", runtime_packages())
def test_a_package_may_be_used_with_the_bot(package: str) -> None:
    """It names a license, and that isn't the GPL or the AGPL."""
    assert not is_forbidden(license_of(package))


@pytest.mark.parametrize(
    "expression", ["GPL-3.0-only", "AGPL-3.0", "MIT AND GPL-2.0-or-later", ""]
)
def test_a_strong_copyleft_or_no_license_is_found(expression: str) -> None:
    assert is_forbidden(expression)


@pytest.mark.parametrize("expression", ["LGPL-3.0-only", "MPL-2.0", "MIT OR GPL-2.0-only"])
def test_a_weak_copyleft_or_another_choice_is_allowed(expression: str) -> None:
    assert not is_forbidden(expression)


def test_the_page_of_licenses_is_current() -> None:
    """`uv run poe licenses` writes it."""
    assert PAGE.read_text("utf-8") == page()
