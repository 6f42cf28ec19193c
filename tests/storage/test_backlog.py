"""The backlog of the history: bounded, merged, with every dropped change counted."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xueliang_monitor.fleet.changes import CameraRecord, Changes, PictureSample, StoredState
from xueliang_monitor.judgement.availability import AvailabilitySeconds
from xueliang_monitor.judgement.episodes import Episode
from xueliang_monitor.judgement.health import Health, Outage
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.picture.measures import MEASURES
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage import backlog
from xueliang_monitor.storage.backlog import Backlog, one_by_one

START = 1_700_000_000.0
DAYS = 100
KEYS = st.sampled_from([("a", ""), ("b", ""), ("", "sw")])


def transition(camera: str, uplink: str, change: str, at: float) -> Transition:
    if uplink:
        return Transition("", at, TransitionKind(change), "uplink_down", uplink=uplink, since=at)
    return Transition(camera, at, TransitionKind(change), "no_media", since=at)


def events(turns: list[tuple[str, str]]) -> list[Transition]:
    """Return transitions that alternate between raised and cleared for each camera and uplink."""
    up: Counter[tuple[str, str]] = Counter()
    made = []
    for number, key in enumerate(turns):
        up[key] += 1
        made.append(transition(*key, "raised" if up[key] % 2 else "cleared", START + number))
    return made


def lasting(items: tuple[Transition, ...] | list[Transition]) -> set[tuple[str, str]]:
    """Return what is raised and not cleared at the end; fail on transitions that do not alternate."""
    up: set[tuple[str, str]] = set()
    for item in items:
        key = (item.camera, item.uplink)
        assert (key in up) == (item.kind == "cleared"), "raised twice, or cleared without being raised"
        up ^= {key}
    return up


@contextmanager
def bounds(**values: int) -> Iterator[None]:
    with mock.patch.multiple(backlog, **values):
        yield


@settings(deadline=None)
@given(st.lists(st.lists(KEYS, max_size=12), max_size=12))
def test_events_are_dropped_as_complete_episodes_and_counted_once(batches: list[list[tuple[str, str]]]) -> None:
    lost: Counter[str] = Counter()
    with bounds(MAX_TRANSITIONS=10):
        waiting = Backlog(lambda kind, count: lost.update({kind: count}))
        made = events([key for batch in batches for key in batch])
        rest = iter(made)
        for batch in batches:
            waiting.add(Changes(tuple(next(rest) for _ in batch)))
            assert len(waiting) <= 10
    kept = waiting.take().transitions
    assert len(kept) + lost["events"] == len(made)
    assert waiting.losses.counts.get("events", 0) == lost["events"]
    assert lasting(kept) == lasting(made)
    assert list(kept) == sorted(kept, key=lambda item: item.at)


@settings(deadline=None)
@given(st.sets(KEYS), st.lists(KEYS, max_size=8), st.sets(KEYS), st.booleans())
def test_a_history_in_any_state_ends_with_each_current_fault_open_once(
    stored: set[tuple[str, str]], turns: list[tuple[str, str]], before: set[tuple[str, str]], known: bool
) -> None:
    """`stored` is open in the history, `before` was open when the backlog began; they agree if `known`."""
    before = stored if known else before
    already = [transition(*key, "raised", START - 100) for key in sorted(before)]
    made = [*already, *events_after(before, turns)]
    standing = {(item.camera, item.uplink): item for item in made if item.kind == "raised"}
    now = lasting(made)
    waiting = Backlog()
    waiting.add(Changes(tuple(made[len(already) :])))
    episodes = [
        Episode(camera, uplink, "uplink_down" if uplink else "no_media", START - 900, START - 900, None, "")
        for camera, uplink in sorted(stored)
    ]
    held = StoredState(open_episodes=tuple(episodes))
    waiting.reconcile(held, [standing[key] for key in now], {}, START + 1000)
    written = waiting.take().transitions
    opened = [transition(*key, "raised", START - 900) for key in sorted(stored)]
    assert lasting([*opened, *written]) == now
    if known:
        assert list(written) == made[len(already) :]  # nothing must be adapted


def events_after(before: set[tuple[str, str]], turns: list[tuple[str, str]]) -> list[Transition]:
    up = Counter(before)
    made = []
    for number, key in enumerate(turns):
        up[key] += 1
        made.append(transition(*key, "raised" if up[key] % 2 else "cleared", START + number))
    return made


def look(camera: str, at: float) -> PictureSample:
    return PictureSample(
        camera, at, {name: at + each for each, name in enumerate(MEASURES)}, {"picture_dirty": at, "picture_black": at}
    )


def test_samples_and_days_are_dropped_oldest_first_and_logged() -> None:
    with bounds(MAX_SAMPLES=100, MAX_DAYS=100):
        waiting = Backlog()
        for number in range(250):
            day = f"2026-{1 + number // 28:02}-{1 + number % 28:02}"
            waiting.add(Changes(samples=(look("a", START + number),), seconds=(("a", day, AvailabilitySeconds(10.0)),)))
    kept = waiting.take()
    assert 90 <= len(kept.samples) <= 100
    assert 90 <= len(kept.seconds) <= 100
    assert kept.samples[-1].at == START + 249
    assert waiting.losses.counts == {"looks": 250 - len(kept.samples), "days": 250 - len(kept.seconds)}
    assert waiting.losses.watched == 10.0 * (250 - len(kept.seconds))
    assert str(waiting.losses).startswith(f"{250 - len(kept.samples)} picture samples from 2023-11-1")
    assert "cameras' days from 2026-01-01 to 2026-0" in str(waiting.losses)
    assert str(waiting.losses).endswith(" s of watched time")


def test_an_unwritten_batch_is_put_back_before_later_changes() -> None:
    waiting = Backlog()
    waiting.add(
        Changes(
            (transition("a", "", "raised", 1.0),),
            (CameraRecord("a", Health(), Memory()),),
            (("a", "d", AvailabilitySeconds(1)),),
        )
    )
    first = waiting.take()
    assert len(waiting) == 0
    newest = CameraRecord("a", Health(offline_streak=5), Memory())
    waiting.add(Changes((transition("a", "", "cleared", 2.0),), (newest,), (("a", "d", AvailabilitySeconds(2)),)))
    waiting.put_back(first)
    both = waiting.take()
    assert [item.at for item in both.transitions] == [1.0, 2.0]
    assert both.cameras == (newest,)
    assert both.seconds == (("a", "d", AvailabilitySeconds(3)),)
    assert [len(each.transitions) for each in one_by_one(both)] == [1, 1, 0, 0]


def test_months_without_a_history_take_bounded_memory() -> None:
    """147 cameras, a picture sample every six hours, one fault per hour in the fleet."""
    tracemalloc.start()
    waiting = Backlog()
    names = [f"cam-{number:03}" for number in range(147)]
    at = START
    sizes = []
    for day in range(DAYS):
        date = f"{2026 + day // 365}-{1 + day % 365 // 31:02}-{1 + day % 365 % 31:02}"
        for hour in range(24):
            name = names[(day * 24 + hour) % 147]
            waiting.add(
                Changes(
                    (transition(name, "", "raised", at), transition(name, "", "cleared", at + 60)),
                    (),
                    tuple((each, date, AvailabilitySeconds(3600, 3600, 3600)) for each in names) if hour == 0 else (),
                    tuple(look(each, at) for each in names) if hour % 6 == 0 else (),
                )
            )
            at += 3600
        if day in (DAYS // 2, DAYS - 1):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    print(f"after {DAYS // 2} days {sizes[0] / 1e6:.0f} MB, after {DAYS} {sizes[1] / 1e6:.0f} MB")
    assert sizes[1] < 64e6
    assert waiting.losses.counts == {"looks": DAYS * 4 * 147 - len(waiting._samples)}, "all else is still there"


@pytest.mark.parametrize("kind", ["looks", "days"])
def test_nothing_is_logged_if_nothing_is_lost(kind: str) -> None:
    assert not Backlog().losses
    assert str(Backlog().losses) == "nothing"
    assert kind not in Backlog().losses.counts


def outage(key: int, began: float, ended: float | None = None) -> Outage:
    return Outage(key, began, began + 5, ("rtsp_timeout",), ended)


def test_the_last_state_of_an_outage_wins_and_a_clock_step_shifts_the_backlog() -> None:
    waiting = Backlog()
    waiting.add(Changes((transition("a", "", "raised", 10.0),), outages=(("a", outage(1, 10.0)),)))
    waiting.add(Changes(outages=(("a", outage(1, 10.0, 20.0)), ("b", outage(1, 12.0)))))
    waiting.add(Changes((transition("a", "", "cleared", 3620.0),), shifted=3600.0, uplinks=(("sw", frozenset("ab")),)))
    waiting.add(Changes(uplinks=(("sw", frozenset()),), shifted=-600.0))
    whole = waiting.take()
    assert [item.at for item in whole.transitions] == [3010.0, 3020.0]
    assert dict(whole.outages) == {"a": outage(1, 10.0, 20.0).moved(lambda at: at + 3000), "b": outage(1, 3012.0)}
    assert whole.uplinks == (("sw", frozenset()),)
    assert whole.shifted == 3000.0
    assert waiting.take() == Changes()


def test_a_camera_that_went_is_forgotten_unless_it_came_back() -> None:
    waiting = Backlog()
    waiting.add(Changes(cameras=(CameraRecord("a", Health(), Memory()), CameraRecord("b", Health(), Memory()))))
    waiting.add(Changes(gone=("a", "b")))
    waiting.add(Changes(cameras=(CameraRecord("b", Health(), Memory()),)))
    whole = waiting.take()
    assert whole.gone == ("a", "b")
    assert [known.camera for known in whole.cameras] == ["b"]


def test_open_outages_are_made_to_fit_the_history() -> None:
    waiting = Backlog()
    waiting.add(Changes(outages=(("a", outage(5, 50.0)), ("b", outage(6, 60.0)), ("c", outage(7, 70.0, 80.0)))))
    stored = StoredState(open_outages=(("a", outage(1, 10.0)), ("d", outage(2, 20.0)), ("e", outage(3, 30.0))))
    lasting_now = {"a": outage(1, 10.0), "b": outage(6, 60.0), "e": outage(3, 30.0)}
    waiting.reconcile(stored, [], lasting_now, 100.0)
    written = {(camera, each.key): each.ended for camera, each in waiting.take().outages}
    assert written == {("a", 1): None, ("b", 6): None, ("c", 7): 80.0, ("d", 2): 100.0, ("e", 3): None}


def test_outages_are_bounded_and_those_that_last_are_kept_longest() -> None:
    with bounds(MAX_OUTAGES=10):
        waiting = Backlog()
        for number in range(30):
            waiting.add(Changes(outages=((f"c{number}", outage(number, float(number), None if number < 4 else 99.0)),)))
        kept = dict(waiting.take().outages)
    assert 9 <= len(kept) <= 10
    assert {"c0", "c1", "c2", "c3", "c29"} <= kept.keys()
    assert waiting.losses.counts == {"outages": 30 - len(kept)}
