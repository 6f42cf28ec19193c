"""Whether the monitor's own clock is wrong, judged by the clocks of many cameras. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import Fault, Rung, Severity, Text, VisitResult
from xueliang_monitor.probing.device_changes import CLOCK_DRIFT

CLOCK_WRONG = Fault(
    "monitor_clock_wrong",
    Rung.MONITOR,
    Severity.WARNING,
    name=Text("The monitor's own clock is wrong", "监控服务器时钟错误"),
    cause=Text(
        "Most cameras' clocks differ from this machine's clock by the same amount, or it shows an impossible time. "
        "This machine is not synchronised by NTP, or its clock was set by hand.",
        "多数摄像机的时钟偏差相同，或本机时间明显不合理：本机未通过 NTP 校时，或时间被手动更改。",
    ),
    advice=Text(
        "Check the time service of this machine (timedatectl, chronyc tracking). The cameras need no check.",
        "检查本机的时间同步服务（timedatectl、chronyc tracking）；无需检查摄像机。",
    ),
)

LEAST_CAMERAS = 3
"""How many cameras must agree before they outweigh the monitor's own clock."""

SHARE = 0.6
"""The share of recent offsets that must agree."""

AGREE_WITHIN_SECONDS = 10.0
"""Clocks set by the same source differ by their own drift, at most by this."""

FRESH_SECONDS = 3600.0
"""How long a camera's clock offset is used."""

WRONG_DAY_SECONDS = 43_200.0
"""A clock that is off by more than half a day shows another day."""

DOUBT_SECONDS = 86_400.0
"""How long nothing is deleted because of its age after a large step of the clock."""

LARGE_STEP_SECONDS = 3600.0
"""A step of the clock that casts doubt on it."""

LONG_AWAY_SECONDS = 7 * 86_400.0
"""A start this long after the last stored visit casts doubt on the clock."""

PATIENCE_SECONDS = 600.0
"""How long after the start no camera is blamed for its clock until enough other offsets are known."""


@dataclass(frozen=True, slots=True)
class Offset:
    """A camera's clock minus the monitor's in seconds, and when it was read, on the monitor's clock."""

    seconds: float
    at: float


def common_offset(offsets: Mapping[str, Offset], now: float, limit: float, *, stepped: float = 0.0) -> float | None:
    """Return by how many seconds most cameras' clocks are ahead of the monitor's; None if they do not agree.

    `limit` is the offset in seconds that is tolerated. Fewer than three cameras suffice only if their offset is the
    opposite of the step by which the wall clock was set, `stepped`.
    """
    fresh = [offset.seconds for offset in offsets.values() if now - offset.at <= FRESH_SECONDS]
    if not fresh:
        return None
    middle = statistics.median_low(fresh)
    agreeing = sum(abs(seconds - middle) <= AGREE_WITHIN_SECONDS for seconds in fresh)
    explained = stepped != 0.0 and agrees(-stepped, middle)
    if len(fresh) < LEAST_CAMERAS and not explained:
        return None
    if abs(middle) <= limit or agreeing < SHARE * len(fresh):
        return None
    return middle


def agrees(offset: float, common: float) -> bool:
    """Return whether a camera's offset is the common one."""
    return abs(offset - common) <= AGREE_WITHIN_SECONDS


