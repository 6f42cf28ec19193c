"""A wall clock set by an hour, a day or a year, at any stage, blames no camera and falsifies no figure."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import LOGIN
from tests.simulated_time import DAY, START, SimulatedDays, camera, visited
from xueliang_monitor.clock import EARLIEST, ManualClock, SteadyClock, SystemClock
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import AvailabilitySeconds, day_of, split_by_day, window
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG, OwnClock
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.model import Credentials, Rung, State
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.login import MAX_BACK_OFF_SECONDS, Login, LoginHistory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.storage.history import History

HOUR, YEAR = 3600.0, 365 * DAY
JUMPS = (HOUR, -HOUR, DAY, -DAY, YEAR, -YEAR)
CAMERAS = tuple(camera(f"cam-{number}", f"sw{number // 5}", onvif=True) for number in range(20))


def said(days: SimulatedDays) -> list[str]:
    return [f"{item.kind} {item.camera or 'monitor'} {item.code}" for item in days.transitions if item.kind != "state"]


def states(days: SimulatedDays) -> set[State]:
    return {status.state for _, status in days.fleet.snapshot().entries}


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize("at", [5.0, 320.0, 1000.0])
def test_a_clock_set_wrong_is_one_event_and_blames_no_camera(jump: float, at: float) -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None)
    days.run(at)
    days.set_clock(jump)
    for _ in range(60):  # more than an hour, checked every minute
        days.run(61)
        if at > 100:  # before that, not every camera was visited
            assert states(days) == {State.UP}
    assert said(days) == [f"raised monitor {CLOCK_WRONG.code}"]
    (fault,) = days.fleet.snapshot().monitor_faults
    assert fault.code == CLOCK_WRONG.code
    days.set_clock(-jump)
    days.run(900)
    assert said(days) == [f"raised monitor {CLOCK_WRONG.code}", f"cleared monitor {CLOCK_WRONG.code}"]
    assert states(days) == {State.UP}
    raised = next(item for item in days.transitions if item.kind == "cleared")
    assert raised.since is not None
    assert 3600 < raised.at - raised.since < 3800


def test_a_clock_set_right_says_nothing_against_cameras() -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None, wall=-HOUR)
    days.run(700)
    assert said(days) == [f"raised monitor {CLOCK_WRONG.code}"]
    days.set_clock(HOUR)
    assert said(days)[1:] == [f"cleared monitor {CLOCK_WRONG.code}"]
    days.run(1200)
    assert len(said(days)) == 2


def test_a_machine_that_starts_in_1970_and_gets_its_time_later(tmp_path: Path) -> None:
    days = SimulatedDays(
        CAMERAS, lambda name, at: "rtsp_timeout" if name == "cam-3" and at > START + 400 else None, wall=-START + 100
    )
    days.look_at_clock()
    assert days.steady.now() == EARLIEST
    days.run(900)
    assert said(days) == [f"raised monitor {CLOCK_WRONG.code}", "raised cam-3 rtsp_timeout"]
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    told = history.seconds("1960-01-01", "2100-01-01")
    assert {day for days_of in told.values() for day in days_of} == {day_of(START)}  # by the cameras' clocks
    days.set_clock(START - 100)
    days.run(600)
    history.write(days.fleet.collect(every=True))
    assert said(days)[2:] == [f"cleared monitor {CLOCK_WRONG.code}"]
    ((name, outage),) = history.outages(0, START * 2)
    assert (name, outage.ended) == ("cam-3", None)
    assert 0 < outage.began - START - 400 < 20
    (day,) = {day for days_of in history.seconds("1960-01-01", "2100-01-01").values() for day in days_of}
    assert day == day_of(START)
    assert states(days) == {State.UP, State.DOWN}
    history.close()


@pytest.mark.parametrize("jump", JUMPS)
def test_an_outage_across_a_clock_jump_keeps_its_duration(tmp_path: Path, jump: float) -> None:
    days = SimulatedDays(
        CAMERAS, lambda name, at: "rtsp_timeout" if name == "cam-3" and START + 600 < at < START + 1200 else None
    )
    history = History(tmp_path)
    days.run(800)
    history.write(days.fleet.collect())
    days.set_clock(jump)
    days.run(100)
    history.write(days.fleet.collect())
    days.run(1000)
    history.write(days.fleet.collect())
    ((_, outage),) = history.outages(0, START * 3)
    assert outage.ended is not None
    assert 580 < outage.ended - outage.began < 640
    (episode,) = [item for item in history.episodes(0, START * 3) if item.camera]
    assert episode.ended is not None
    assert 580 < episode.ended - episode.began < 640
    if jump != -YEAR:  # an impossible time is not followed
        assert abs(outage.began - (START + 600 + jump)) < 40
    history.close()


@pytest.mark.parametrize("jump", JUMPS)
def test_availability_continues_after_a_clock_jump(jump: float) -> None:
    cameras = tuple(camera(f"cam-{number}", f"sw{number}") for number in range(4))  # without readable clocks
    days = SimulatedDays(cameras, lambda _name, _at: None)
    days.run(600)
    before = sum((seconds for _, _, seconds in days.fleet.collect().seconds), AvailabilitySeconds()).observed
    days.set_clock(jump)
    days.run(600)
    after = sum((seconds for _, _, seconds in days.fleet.collect().seconds), AvailabilitySeconds()).observed
    assert before > 4 * 550
    assert after == pytest.approx(4 * 600, abs=70)


def test_a_camera_whose_clock_is_wrong_is_still_blamed() -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None, drift={"cam-2": 50.0, "cam-9": -3000.0})
    days.run(1200)
    assert sorted(said(days)) == ["raised cam-2 clock_drift", "raised cam-9 clock_drift"]
    days.set_clock(HOUR)
    days.run(600)
    assert [line for line in said(days) if "cleared" in line] == []  # no new offsets of their clocks


def test_cameras_blamed_before_enough_offsets_were_known_are_cleared() -> None:
    cameras = tuple(camera(f"cam-{number}", onvif=True) for number in range(3))
    clock = ManualClock(START, -HOUR)
    fleet = Fleet(clock, Policy(), cameras)
    happened: list[str] = []
    fleet.watch(lambda items: happened.extend(f"{item.kind} {item.camera} {item.code}" for item in items))
    clock.advance(700)
    from tests.simulated_time import at_clock

    for _ in range(2):
        fleet.apply(at_clock(visited("cam-0", clock.now(), None, Rung.RTSP), HOUR), Memory(), 0.0)
    for name in ("cam-1", "cam-2"):
        fleet.apply(at_clock(visited(name, clock.now(), None, Rung.RTSP), HOUR + 1), Memory(), 0.0)
    told = [line for line in happened if not line.startswith("state")]
    assert told == ["raised cam-0 clock_drift", f"raised  {CLOCK_WRONG.code}", "cleared cam-0 clock_drift"]
    assert fleet.status_of("cam-0").state is State.UP


def test_a_single_camera_is_enough_where_the_clock_was_seen_to_be_set() -> None:
    days = SimulatedDays((camera("cam-0", onvif=True),), lambda _name, _at: None)
    days.run(700)
    days.set_clock(DAY)
    days.run(700)
    assert said(days) == [f"raised monitor {CLOCK_WRONG.code}"]


def test_a_login_back_off_is_not_extended_by_years() -> None:
    credentials = Credentials("viewer", "secret")
    ahead = START + YEAR
    login = LoginHistory().for_credentials(credentials).refused(ahead).refused(ahead)
    memory = Memory(login=Login(login, login, (ahead, ahead)))
    restored = memory.moved(lambda moment: min(moment, START))
    assert restored.login.rtsp.seconds_left(START) <= MAX_BACK_OFF_SECONDS
    assert restored.login.refusals == (START, START)  # they still count, but do not last for a year
    moved = memory.shifted(-YEAR)
    assert moved.login.rtsp.seconds_left(START) == login.seconds_left(ahead)


def test_clock_offsets_change_against_the_step() -> None:
    memory = Memory(device=DeviceMemory(OnvifHints(clock_offset_seconds=2.0), interviewed_at=START))
    shifted = memory.shifted(HOUR)
    assert shifted.device.hints.clock_offset_seconds == 2.0 - HOUR
    assert shifted.device.interviewed_at == START + HOUR


def test_the_steady_clock_follows_steps_alone() -> None:
    clock = ManualClock(START)
    steady = SteadyClock(clock)
    clock.wall = 0.9
    assert steady.step() == 0.0
    clock.wall = 1.2
    assert steady.step() == pytest.approx(1.2)
    assert steady.now() == clock.now()
    clock.wall = -START  # 1970 is impossible and not followed
    assert steady.impossible
    assert steady.step() == 0.0
    assert steady.now() == pytest.approx(START + 1.2)


@pytest.mark.parametrize("boot", ["manual", "another"])
def test_stored_moments_from_the_future_lie_in_the_past(tmp_path: Path, boot: str) -> None:
    ahead = SimulatedDays(
        CAMERAS, lambda name, at: "rtsp_timeout" if name == "cam-3" and at > START + 100 else None, wall=YEAR
    )
    ahead.run(700)
    history = History(tmp_path)
    changes = ahead.fleet.collect(every=True)
    assert changes.clock is not None
    history.write(replace(changes, clock=replace(changes.clock, boot=boot)))
    clock = ManualClock(START + 800)  # the machine was rebooted with the right time
    fleet = Fleet(clock, Policy(), CAMERAS)
    fleet.restore(history.load())
    assert fleet.status_of("cam-3").state is State.DOWN
    since = fleet.status_of("cam-3").since
    assert since is not None
    # Within one boot the step is known. Otherwise it is at least the distance of the last visit in the future.
    assert 100 < since - START < (130 if boot == "manual" else 230)
    for _ in range(3):
        clock.advance(15)
        fleet.apply(visited("cam-3", clock.now(), None, Rung.RTSP), Memory(), 0.0)
    assert fleet.status_of("cam-3").state is State.UP
    history.write(fleet.collect(every=True))
    ((_, outage),) = history.outages(0, START * 3)
    assert outage.ended is not None
    assert outage.ended >= outage.began
    (episode,) = [item for item in history.episodes(0, START * 3) if item.camera]
    assert episode.ended is not None
    assert episode.ended >= episode.began
    history.close()


def test_an_own_clock_that_is_right_again_after_cameras_fell_silent() -> None:
    own = OwnClock(5.0, START)
    for number in range(5):
        own.heard(f"cam-{number}", 100.0, START + 1000)
    assert [item.kind for item in own.judge(START + 1000)] == ["raised"]
    assert own.judge(START + 1001) == ()
    assert [item.kind for item in own.judge(START + 9000)] == ["cleared"]  # no fresh offsets any more


@pytest.fixture
def berlin() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    from xueliang_monitor.judgement import availability

    availability._day_of_quarter.cache_clear()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
    availability._day_of_quarter.cache_clear()


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)], ids=["spring", "autumn", "usual"]
)
def test_days_of_23_and_25_hours_are_counted_whole(berlin: None, day: str, hours: int) -> None:
    year, month, number = map(int, day.split("-"))
    start = time.mktime((year, month, number, 0, 0, 0, 0, 0, -1))
    spent = dict(split_by_day(start - 100, start + hours * HOUR + 100))
    assert spent[day] == hours * HOUR
    assert list(spent.values()) == [100.0, hours * HOUR, 100.0]
    seconds = {day: AvailabilitySeconds(hours * HOUR, hours * HOUR, 0)}
    assert window(seconds, 1, start + hours * HOUR - 1).observed == hours * HOUR
    # A day later the one-day window holds only its own day.
    rest = window(seconds, 1, start + hours * HOUR + 12 * HOUR).observed
    assert rest == pytest.approx(hours * HOUR / 2, rel=0.05)


class SetClock(SystemClock):
    """The machine's clock, which the test can set."""

    def __init__(self) -> None:
        self.off = 0.0

    def now(self) -> float:
        return super().now() + self.off


