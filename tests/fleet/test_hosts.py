"""Hosts with several cameras: who is visited together, and what is said of slow ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock, SteadyClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.hosts import Hosts
from xueliang_monitor.fleet.statuses import TURNS_MISSED
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.model import Rung, RungResult, Target
from xueliang_monitor.probing.camera_lock import HostSessions, sessions_of
from xueliang_monitor.probing.host_queue import Urgency
from xueliang_monitor.probing.memory import Memory

CHANNELS = tuple(camera(f"ch-{number}", host="10.0.0.9") for number in range(6))
OTHER = camera("other", host="10.0.0.8")
SESSIONS = {"10.0.0.9": HostSessions(6, 4)}


def test_a_host_with_several_cameras_takes_several_sessions_but_no_more_than_cameras() -> None:
    def targets(*hosts: str) -> list[Target]:
        return [Target(str(number), host) for number, host in enumerate(hosts)]

    many = targets("10.0.0.9", "10.0.0.9", "10.0.0.9", "10.0.0.8", "Recorder.", "recorder")
    assert sessions_of(many, 4) == {"10.0.0.9": HostSessions(3, 3), "recorder": HostSessions(2, 2)}
    own = {"10.0.0.9": 1, "RECORDER": 64, "10.0.0.7": 3}
    assert sessions_of(many, 2, own) == {"10.0.0.9": HostSessions(3, 1), "recorder": HostSessions(2, 2)}


async def test_the_other_cameras_of_a_host_are_visited_when_a_trouble_begins_and_ends(tmp_path: Path) -> None:
    hurried: list[set[str]] = []

    def hurry(names: Iterable[str]) -> None:
        hurried.append(set(names))

    hosts = Hosts(tmp_path, hurry)
    hosts.take((*CHANNELS, OTHER), SESSIONS)
    one = CHANNELS[0].target
    failed = RungResult(Rung.REACH, False, 2.0, "connect_timeout")
    others = {each.id for each in CHANNELS[1:]}
    async with hosts.turn(one, Urgency.ROUTINE) as turn:
        hosts.queue(one).climbed(turn, failed)
    assert hurried == [others]
    async with hosts.turn(one, Urgency.ASKED) as turn:
        hosts.queue(one).climbed(turn, RungResult(Rung.REACH, True, 0.1))
    assert hurried == [others, others]
    async with hosts.turn(OTHER.target, Urgency.ROUTINE) as turn:
        hosts.queue(OTHER.target).climbed(turn, failed)
    assert hurried[2:] == [set()]


async def test_a_slow_recorder_is_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hosts = Hosts(tmp_path, lambda _names: None)
    hosts.take(CHANNELS, SESSIONS)
    target = CHANNELS[0].target
    async with contextlib.AsyncExitStack() as stack:
        for each in CHANNELS[:4]:
            await stack.enter_async_context(hosts.turn(each.target, Urgency.ROUTINE))
        waiting = asyncio.create_task(hosts.turn(CHANNELS[4].target, Urgency.ROUTINE).__aenter__())
        await asyncio.sleep(0.1)
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                hosts.note_speed(target, 0.05)
    await waiting
    assert len(caplog.messages) == 1
    assert "recorder 10.0.0.9: its 6 channels take" in caplog.messages[0]
    assert "with 4 sessions; raise" in caplog.messages[0]


def test_a_camera_that_waits_for_its_turn_is_stale_later() -> None:
    clock = ManualClock(START)
    fleet = Fleet(SteadyClock(clock), Policy(), CHANNELS)
    fleet.apply(visited("ch-0", fleet.now, None, Rung.RTSP), Memory(), 0.0)
    late = Policy().stale_after + 30
    clock.advance(late)
    assert fleet.status_of("ch-0").cause is StatusCause.STALE
    fleet.turn_wait = lambda _camera: 31 / TURNS_MISSED
    assert fleet.status_of("ch-0").cause is StatusCause.NONE
    clock.advance(2)
    assert fleet.status_of("ch-0").cause is StatusCause.STALE