class OwnClock:
    """The judgement of the monitor's own clock.

    Attributes:
        limit: the tolerated offset in seconds.
        impossible: whether the clock shows a time before this program existed; set from outside.
        guessed: whether it never showed a possible time since the start; set from outside.
        wrong_since: when it became wrong; None while it is right.
        common: by how many seconds most cameras are ahead of it; None if they do not agree.
        detail: why it is considered wrong.

    """

    def __init__(self, limit: float, started: float) -> None:
        """Begin at `started`; `limit` is the tolerated offset in seconds."""
        self.limit = limit
        self.impossible = self.guessed = False
        self.wrong_since: float | None = None
        self.common: float | None = None
        self.detail = ""
        self._started = started
        self._stepped = 0.0
        self._restored = False
        self._doubted_until = 0.0
        self._offsets: dict[str, Offset] = {}

    def heard(self, camera: str, seconds: float, at: float) -> None:
        """Add the clock offset of a camera, read at `at`."""
        self._offsets[camera] = Offset(seconds, at)

    def forget(self, camera: str) -> None:
        """Remove a camera."""
        self._offsets.pop(camera, None)

    def shift(self, seconds: float) -> None:
        """Adjust to a step of the monitor's clock by `seconds`: every camera's offset decreases by as much."""
        self._offsets = {
            name: Offset(offset.seconds - seconds, offset.at + seconds) for name, offset in self._offsets.items()
        }
        self._started += seconds
        self._stepped += seconds
        self._doubted_until += seconds
        if self.wrong_since is not None:
            self.wrong_since += seconds

    def doubt(self, now: float) -> None:
        """Doubt the clock for a day, after a large step or a long gap since the last stored visit."""
        self._doubted_until = now + DOUBT_SECONDS

    def in_doubt(self, now: float) -> bool:
        """Return whether irreversible actions must wait. Cameras that agree with the clock end the doubt."""
        if self.wrong_since is not None:
            return True
        fresh = [offset.seconds for offset in self._offsets.values() if now - offset.at <= FRESH_SECONDS]
        agreeing = sum(abs(seconds) <= max(self.limit, AGREE_WITHIN_SECONDS) for seconds in fresh)
        proven = len(fresh) >= LEAST_CAMERAS and agreeing >= SHARE * len(fresh)
        return now < self._doubted_until and not proven

    def agrees(self, camera: str) -> bool:
        """Return whether a camera's offset is the common one, so that its clock is not to blame."""
        known = self._offsets.get(camera)
        return known is not None and self.common is not None and agrees(known.seconds, self.common)

    @property
    def correction(self) -> float:
        """Seconds to add to the clock to get the right day; 0 unless most cameras agree on another day."""
        far = self.wrong_since is not None and self.common is not None and abs(self.common) > WRONG_DAY_SECONDS
        return self.common if far and self.common is not None else 0.0

    def restore(self, wrong_since: float | None) -> None:
        """Restore that the clock was wrong before the restart. It stays wrong until enough cameras disagree."""
        self.wrong_since = wrong_since
        self._restored = wrong_since is not None
        self.detail = "the clock was wrong before the restart" if wrong_since is not None else ""

    def _restored_and_unheard(self, now: float) -> bool:
        """Return whether the clock was wrong before the restart and too few cameras have reported since."""
        fresh = sum(now - offset.at <= FRESH_SECONDS for offset in self._offsets.values())
        young = fresh < LEAST_CAMERAS and now - self._started < PATIENCE_SECONDS
        return self._restored and young and not self._stepped

    def judge(self, now: float) -> tuple[Transition, ...]:
        """Judge the clock; return the transition, if any."""
        self.common = common_offset(self._offsets, now, self.limit, stepped=self._stepped)
        if not self.impossible and self.common is None:
            if self.wrong_since is None or self._restored_and_unheard(now):
                return ()
            since, self.wrong_since, self._stepped, self._restored = self.wrong_since, None, 0.0, False
            return (Transition("", now, TransitionKind.CLEARED, CLOCK_WRONG.code, since=since),)
        if self.wrong_since is not None:
            return ()
        self.wrong_since, self.detail = now, self._describe()
        return (Transition("", now, TransitionKind.RAISED, CLOCK_WRONG.code, detail=self.detail, since=now),)

    def _describe(self) -> str:
        if self.common is None:
            return "this machine's clock shows a time before this program existed"
        sense = "ahead of" if self.common > 0 else "behind"
        count, seconds = len(self._offsets), abs(self.common)
        words = f"the clocks of most of {count} cameras are {seconds:.0f} s {sense} this machine's clock"
        if self._stepped:
            words += f", which was set {'forward' if self._stepped > 0 else 'back'} by {abs(self._stepped):.0f} s"
        return words

    def spared(self, visited: VisitResult, speaking: Callable[[], int]) -> VisitResult:
        """Return a visit result without the camera's clock drift while the drift may be the monitor's.

        `speaking` counts the cameras whose clock can be read. It is called only if the result reports a drift.
        """
        if all(finding.code != CLOCK_DRIFT.code for finding in visited.seen):
            return visited
        starting = visited.at - self._started < PATIENCE_SECONDS
        young = starting and len(self._offsets) < min(LEAST_CAMERAS, speaking())
        if self.wrong_since is None and not young:
            return visited
        seen = tuple(finding for finding in visited.seen if finding.code != CLOCK_DRIFT.code)
        return replace(visited, seen=seen)
