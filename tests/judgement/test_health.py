from __future__ import annotations

import time
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.endurance import length
from xueliang_monitor.fleet.planning import Intervals, first_plan, next_plan
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.debounce import advance
from xueliang_monitor.judgement.health import Health, Policy
from xueliang_monitor.judgement.status import CAUSES, Hidden, StatusCause, status
from xueliang_monitor.model import Finding, Rung, RungResult, State, VisitResult
from xueliang_monitor.probing.rungs import LADDER, PROBES

POLICY = Policy()
REACH_CODES = frozenset(fault.code for fault in LADDER[0].faults)
LASTING = ("no_media", "picture_frozen", "picture_black", "clock_drift", "onvif_unreachable")
BLOCKING = ("connection_refused", "connect_timeout", "rtsp_timeout")


def good(at: float, *, picture: bool = True) -> VisitResult:
    rungs = [RungResult(Rung.REACH, True, 0.01), RungResult(Rung.RTSP, True, 0.01)]
    ruled_out = {code for probe in LADDER[:2] for code in probe.excludes}
    if picture:
        rungs += [RungResult(Rung.STREAM, True, 0.1), RungResult(Rung.PICTURE, True, 0.1)]
        ruled_out |= set(FAULTS)
    return VisitResult("cam", at, tuple(rungs), ruled_out=frozenset(ruled_out), online=True)


def bad(at: float, code: str) -> VisitResult:
    rung = FAULTS[code].rung
    offline = rung in (Rung.REACH, Rung.RTSP)
    excludes = next(probe.excludes for probe in PROBES if probe.rung == rung)
    ruled_out = (excludes - {code}) | (frozenset() if offline else good(at, picture=False).ruled_out)
    return VisitResult(
        "cam",
        at,
        (RungResult(rung, False, 0.1, code, "why"),),
        (Finding(code, "why", rung),),
        ruled_out,
        online=not offline,
    )


def fold(*reports: VisitResult) -> Health:
    health = Health()
    for visited in reports:
        health, _ = advance(health, visited, POLICY)
    return health


def test_one_lost_packet_is_not_an_outage() -> None:
    health = fold(good(0), bad(15, "connect_timeout"), bad(17, "connect_timeout"), good(19))
    assert status(health, 20, POLICY).state is State.UP
    assert not health.faults


def test_three_failures_in_a_row_mean_down_whatever_their_codes() -> None:
    health = fold(good(0), *(bad(15 + 2 * n, code) for n, code in enumerate(BLOCKING)))
    shown = status(health, 20, POLICY)
    assert (shown.state, shown.online, shown.since) == (State.DOWN, False, 19)
    assert [fault.code for fault in shown.faults] == ["rtsp_timeout"]


def test_a_camera_that_is_down_keeps_faults_that_cannot_be_ruled_out() -> None:
    frozen = [bad(n, "picture_frozen") for n in (0, 20)]
    health = fold(good(-1), *frozen, *(bad(30 + n, "connection_refused") for n in range(5)))
    assert {fault.code for fault in health.confirmed} == {"picture_frozen", "connection_refused"}
    back = fold(good(-1), *frozen, *(bad(30 + n, "connection_refused") for n in range(5)), good(50), good(52))
    assert not back.confirmed
    assert status(back, 53, POLICY).state is State.UP


def test_a_session_limit_at_rtsp_is_over_once_rtsp_answers() -> None:
    limited = [bad(at, "session_limit") for at in (0, 2, 4)]
    assert status(fold(*limited), 5, POLICY).state is State.DOWN
    assert status(fold(*limited, good(6, picture=False), good(8, picture=False)), 9, POLICY).state is State.UP


def test_a_session_limit_of_the_stream_lasts_until_the_stream_is_back() -> None:
    limited = replace(bad(0, "session_limit"), seen=(Finding("session_limit", "453", Rung.STREAM),), online=True)
    health = fold(limited, good(2, picture=False), good(17, picture=False))
    assert "session_limit" in health.faults
    assert "session_limit" not in fold(limited, good(2), good(17)).faults


def test_a_refused_login_counts_at_once() -> None:
    assert status(fold(bad(0, "auth_failed")), 1, POLICY).state is State.DOWN


def test_a_stale_camera_is_unknown_and_neither_online_nor_offline() -> None:
    shown = status(fold(good(0)), 46, POLICY)
    assert (shown.state, shown.online, shown.cause) == (State.UNKNOWN, None, "stale")
    assert status(Health(), 0, POLICY).cause == "not_visited"


