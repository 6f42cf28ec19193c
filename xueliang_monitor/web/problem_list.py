"""The open problems as rows of a page, kept up to date in every browser that shows them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind, problems_of, worst_first
from xueliang_monitor.model import Fault, Severity, State
from xueliang_monitor.web.live import AT_ONCE, Wall
from xueliang_monitor.web.live_streams import Broadcast, data_line
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.threads import in_thread
from xueliang_monitor.web.tiles import natural
from xueliang_monitor.web.tree import link

MOST_ROWS = 500
"""Rows of the page; the most serious and newest come first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One open problem as the page shows it.

    Attributes:
        problem: the problem.
        acknowledgement: who knows of it; None if nobody said so.
        name: the name of what is in trouble; empty for the monitor itself.
        address: where the page of it is; empty if there is none.
        site: the site of its camera; empty if it is not one camera.
        programme: the programme of its camera.
        faults: the declarations of its faults.
        maintained: whether its camera is in maintenance.

    """

    problem: OpenProblem
    acknowledgement: Acknowledgement | None
    name: str
    address: str = ""
    site: str = ""
    programme: str = ""
    faults: tuple[Fault, ...] = ()
    maintained: bool = False

    @property
    def text(self) -> str:
        """What a search finds it by, in lower case: names and ids, and its faults in every language."""
        words = (self.name, self.problem.subject, self.site, self.programme, *self.problem.codes)
        faults = (word for each in self.faults for word in (each.name.en, each.name.zh))
        return " ".join(dict.fromkeys((*words, *faults))).lower()

    @property
    def order(self) -> tuple[tuple[int, int, str], ...]:
        """Its place in the order by name."""
        return natural(self.name)

    @property
    def anchor(self) -> str:
        """The id of its element on the page."""
        return f"p-{quote(self.problem.key, safe='')}"


def _declared(problem: OpenProblem) -> tuple[Fault, ...]:
    return tuple(FAULTS[code] for code in problem.codes if code in FAULTS)


class ProblemList:
    """The open problems of a fleet, and the streams of the browsers that show them."""

    def __init__(self, fleet: Fleet, wall: Wall, renderer: Renderer) -> None:
        self._fleet = fleet
        self._wall = wall
        self._renderer = renderer
        self._rows = tuple[Row, ...]()
        self._broadcast = Broadcast(lambda: fleet.now)
        wall.follow(self._sweep)

    async def find(self, key: str) -> Row | None:
        """Return an open problem by its key; None if it is not open."""
        return next((row for row in await self.rows() if row.problem.key == key), None)

    async def rows(self) -> tuple[Row, ...]:
        """Return all open problems, the most serious and newest first; without those of cameras in commissioning."""
        fleet, now = self._fleet, self._fleet.now
        found = {problem.key: self._cause_row(problem, now) for problem in fleet.acknowledged.causes()}
        for number, tile in enumerate(self._wall.troubled(), start=1):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            if fleet.camera(tile.camera) is None:
                continue
            for problem in problems_of(tile.camera, fleet.entry(tile.camera).health):
                found[problem.key] = Row(
                    problem,
                    fleet.acknowledged.of(problem, now),
                    tile.values["name"],
                    f"/cameras/{tile.camera}",
                    tile.site,
                    tile.values["programme"],
                    _declared(problem),
                    maintained=tile.values["state"] == State.MAINTENANCE.value,
                )
        return tuple(found[problem.key] for problem in worst_first(row.problem for row in found.values()))

    def _cause_row(self, problem: OpenProblem, now: float) -> Row:
        is_node = problem.kind in (ProblemKind.UPLINK, ProblemKind.HOST)
        name = self._fleet.topology.shown(problem.subject) if is_node else problem.subject
        known = self._fleet.acknowledged.of(problem, now)
        return Row(problem, known, name, link(problem.subject) if is_node else "", faults=_declared(problem))

    def html(
        self,
        language: str,
        rows: tuple[Row, ...] | None = None,
        *,
        shows: Callable[[Row], bool] = lambda _row: True,
        ordered: Callable[[tuple[Row, ...]], Sequence[Row]] = lambda rows: rows,
    ) -> str:
        """Return the HTML of the rows, by default those of the last sweep, and of the count above them.

        `shows` says which rows are visible, `ordered` sorts those that the page has.
        """
        rows = self._rows if rows is None else rows
        return self._renderer.fragment(
            "problem_rows.html",
            language,
            rows=ordered(rows[:MOST_ROWS]),
            shows=shows,
            more=max(0, len(rows) - MOST_ROWS),
            total=len(rows),
            critical=sum(row.problem.severity is Severity.CRITICAL for row in rows),
            unacknowledged=sum(row.acknowledgement is None for row in rows),
        )

    async def _sweep(self) -> None:
        """Send the rows to the browsers if they changed."""
        fresh = await self.rows()
        if fresh == self._rows:
            return
        self._rows = fresh
        for language in self._broadcast.languages:
            self._broadcast.send(language, data_line("swap", await in_thread(self.html, language)))

    def updates(self, language: str) -> AsyncIterator[bytes]:
        """Return the rows, then again whenever they changed, until the server shuts down."""
        return self._broadcast.follow(language, lambda: data_line("swap", self.html(language)))

    def close(self) -> None:
        """End all streams."""
        self._broadcast.close()
