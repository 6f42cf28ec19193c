"""The wall, kept up to date. A change is rendered once per language and sent to every browser."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.judgement.catalogue import fault
from xueliang_monitor.judgement.credentials import CREDENTIALS_REFUSED
from xueliang_monitor.judgement.maintenance import Window, WindowKind
from xueliang_monitor.model import Severity
from xueliang_monitor.web.levels import LEVELS, WORST_FIRST, Level
from xueliang_monitor.web.live_streams import Broadcast, data_line
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.texts import LANGUAGES
from xueliang_monitor.web.tiles import Tile, alarms, natural, shown_of, values_of
from xueliang_monitor.web.tree import fault_of, link
from xueliang_monitor.web.views import MAX_PROBLEMS, problem_line

log = logging.getLogger(__name__)

SPACING_SECONDS = 0.5
"""Least time between two updates, so that a hundred transitions make few updates."""

SWEEP_SECONDS = 5.0
"""How often every camera is examined, as stale cameras become unknown without an event."""

AT_ONCE = 50
"""How many cameras are examined or rendered before the event loop gets a turn."""

MOST_MISSED = 500
"""A browser that missed more changes loads the page again."""

MAX_ROOTS = 12
"""Banners of dead nodes."""


class Wall:
    """The tiles of all cameras, and the streams of the browsers that show them."""

    def __init__(self, fleet: Fleet, renderer: Renderer) -> None:
        self._fleet = fleet
        self._renderer = renderer
        self._tiles: dict[str, Tile] = {}
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._structure = 0
        self._figures: dict[str, dict[str, Any]] = {}
        self._changed = asyncio.Event()
        self._broadcast = Broadcast(lambda: fleet.now)
        self._followers: list[Callable[[], Awaitable[None]]] = []
        self._sweeping = asyncio.Lock()
        fleet.watch(lambda _transitions: self._changed.set())

    async def freshen(self) -> None:
        """Bring the tiles up to date if something changed, so that a page shows it when it is loaded."""
        if not self._tiles or self._changed.is_set():
            await self.sweep()

    @property
    def identity(self) -> str:
        """The version of the wall. A browser that sends it back receives the changes since."""
        return f"{self._epoch}-{self._structure}-{self._version}"

    async def run(self) -> None:
        """Follow the fleet until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.sweep()
            except Exception:  # an error of our own must not stop the updates
                log.exception("the overview could not be brought up to date; retrying")
            await asyncio.sleep(SPACING_SECONDS)

    async def sweep(self) -> None:
        """Examine every camera and send the changes to the browsers."""
        async with self._sweeping:
            fresh, changed, moved = await self._examine()
            if moved:
                self._structure += 1
            if changed or moved:
                self._version += 1
            for tile in changed:
                tile.version = self._version
            self._tiles = fresh
            if not moved:
                await self._render(changed)
            self._send(changed, reload=moved)
        for follower in self._followers:
            await follower()

    async def _render(self, tiles: list[Tile]) -> None:
        """Render tiles in the languages of the browsers, with turns for the event loop."""
        for language in self._broadcast.languages:
            for number, tile in enumerate(tiles, start=1):
                self.html(tile, language)
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _examine(self) -> tuple[dict[str, Tile], list[Tile], bool]:
        """Return the tiles by camera, those that changed, and whether a camera came, went or moved to another site."""
        fresh: dict[str, Tile] = {}
        changed: list[Tile] = []
        topology, now = self._fleet.topology, self._fleet.now
        for number, (entry, status) in enumerate(self._fleet.pairs()):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            problems = self._fleet.acknowledged.of_camera(entry, now)
            name, shown = entry.camera.id, shown_of(entry, status, topology, problems)
            known = self._tiles.get(name)
            if known is None or known.shown != shown:
                values = values_of(entry, status, topology, problems)
                site, rank = entry.camera.site, values["rank"]
                known = Tile(
                    camera=name,
                    site=site,
                    rank=rank,
                    shown=shown,
                    values=values,
                    version=self._version,
                    order=(natural(site), rank, natural(name)),
                )
                changed.append(known)
            fresh[name] = known
        moved = fresh.keys() != self._tiles.keys() or any(
            tile.site != self._tiles[tile.camera].site for tile in changed if tile.camera in self._tiles
        )
        return fresh, changed, moved

    def follow(self, follower: Callable[[], Awaitable[None]]) -> None:
        """Call `follower` after every sweep from now on."""
        self._followers.append(follower)

    def troubled(self) -> list[Tile]:
        """Return the tiles of cameras with open problems, without cameras in commissioning."""
        return [tile for tile in self._tiles.values() if tile.values["troubled"] and not tile.values["trial"]]

    def html(self, tile: Tile, language: str) -> str:
        """Return the HTML of a tile."""
        if language not in tile.rendered:
            tile.rendered[language] = self._renderer.fragment("tile.html", language, **tile.values)
        return tile.rendered[language]

    def tiles(self) -> list[Tile]:
        """Return all tiles grouped by site, sites and tiles in trouble first."""
        tiles, worst = self._tiles, dict[str, int]()  # a sweep replaces the tiles and changes none
        for tile in tiles.values():
            worst[tile.site] = min(worst.get(tile.site, 99), tile.rank)
        return sorted(tiles.values(), key=lambda tile: (worst[tile.site], tile.order))

    def figures(self, language: str) -> str:
        """Return the HTML of the figures above the tiles."""
        return self._renderer.fragment("figures.html", language, **self._figure_values())

    def _figure_values(self) -> dict[str, Any]:
        fleet, tiles = self._fleet, self._tiles.values()
        counted = [tile for tile in tiles if not tile.values["trial"]]
        levels = Counter(tile.values["level"] for tile in counted)
        kinds = Counter(each.code for tile in counted for each in tile.values["faults"])
        down = [tile for tile in counted if tile.values["level"] == Level.DOWN.value and tile.values["since"]]
        oldest = min(down, key=lambda tile: tile.values["since"], default=None)
        now = fleet.now
        causes = [(cause, fleet.acknowledged.of(cause, now)) for cause in fleet.acknowledged.causes()]
        roots = [] if fleet.isolated else [self._root(uplink) for uplink in fleet.uplinks if uplink.down]
        return {
            "now": now,
            "total": len(counted),
            "critical": sum(tile.values["critical"] for tile in counted)
            + sum(cause.severity is Severity.CRITICAL for cause, _ in causes),
            "alarms": alarms(causes),
            "trials": len(self._tiles) - len(counted),
            "levels": [(level.value, LEVELS[level], levels[level.value]) for level in WORST_FIRST],
            "today": fleet.today.online_ratio,
            "kinds": [(fault(code), count) for code, count in kinds.most_common(8)],
            "more_kinds": max(0, len(kinds) - 8),
            "oldest": oldest.values if oldest else None,
            "monitor_faults": [(known, fault(known.code)) for known in fleet.monitor_faults],
            "roots": roots[:MAX_ROOTS],
            "more_roots": max(0, len(roots) - MAX_ROOTS),
            "credentials": [(known, CREDENTIALS_REFUSED) for known in fleet.credentials.troubles],
            "windows": [(self._name_of(window), window) for window in fleet.windows if window.active(now)],
            "learning": fleet.monitor.pictures.learning,
            "shown": fleet.monitor.pictures.shown,
            "problems": [problem_line(problem) for problem in fleet.monitor.reload.problems[:MAX_PROBLEMS]],
            "more_problems": max(0, len(fleet.monitor.reload.problems) - MAX_PROBLEMS),
        }

    def _name_of(self, window: Window) -> str:
        """Return the name that people know what is in maintenance by."""
        camera = self._fleet.camera(window.name) if window.kind is WindowKind.CAMERA else None
        if camera is not None:
            return camera.name
        return self._fleet.topology.shown(window.name) if window.kind is WindowKind.UPLINK else window.name

    def _root(self, uplink: Uplink) -> dict[str, Any]:
        """Return the values of the banner of a dead node."""
        node = self._fleet.topology.nodes[uplink.name]
        return {"node": node, "link": link(node.name), "fault": fault_of(node.kind), "uplink": uplink}

    def _send(self, changed: list[Tile], *, reload: bool) -> None:
        for language in LANGUAGES:
            if language not in self._broadcast.languages:
                self._figures.pop(language, None)
                continue
            payload = data_line("reload", "", self.identity) if reload else self._update(changed, language)
            if payload:
                self._broadcast.send(language, payload)

    def _update(self, changed: list[Tile], language: str) -> bytes:
        parts = [self.html(tile, language) for tile in changed]
        values = self._figure_values()
        known = {key: value for key, value in values.items() if key != "now"}
        if known != self._figures.get(language):
            self._figures[language] = known
            parts.append(self._renderer.fragment("figures.html", language, **values))
        if changed:
            parts.append(
                self._renderer.fragment("announcement.html", language, tiles=changed[:3], more=max(0, len(changed) - 3))
            )
        return data_line("swap", "\n".join(parts), self.identity) if parts else b""

    def _since(self, known: str, language: str) -> bytes:
        """Return what a browser missed since a version of the wall."""
        epoch, _, rest = known.partition("-")
        structure, _, version = rest.partition("-")
        if epoch != self._epoch or structure != str(self._structure) or not version.isdecimal():
            return data_line("reload", "", self.identity)
        missed = [tile for tile in self._tiles.values() if tile.version > int(version)]
        if len(missed) > MOST_MISSED:
            return data_line("reload", "", self.identity)
        parts = [*(self.html(tile, language) for tile in missed), self.figures(language)]
        return data_line("swap", "\n".join(parts), self.identity)

    def updates(self, known: str, language: str) -> AsyncIterator[bytes]:
        """Return what a browser missed since the version `known`, then every change, until the server shuts down."""
        return self._broadcast.follow(language, lambda: self._since(known, language))

    def close(self) -> None:
        """End all streams."""
        self._broadcast.close()
