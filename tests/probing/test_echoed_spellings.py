"""Devices that send back the login, over real sockets: each spelling in each field, one visit each."""

from __future__ import annotations

import time

import pytest

from tests.conftest import rows
from tests.echo_device import LOGIN, RTSP_KINDS, SPELLINGS, EchoDevice, tells
from tests.waiting import PATIENT
from xueliang_monitor.model import OnvifTarget, Rung, Target
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit


@pytest.mark.parametrize("kind", RTSP_KINDS)
async def test_no_spelling_passes_in_any_field_of_a_visit(kind: str) -> None:
    (row,) = rows(1)
    told: list[str] = []
    async with EchoDevice(row.data.address, kind).running() as device:
        onvif = OnvifTarget(port=device.onvif_port, credentials=LOGIN)
        target = Target("a", device.host, port=device.rtsp_port, path="/live", credentials=LOGIN, onvif=onvif)
        for spelling in SPELLINGS:
            device.always(spelling)
            visited, memory = await visit(
                target, Rung.ONVIF, Memory(), timeouts=PATIENT, workers=Workers(1), now=time.time()
            )
            assert device.sent[spelling]
            told += [spelling for shown in (visited, memory) if tells(repr(shown))]
    assert told == []
