"""Time behind a dead node is the node's, also the time before its death was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.judgement.test_tree import CAMERAS, NODES, deaths
from tests.simulated_time import START, SimulatedDays
from xueliang_monitor.fleet.changes import ChangeKind, Changes
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.availability import AvailabilitySeconds, RootDay
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.storage.backlog import Backlog, one_by_one
from xueliang_monitor.storage.history import History
from xueliang_monitor.topology import NodeKind

Seconds = dict[str, AvailabilitySeconds]


def counted(
    seconds: float, truth: Callable[[str, float], str | None]
) -> tuple[SimulatedDays, Seconds, dict[RootDay, float]]:
    days = SimulatedDays(CAMERAS, truth, nodes=NODES)
    days.run(seconds)
    changes = days.fleet.collect(every=True)
    total: Seconds = defaultdict(AvailabilitySeconds)
    for camera, _, spent in changes.seconds:
        total[camera] += spent
    return days, total, dict(changes.root_seconds)


@pytest.mark.parametrize("seed", range(4))
def test_all_time_behind_dead_nodes_is_that_of_the_true_roots(seed: int) -> None:
    dying = deaths(seed)

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if any(death.kills(name, at) for death in dying) else None

    days, total, behind = counted(max(death.over for death in dying) - START + 300, truth)
    by_camera: dict[str, float] = defaultdict(float)
    by_root: dict[str, float] = defaultdict(float)
    for day, seconds in behind.items():
        by_camera[day.camera] += seconds
        by_root[day.root] += seconds
    for camera, spent in total.items():
        assert by_camera[camera] == pytest.approx(spent.uplink, abs=1e-6)
        assert spent.observed - spent.online - spent.uplink >= -1e-6
    raised = {item.uplink for item in days.transitions if item.kind == "raised" and item.uplink}
    nodes = [item for item in days.transitions if not item.camera]
    withdrawn = {item.uplink for item in nodes if item.kind == "attributed"}
    for root in withdrawn - {item.uplink for item in nodes if item.kind == "cleared"}:
        assert by_root[root] == pytest.approx(0.0, abs=1e-6)
    assert {root for root, seconds in by_root.items() if seconds > 1} <= raised
    assert {death.node for death in dying} <= raised


def test_cameras_that_were_alarmed_alone_first_lose_no_time_of_their_own() -> None:
    delays = {each.id: number * 4.0 for number, each in enumerate(each for each in CAMERAS if each.uplink == "sw-3")}

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if name in delays and START + 100 + delays[name] <= at < START + 400 else None

    days, total, behind = counted(600, truth)
    withdrawn = [item for item in days.transitions if item.kind == "attributed"]
    alone = {item.camera for item in withdrawn}
    assert alone
    assert {item.uplink for item in withdrawn} == {"sw-3"}
    for camera in alone:
        spent = total[camera]
        assert spent.observed - spent.online == pytest.approx(spent.uplink, abs=1e-6)
        # Only the time before its alarm was confirmed counts as online.
        assert spent.uplink > 300 - delays[camera] - 30
    assert {day.root for day in behind} == {"sw-3"}
    assert {day.kind for day in behind} == {NodeKind.UPLINK}


@pytest.mark.parametrize("down", [0.0, 15.0])
def test_time_between_the_last_visit_and_the_first_after_a_restart_is_nobodys(tmp_path: Path, down: float) -> None:
    gone = {each.id: START + 200 for each in CAMERAS if each.uplink == "sw-3"}
    for number, name in enumerate(list(gone)[1:]):
        gone[name] = START + 230 + 5 * number

    def truth(name: str, at: float) -> str | None:
        return "connect_timeout" if gone.get(name, at + 1) <= at < START + 600 else None

    days = SimulatedDays(CAMERAS, truth, nodes=NODES)
    days.run(220)
    history = History(tmp_path)
    history.write(days.fleet.collect(every=True))
    days.fleet = Fleet(days.steady, Policy(), CAMERAS, nodes=NODES)
    days.fleet.watch(days.transitions.extend)
    days.fleet.restore(history.load())
    days.clock.seconds += down
    days.run(900)
    history.write(days.fleet.collect(every=True))
    spent = {camera: sum(by_day.values(), AvailabilitySeconds()) for camera, by_day in _all(history).items()}
    history.close()
    alone = {item.camera for item in days.transitions if item.kind == "attributed" and item.camera}
    assert next(iter(gone)) in alone
    for camera in gone:
        assert spent[camera].uplink > 200
        assert spent[camera].observed - spent[camera].online - spent[camera].uplink >= -1e-6


def _all(history: History) -> Mapping[str, Mapping[str, AvailabilitySeconds]]:
    return history.seconds("0000", "9999")


def test_time_in_which_the_monitor_was_cut_off_is_nobodys() -> None:
    def truth(_name: str, at: float) -> str | None:
        return "connect_timeout" if START + 100 <= at < START + 400 else None

    days, total, behind = counted(600, truth)
    assert [item.code for item in days.transitions if item.kind == "raised"] == ["monitor_isolated"]
    for spent in total.values():
        assert spent.uplink == pytest.approx(0.0, abs=1e-6)
        assert spent.observed == pytest.approx(spent.online, abs=1e-6)
    assert all(seconds == pytest.approx(0.0, abs=1e-6) for seconds in behind.values())


def test_seconds_behind_roots_are_stored_by_day_and_forgotten_with_the_days(tmp_path: Path) -> None:
    first, second = (RootDay("cam", "sw", NodeKind.HOST, f"2026-10-0{day}") for day in (1, 2))
    waiting = Backlog()
    waiting.add(Changes(root_seconds=((first, 10.0), (second, 5.0))))
    waiting.add(Changes(root_seconds=((first, -2.0),)))
    assert len(waiting) == 2
    history = History(tmp_path)
    for changes in one_by_one(waiting.take()):
        history.write(changes)
    history.write(Changes(root_seconds=((first, 1.0),)))
    assert history.root_seconds("2026-10-01", "2026-10-02") == {first: 9.0, second: 5.0}
    assert history.root_seconds("2026-10-02", "2026-10-02") == {second: 5.0}
    history.forget("2026-10-02", 0.0)
    assert history.root_seconds("2026-10-01", "2026-10-02") == {second: 5.0}


def test_seconds_behind_roots_are_bounded_and_the_oldest_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.storage.backlog.MAX_DAYS", 10)
    waiting = Backlog()
    for number in range(25):
        waiting.add(Changes(root_seconds=((RootDay("cam", "sw", NodeKind.UPLINK, f"2026-10-{number + 1:02}"), 1.0),)))
    kept = waiting.take().root_seconds
    assert 9 <= len(kept) <= 10
    assert kept[-1][0].day == "2026-10-25"
    assert waiting.losses.counts == {ChangeKind.ROOT_DAYS: 25 - len(kept)}
    assert "behind dead nodes from 2026-10-01" in str(waiting.losses)
