"""What a page declares of itself."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Page:
    """The routes of one page, and its entry in the header's navigation.

    `title` is the message id of the entry, translated in `locales/`; a page without one has no entry.
    Pages of other sites may link to the paths in `linked`, and to `address`; they may use no other.
    """

    routes: tuple[web.RouteDef, ...]
    address: str = ""
    title: str = ""
    linked: tuple[str, ...] = ()
