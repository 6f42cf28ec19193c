"""Each row of the diagnosis table: the facts that match it, and that fewer facts do not."""

from __future__ import annotations

import pytest

from xueliang_monitor.judgement.diagnosis import TABLE, Facts, diagnose
from xueliang_monitor.judgement.status import StatusCause
from xueliang_monitor.readings import Readings

CASES = {
    "uplink": Facts(frozenset(), cause=StatusCause.UPLINK_DOWN),
    "host": Facts(frozenset(), cause=StatusCause.HOST_DOWN),
    "clock-and-login": Facts(frozenset({"auth_failed", "clock_drift"})),
    "rtsp-alone": Facts(frozenset({"rtsp_timeout"}), onvif_answers=True),
    "restarted-and-lost": Facts(frozenset({"device_rebooted", "connect_timeout"})),
    "firmware-and-path": Facts(frozenset({"stream_not_found", "firmware_changed"})),
    "rare-keyframes": Facts(frozenset({"no_keyframe"}), readings=Readings(keyframe_wait_seconds=9.5)),
}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_each_row_fits_its_facts_and_comes_first(row: object) -> None:
    found = diagnose(CASES[row.name])  # type: ignore[attr-defined]
    assert found is row
    assert found.advice.en
    assert any("\u4e00" <= letter <= "\u9fff" for letter in found.advice.zh)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(frozenset()),
        Facts(frozenset({"auth_failed"})),
        Facts(frozenset({"rtsp_timeout"})),
        Facts(frozenset({"connect_timeout"}), onvif_answers=True),
        Facts(frozenset({"device_rebooted"})),
        Facts(frozenset({"stream_not_found"})),
        Facts(frozenset({"no_keyframe"}), readings=Readings(keyframe_wait_seconds=1.0)),
    ],
)
def test_less_than_that_is_no_diagnosis(facts: Facts) -> None:
    assert diagnose(facts) is None
