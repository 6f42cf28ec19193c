"""Fault episodes, and the outages that those of one camera were. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.probing.rungs import OFFLINE_RUNGS

TOUCHING_SECONDS = 60.0
"""Offline episodes this close to each other are one outage: the camera was never judged online between them."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One time that a fault counted, of a camera or an uplink; `ended` is None while it lasts."""

    camera: str
    uplink: str
    fault: str
    began: float
    confirmed: float
    ended: float | None
    detail: str


def is_offline_fault(code: str) -> bool:
    """Say whether a fault keeps a camera offline, as far as this version knows it."""
    return code in FAULTS and FAULTS[code].rung in OFFLINE_RUNGS


def outages_of(episodes: Iterable[Episode]) -> list[tuple[str, Outage]]:
    """Return the outages that offline episodes of several causes were, each with its camera, the first first."""
    found: list[tuple[str, Outage]] = []
    last: dict[str, int] = {}
    for item in sorted(episodes, key=lambda item: (item.began, item.fault)):
        if not item.camera or not is_offline_fault(item.fault):
            continue
        place = last.get(item.camera)
        known = None if place is None else found[place][1]
        if place is None or known is None or (known.ended is not None and item.began > known.ended + TOUCHING_SECONDS):
            last[item.camera] = len(found)
            made = Outage(int(item.began * 1000), item.began, item.confirmed, (item.fault,), item.ended)
            found.append((item.camera, made))
            continue
        codes = known.codes if item.fault in known.codes else (*known.codes, item.fault)
        ended = None if known.ended is None or item.ended is None else max(known.ended, item.ended)
        found[place] = item.camera, replace(known, codes=codes, ended=ended)
    return found
