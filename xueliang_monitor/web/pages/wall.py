"""`/`: the wall of all cameras, and the stream that keeps it live."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from markupsafe import Markup

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.web.keys import RENDERER, WALL
from xueliang_monitor.web.levels import LEVELS
from xueliang_monitor.web.live import AT_ONCE, Wall
from xueliang_monitor.web.page import Page
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.responses import event_stream, limited, respond_in_thread
from xueliang_monitor.web.search import asked, finds, words_of
from xueliang_monitor.web.texts import preferred
from xueliang_monitor.web.threads import in_thread
from xueliang_monitor.web.tiles import Tile, grouped

SEARCHED = ("id", "name", "site", "address", "uplink", "hangs_on")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tiles are shown. The filter is the query of the page's address."""

    programme: str = ""
    site: str = ""
    state: str = ""
    fault: str = ""
    text: str = ""

    @classmethod
    def of(cls, request: web.Request) -> Filter:
        """Read the filter from the address of a request."""
        value = functools.partial(asked, request.query)
        return cls(
            programme=value("programme"),
            site=value("site"),
            state=value("state"),
            fault=value("fault"),
            text=value("q"),
        )

    def shows(self, tile: Tile) -> bool:
        """Return whether a tile is shown."""
        values = tile.values
        return (
            (not self.programme or self.programme == values["programme"])
            and (not self.site or self.site == values["site"])
            and (not self.state or self.state == values["level"])
            and (not self.fault or any(self.fault == known.code for known in values["faults"]))
            and (not self.text or finds(words_of(self.text), (values[key] for key in SEARCHED)))
        )


async def _sections(
    wall: Wall, ordered: list[Tile], shown: Filter, *, language: str, renderer: Renderer
) -> tuple[Markup, int]:
    """Return the HTML of all sites with their tiles, and how many tiles the filter shows.

    The event loop gets a turn now and then, as thousands of tiles take a while the first time.
    """
    parts, count, since = [], 0, 0
    for site, tiles in grouped(ordered):
        items, visible = [], 0
        for tile in tiles:
            html = wall.html(tile, language)
            if shown.shows(tile):
                visible += 1
            else:
                html = html.replace("<li ", "<li hidden ", 1)
            items.append(html)
            since += 1
            if since >= AT_ONCE:
                since = 0
                await asyncio.sleep(0)
        count += visible
        head = renderer.fragment(
            "site.html", language, site=site, count=len(tiles), rank=tiles[0].rank, hidden=not visible
        )
        parts.append(f"{head}<ul>{''.join(items)}</ul></section>")
    return Markup("".join(parts)), count  # noqa: S704 - made by templates that escape  # nosec B704


def _choices(tiles: list[Tile]) -> dict[str, Any]:
    return {
        "programmes": sorted({tile.values["programme"] for tile in tiles} - {""}),
        "sites": sorted({tile.site for tile in tiles}),
        "level_words": LEVELS,
        "fault_list": sorted(FAULTS.values(), key=lambda declared: declared.code),
    }


async def show(request: web.Request) -> web.Response:
    """Answer with the wall."""
    wall, shown, language = request.app[WALL], Filter.of(request), preferred(request)
    await wall.freshen()
    ordered = await in_thread(wall.tiles)
    sections, count = await _sections(wall, ordered, shown, language=language, renderer=request.app[RENDERER])
    return await respond_in_thread(
        request,
        "wall.html",
        sections=sections,
        figures=Markup(wall.figures(language)),  # noqa: S704 - made by a template that escapes  # nosec B704
        filter=shown,
        count=count,
        total=len(ordered),
        identity=wall.identity,
        **_choices(ordered),
    )


async def live(request: web.Request) -> web.StreamResponse:
    """Keep a wall up to date: `swap` carries fragments, `reload` asks for a new load, `beat` is a sign of life."""
    response = await event_stream(request)
    known = request.headers.get("Last-Event-ID") or request.query.get("since", "")
    try:
        async for update in request.app[WALL].updates(known[:80], preferred(request)):
            await response.write(update)
    except ConnectionResetError:
        pass
    return response


PAGE = Page((web.get("/", show), web.get("/live", limited(live), allow_head=False)), "/", "Overview")
