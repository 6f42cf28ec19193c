"""A whole fleet with one shared login in simulated time: one event, few devices tried, nobody blamed alone."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulated_time import START, visited
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Camera, Inventory, target_of
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.planning import Intervals, first_plan, next_plan
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Credentials, Rung, State, VisitResult
from xueliang_monitor.probing.login import LoginOutcome, Protocol
from xueliang_monitor.storage.history import History

INTERVAL = 15.0
OLD, NEW = Credentials("viewer", "old"), Credentials("viewer", "new")


def camera(number: int, login: Credentials, *, devices: int = 10_000) -> Camera:
    host = f"10.1.{number % devices // 250}.{number % devices % 250 + 1}"
    data = CameraFile(site="S", address=host, credentials="gate", rtsp_path=f"/{number}")
    return Camera(f"cam-{number:03d}", target_of(f"cam-{number:03d}", data, login, None), data)


class Watched:
    """A fleet whose cameras are visited by plan; `password` says which login a camera accepts at a time."""

    def __init__(self, cameras: tuple[Camera, ...], password: Callable[[str, float], Credentials]) -> None:
        self.clock = ManualClock(START)
        self.password = password
        self.transitions: list[Transition] = []
        self.tried: list[tuple[float, str, bool]] = []
        self.lost: set[str] = set()
        self.limited: set[str] = set()
        self._count = itertools.count()
        self._intervals = Intervals()
        self.start(Fleet(self.clock, Policy(), cameras))

    def start(self, fleet: Fleet) -> None:
        self.fleet = fleet
        fleet.watch(self.transitions.extend)
        fleet.begin_credentials()
        self.plan()

    def plan(self) -> None:
        names = [entry.camera.id for entry, _ in self.fleet.snapshot().entries]
        now = self.clock.seconds
        self._plans = {name: first_plan(n, len(names), now, self._intervals) for n, name in enumerate(names)}
        self._queue = [(plan.at, next(self._count), name) for name, plan in self._plans.items()]
        heapq.heapify(self._queue)

    def use(self, login: Credentials) -> None:
        """Reload with another password, as the daemon does."""
        known = [entry.camera for entry, _ in self.fleet.snapshot().entries]
        changed = tuple(replace(item, target=replace(item.target, credentials=login)) for item in known)
        self.fleet.take(changed)
        self.plan()

    def run(self, seconds: float) -> None:
        end, looked = self.clock.seconds + seconds, self.clock.seconds
        while self.clock.seconds < end:
            ahead = self._queue[0][0] if self._queue else end
            self.clock.seconds = min(end, ahead, looked + 0.5)
            if self.clock.seconds >= looked + 0.5:
                looked = self.clock.seconds
                for name in sorted(self.fleet.logins_due()):
                    self.visit(name)
            while self._queue and self._queue[0][0] <= self.clock.seconds:
                _, _, name = heapq.heappop(self._queue)
                if self._plans[name].at <= self.clock.seconds:
                    result, health = self.visit(name)
                    now = self.clock.seconds
                    plan = next_plan(self._plans[name], result, health, self._intervals, started=now, now=now)
                    self._plans[name] = plan
                    heapq.heappush(self._queue, (plan.at, next(self._count), name))

    def visit(self, name: str) -> tuple[VisitResult, object]:
        now, entry = self.clock.now(), self.fleet.entry(name)
        login = entry.memory.login.for_target(entry.camera.target, self.fleet.credentials.marks)
        visiting = self.fleet.credentials.book.of_visit(entry.camera.target, login)
        if name in self.lost:
            result = visited(name, now, "connect_timeout", Rung.RTSP)
            return result, self.fleet.apply(result, entry.memory, 0.0)[0]
        before, asked = visiting.login, visiting.rtsp(now)
        try:
            asked.send(None)
            raise AssertionError("visits of this test are never at the same time")
        except StopIteration as answer:
            permission = answer.value
        outcome = LoginOutcome.HELD_BACK
        if permission.allowed:
            good = self.password(name, now) == entry.camera.target.credentials
            outcome = LoginOutcome.ACCEPTED if good else LoginOutcome.REFUSED
            self.tried.append((now, name, good))
            visiting.over(Protocol.RTSP, outcome, now)
        visiting.close(now)
        if before.was_session_limit(outcome):
            self.limited.add(name)
        result = visited(name, now, None if outcome is LoginOutcome.ACCEPTED else "auth_failed", Rung.RTSP)
        if before.why_withheld(outcome, now, permission) is not None:
            result = replace(result, seen=(), online=None, ruled_out=result.ruled_out - {"auth_failed"})
        health, _ = self.fleet.apply(result, replace(entry.memory, login=visiting.login), 0.0)
        return result, health

    def events(self) -> list[tuple[str, str, str]]:
        return [(item.kind.value, item.code, item.camera or item.login) for item in self.transitions
                if item.kind is not TransitionKind.STATE]  # fmt: skip

    def devices_tried(self, since: float, until: float) -> int:
        return len({name for at, name, _ in self.tried if since <= at < until})

    def states(self) -> set[State]:
        return {status.state for _, status in self.fleet.snapshot().entries}


RAISED, CLEARED = ("raised", "credentials_refused", "gate"), ("cleared", "credentials_refused", "gate")
ALL = tuple(camera(number, OLD) for number in range(147))


def test_a_wrong_password_file_for_all_147_is_one_event_and_heals_within_an_interval() -> None:
    watched = Watched(ALL, lambda _name, _at: OLD)
    watched.run(60.0)
    assert (watched.events(), watched.states()) == ([], {State.UP})
    watched.use(NEW)
    began = watched.clock.now()
    watched.run(120.0)
    assert watched.events() == [RAISED]
    assert watched.devices_tried(began, began + 60.0) <= 4
    (known,) = watched.fleet.snapshot().credentials
    assert (known.name, known.cameras) == ("gate", 147)
    assert {status.cause for _, status in watched.fleet.snapshot().entries} == {StatusCause.CREDENTIALS_REFUSED}
    assert watched.states() == {State.UP}
    watched.use(OLD)
    watched.run(INTERVAL)
    assert watched.events() == [RAISED, CLEARED]
    assert {status.cause for _, status in watched.fleet.snapshot().entries} == {StatusCause.NONE}


def test_passwords_that_somebody_changed_on_all_devices_are_one_event() -> None:
    watched = Watched(ALL, lambda _name, at: OLD if at < START + 100 else NEW)
    watched.run(250.0)
    assert watched.events() == [RAISED]
    first = min(at for at, _, good in watched.tried if not good)
    assert watched.devices_tried(first, first + 60.0) <= 4
    assert watched.states() == {State.UP}
    watched.use(NEW)
    watched.run(INTERVAL)
    assert watched.events() == [RAISED, CLEARED]


def test_a_login_that_is_accepted_again_reveals_no_session_limit() -> None:
    watched = Watched(ALL[:30], lambda _name, at: NEW if START + 100 < at < START + 200 else OLD)
    watched.run(1500.0)
    assert watched.events() == [RAISED, CLEARED]
    assert watched.limited == set()
    assert watched.states() == {State.UP}


def restarted(watched: Watched, folder: Path) -> None:
    history = History(folder)
    history.write(watched.fleet.collect(every=True))
    today = tuple(entry.camera for entry, _ in watched.fleet.snapshot().entries)
    fleet = Fleet(watched.clock, Policy(), today)
    fleet.resume(history.load(), today, Inventory(today, ()))
    history.close()
    watched.start(fleet)


def test_restarts_try_no_more_devices_of_a_login_in_question(tmp_path: Path) -> None:
    watched = Watched(ALL, lambda _name, at: OLD if at < START + 100 else NEW)
    watched.run(125.0)
    assert watched.events() == [RAISED]
    for _ in range(3):
        restarted(watched, tmp_path)
        watched.run(8.0)
    assert sum(not good for _, _, good in watched.tried) <= 4
    assert watched.events() == [RAISED]


def test_the_event_of_a_recorder_lasts_over_a_restart_until_it_accepts_its_login(tmp_path: Path) -> None:
    channels = tuple(camera(number, OLD, devices=1) for number in range(64))
    watched = Watched(channels, lambda _name, at: OLD if at < START + 60 or at > START + 2000 else NEW)
    watched.run(120.0)
    assert watched.events() == [RAISED]
    restarted(watched, tmp_path)
    watched.run(600.0)
    assert watched.events() == [RAISED]
    assert {status.cause for _, status in watched.fleet.snapshot().entries} == {StatusCause.CREDENTIALS_REFUSED}
    watched.run(4000.0)
    assert watched.events() == [RAISED, CLEARED]
    assert watched.limited == set()


def test_one_camera_that_refuses_is_alarmed_alone_within_an_interval() -> None:
    watched = Watched(ALL, lambda name, at: NEW if name == "cam-050" and at > START + 60 else OLD)
    watched.run(60.0 + 3 * INTERVAL)
    assert watched.events() == [("raised", "auth_failed", "cam-050")]
    assert watched.fleet.status_of("cam-050").state is State.DOWN


def test_three_neighbours_that_refuse_are_alarmed_alone_and_blind_no_others() -> None:
    bad = {"cam-002", "cam-003", "cam-004"}
    watched = Watched(ALL[:30], lambda name, at: NEW if name in bad and at > START + 60 else OLD)
    watched.run(60.0 + 4 * INTERVAL)
    assert sorted(watched.events()) == [("raised", "auth_failed", name) for name in sorted(bad)]
    since = watched.clock.now() - INTERVAL
    assert {name for at, name, good in watched.tried if good and at >= since} == {item.id for item in ALL[:30]} - bad


def test_a_channel_without_permission_is_alarmed_alone_and_its_recorder_goes_on() -> None:
    channels = tuple(camera(number, OLD, devices=1) for number in range(64))
    watched = Watched(channels, lambda name, at: NEW if name == "cam-005" and at > START + 60 else OLD)
    watched.run(600.0)
    assert watched.events() == [("raised", "auth_failed", "cam-005")]
    assert watched.limited == set()
    since = watched.clock.now() - INTERVAL
    assert len({name for at, name, good in watched.tried if good and at >= since}) == 63


def test_a_camera_that_was_blamed_too_early_is_cleared_of_it() -> None:
    """Two cameras share a login: one refuses it, the other one is visited later than the patience lasts."""
    pair = ALL[:2]
    watched = Watched(pair, lambda _name, _at: NEW)
    watched.fleet.credentials.begin({})
    watched.visit("cam-000")
    watched.clock.seconds += 1
    watched.fleet.logins_due()
    watched.visit("cam-000")
    watched.clock.seconds += 25
    watched.visit("cam-000")
    assert watched.events() == [("raised", "auth_failed", "cam-000")]
    watched.fleet.logins_due()
    watched.visit("cam-001")
    assert watched.events()[1:] == [RAISED, ("attributed", "auth_failed", "cam-000")]
    withdrawn = next(item for item in watched.transitions if item.kind is TransitionKind.ATTRIBUTED)
    assert withdrawn.login == "gate"
    assert watched.fleet.entry("cam-000").health.outage is None
    assert watched.fleet.status_of("cam-000").cause is StatusCause.CREDENTIALS_REFUSED


def test_a_recorder_that_refuses_is_one_event_for_its_64_channels() -> None:
    channels = tuple(camera(number, OLD, devices=1) for number in range(64))
    watched = Watched(channels, lambda _name, at: OLD if at < START + 60 else NEW)
    watched.run(400.0)
    assert watched.events() == [RAISED]
    assert watched.states() == {State.UP}
    assert sum(not good for _, _, good in watched.tried) <= 4
    watched.use(NEW)
    watched.run(INTERVAL)
    assert watched.events() == [RAISED, CLEARED]


@pytest.mark.parametrize("login", [OLD, NEW], ids=["same", "changed meanwhile"])
def test_a_restart_proves_what_changed_and_keeps_the_event_open(tmp_path: Path, login: Credentials) -> None:
    watched = Watched(ALL, lambda _name, at: OLD if at < START + 100 else NEW)
    watched.run(200.0)
    assert watched.events() == [RAISED]
    history = History(tmp_path)
    history.write(watched.fleet.collect(every=True))
    today = tuple(camera(number, login) for number in range(147))
    fleet = Fleet(watched.clock, Policy(), today)
    fleet.resume(history.load(), today, Inventory(today, ()))
    history.close()
    assert [item.login for item in fleet.open_transitions()] == ["gate"]
    watched.start(fleet)
    began = watched.clock.now()
    watched.run(INTERVAL)
    assert watched.events() == ([RAISED] if login == OLD else [RAISED, CLEARED])
    if login == OLD:
        assert watched.devices_tried(began, began + 60.0) <= 4


def test_a_restart_with_a_login_that_is_known_to_be_good_needs_no_trial(tmp_path: Path) -> None:
    watched = Watched(ALL, lambda _name, _at: OLD)
    watched.run(60.0)
    history = History(tmp_path)
    history.write(watched.fleet.collect(every=True))
    fleet = Fleet(watched.clock, Policy(), ALL)
    fleet.resume(history.load(), ALL, Inventory(ALL, ()))
    history.close()
    watched.start(fleet)
    began = watched.clock.now()
    watched.run(INTERVAL)
    assert len({name for at, name, _ in watched.tried if at >= began}) == 147
    assert fleet.logins_due() == frozenset()


def test_an_event_ends_with_the_last_camera_that_uses_the_login() -> None:
    watched = Watched(ALL[:5], lambda _name, _at: NEW)
    watched.run(60.0)
    assert watched.events() == [RAISED]
    watched.fleet.reconcile(Inventory((), ()))
    assert watched.events() == [RAISED, CLEARED]


def test_a_device_that_cannot_be_reached_keeps_no_trial_waiting() -> None:
    """At a fresh start all but one of 60 cameras are behind a dead line."""
    watched = Watched(ALL[:60], lambda _name, _at: OLD)
    watched.lost = {item.id for item in ALL[:59]}
    watched.run(2 * INTERVAL)
    assert watched.fleet.status_of("cam-059").state is State.UP
    watched.lost = set()
    watched.run(2 * INTERVAL)
    assert watched.states() == {State.UP}