async def until(wanted: Callable[[], bool], seconds: float = 120.0) -> None:
    async with asyncio.timeout(seconds):
        while not wanted():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("jump", [HOUR, -DAY])
async def test_a_running_daemon_whose_clock_is_set(
    simulated: Callable[..., Awaitable[SimulatedFleet]], tmp_path: Path, jump: float
) -> None:
    fleet = await simulated(6, onvif_port=8000)
    (tmp_path / "cameras.d").mkdir()
    for name, each in fleet.cameras.items():
        (tmp_path / "cameras.d" / f"{name}.yaml").write_text(
            f"site: S\naddress: {each.target.host}\nrtsp_port: 8554\nrtsp_path: /live/main\n"
            "credentials: district\nonvif_port: 8000\n"
        )
    (tmp_path / "district.password").touch(0o600)
    (tmp_path / "district.password").write_text(LOGIN.password)
    (tmp_path / "xueliang.yaml").write_text(
        "listen: 127.0.0.1:0\nintervals: {reach: 1s, rtsp: 1s, stream: 5s, picture: 10s, onvif: 2s}\n"
        "rechecks: {reach: 500ms, picture: 1s}\n"
        "timeouts: {reach: 20s, rtsp: 20s, stream: 30s, picture: 60s, onvif: 30s}\n"
        "credentials: {district: {username: viewer, password_file: district.password}}\n"
    )
    clock, happened = SetClock(), list[str]()
    monitor = Monitor(tmp_path / "xueliang.yaml", clock)
    watched = monitor.fleet

    def take(items: tuple[Transition, ...]) -> None:
        happened.extend(f"{item.kind} {item.camera or 'monitor'} {item.code}" for item in items)

    def told() -> int:
        return sum(entry.readings.clock_offset_seconds is not None for entry, _ in watched.pairs())

    def visited_after(moment: float) -> bool:
        return all((entry.health.visited_at or 0.0) > moment for entry, _ in watched.pairs())

    watched.watch(take)
    async with monitor.running():
        await until(lambda: {status.state for _, status in watched.pairs()} == {State.UP} and told() == 6)
        happened.clear()
        clock.off = jump
        await until(lambda: bool(watched.monitor_faults))
        moment = clock.now()
        assert abs(watched.now - moment) < 5
        await until(lambda: visited_after(moment + 6))
        assert {status.state for _, status in watched.pairs()} == {State.UP}
        clock.off = 0.0
        await until(lambda: not watched.monitor_faults)
        moment = clock.now()
        await until(lambda: visited_after(moment + 3))
        assert {status.state for _, status in watched.pairs()} == {State.UP}
    assert happened == [f"raised monitor {CLOCK_WRONG.code}", f"cleared monitor {CLOCK_WRONG.code}"]


