"""What readers ask of the events: a site, a camera, a fault, a severity, a period, words."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.model import Severity
from xueliang_monitor.storage.event_filter import EventFilter, Subjects, WordMatch
from xueliang_monitor.topology import Topology
from xueliang_monitor.web.search import finds, words_of
from xueliang_monitor.web.threads import in_thread

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.]\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)


def moment_of(text: str, *, end: bool = False) -> float:
    """Return a moment of ISO 8601 in seconds since the epoch; without a zone it is the monitor's local time.

    A date alone is its first moment, with `end` the first moment of the next day.

    Raises:
        ValueError: the text is no moment.

    """
    text = text.replace(" ", "+")  # in an address, a plus sign that is not encoded means a space
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)
        moment = datetime.datetime.fromisoformat(text)
        if end and len(text) == len("2026-10-01"):
            moment += datetime.timedelta(days=1)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text[:40]!r} is not a moment; write it as 2026-10-01 or 2026-10-01T08:00:00") from error


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events are asked for; what is empty or None does not matter.

    `since` and `until` are in seconds since the epoch, the first included and the second not.
    """

    camera: str = ""
    site: str = ""
    fault: str = ""
    severity: str = ""
    since: float | None = None
    until: float | None = None
    text: str = ""

    async def resolved(self, fleet: Fleet) -> EventFilter:
        """Return what to look for in the history, given the names of today's cameras and nodes."""
        topology = fleet.topology
        cameras = [camera for name in topology.leaves if (camera := fleet.camera(name)) is not None]
        return await in_thread(self._resolved, topology, cameras)

    def _resolved(self, topology: Topology, cameras: list[Camera]) -> EventFilter:
        return EventFilter(
            self.camera,
            _of_site(self.site, topology, cameras) if self.site else None,
            self._codes(),
            self.since,
            self.until,
            tuple(_match(word, topology, cameras) for word in words_of(self.text)),
        )

    def _codes(self) -> frozenset[str] | None:
        """Return the codes of faults that are asked for. An outage without a code counts as critical."""
        if not self.severity:
            return frozenset((self.fault,)) if self.fault else None
        codes = {code for code, declared in FAULTS.items() if declared.severity.value == self.severity}
        outage = {""} if self.severity == Severity.CRITICAL.value else set[str]()
        return frozenset(codes & {self.fault}) if self.fault else frozenset(codes | outage)


def _of_site(site: str, topology: Topology, cameras: list[Camera]) -> Subjects:
    """Return the cameras of a site and the nodes that they hang on."""
    names = [camera.id for camera in cameras if camera.site == site]
    return Subjects(names, {node for name in names for node in topology.path(topology.leaf(name))})


def _match(word: str, topology: Topology, cameras: list[Camera]) -> WordMatch:
    named = [
        camera.id for camera in cameras if finds((word,), (camera.id, camera.name, camera.site, camera.target.host))
    ]
    nodes = [name for name, node in topology.nodes.items() if finds((word,), (name, node.shown))]
    faults = [
        code
        for code, declared in FAULTS.items()
        if finds((word,), (code, declared.name.en, declared.name.zh, declared.severity.value))
    ]
    return WordMatch(word, Subjects(named, nodes), faults)
