"""Build the site of the documents: `uv run --group docs poe site`, or `… -- another-directory`.

The pages are laid out as in the repository, so a link that works on GitHub works on the site.
"""

import re
import shutil
import sys
from pathlib import Path

from tests.programs import run

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "docs/mkdocs.yml"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:)[^)#\s]+(?=[)#])")  # relative, without its anchor
HIDDEN = re.compile(r"(^|/)\.(?=[a-z])")  # the generator leaves out what begins with a dot


def build(directory: Path) -> Path:
    """Build the site in an empty directory and return its root. Any warning is an error."""
    pages = directory / "pages"
    shutil.copytree(ROOT / "docs", pages / "docs", ignore=shutil.ignore_patterns("mkdocs.yml"))
    for page in ROOT.glob("*.md"):
        shutil.copy(page, pages)
    for page in [*pages.glob("*.md"), *pages.glob("docs/*.md")]:
        text = page.read_text("utf-8")
        for link in LINK.findall(text):
            _bring(page, link, pages)
        page.write_text(LINK.sub(lambda link: _visible(link[0]), text), "utf-8")
    config = shutil.copy(CONFIG, directory)
    run("zensical", "build", "--strict", "--config-file", config)
    return directory / "site"


def _bring(page: Path, link: str, pages: Path) -> None:
    """Copy the file that a page links to, unless it is already there."""
    target = (page.parent / _visible(link)).resolve()
    source = ROOT / (page.parent / link).resolve().relative_to(pages.resolve())
    if source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _visible(path: str) -> str:
    return HIDDEN.sub(r"\1", path)


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "dist/site")
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    print(build(where))  # noqa: T201, a command line prints
