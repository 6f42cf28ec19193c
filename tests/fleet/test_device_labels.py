"""Labels of metrics that a device chooses: a device that reports something new at every visit makes few series."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.device_labels import CHANGES_A_DAY, DAY_SECONDS, DeviceLabels, HeldLabel
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.readings import Readings
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.persisted_memory import StoredMemory

VISIT_SECONDS = 900.0
NAMES = ("manufacturer", "model", "firmware", "codec", "resolution")


def _series_of_a_day(reported: Callable[[int], Readings]) -> set[str]:
    """Return every series that one camera had in a day of visits, each with the readings of its number."""
    clock = ManualClock(START)
    fleet = Fleet(clock, Policy(), (camera("yard"),))
    known: set[str] = set()
    for number in range(int(DAY_SECONDS / VISIT_SECONDS)):
        clock.advance(VISIT_SECONDS)
        result = visited("yard", clock.now(), None, Rung.PICTURE)
        fleet.apply(replace(result, readings=reported(number)), Memory(), 0.0)
        text, _ = render(fleet.snapshot(), "text/plain")
        known |= set(re.findall(r"^(xueliang_\S+?\{.*yard.*\}) ", text.decode(), re.MULTILINE))
    return known


def _everything(value: str) -> Readings:
    return Readings(**dict.fromkeys(NAMES, value))  # type: ignore[arg-type]


def test_a_device_that_reports_something_new_at_every_visit_makes_one_series_of_information() -> None:
    steady = _series_of_a_day(lambda _number: _everything("same"))
    assert _series_of_a_day(lambda number: _everything(f"v{number}")) == {each.replace("same", "v0") for each in steady}


def test_a_device_that_confirms_each_of_its_changes_makes_a_few() -> None:
    steady = _series_of_a_day(lambda _number: _everything("same"))
    changing = _series_of_a_day(lambda number: _everything(f"v{number // 2}"))
    assert len(changing) == len(steady) + CHANGES_A_DAY


def test_a_changed_value_counts_from_its_second_report_on() -> None:
    label = HeldLabel().after("1.0", START)
    assert label.value == "1.0"
    assert label.after("1.1", START + 1).value == "1.0"
    assert label.after("1.1", START + 1).after(None, START + 2).after("1.1", START + 3).value == "1.1"
    assert label.after("1.1", START + 1).after("1.0", START + 2).after("1.1", START + 3).value == "1.0"


def test_after_a_day_a_label_may_change_again() -> None:
    label, at = HeldLabel().after("0", START), START
    for number in range(1, 10):
        at += VISIT_SECONDS
        label = label.after(str(number), at).after(str(number), at + 1)
    assert label.value == str(CHANGES_A_DAY)
    assert label.after("9", at + DAY_SECONDS).value == "9"


def test_labels_follow_the_clock() -> None:
    label = HeldLabel("1.1", changes=(START,))
    assert label.moved(lambda moment: moment + 60).changes == (START + 60,)


def test_restarts_make_no_series(tmp_path: Path) -> None:
    """Also if the history becomes readable only after the first visit."""
    clock = ManualClock(START)

    def shown_after(fleet: Fleet, reported: str) -> tuple[str, ...]:
        clock.advance(VISIT_SECONDS)
        result = visited("yard", clock.now(), None, Rung.PICTURE)
        fleet.apply(replace(result, readings=_everything(reported)), Memory(), 0.0)
        return fleet.entry("yard").labels.values

    for number in (1, 2, 3):
        history, fleet = History(tmp_path), Fleet(clock, Policy(), (camera("yard"),))
        fleet.restore(history.load())
        assert set(shown_after(fleet, f"v{number}")) == {"v1"}
        history.write(fleet.collect(every=number > 1))
        history.close()
    late = Fleet(clock, Policy(), (camera("yard"),))
    assert set(shown_after(late, "late")) == {"late"}
    with contextlib.closing(History(tmp_path)) as history:
        late.take_late(history.load())
    assert set(late.entry("yard").labels.values) == {"v1"}


def test_a_stored_state_without_labels_is_still_read() -> None:
    stored = TypeAdapter(StoredMemory).dump_python(StoredMemory.of(Memory()), mode="json")
    del stored["labels"]
    assert TypeAdapter(StoredMemory).validate_python(stored).labels == DeviceLabels()
