"""Pauses of the process: measured, bounded, and never blamed on cameras."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import LOGIN
from tests.simulated_time import START, SimulatedDays, camera
from xueliang_monitor.model import Rung, State, Target, Timeouts, VisitResult
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.climb import TIMED, WAKING_SECONDS
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rungs import PROBES
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.process import pauses
from xueliang_monitor.process.pauses import TICK_SECONDS, Pauses
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[[int], Awaitable[SimulatedFleet]]
SHORT = Timeouts(reach=1.0, rtsp=1.5, stream=6.0, picture=10.0)


class Machine:
    """A clock that runs while its machine is suspended, and a process with heartbeats on it."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.pauses = Pauses(lambda: self.seconds)
        self.pauses.tick()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            self.seconds += TICK_SECONDS
            self.pauses.tick()

    def stop(self, seconds: float) -> float:
        self.seconds += TICK_SECONDS + seconds
        return self.pauses.tick()


def test_a_stop_is_measured_and_only_where_it_lies() -> None:
    machine = Machine()
    machine.run(10)
    assert machine.stop(60) == pytest.approx(60)
    machine.run(5)
    now = machine.seconds
    assert machine.pauses.lost_since(now - 4) == 0
    assert machine.pauses.lost_since(now - 35) == pytest.approx(30)
    assert machine.pauses.lost_since(now - 100) == pytest.approx(60)
    assert machine.pauses.stopped_within(5) == 0
    assert machine.pauses.stopped_within(70) == pytest.approx(60)
    assert machine.pauses.total_seconds == pytest.approx(60)


def test_the_current_pause_counts_too() -> None:
    """After a wake-up, a timeout may fire before the next heartbeat."""
    machine = Machine()
    began = machine.seconds
    machine.seconds += TICK_SECONDS + 60
    assert machine.pauses.lost_since(began) == pytest.approx(60)
    assert machine.pauses.stopped_within(3600) == pytest.approx(60)
    machine.pauses.tick()
    assert machine.pauses.lost_since(began) == pytest.approx(60)


def test_a_busy_machine_is_no_stop_but_time_is_lost() -> None:
    machine = Machine()
    began = machine.seconds
    for _ in range(8):
        machine.stop(0.5)
    assert machine.pauses.lost_since(began) == pytest.approx(4)
    assert machine.pauses.stopped_within(60) == 0
    assert machine.pauses.total_seconds == 0


def test_who_gives_no_sign_of_life_knows_of_no_pause() -> None:
    unwatched = Pauses()
    assert unwatched.lost_since(0) == unwatched.stopped_within(1e9) == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=80), st.floats(0, 10_000))
def test_never_more_is_lost_than_passed(steps: list[tuple[bool, float]], ago: float) -> None:
    machine = Machine()
    for runs, seconds in steps:
        if runs:
            machine.run(min(seconds, 5))
        else:
            machine.stop(seconds)
    assert 0 <= machine.pauses.lost_since(machine.seconds - ago) <= ago + 1e-6
    assert 0 <= machine.pauses.stopped_within(ago) <= ago + 1e-6


def test_the_boot_clock_is_the_machines() -> None:
    assert pauses.boot_seconds() >= time.monotonic() - 1


async def test_a_blocked_event_loop_is_noticed() -> None:
    watched, late = Pauses(), []
    task = asyncio.create_task(watched.watch(late.append))
    await asyncio.sleep(0)
    began = watched.now()
    time.sleep(1.0)
    assert watched.lost_since(began) > 0.5
    ends = time.monotonic() + 10
    while not any(seconds > 0.5 for seconds in late):
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)
    task.cancel()


@pytest.fixture
def workers() -> Workers:
    return Workers(1)


