"""The documentation: generated pages are fresh, operators' pages are in both languages, the site builds strictly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools.docs import links, references
from tools.docs.settings_reference import described
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.configuration.topology_files import UplinkFile
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.web.web_config import WebSettings

DOCS = ROOT / "docs"
MOST_README_LINES = 200
OPERATORS = (
    "quick-start",
    "connecting-cameras",
    "operating",
    "topology",
    "alerts",
    "troubleshooting",
    "fault-catalogue",
)
PAGES = sorted(DOCS.rglob("*.md"))


def test_the_generated_pages_are_fresh() -> None:
    assert references.stale() == [], "run make references"


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_is_short(readme: str) -> None:
    assert len((ROOT / readme).read_text(encoding="utf-8").splitlines()) <= MOST_README_LINES


def test_the_readmes_have_the_same_sections_and_commands() -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    assert len({tuple(re.findall(r"^(#+) ", text, re.MULTILINE)) for text in texts}) == 1
    commands = [[line.split()[:4] for line in re.findall(r"^(?:sudo|make|xueliang) .+", text, re.M)] for text in texts]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("model", [Settings, CameraFile, UplinkFile, WebSettings])
def test_every_key_is_described(model: type[Settings | CameraFile | UplinkFile | WebSettings]) -> None:
    assert [path for path, text in described(model).items() if not text.endswith(".")] == []


@pytest.mark.parametrize("page", ["fault-catalogue.md", "zh/fault-catalogue.md"])
def test_the_catalogue_lists_every_fault(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert [code for code in FAULTS if f"| `{code}` |" not in text] == []


@pytest.mark.parametrize("page", OPERATORS)
def test_pages_of_operators_are_in_both_languages(page: str) -> None:
    assert (DOCS / f"{page}.md").is_file()
    chinese = (DOCS / "zh" / f"{page}.md").read_text(encoding="utf-8")
    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) > 300


@pytest.mark.parametrize(
    "page", [*sorted((DOCS / "zh").glob("*.md")), ROOT / "README.zh-CN.md"], ids=lambda page: page.name
)
def test_chinese_sentences_have_full_width_punctuation(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)|<[^>]*>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert re.findall(r"[\u4e00-\u9fff][,;:!?](?=[\s\u4e00-\u9fff])", text) == []


def test_the_navigation_names_every_page() -> None:
    site = tomllib.loads((ROOT / "tools/docs/site.toml").read_text(encoding="utf-8"))

    def named(part: object) -> set[str]:
        if isinstance(part, dict):
            return {name for value in part.values() for name in named(value)}
        return {name for item in part for name in named(item)} if isinstance(part, list) else {str(part)}

    english = {str(page.relative_to(DOCS)) for page in PAGES if "zh" not in page.relative_to(DOCS).parts}
    assert named(site["en"]["nav"]) == english
    assert named(site["zh"]["nav"]) == {page.name for page in (DOCS / "zh").glob("*.md")}


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.zh-CN.md", *PAGES], ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


def test_the_architecture_names_every_part_of_the_package() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    parts = {place.stem for place in (ROOT / "xueliang_monitor").iterdir()} - {
        "__init__",
        "__main__",
        "__pycache__",
        "py",
    }
    assert [part for part in sorted(parts) if f"`{part}`" not in text] == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">a</a><a href="#gone">b</a><a href="b.html#there">c</a><a href="d.html">d</a>'
        '<script src="https://cdn.example.org/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<p id="there">')
    assert links.broken(tmp_path) == [
        "a.html: loads https://cdn.example.org/x.js",
        "a.html: no anchor #gone",
        "a.html: no page d.html",
    ]


def test_links_to_the_other_language_name_html() -> None:
    text = "[a](zh/index.md) [b](alerts.md#x) [c](../reference/metrics.md#y)"
    assert (
        links.to_html(text, Path("index.md"), "en")
        == "[a](zh/index.html) [b](alerts.md#x) [c](../reference/metrics.md#y)"
    )
    assert "[c](../reference/metrics.html#y)" in links.to_html(text, Path("index.md"), "zh")


def test_the_site_builds_strictly_and_needs_no_network(site: Path) -> None:
    for name in ("index.html", "fault-catalogue.html", "zh/index.html", "zh/fault-catalogue.html", "search.json"):
        assert (site / name).stat().st_size > 0
    assert "unpkg.com" not in (site / "index.html").read_text(encoding="utf-8")
