"""Links between pages: those from one language to the other, and a check of the built site."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

_LINK = re.compile(r"(\]\()([^)\s#]+)\.md((?:#[^)\s]*)?\))")
_LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "manifest"}


def to_html(text: str, name: Path, language: str) -> str:
    """Return a page whose links to pages of the other language name HTML; those are built apart."""

    def other(target: str) -> bool:
        depth, top = len(name.parts) - 1, PurePosixPath(target).parts
        if language == "zh":
            return top[: depth + 1] == (*[".."] * (depth + 1),)
        return top[depth : depth + 1] == ("zh",) and top[:depth] == (*[".."] * depth,)

    return _LINK.sub(lambda found: f"{found[1]}{found[2]}.{'html' if other(found[2]) else 'md'}{found[3]}", text)


class _Page(HTMLParser):
    """Collects the anchors of a page, what it links to, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        known = {name: value or "" for name, value in attrs}
        self.anchors |= {known[name] for name in ("id", "name") if name in known}
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        elif tag in _LOADING and _LOADING[tag] in known:
            if tag == "link" and not _RELATIONS & set(known.get("rel", "").split()):
                return
            self.loads.append(known[_LOADING[tag]])


def _read(place: Path) -> _Page:
    page = _Page()
    page.feed(place.read_text(encoding="utf-8"))
    return page


def broken(site: Path) -> list[str]:
    """Return what is wrong with a built site: missing pages and anchors, and anything loaded from another server."""
    pages = {place.resolve(): _read(place) for place in site.rglob("*.html") if place.name != "404.html"}
    wrong: list[str] = []
    for place, page in pages.items():
        name = place.relative_to(site.resolve())
        wrong += [f"{name}: loads {source}" for source in page.loads if urlsplit(source).netloc]
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or (not parts.path and not parts.fragment):
                continue
            target = (place.parent / unquote(parts.path)).resolve() if parts.path else place
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                wrong.append(f"{name}: no page {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{name}: no anchor {link}")
    return sorted(set(wrong))