def test_a_monitor_error_is_never_blamed_on_the_camera() -> None:
    own = [
        VisitResult(
            "cam",
            float(n),
            (RungResult(Rung.PICTURE, False, 0.1, "check_failed", "died"),),
            (Finding("check_failed", "died"),),
            good(0, picture=False).ruled_out,
            online=True,
        )
        for n in range(2)
    ]
    shown = status(fold(good(-1), *own), 2, POLICY)
    assert (shown.state, shown.online, shown.cause) == (State.UNKNOWN, None, "check_failed")


class HealthMachine(RuleBasedStateMachine):
    """For any series of visits: never down without three failures in a row, never a cleared fault that was not open."""

    def __init__(self) -> None:
        super().__init__()
        self.health = Health()
        self.at = 0.0
        self.failures = 0
        self.open: set[str] = set()
        self.history: list[VisitResult] = []

    def _take(self, visited: VisitResult) -> None:
        self.history.append(visited)
        self.health, transitions = advance(self.health, visited, POLICY)
        for item in transitions:
            if item.kind == "raised":
                assert item.code not in self.open, "two open episodes of one fault"
                self.open.add(item.code)
            elif item.kind == "cleared":
                self.open.remove(item.code)
        self.failures = self.failures + 1 if visited.online is False else 0
        self.at += 2
        if any(item.kind == "raised" and FAULTS[item.code].rung in (Rung.REACH, Rung.RTSP) for item in transitions):
            assert self.failures >= 3

    @rule(picture=st.booleans())
    def healthy(self, picture: bool) -> None:
        self._take(good(self.at, picture=picture))

    @rule(
        code=st.sampled_from(
            [*BLOCKING, "no_media", "picture_frozen", "picture_black", "clock_drift", "onvif_unreachable"]
        )
    )
    def faulty(self, code: str) -> None:
        self._take(bad(self.at, code))

    @invariant()
    def confirmed_is_what_was_raised(self) -> None:
        assert {fault.code for fault in self.health.confirmed} == self.open

    @invariant()
    def why_a_state_is_unknown_has_words(self) -> None:
        hiding = [Hidden(cause, self.at, "sw") for cause in (StatusCause.UPLINK_DOWN, StatusCause.HOST_DOWN)]
        for later, hidden in ((0.0, None), *((0.0, each) for each in hiding), (POLICY.stale_after + 3, None)):
            told = status(self.health, self.at + later, POLICY, hidden=hidden)
            assert told.state is not State.UNKNOWN or told.cause in CAUSES

    @invariant()
    def replay_gives_the_same(self) -> None:
        if len(self.history) % 10 == 9:
            assert fold(*self.history) == self.health

    def teardown(self) -> None:
        self.at += POLICY.flap_window  # a flapping camera must be steady for this long
        for _ in range(3):
            self._take(good(self.at))
        assert not self.open, "recovery closes all it opened"


HealthMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHealthMachine = HealthMachine.TestCase


def test_simulated_hours_of_147_cameras() -> None:
    """Only planning and judgement, on a simulated clock; ten cameras are dead one after the other."""
    import heapq

    intervals, day, count = Intervals(), length(14_400.0, 86_400.0), 147
    lost = day / 24
    plans = {n: first_plan(n, count, 0.0, intervals) for n in range(count)}
    healths = {n: Health() for n in range(count)}
    queue = [(plan.at, n) for n, plan in plans.items()]
    heapq.heapify(queue)
    raised: dict[int, list[float]] = {}
    visits, began = 0, time.perf_counter()
    full, quick = good(0), good(0, picture=False)
    while queue[0][0] < day:
        now, number = heapq.heappop(queue)
        plan = plans[number]
        top = plan.what(now).top
        dead = number < 10 and lost * number <= now - 2 * lost < lost * (number + 1)
        if dead:
            visited = bad(now, "connect_timeout")
        else:
            model = full if top in (Rung.STREAM, Rung.PICTURE) else quick
            visited = VisitResult("cam", now, model.rungs, ruled_out=model.ruled_out, online=True)
        healths[number], transitions = advance(healths[number], visited, POLICY)
        for item in transitions:
            if item.kind == "raised":
                raised.setdefault(number, []).append(now)
        ended = now + (2.0 if dead else 0.05)
        plans[number] = next_plan(plan, visited, healths[number], intervals, started=now, now=ended)
        heapq.heappush(queue, (plans[number].at, number))
        visits += 1
    assert sorted(raised) == list(range(10))
    for number, moments in raised.items():
        assert len(moments) == 1
        assert moments[0] - lost * (2 + number) <= 25
    assert all(status(health, day, POLICY).state is State.UP for health in healths.values())
    assert 147 * day / 15 * 0.99 <= visits <= 147 * day / 15 * 1.02
    print(f"{visits} visits in {time.perf_counter() - began:.1f} s")
