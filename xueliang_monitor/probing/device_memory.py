"""What is remembered of a device's ONVIF answers, and which of its media profiles is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xueliang_monitor.model import Identity, OnvifTarget
from xueliang_monitor.net.onvif_hints import OnvifHints

if TYPE_CHECKING:
    from xueliang_monitor.wire.onvif import Profile

MIN_PROFILE_WIDTH = 640


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """What is remembered of a device from visit to visit. Moments are seconds since the epoch.

    Attributes:
        hints: clock offset, kind of login and service paths.
        identity: its identity at the first visit. Changes are judged against it if the file names none.
        reported: the identity that it reported at the last visit.
        interviewed_at: when profiles, host name and services were last asked.
        stream_path: the RTSP path that it names for the watched profile; empty if unknown.
        last_start: when it last started, by its own clock and by ours; None if unknown.
        restart_noticed_at: when a restart was last noticed.

    """

    hints: OnvifHints = field(default_factory=OnvifHints)
    identity: Identity | None = None
    reported: Identity | None = None
    hostname: str = ""
    profiles: tuple[Profile, ...] = ()
    interviewed_at: float | None = None
    stream_path: str = ""
    tells_last_start: bool = False
    last_start: tuple[float, float] | None = None
    restart_noticed_at: float | None = None

    def moved(self, change: Callable[[float], float]) -> DeviceMemory:
        """Return the same with every moment of our own clock changed."""
        last = self.last_start

        def moment(known: float | None) -> float | None:
            return None if known is None else change(known)

        return replace(
            self,
            interviewed_at=moment(self.interviewed_at),
            last_start=None if last is None else (last[0], change(last[1])),
            restart_noticed_at=moment(self.restart_noticed_at),
        )

    def keyframe_interval(self, target: OnvifTarget) -> float | None:
        """Return the keyframe interval of the watched profile in seconds; None if unknown."""
        known = next((item for item in self.profiles if item.token == target.profile), None)
        reported = known.stream.keyframe_interval_seconds if known is not None else None
        return reported or target.keyframe_interval_seconds


def choose_profile(profiles: tuple[Profile, ...]) -> Profile | None:
    """Return the profile to watch: the smallest at least 640 pixels wide, else the largest; None without any."""
    known = [item for item in profiles if item.stream.width] or list(profiles)
    enough = [item for item in known if item.stream.width >= MIN_PROFILE_WIDTH]
    if enough:
        return min(enough, key=lambda item: item.stream.width * item.stream.height)
    return max(known, key=lambda item: item.stream.width * item.stream.height, default=None)


def main_profile(profiles: tuple[Profile, ...]) -> Profile | None:
    """Return the profile with the most pixels, the first of equals; None without any."""
    return max(profiles, key=lambda item: item.stream.width * item.stream.height, default=None)
