"""Walks over all cameras in small steps, so that thousands of them do not hold the event loop."""

from __future__ import annotations

import asyncio

from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.status import CameraStatus

STEP = 100
"""Cameras that are looked at before the event loop gets a turn."""


async def all_cameras(fleet: Fleet) -> tuple[tuple[Entry, CameraStatus], ...]:
    """Return every camera with its status. Cameras that are added or removed meanwhile may be missed."""
    found = []
    for number, pair in enumerate(fleet.pairs(), start=1):
        found.append(pair)
        if number % STEP == 0:
            await asyncio.sleep(0)
    return tuple(found)