@pytest.mark.parametrize("fault", ["black-hole", "silent", "hang-up", "no-media"])
@pytest.mark.parametrize("lost", [0.0, 60.0])
async def test_findings_after_a_stop_blame_no_camera(
    fault: str, lost: float, simulated: Start, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = await simulated(1)
    simulated_camera = next(iter(fleet.cameras.values()))
    await simulated_camera.set_fault(BY_NAME[fault]())
    known = Pauses()
    monkeypatch.setattr(known, "lost_since", lambda _moment: lost)
    target = replace(simulated_camera.target, credentials=LOGIN)
    found, _ = await visit(target, Rung.STREAM, Memory(), timeouts=SHORT, workers=workers, now=START, pauses=known)
    (seen,) = found.seen
    if lost:
        assert seen.code == "check_failed"
        assert seen.detail.startswith("the monitor did not run for 60.0 s of ")
        assert found.shortages == ("processor",)
        assert found.online is not False
        assert BY_NAME[fault].code not in found.ruled_out
    else:
        assert seen.code == BY_NAME[fault].code


async def test_an_event_loop_blocked_during_a_visit(simulated: Start, workers: Workers) -> None:
    fleet = await simulated(1)
    one = next(iter(fleet.cameras.values()))
    await one.set_fault(BY_NAME["black-hole"]())
    target, known = replace(one.target, credentials=LOGIN), Pauses()
    async with known.watched():
        asyncio.get_running_loop().call_later(0.3, time.sleep, 1.5)
        held, _ = await visit(target, Rung.RTSP, Memory(), timeouts=SHORT, workers=workers, now=START, pauses=known)
    assert [finding.code for finding in held.seen] == ["check_failed"]


async def test_a_network_that_is_not_back_yet_after_a_suspension(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_route(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", no_route)
    machine = Machine()

    async def look() -> list[str]:
        target = Target("cam-1", "192.0.2.7")
        found, _ = await visit(
            target, Rung.RTSP, Memory(), timeouts=SHORT, workers=workers, now=START, pauses=machine.pauses
        )
        return [finding.code for finding in found.seen]

    assert await look() == ["host_unreachable"]
    machine.stop(3600)
    machine.run(WAKING_SECONDS - 5)
    assert await look() == ["check_failed"]
    machine.run(10)
    assert await look() == ["host_unreachable"]


async def test_a_refused_login_stays_one_however_long_it_took(
    simulated: Start, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt must be counted, or the camera could lock the account."""
    fleet = await simulated(1)
    known = Pauses()
    monkeypatch.setattr(known, "lost_since", lambda _moment: 60.0)
    target = replace(next(iter(fleet.cameras.values())).target, credentials=replace(LOGIN, password="wrong"))
    found, memory = await visit(target, Rung.RTSP, Memory(), timeouts=SHORT, workers=workers, now=START, pauses=known)
    assert [finding.code for finding in found.seen] == ["auth_failed"]
    assert memory.login.rtsp.failures == 1


def test_every_timeout_fault_depends_on_time() -> None:
    assert {probe.timed_out.code for probe in PROBES} - {"check_failed"} <= TIMED


def days_with(machine: Machine) -> SimulatedDays:
    days = SimulatedDays((camera("cam-1"),), lambda _name, _at: None)
    days.fleet.monitor.pauses = machine.pauses
    days.run(100)
    return days


def test_a_stop_makes_nothing_stale_and_a_silence_does() -> None:
    machine = Machine()
    days = days_with(machine)
    days.clock.advance(60)
    machine.stop(60)
    assert days.fleet.status_of("cam-1").state is State.UP
    days.clock.advance(100)
    machine.run(100)
    assert days.fleet.status_of("cam-1").cause == "stale"


def test_the_time_of_a_stop_is_not_watched() -> None:
    machine = Machine()
    days = days_with(machine)
    days.fleet.collect()
    entry = days.fleet.entry("cam-1")
    assert entry.counted_until is not None
    days.clock.advance(3610)
    machine.stop(3600)
    machine.run(9.75)
    days.fleet.apply(VisitResult("cam-1", days.clock.now(), (), online=True), entry.memory, 0.0)
    observed = sum(seconds.observed for _, _, seconds in days.fleet.collect().seconds)
    assert observed == pytest.approx(days.clock.now() - entry.counted_until - 3600, abs=0.5)


async def test_a_check_that_is_stopped_while_it_waits_for_an_answer() -> None:
    """The answer came in time, but the process slept through it and finds its timeout expired."""
    asked = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await asyncio.sleep(1.0)
        writer.write(b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "xueliang_monitor", "check", f"rtsp://127.0.0.1:{port}/live", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(asked.wait(), 60)
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(6)
    process.send_signal(signal.SIGCONT)
    said = json.loads((await process.communicate())[0])
    server.close()
    assert said["faults"] in (["check_failed"], ["stream_not_found"])
