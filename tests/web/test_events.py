"""Maintenance and events on the command line, in the API and in the log, with and without a daemon."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from tests.simulated_time import START, SimulatedDays, camera
from tests.test_reload import Place, Start, known, watching
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.cli import app
from xueliang_monitor.event_log import Journal, LineFormatter, PriorityFormatter, fields_of, logfmt
from xueliang_monitor.judgement.availability import AvailabilitySeconds, window
from xueliang_monitor.judgement.maintenance import Window, WindowKind, covering
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import State
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.storage.history import History

XUELIANG = [sys.executable, "-m", "xueliang_monitor"]


async def run(place: Place, *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *XUELIANG, *arguments, env={**os.environ, "XUELIANG_CONFIG": str(place.settings), "COLUMNS": "200"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 2 * AT_MOST_SECONDS)
    assert "Traceback" not in err.decode()
    return int(process.returncode or 0), out.decode(), err.decode()


def test_maintenance_suspends_judgement_and_is_left_out_of_the_rates() -> None:
    cameras = tuple(camera(f"cam-{number}", "sw") for number in range(4))
    days = SimulatedDays(cameras, lambda _name, at: "connect_timeout" if START + 300 < at < START + 900 else None)
    days.run(200)
    days.fleet.collect()
    days.fleet.windows = (Window(1, WindowKind.UPLINK, "sw", days.clock.now(), START + 1200, "new switch"),)
    days.run(700)
    assert {status.state for _, status in days.fleet.snapshot().entries} == {State.MAINTENANCE}
    days.run(1100)
    assert [item for item in days.transitions if item.kind != "state"] == []
    assert {status.state for _, status in days.fleet.snapshot().entries} == {State.UP}
    total = sum(
        (seconds for name, _, seconds in days.fleet.collect().seconds if name == "cam-0"), AvailabilitySeconds()
    )
    assert total.maintenance == pytest.approx(1000, abs=20)
    assert total.online_ratio == total.healthy_ratio == 1.0


def test_windows_cover_what_they_name_until_they_end() -> None:
    site = Window(1, WindowKind.SITE, "S", 100, 200)
    early = Window(2, WindowKind.CAMERA, "a", 100, 500, stopped=150)
    assert covering((site, early), 120, camera="a", site="S", path=()) is early
    assert covering((site, early), 160, camera="a", site="S", path=()) is site
    assert covering((site, early), 160, camera="a", site="T", path=()) is None
    assert covering((site, early), 200, camera="a", site="S", path=()) is None


def test_a_window_of_a_node_covers_every_camera_below_it() -> None:
    line = Window(1, WindowKind.UPLINK, "line", 100, 200)
    assert covering((line,), 150, camera="a", site="S", path=("nvr", "sw1", "line", "router")) is line
    assert covering((line,), 150, camera="a", site="line", path=("sw2", "router")) is None
    assert covering((line,), 150, camera="line", site="S", path=()) is None


def test_a_rolling_window_takes_the_rest_of_the_day_before() -> None:
    noon = time.mktime((2026, 5, 10, 12, 0, 0, 0, 0, -1))
    by_day = {
        "2026-05-10": AvailabilitySeconds(43_200, 43_200),
        "2026-05-09": AvailabilitySeconds(86_400, 0),
        "2026-05-08": AvailabilitySeconds(86_400),
    }
    one = window(by_day, 1, noon)
    assert (one.observed, one.online) == (pytest.approx(86_400), pytest.approx(43_200))
    assert window(by_day, 30, noon).observed == pytest.approx(43_200 + 2 * 86_400)
    assert AvailabilitySeconds().online_ratio is None


async def test_maintenance_from_the_command_line_with_and_without_a_daemon(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(2, onvif_port=8000)
    place = Place(tmp_path)
    for name, each in zip(("a", "b"), fleet.cameras.values(), strict=True):
        place.write(name, each.target.host)
    code, out, _ = await run(place, "maintenance", "start", "--camera", "a", "--for", "1h", "--reason", "cleaning")
    assert (code, out.startswith("maintenance 1: camera a until ")) == (0, True)
    async with watching(place) as monitor:
        await until(lambda: known(monitor) == {"a": State.MAINTENANCE, "b": State.UP})
        await fleet.cameras["cam-000"].set_fault(BY_NAME["refuse"]())
        assert (await run(place, "maintenance", "start", "--site", "S", "--for", "2h"))[0] == 0
        await until(lambda: set(known(monitor).values()) == {State.MAINTENANCE})
        _, out, _ = await run(place, "maintenance", "list", "--json")
        assert [(item["number"], item["name"], item["active"]) for item in json.loads(out)] == [
            (1, "a", True),
            (2, "S", True),
        ]
        visited: set[float | None] = set()

        def was_visited_often() -> bool:
            visited.add(monitor.fleet.entry("a").health.visited_at)
            return len(visited) > 4

        await until(was_visited_often)  # and not judged
        for number in ("1", "2"):
            assert (await run(place, "maintenance", "stop", number))[0] == 0
        await until(lambda: known(monitor) == {"a": State.DOWN, "b": State.UP})
    assert (await run(place, "maintenance", "stop", "1"))[0] == 1
    code, _, err = await run(place, "maintenance", "start", "--camera", "aa")
    assert (code, "did you mean a?" in err) == (2, True)
    assert (await run(place, "maintenance", "start", "--camera", "a", "--site", "S"))[0] == 2
    assert (await run(place, "maintenance", "start", "--camera", "a", "--for", "soon"))[0] == 2
    code, out, _ = await run(place, "events", "--json")
    assert [(item["camera"], item["kind"], item["fault"]) for item in map(json.loads, out.splitlines())] == [
        ("a", "raised", "connection_refused")
    ]


async def test_events_over_the_api_paged_and_live(simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8000)
    device = fleet.cameras["cam-000"]
    place = Place(tmp_path)
    place.write("a", device.target.host)
    from xueliang_monitor.daemon import Monitor

    monitor = Monitor(place.settings)
    async with monitor.running() as address, aiohttp.ClientSession() as session:
        await until(lambda: known(monitor) == {"a": State.UP})
        live = await session.get(f"{address}/api/v1/events/live")
        for name in ("refuse", None, "hang-up", None):
            if name:
                await device.set_fault(BY_NAME[name]())
            else:
                await device.clear_fault()
            await until(lambda name=name: known(monitor)["a"] is (State.DOWN if name else State.UP))  # type: ignore[misc]
        answer: dict[str, Any] = {}

        async def all_are_stored() -> bool:
            nonlocal answer
            answer = await (await session.get(f"{address}/api/v1/events", params={"limit": "3"})).json()
            return [item["kind"] for item in answer["events"]] == ["cleared", "raised", "cleared"]

        await until(all_are_stored)
        assert [item["fault"] for item in answer["events"]] == [
            "connection_refused",
            "connection_closed",
            "connection_closed",
        ]
        assert answer["events"][-1]["duration_seconds"] > 0
        earlier = await (await session.get(f"{address}/api/v1/events", params={"before": answer["before"]})).json()
        assert [item["kind"] for item in earlier["events"]] == ["raised"]
        assert (await session.get(f"{address}/api/v1/events", params={"limit": "x"})).status == 400
        lines = []
        async with asyncio.timeout(AT_MOST_SECONDS):
            async for line in live.content:
                if line.startswith(b"event:"):
                    lines.append(line.decode().split()[1])
                if len(lines) == 4:
                    break
        assert lines == ["raised", "cleared", "raised", "cleared"]
        live.close()


async def test_events_are_listed_in_the_order_of_their_times(tmp_path: Path) -> None:
    from xueliang_monitor.fleet.changes import Changes

    place = Place(tmp_path)
    with contextlib.closing(History(tmp_path / "state")) as history:
        written = (START + 17, START + 14, START + 15)
        raised = (Transition(f"at-{at:.0f}", at, TransitionKind.RAISED, "no_media", "why") for at in written)
        history.write(Changes(tuple(raised)))
    code, out, _ = await run(place, "events", "--json")
    assert code == 0
    assert [json.loads(line)["camera"] for line in out.splitlines()] == [f"at-{at:.0f}" for at in sorted(written)]


async def test_events_are_followed(tmp_path: Path) -> None:
    place = Place(tmp_path)
    history = History(tmp_path / "state")
    process = await asyncio.create_subprocess_exec(
        *XUELIANG, "events", "--follow", "--json", "-c", str(place.settings), stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )  # fmt: skip
    assert process.stdout is not None
    from xueliang_monitor.fleet.changes import Changes

    def write(name: str) -> None:
        history.write(Changes((Transition(name, START, TransitionKind.RAISED, "no_media", "why", since=START - 60),)))

    async def follows() -> bool:
        write("first")  # what happened before it looked is not followed
        return first.done()

    first = asyncio.create_task(process.stdout.readline())
    await until(follows)
    for number in range(3):
        write(f"cam-{number}")
    seen: list[str] = []
    async with asyncio.timeout(AT_MOST_SECONDS):
        while len(seen) < 3:
            name = json.loads(await process.stdout.readline())["camera"]
            seen += [name] if name != "first" else []
    assert json.loads(await first)["camera"] == "first"
    assert seen == ["cam-0", "cam-1", "cam-2"]
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), AT_MOST_SECONDS) == 0
    history.close()


def test_a_line_of_the_log_in_logfmt_and_with_the_journals_priority() -> None:
    item = Transition("sv-001", START + 90, TransitionKind.CLEARED, "no_media", 'it said "no"', since=START)
    fields = fields_of(item, camera("sv-001", site="柳林 社区"))
    assert logfmt(fields) == (
        'event=cleared camera=sv-001 site="柳林 社区" fault=no_media severity=critical since=2026-09-21T14:13:20+00:00'
        ' duration=90s cause="it said \\"no\\""'
    )
    assert fields_of(Transition("", START, TransitionKind.RAISED, "uplink_down", uplink="sw", since=START), None) == {
        "event": "raised",
        "uplink": "sw",
        "fault": "uplink_down",
        "severity": "critical",
        "since": "2026-09-21T14:13:20+00:00",
    }
    record = logging.LogRecord("x", logging.WARNING, "", 0, "two\nlines", (), None)
    assert PriorityFormatter("%(message)s").format(record) == "<4>two\n<4>  lines"


FORGED = "Not Found\u2028<3>event=raised camera=east\x85\x1c\x1b[2J\u202e\n<2>event=raised"


@pytest.mark.parametrize("formatter", [PriorityFormatter("%(message)s"), LineFormatter("%(levelname)s %(message)s")])
@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_no_text_forges_a_record_or_commands_a_terminal(formatter: logging.Formatter, form: str) -> None:
    logger = logging.getLogger("xueliang_monitor.events")
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    try:
        Journal(form, lambda _name: None).write((Transition("west", START, TransitionKind.RAISED, "x", FORGED),))
    finally:
        logger.removeHandler(handler)
    line = formatter.format(records[0])
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    if form == "json":
        assert json.loads(line[line.index("{") :])["cause"] == FORGED


def test_lines_of_a_traceback_cannot_be_taken_for_records() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "it failed", (), sys.exc_info())
    lines = PriorityFormatter("%(message)s").format(record).splitlines()
    assert lines[0] == "<3>it failed"
    assert all(line.startswith("<3>  ") and line.isprintable() for line in lines[1:])


def test_texts_of_devices_and_files_do_not_command_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "cameras.d").mkdir()
    (tmp_path / "cameras.d" / "east.yaml").write_text(f"site: S\nname: {json.dumps(FORGED)}\naddress: 192.0.2.1\n")
    settings = tmp_path / "xueliang.yaml"
    settings.write_text("listen: 127.0.0.1:1\n")
    for arguments in (("list",), ("list", "--json"), ("show", "east"), ("check", "\x1b[2Jnone")):
        shown = CliRunner().invoke(
            app, ("camera", *arguments), env={"XUELIANG_CONFIG": str(settings), "COLUMNS": "300"}
        )
        assert shown.output.replace("\n", "").isprintable()
        assert ("\\u001b[2J" if arguments[0] == "check" else "has control characters") in shown.output
