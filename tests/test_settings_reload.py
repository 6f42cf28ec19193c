"""Settings that take effect at a reload, settings that need a restart, and how /about shows both."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.recording import hurry, until
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.judgement.availability import AvailabilitySeconds, day_of
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.storage.history import Changes, History

DAY = 86_400.0


class Place:
    """An installation without cameras."""

    def __init__(self, folder: Path) -> None:
        self.state, self.file = folder / "state", folder / "xueliang.yaml"
        (folder / "cameras.d").mkdir()
        self.set("")

    def set(self, more: str) -> None:
        self.file.write_text(f"listen: 127.0.0.1:0\n{more}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    hurry(monkeypatch)
    return Place(tmp_path)


@contextlib.asynccontextmanager
async def running(place: Place) -> AsyncIterator[tuple[Monitor, str]]:
    monitor = Monitor(place.file)
    async with monitor.running() as address:
        yield monitor, address


async def about(address: str, language: str = "en") -> dict[str, str]:
    """Return the settings table of the page."""
    headers = {"Accept-Language": language}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{address}/about") as response:
        page = await response.text()
    rows = re.findall(r"<tr><td>([^<]+)</td><td>(.*?)</td></tr>", page)
    return {key: re.sub("<[^>]+>", "", value) for key, value in rows}


async def test_shorter_retention_takes_effect_at_a_reload(place: Place) -> None:
    async with running(place) as (monitor, _):
        now = monitor.fleet.now
        with contextlib.closing(History(place.state)) as history:
            old = now - 5 * DAY
            events = (
                Transition("a", old - 9, TransitionKind.RAISED, "x", since=old - 9),
                Transition("a", old, TransitionKind.CLEARED, "x"),
            )
            history.write(Changes(events, seconds=(("a", day_of(old), AvailabilitySeconds(1)),)))

            def left() -> tuple[int, int]:
                return len(history.episodes(0, now)), len(history.seconds("2000-01-01", "2100-01-01"))

            assert left() == (1, 1)
            place.set("keep: {episodes: 2d}\n")
            await monitor.reload()
            await until(lambda: left() == (0, 1))
            place.set("keep: {episodes: 2d, days: 3d}\n")
            await monitor.reload()
            await until(lambda: left() == (0, 0))


async def test_a_changed_log_format_takes_effect_at_a_reload(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "xueliang_monitor.events")

    def line() -> str:
        monitor.fleet._notify((Transition("a", 0.0, TransitionKind.RAISED, "no_media", since=0.0),))
        return caplog.records[-1].getMessage()

    async with running(place) as (monitor, _):
        assert line().startswith("event=raised camera=a")
        place.set("log: json\n")
        await monitor.reload()
        assert json.loads(line())["camera"] == "a"
        place.set("")
        await monitor.reload()
        assert line().startswith("event=raised")


async def test_about_shows_the_settings_in_force_and_pending_ones(place: Place) -> None:
    async with running(place) as (monitor, address):
        shown = await about(address)
        assert (shown["clear"], shown["visits_at_once"], shown["keep.looks"]) == ("2", "64", "604800.0")
        assert "after a restart" not in "".join(shown.values())
        place.set(
            "clear: 3\nkeep: {looks: 2d}\nvisits_at_once: 7\nhosts: [cameras.example.org]\nstate: elsewhere\n"
            "inventory: other.d\nintervals: {reach: 20s}\n"
        )
        (place.file.parent / "other.d").mkdir()
        await monitor.reload()
        shown = await about(address)
        assert (shown["clear"], shown["intervals.reach"], shown["keep.looks"]) == ("3", "20.0", "172800.0")
        assert shown["visits_at_once"] == "64 7 takes effect after a restart"
        assert shown["hosts"] == "– cameras.example.org takes effect after a restart"
        # Folders are not shown, only that they will change.
        assert shown["state"] == shown["inventory"] == "– changed; takes effect after a restart"
        assert "elsewhere" not in "".join(shown.values())
        assert (await about(address, "zh"))["visits_at_once"] == "64 7（重启后生效）"
        place.set("clear: nonsense\n")
        await monitor.reload()
        assert (await about(address))["clear"] == "3"
        place.set("")
        await monitor.reload()
        assert "after a restart" not in "".join((await about(address)).values())


async def test_folders_that_are_to_be_others_from_the_next_start_are_not_used_before(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    folder = place.file.parent
    (folder / "cameras.d" / "a.yaml").write_text("site: S\naddress: 127.0.77.1\nrtsp_port: 1\n")
    (folder / "other.d").mkdir()
    (folder / "other.d" / "b.yaml").write_text("site: S\naddress: 127.0.77.2\nrtsp_port: 1\n")
    async with running(place) as (monitor, _):
        place.set("inventory: other.d\nstate: elsewhere\n")
        for _ in range(2):
            await monitor.reload()
        assert [entry.camera.id for entry, _ in monitor.fleet.pairs()] == ["a"]
        assert monitor._installation.settings.state == place.state
    assert [line.message for line in caplog.records if "after a restart" in line.message] == [
        "the new value of inventory takes effect after a restart",
        "the new value of state takes effect after a restart",
    ]
    async with running(place) as (monitor, _):
        assert [entry.camera.id for entry, _ in monitor.fleet.pairs()] == ["b"]
