"""Events by site, camera, fault, severity, period and words; and searches of several words."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.simulated_time import camera
from tests.waiting import until
from tests.web.served import served
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.changes import Changes
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.storage.event_filter import EventFilter
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.history_queries import Event
from xueliang_monitor.topology import Node
from xueliang_monitor.web import past
from xueliang_monitor.web.api import past as api_past
from xueliang_monitor.web.event_query import moment_of
from xueliang_monitor.web.search import finds, words_of

AT = time.mktime((2026, 10, 5, 8, 0, 7, 0, 0, -1))
EVENTS = (
    Transition("east-1", AT, TransitionKind.RAISED, "no_media", "PLAY: nothing came"),
    Transition("east-2", AT + 3600, TransitionKind.RAISED, "clock_drift", "90 s"),
    Transition("west-1", AT + 7200, TransitionKind.RAISED, "connect_timeout", "no answer"),
    Transition("", AT + 10_800, TransitionKind.RAISED, "uplink_down", uplink="line"),
    Transition("east-1", AT + 86_400, TransitionKind.ACKNOWLEDGED, "", "by the shift: fibre cut"),
)
"""Numbered from 1."""


def fleet() -> Fleet:
    """Return two cameras on a line, and one on another."""
    cameras = (camera("east-1", "line", site="East"), camera("east-2", "line", site="East"), camera("west-1", "w"))
    return Fleet(SystemClock(), Policy(), cameras, nodes=(Node("line", title="Fibre 7"),))


def stored(folder: Path) -> None:
    """Store the events."""
    with contextlib.closing(History(folder / "state")) as history:
        history.write(Changes(EVENTS))


CASES: Mapping[str, list[int]] = {
    "": [5, 4, 3, 2, 1],
    "site=East": [5, 4, 2, 1],
    "camera=east-1": [5, 1],
    "fault=no_media": [1],
    "severity=warning": [2],
    "severity=critical": [5, 4, 3, 1],
    "severity=critical&fault=clock_drift": [],
    "from=2026-10-05T09:00:07&to=2026-10-05T10:00:07": [2],
    "from=2026-10-06": [5],
    "to=2026-10-05": [4, 3, 2, 1],
    "q=shift+FIBRE": [5],
    "q=fibre": [5, 4],
    "q=east-1+nothing": [1],
    "q=east-1+answer": [],
    "q=时钟": [2],
    "q=acknowledged": [5],
    "site=East&camera=west-1": [],
}


@pytest.mark.parametrize(("query", "expected"), CASES.items())
async def test_the_page_shows_the_events_that_are_asked_for(tmp_path: Path, query: str, expected: list[int]) -> None:
    stored(tmp_path)
    async with served(tmp_path, fleet=fleet()) as session, session.get(f"/events?{query}") as answer:
        page = await answer.text()
    shown = re.findall(r'<td><time datetime="([^"]+)">[^<]*:07</time>', page)
    wanted = [EVENTS[number - 1].at for number in expected]
    assert [moment_of(each) for each in shown] == wanted
    assert ("No events match this filter." in page) == (not expected)


async def test_older_events_keep_the_filter(tmp_path: Path) -> None:
    with contextlib.closing(History(tmp_path / "state")) as history:
        history.write(Changes(EVENTS[:1] * 150))
    async with served(tmp_path, fleet=fleet()) as session:
        async with session.get("/events?site=East&from=2026-10-01&q=a%26b+x") as answer:
            assert "No events match" in await answer.text()
        async with session.get("/events?site=East&from=2026-10-01&q=nothing+came") as answer:
            older = re.findall(r'href="/events\?([^"]+)"', await answer.text())
    assert older == ["site=East&amp;from=2026-10-01T00%3A00%3A00&amp;q=nothing+came&amp;before=51"]


def test_the_history_finds_the_events_of_a_camera_by_an_index(tmp_path: Path) -> None:
    stored(tmp_path)
    with contextlib.closing(History(tmp_path / "state", read_only=True)) as history:
        condition, values = EventFilter(camera="east-1").condition()
        plan = history._rows(f"EXPLAIN QUERY PLAN SELECT id FROM events WHERE id > 0{condition} ORDER BY id", values)
    assert "events_of_camera" in plan[0][3]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-05T08:00:07", AT),
        ("2026-10-05T00:00:00+00:00", 1_791_158_400.0),
        ("2026-10-05T08:00:00 08:00", 1_791_158_400.0),
        ("2026-10-05T00:00:00Z", 1_791_158_400.0),
    ],
)
def test_moments_are_local_unless_they_name_a_zone(text: str, moment: float) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["", "soon", "9999-12-31", "2026-10-05 08:00", "٢٠٢٦-10-05", "2026-13-01", "1" * 400])
def test_what_is_no_moment_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-10-01"):
        moment_of(text, end=True)


def test_a_search_finds_every_word_in_any_order() -> None:
    assert finds(words_of(" Gate  EAST gate"), ("East", "back gate"))
    assert not finds(words_of("gate north"), ("East", "back gate"))
    assert finds(words_of(""), ())
    assert len(words_of(" ".join(map(str, range(100))))) == 8


async def test_the_overview_is_searched_by_several_words(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=fleet()) as session:
        for query, count in {"east+fibre": 2, "2+EAST": 1, "east+w": 0}.items():
            async with session.get(f"/?q={query}") as answer:
                assert f'<output id="count">{count} / 3</output>' in await answer.text(), query


async def test_a_live_stream_sends_what_is_asked_for_and_reads_the_rest_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path)
    asked: list[int | None] = []
    whole = past.events

    async def counted(state: Path, wanted: EventFilter, *, after: int | None = None, **named: Any) -> list[Event]:
        asked.append(after)
        return await whole(state, wanted, after=after, **named)

    monkeypatch.setattr(past, "events", counted)
    monkeypatch.setattr(api_past, "LIVE_SECONDS", 0.02)

    async with served(tmp_path, fleet=fleet()) as session, session.get("/api/v1/events/live?site=East") as answer:
        await until(lambda: asked.count(5) > 1)
        with contextlib.closing(History(tmp_path / "state")) as history:
            history.write(Changes(EVENTS[2:3] * 150))
            await until(lambda: asked.count(155) > 1)
            history.write(Changes(EVENTS[:1]))
        sent = [line async for line in _until(answer.content, b"data: ")]
    assert [line for line in sent if line.startswith(b"id:")] == [b"id: 156\n"]


async def _until(lines: AsyncIterator[bytes], last: bytes) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line
        if line.startswith(last):
            return
