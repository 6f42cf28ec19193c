"""Fault episodes, and the outages they add up to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.health import Outage
from xueliang_monitor.probing.rungs import OFFLINE_RUNGS

TOUCHING_SECONDS = 60.0
"""Offline episodes this close together are one outage: the camera was not judged online between them."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One period of a confirmed fault of a camera, an uplink, a login or the monitor; `ended` is None at first."""

    camera: str
    uplink: str
    fault: str
    began: float
    confirmed: float
    ended: float | None
    detail: str
    login: str = ""

    @property
    def subject(self) -> tuple[str, str, str]:
        """What had the fault: camera, uplink and login, of which one is set; none for the monitor itself."""
        return self.camera, self.uplink, self.login


def keeps_offline(code: str) -> bool:
    """Return whether a fault keeps a camera offline; False for codes that this version does not know."""
    return code in FAULTS and FAULTS[code].rung in OFFLINE_RUNGS


def outages_of(episodes: Iterable[Episode]) -> list[tuple[str, Outage]]:
    """Return the outages that offline episodes add up to, each with its camera, oldest first."""
    found: list[tuple[str, Outage]] = []
    last: dict[str, int] = {}
    for item in sorted(episodes, key=lambda item: (item.began, item.fault)):
        if not item.camera or not keeps_offline(item.fault):
            continue
        place = last.get(item.camera)
        known = None if place is None else found[place][1]
        if place is None or known is None or (known.ended is not None and item.began > known.ended + TOUCHING_SECONDS):
            last[item.camera] = len(found)
            made = Outage(int(item.began * 1000), item.began, item.confirmed, (item.fault,), ended=item.ended)
            found.append((item.camera, made))
            continue
        codes = known.codes if item.fault in known.codes else (*known.codes, item.fault)
        ended = None if known.ended is None or item.ended is None else max(known.ended, item.ended)
        found[place] = item.camera, replace(known, codes=codes, ended=ended)
    return found
