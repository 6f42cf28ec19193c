"""A changed fact stays raised until it is as before, a person accepts it, or the camera's file names it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from tests.simulated_time import camera
from xueliang_monitor.configuration.camera_sections import IdentitySection, StreamSection
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.fleet.acceptance import accepted
from xueliang_monitor.fleet.changes import CameraRecord
from xueliang_monitor.fleet.differences import memory_still_valid
from xueliang_monitor.fleet.restoring import merged_late
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.health import Health
from xueliang_monitor.model import Identity, StreamParameters, Target
from xueliang_monitor.probing.accepted import NOTHING_ACCEPTED, Accepted, Observed
from xueliang_monitor.probing.device_changes import judge_identity, untold_changes
from xueliang_monitor.probing.device_memory import DeviceMemory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.stream_baseline import MIN_LEARNED, StreamBaseline, judge
from xueliang_monitor.readings import Readings
from xueliang_monitor.storage.persisted_memory import StoredMemory

STORED = TypeAdapter(StoredMemory)
WIDE, SMALL = (1920, 1080), (640, 360)
READINGS = Readings(frame_rate_hertz=25.0, arrival_rate_hertz=25.0, bits_per_second=2e6)
WHO = Identity("Maker", "Model", "1.0", "SN1")
OTHER = replace(WHO, serial="SN2", firmware="2.0")
DAY_OF_READINGS = 288


def restarted(memory: Memory) -> Memory:
    """Return what is left of a memory after a restart."""
    return STORED.validate_json(STORED.dump_json(StoredMemory.of(memory))).memory()


def read(
    normal: StreamBaseline, size: tuple[int, int], target: Target | None = None
) -> tuple[list[str], StreamBaseline]:
    """Judge readings of a size; return the codes seen and what is normal after them."""
    judged = judge(target or Target("x", "h"), normal, READINGS, size, now=0.0)
    return [finding.code for finding in judged.seen], judged.normal


def learned() -> StreamBaseline:
    normal = StreamBaseline()
    for _ in range(MIN_LEARNED):
        _, normal = read(normal, WIDE)
    return normal


def with_file(known: Camera, **values: object) -> Camera:
    """Return a camera with a changed file."""
    data = known.data.model_copy(update=values)
    return Camera(known.id, target_of(known.id, data, None, None), data)


def test_the_facts_that_a_person_accepts() -> None:
    assert {code for code, fault in FAULTS.items() if fault.changed_fact} == {
        "resolution_changed",
        "device_replaced",
        "firmware_changed",
    }


def test_a_new_size_never_becomes_normal_by_lasting_and_clears_when_it_is_as_before() -> None:
    memory = Memory(normal=learned())
    for number in range(DAY_OF_READINGS):
        if number % 10 == 0:
            memory = restarted(memory)
        codes, normal = read(memory.normal, SMALL)
        assert codes == ["resolution_changed"]
        memory = replace(memory, normal=normal)
    codes, normal = read(memory.normal, WIDE)
    assert codes == []
    assert normal.size == WIDE


def test_no_fault_of_the_stream_becomes_normal_by_lasting() -> None:
    normal = learned()
    for _ in range(DAY_OF_READINGS):
        slow = Readings(frame_rate_hertz=5.0, arrival_rate_hertz=5.0, bits_per_second=2e7)
        judged = judge(Target("x", "h"), normal, slow, WIDE, now=0.0)
        assert [finding.code for finding in judged.seen] == ["low_frame_rate", "bitrate_out_of_range"]
        normal = judged.normal
    assert (normal.frame_rate, normal.bits_per_second) == (25.0, 2e6)


def test_what_an_earlier_version_stored_can_be_read() -> None:
    stored = json.loads(STORED.dump_json(StoredMemory.of(Memory(normal=learned()))))
    del stored["normal"]["read_size"], stored["accepted"], stored["reported"]
    stored["normal"]["other_sizes"] = 7
    memory = STORED.validate_json(json.dumps(stored)).memory()
    assert (memory.normal.size, memory.accepted, memory.device.reported) == (WIDE, NOTHING_ACCEPTED, None)


def test_a_device_that_leaves_out_what_was_registered_rules_nothing_out() -> None:
    assert untold_changes(replace(WHO, serial=""), WHO) == {"device_replaced"}
    assert untold_changes(replace(WHO, firmware=""), WHO) == {"firmware_changed"}
    assert untold_changes(OTHER, WHO) == {"firmware_changed"}, "the firmware of another device"
    assert untold_changes(WHO, WHO) == untold_changes(WHO, None) == frozenset()
    assert untold_changes(replace(WHO, firmware="2.0"), WHO) == frozenset()


def entry(memory: Memory, **values: object) -> Entry:
    return Entry(with_file(camera("gate", "sw"), **values), memory=memory, health=Health(visited_at=1.0))


def observed(known: Entry, identity: Identity, size: tuple[int, int]) -> Entry:
    """Return a camera after visits found this."""
    device = replace(known.memory.device, reported=identity, identity=known.memory.device.identity or identity)
    _, normal = read(known.memory.normal, size, known.memory.accepted.over(known.camera.target))
    return replace(known, memory=replace(known.memory, device=device, normal=normal))


def faults(known: Entry) -> set[str]:
    """Return the changed facts that the next visit of the same device sees."""
    target, memory = known.memory.accepted.over(known.camera.target), known.memory
    codes, _ = read(memory.normal, memory.normal.read_size or WIDE, target)
    change = memory.device.reported and judge_identity(
        memory.device.reported, target.identity or memory.device.identity
    )
    return {*codes, *([change.code] if change else [])}


def accept(known: Entry) -> Memory:
    """Return what is remembered of a camera after a person accepted it as it is."""
    found = accepted(known, str(known.memory.observed), 5.0)
    assert found is not None
    return found[0].memory


FILES = [
    {},
    {"identity": IdentitySection.of(WHO)},
    {"identity": IdentitySection.of(WHO), "stream": StreamSection(width=1920, height=1080, frame_rate_hertz=25.0)},
]


@pytest.mark.parametrize("file", FILES)
def test_what_a_person_accepts_on_the_page_is_expected_from_then_on(file: dict[str, object]) -> None:
    first = observed(entry(Memory(), **file), WHO, WIDE)
    assert faults(first) == set()
    changed = observed(first, OTHER, SMALL)
    assert faults(changed) == {"device_replaced", "resolution_changed"}
    shown = str(changed.memory.observed)
    assert shown == "Maker Model, serial SN2, firmware 2.0, 640x360"
    after = replace(changed, memory=restarted(accept(changed)))
    assert faults(observed(after, OTHER, SMALL)) == set()
    assert faults(observed(after, WHO, WIDE)) == {"device_replaced", "resolution_changed"}, "the old one is wrong now"
    assert accepted(changed, str(first.memory.observed), 5.0) is None, "seen by nobody"
    assert after.memory.accepted.at == 5.0


@pytest.mark.parametrize("file", FILES)
def test_what_the_file_names_later_counts_more_than_the_page(file: dict[str, object]) -> None:
    changed = observed(observed(entry(Memory(), **file), WHO, WIDE), OTHER, SMALL)
    memory = accept(changed)
    on_page = replace(changed, memory=memory)
    same = with_file(on_page.camera, name="another name")
    assert memory_still_valid(on_page, same).accepted == memory.accepted
    again = with_file(on_page.camera, accepted_at="2026-11-27T10:00:00+08:00")
    after = replace(on_page, camera=again, memory=memory_still_valid(on_page, again))
    assert (after.memory.accepted.identity, after.memory.accepted.stream) == (None, None)
    assert faults(observed(after, WHO, WIDE)) == set()
    written = with_file(on_page.camera, identity=IdentitySection.of(replace(OTHER, firmware="3.0")))
    kept = memory_still_valid(on_page, written).accepted
    assert (kept.identity, kept.stream) == (None, memory.accepted.stream)


def test_another_stream_in_the_file_is_no_change_of_the_old_one() -> None:
    known = observed(entry(Memory()), WHO, WIDE)
    for values in ({"rtsp_path": "/sub"}, {"accepted_at": "now"}, {"stream": StreamSection(width=640, height=360)}):
        other = with_file(known.camera, **values)
        after = replace(known, camera=other, memory=memory_still_valid(known, other))
        assert after.memory.normal == StreamBaseline()
        assert faults(observed(after, WHO, SMALL)) == set()


def test_a_change_is_not_normal_because_the_history_could_not_be_read_at_the_start() -> None:
    stored = observed(entry(Memory()), WHO, WIDE).memory
    fresh = observed(entry(Memory()), OTHER, SMALL)
    late = merged_late(fresh, CameraRecord("gate", Health(), stored), None, 2.0)
    assert faults(late) == {"device_replaced", "resolution_changed"}
    once_more = merged_late(replace(late, memory=accept(late)), CameraRecord("gate", Health(), stored), None, 4.0)
    assert faults(once_more) == set()


def test_nothing_is_accepted_of_what_is_not_known() -> None:
    assert accepted(entry(Memory()), "", 1.0) is None
    before = Accepted(WHO, StreamParameters(width=1, height=2), 1.0)
    assert Observed().accepted(Target("x", "h"), before, 3.0) == replace(before, at=3.0)
    device = Memory(device=DeviceMemory(identity=WHO, reported=WHO), normal=learned())
    assert device.after_acceptance(Target("x", "h"), 1.0).device == device.device, "the same device is still known"
