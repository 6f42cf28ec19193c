"""Which places a dome is known at, when it is away, and what of it survives a restart. Pure."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from xueliang_monitor.net.onvif_wsdl import definitions
from xueliang_monitor.probing import dome as domes
from xueliang_monitor.probing.device_changes import JUDGED
from xueliang_monitor.probing.dome import Aim, DomeMemory, judge_away
from xueliang_monitor.probing.login import Login
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.simulator.soap_messages import envelope
from xueliang_monitor.storage.persisted_memory import StoredMemory
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.dome_position import DomeStatus, Position, Preset
from xueliang_monitor.wire.onvif_ptz import read_presets, read_status

HOME, GATE, YARD, OTHER = (DomeStatus(Position(pan, -0.2, 0.0)) for pan in (0.0, 0.4, 0.8, -0.5))
TZ = 'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"'


def watched(*readings: tuple[DomeStatus | None, float], dome: DomeMemory | None = None) -> tuple[DomeMemory, float]:
    """Return a dome after readings, each of a place for so many minutes, read every five minutes."""
    now, dome = (dome.read_at or 0.0, dome) if dome is not None else (0.0, DomeMemory())
    for status, minutes in readings:
        for _ in range(int(minutes // 5)):
            now += 300.0
            dome = dome.after(status, now)
    return dome, now


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Position(0.1, 0.2, 0.0), Position(0.105, 0.195, 0.01), True),
        (Position(0.1, 0.2, 0.0), Position(0.115, 0.2, 0.0), False),
        (Position(0.1, 0.2, 0.0), Position(0.1, 0.2, 0.05), False),
        (Position(1.0, -0.844, 0.0), Position(-0.999, -0.844, 0.0), True),
        (Position(359.0, 10.0, 1.0), Position(0.2, 10.5, 1.0), True),
        (Position(120.0, 10.0, 1.0), Position(123.0, 10.0, 1.0), False),
        (Position(0.1, 0.2), Position(0.1, 0.2, 0.7), True),
        (Position(zoom=0.5), Position(0.1, 0.2), False),
    ],
)
def test_positions(one: Position, other: Position, same: bool) -> None:
    assert one.is_same(other) is other.is_same(one) is same


def test_a_dome_that_stays_elsewhere_is_away_until_it_is_back() -> None:
    dome, now = watched((HOME, 60), (OTHER, 25))
    assert judge_away(dome, 1800.0, now) == (None, False)
    dome, now = watched((OTHER, 15), dome=dome)
    finding, is_back = judge_away(dome, 1800.0, now)
    assert finding is not None
    assert (finding.code, is_back) == ("ptz_away", False)
    assert judge_away(dome.after(None, now + 300), 1800.0, now + 300) == (None, False)
    assert judge_away(dome.after(DomeStatus(None, moving=True), now + 300), 1800.0, now + 300) == (None, False)
    assert judge_away(dome, None, now) == (None, True)
    assert judge_away(dome.after(HOME, now + 300), 1800.0, now + 300) == (None, True)


def test_a_device_whose_dome_is_away_answers() -> None:
    assert domes.PTZ_AWAY.code in JUDGED


def test_going_on_to_a_third_place_is_still_away() -> None:
    dome, now = watched((HOME, 60), (OTHER, 20), (YARD, 20))
    assert judge_away(dome, 1800.0, now)[0] is not None


def test_a_preset_is_no_other_place() -> None:
    presets = (Preset("1", "gate", GATE.position),)
    dome, now = watched((HOME, 60), (GATE, 120), dome=DomeMemory(presets))
    assert judge_away(dome, 1800.0, now) == (None, True)


def test_a_patrol_without_presets_is_known_after_three_rounds() -> None:
    dome, now = watched(*[(place, 5) for _ in range(4) for place in (HOME, GATE, YARD)])
    assert [place.known for place in dome.places] == [True, True, True]
    dome, now = watched((GATE, 120), dome=dome)
    assert judge_away(dome, 1800.0, now) == (None, True)


def test_a_place_where_it_stays_longest_becomes_usual() -> None:
    dome, now = watched((HOME, 600), (OTHER, 500))
    assert judge_away(dome, 1800.0, now)[0] is not None
    dome, now = watched((OTHER, 200), dome=dome)
    assert judge_away(dome, 1800.0, now) == (None, True)


def test_the_least_used_place_gives_way() -> None:
    dome, _ = watched((HOME, 60), *((DomeStatus(Position(0.9 - number / 20, 0.5)), 5) for number in range(20)))
    assert len(dome.places) == domes.MAX_PLACES
    assert dome.at(HOME) is not None


@pytest.mark.parametrize(
    ("before", "after", "steady"),
    [(HOME, HOME, HOME), (None, HOME, HOME), (HOME, None, None), (HOME, GATE, None),
     (replace(HOME, moving=True), HOME, None),
     (HOME, replace(HOME, moving=True), None), (DomeStatus(None), HOME, None)],
)  # fmt: skip
def test_a_picture_belongs_to_a_place_only_if_the_dome_stood_still(
    before: DomeStatus | None, after: DomeStatus | None, steady: DomeStatus | None
) -> None:
    assert Aim(before, after).steady == steady


def test_a_dome_survives_a_restart() -> None:
    presets = (Preset("1", "gate", GATE.position),)
    dome, now = watched((HOME, 60), (GATE, 10), (OTHER, 20), dome=DomeMemory(presets))
    kind = TypeAdapter(StoredMemory)
    written = kind.dump_json(StoredMemory.of(Memory(dome=dome, login=Login())))
    again = kind.validate_json(written).memory().dome
    assert again == replace(dome, read_at=None)
    later, at = again.after(OTHER, now + 900.0), now + 900.0  # type: ignore[union-attr]
    assert judge_away(later, 1800.0, at)[0] is not None
    broken = written.replace(b'"held_seconds"', b'"held_sec"', 1)
    stored = kind.validate_json(broken.replace(b'"arrivals":1', b'"arrivals":"x"'))
    assert stored.dome is None
    assert kind.validate_json(kind.dump_json(StoredMemory.of(Memory()))).memory().dome is None


def test_a_clock_that_was_wrong_moves_its_moments() -> None:
    dome, now = watched((HOME, 60), (OTHER, 20))
    moved = dome.moved(lambda moment: moment + 1000.0)
    assert judge_away(moved, 1200.0, now + 1000.0) == judge_away(dome, 1200.0, now)
    assert moved.read_at == now + 1000.0


def status_of(inner: str) -> DomeStatus:
    body = f"<tptz:GetStatusResponse {TZ}><tptz:PTZStatus>{inner}</tptz:PTZStatus></tptz:GetStatusResponse>"
    return read_status(soap.read(envelope(body)))


@pytest.mark.parametrize(
    ("inner", "position", "moving"),
    [
        ('<tt:Position><tt:PanTilt x="1.000" y="-0.844"/><tt:Zoom x="0.006"/></tt:Position>',
         (1.0, -0.844, 0.006), False),
        (('<tt:Position><tt:PanTilt x="0.5" y="0.1"/></tt:Position><tt:MoveStatus><tt:PanTilt>MOVING</tt:PanTilt>'
         "</tt:MoveStatus>"), (0.5, 0.1, None), True),
        ('<tt:Position><tt:PanTilt x="NaN" y="-nan"/><tt:Zoom x="inf"/></tt:Position>', None, False),
        ('<tt:Position><tt:PanTilt x="" y=""/></tt:Position>', None, False),
        ('<tt:Position><tt:Zoom x="0,25"/></tt:Position>', (None, None, 0.25), False),
        ("<tt:MoveStatus><tt:Zoom>Moving</tt:Zoom></tt:MoveStatus>", None, True),
        ("", None, False),
    ],
)  # fmt: skip
def test_status_as_domes_tell_it(inner: str, position: tuple[float | None, ...] | None, moving: bool) -> None:
    assert status_of(inner) == DomeStatus(Position(*position) if position is not None else None, moving)


def test_presets_without_a_position_are_left_out() -> None:
    listed = (
        '<tptz:Preset token="1"><tt:Name>tabletop</tt:Name><tt:PTZPosition><tt:PanTilt x="-0.311" y="0.822"/>'
        '<tt:Zoom x="0.179"/></tt:PTZPosition></tptz:Preset>'
        '<tptz:Preset token="2"><tt:Name>flip</tt:Name></tptz:Preset>'
    )
    body = f"<tptz:GetPresetsResponse {TZ}>{listed}</tptz:GetPresetsResponse>"
    assert read_presets(soap.read(envelope(body))) == (Preset("1", "tabletop", Position(-0.311, 0.822, 0.179)),)


def test_no_request_can_move_a_dome() -> None:
    ptz = definitions()["ptz"]
    assert set(ptz.document.bindings[ptz.binding].all()) == {"GetStatus", "GetPresets"}


def test_what_an_earlier_version_stored_is_read() -> None:
    kind = TypeAdapter(StoredMemory)
    stored = json.loads(kind.dump_json(StoredMemory.of(Memory())))
    for name in ("dome", "last_start_told_at", "start_doubts"):
        del stored[name]
    for name in ("time_source", "time_zone", "ntp_server"):
        del stored["labels"][name]
    assert kind.validate_python(stored).memory() == Memory()