def test_nothing_is_deleted_for_its_age_while_the_clock_is_in_doubt(tmp_path: Path) -> None:
    cameras = tuple(camera(f"cam-{number}", f"sw{number}") for number in range(4))  # without readable clocks
    days = SimulatedDays(cameras, lambda _name, _at: None)
    days.run(100)
    assert not days.fleet.clock_in_doubt
    days.set_clock(40.0)
    assert not days.fleet.clock_in_doubt
    days.set_clock(YEAR)
    assert days.fleet.clock_in_doubt
    days.run(DAY - 100)
    assert days.fleet.clock_in_doubt
    days.run(300)
    assert not days.fleet.clock_in_doubt  # the doubt ended after a day
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    for away, doubted in ((3600, False), (30 * DAY, True), (-DAY, True)):
        fleet = Fleet(ManualClock(days.steady.now() + away), Policy(), cameras)
        fleet.restore(history.load())
        assert fleet.clock_in_doubt is doubted
    history.close()


def test_cameras_that_agree_end_all_doubt() -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None, wall=-DAY)
    days.run(700)
    assert days.fleet.clock_in_doubt
    days.set_clock(DAY)
    assert not days.fleet.clock_in_doubt


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_availability_counts_for_the_day_that_the_cameras_tell(jump: float) -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None)
    days.run(700)
    days.fleet.collect()
    days.set_clock(jump)
    days.run(600)
    found: dict[str, float] = {}
    for _, day, seconds in days.fleet.collect().seconds:
        found[day] = found.get(day, 0.0) + seconds.observed
    assert found.keys() == {day_of(START)}
    assert found[day_of(START)] == pytest.approx(20 * 600, rel=0.05)
    assert day_of(days.fleet.dated_now) == day_of(START)


