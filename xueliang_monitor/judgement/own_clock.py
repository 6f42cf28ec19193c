"""Whether the monitor's own clock is wrong, told from the clocks of many cameras together. Pure."""

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
    Text("The monitor's own clock is wrong", "监控服务器时钟错误"),
    Text(
        "Most cameras' clocks are off by the same amount, or the clock shows a time that cannot be: this machine has no"
        " time from NTP, or its clock was set by hand.",
        "多数摄像机时钟偏差相同，或本机时间不合理：本机未通过 NTP 校时，或时间被手动更改。",
    ),
    Text(
        "Check the time service of this machine (timedatectl, chronyc tracking); no camera needs a visit.",
        "检查本机的时间同步服务（timedatectl、chronyc tracking）；无需检查摄像机。",
    ),
)

LEAST_CAMERAS = 3
"""Cameras that must agree before their word counts more than the monitor's own clock."""

SHARE = 0.6
AGREE_WITHIN_SECONDS = 10.0
"""Clocks that were set by one source differ by their own drift."""

FRESH_SECONDS = 3600.0
"""How long what a camera told of its clock is believed."""

WRONG_DAY_SECONDS = 43_200.0
"""A clock that is off by more than half a day tells another day than the one that is meant."""

DOUBT_SECONDS = 86_400.0
"""How long nothing is deleted for its age after the clock was set by much."""

LARGE_STEP_SECONDS = 3600.0
LONG_AWAY_SECONDS = 7 * 86_400.0
"""A start so long after what was stored last may be one with a wrong clock."""

PATIENCE_SECONDS = 600.0
"""How long after the start no camera is blamed for its clock before enough others have told theirs."""


@dataclass(frozen=True, slots=True)
class Offset:
    """A camera's clock over ours in seconds, and when it was told, on the monitor's clock."""

    seconds: float
    at: float


def common_offset(offsets: Mapping[str, Offset], now: float, limit: float, *, stepped: float = 0.0) -> float | None:
    """Return by how many seconds most cameras' clocks are ahead of ours alike; None where they are not.

    `limit` is what a clock may be off. Fewer than three cameras are enough only where they are off by just as many
    seconds as the wall clock was `stepped` the other way.
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
    """Say whether a camera's clock is off by what most are off."""
    return abs(offset - common) <= AGREE_WITHIN_SECONDS


class OwnClock:
    """What cameras tell of the monitor's clock, and since when it is known to be wrong; None while it is not.

    `common` is by how many seconds most cameras are ahead of it alike, None where they do not agree; `impossible` says
    that it shows a time that cannot be, `guessed` that it never showed another.
    """

    def __init__(self, limit: float, started: float) -> None:
        """Blame cameras for more than `limit` seconds only once others were heard, or some time after `started`."""
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
        """Take what a camera told of its clock."""
        self._offsets[camera] = Offset(seconds, at)

    def forget(self, camera: str) -> None:
        """Forget a camera."""
        self._offsets.pop(camera, None)

    def shift(self, seconds: float) -> None:
        """Take it that our clock was set by so many seconds: every camera's is behind it by as much more."""
        self._offsets = {
            name: Offset(offset.seconds - seconds, offset.at + seconds) for name, offset in self._offsets.items()
        }
        self._started += seconds
        self._stepped += seconds
        self._doubted_until += seconds
        if self.wrong_since is not None:
            self.wrong_since += seconds

    def doubt(self, now: float) -> None:
        """Take it that our clock may be wrong, as it was set by much, or shows a time far from what was stored last."""
        self._doubted_until = now + DOUBT_SECONDS

    def in_doubt(self, now: float) -> bool:
        """Say whether anything that cannot be undone is to wait; cameras that agree with our clock end all doubt."""
        if self.wrong_since is not None:
            return True
        fresh = [offset.seconds for offset in self._offsets.values() if now - offset.at <= FRESH_SECONDS]
        agreeing = sum(abs(seconds) <= max(self.limit, AGREE_WITHIN_SECONDS) for seconds in fresh)
        proven = len(fresh) >= LEAST_CAMERAS and agreeing >= SHARE * len(fresh)
        return now < self._doubted_until and not proven

    def agrees(self, camera: str) -> bool:
        """Say whether a camera's clock is off by what most are off, so that it is not the camera's."""
        known = self._offsets.get(camera)
        return known is not None and self.common is not None and agrees(known.seconds, self.common)

    @property
    def correction(self) -> float:
        """Seconds by which our clock is to be corrected for telling the day: what cameras say, where that is much."""
        far = self.wrong_since is not None and self.common is not None and abs(self.common) > WRONG_DAY_SECONDS
        return self.common if far and self.common is not None else 0.0

    def restore(self, wrong_since: float | None) -> None:
        """Take it that our clock was known to be wrong before a restart: it is until enough cameras say otherwise."""
        self.wrong_since = wrong_since
        self._restored = wrong_since is not None
        self.detail = "it was wrong before the restart" if wrong_since is not None else ""

    def _unheard(self, now: float) -> bool:
        fresh = sum(now - offset.at <= FRESH_SECONDS for offset in self._offsets.values())
        young = fresh < LEAST_CAMERAS and now - self._started < PATIENCE_SECONDS
        return self._restored and young and not self._stepped

    def judge(self, now: float) -> tuple[Transition, ...]:
        """Judge our clock; return what changed."""
        self.common = common_offset(self._offsets, now, self.limit, stepped=self._stepped)
        if not self.impossible and self.common is None:
            if self.wrong_since is None or self._unheard(now):
                return ()
            since, self.wrong_since, self._stepped, self._restored = self.wrong_since, None, 0.0, False
            return (Transition("", now, TransitionKind.CLEARED, CLOCK_WRONG.code, since=since),)
        if self.wrong_since is not None:
            return ()
        self.wrong_since, self.detail = now, self._words()
        return (Transition("", now, TransitionKind.RAISED, CLOCK_WRONG.code, self.detail, since=now),)

    def _words(self) -> str:
        if self.common is None:
            return "this machine's clock shows a time before this program was written"
        sense = "ahead of" if self.common > 0 else "behind"
        words = f"most of {len(self._offsets)} cameras are {abs(self.common):.0f} s {sense} this machine's clock"
        if self._stepped:
            words += f", which was set {'forward' if self._stepped > 0 else 'back'} by {abs(self._stepped):.0f} s"
        return words

    def spared(self, visited: VisitResult, speaking: Callable[[], int]) -> VisitResult:
        """Return a report without what it says against the camera's clock while that cannot be told.

        `speaking` counts the cameras that could tell the time; it is called only where a clock is off.
        """
        if all(finding.code != CLOCK_DRIFT.code for finding in visited.seen):
            return visited
        starting = visited.at - self._started < PATIENCE_SECONDS
        young = starting and len(self._offsets) < min(LEAST_CAMERAS, speaking())
        if self.wrong_since is None and not young:
            return visited
        seen = tuple(finding for finding in visited.seen if finding.code != CLOCK_DRIFT.code)
        return replace(visited, seen=seen)
