"""What a page declares of itself."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Page:
    """The routes of one page, and its entry in the header's navigation.

    `title` is the message id of the entry, translated in `locales/`; a page without one has no entry.
    """

    routes: tuple[web.RouteDef, ...]
    address: str = ""
    title: str = ""
