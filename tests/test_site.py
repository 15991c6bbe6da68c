"""The site of the documents: it builds without a warning, and each link on it leads somewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.programs import program
from tests.site import CONFIG, ROOT, build


class Page(HTMLParser):
    """The links and anchors of a page, and what it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = {""}
        self.loads: set[str] = set()
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name"):
                self.anchors.add(value or "")
            elif name == "href" and tag == "a":
                self.links.add(value or "")
            elif name in ("src", "href"):
                self.loads.add(value or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program("zensical")
    return build(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    """Every page that a person can reach."""
    return {file: Page(file) for file in site.rglob("index.html")}


def _target(file: Path, path: str) -> Path:
    target = (file.parent / unquote(path)).resolve() if path else file
    return target / "index.html" if target.is_dir() else target


def test_every_link_leads_to_a_page_and_to_a_heading_on_it(pages: dict[Path, Page]) -> None:
    broken = []
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = _target(file, parts.path)
            anchors = pages[target].anchors if target in pages else {parts.fragment}
            if not target.exists() or unquote(parts.fragment) not in anchors:
                broken.append((str(file), link))

    assert broken == []


def test_a_page_names_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    """No font, style, or script; only what draws a diagram is fetched, by a page that has one."""
    loaded = {url for page in pages.values() for url in page.loads}

    assert {url for url in loaded if urlsplit(url).netloc} == set()


def test_every_page_is_in_the_navigation() -> None:
    text = re.sub(r"!!python\S+", "", CONFIG.read_text("utf-8"))
    listed = re.findall(r"[\w/]+\.md", str(yaml.safe_load(text)["nav"]))
    written = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]

    assert set(listed) == {str(page.relative_to(ROOT)) for page in written}