def test_a_clock_that_is_wrong_over_a_restart_is_one_event(tmp_path: Path) -> None:
    days = SimulatedDays(CAMERAS, lambda _name, _at: None, wall=-HOUR)
    days.run(700)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    again = SimulatedDays(CAMERAS, lambda _name, _at: None, wall=-HOUR)
    again.fleet.restore(history.load())
    again.look_at_clock()
    again.run(700)
    assert said(again) == []
    assert [fault.code for fault in again.fleet.monitor_faults] == [CLOCK_WRONG.code]
    again.set_clock(HOUR)
    history.write(again.fleet.collect(every=True))
    (episode,) = history.episodes(0, START * 2)
    assert (episode.fault, episode.ended is not None) == (CLOCK_WRONG.code, True)
    history.close()


def test_a_clock_set_during_the_downtime_shifts_stored_times_once(tmp_path: Path) -> None:
    """Each process writes one event before it is killed: stored states must not stay on another clock."""
    cameras = tuple(camera(f"cam-{number}", f"sw{number}") for number in range(2))
    clock = ManualClock(START)
    fleet = Fleet(clock, Policy(), cameras)
    for _ in range(4):
        clock.advance(5)
        fleet.apply(visited("cam-0", clock.now(), "rtsp_timeout", Rung.RTSP), Memory(), 0.0)
    history = History(tmp_path)
    history.write(fleet.collect(every=True))
    for wall in (DAY, DAY, -HOUR, -HOUR, 0.0):
        clock.wall = wall
        fleet = Fleet(clock, Policy(), cameras)
        fleet.restore(history.load())
        clock.advance(5)
        fleet.apply(visited("cam-1", clock.now(), "auth_failed", Rung.RTSP), Memory(), 0.0)
        history.write(fleet.collect())
    outage = fleet.entry("cam-0").health.outage
    assert outage is not None
    assert outage.began == START + 5
    assert dict(history.load().open_outages)["cam-0"].began == START + 5
    history.close()


def test_a_small_clock_step_does_not_excuse_a_single_camera_forever() -> None:
    days = SimulatedDays((camera("cam-0", onvif=True),), lambda _name, _at: None, drift={"cam-0": 3000.0})
    days.set_clock(2.0)
    days.run(1200)
    assert said(days) == ["raised cam-0 clock_drift"]
