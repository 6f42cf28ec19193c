"""What is remembered of a device, and which of its profiles are looked at."""

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
    """What is remembered of a device from visit to visit.

    Attributes:
        hints: how it is spoken with.
        identity: who it was at the first visit, against which changes show where its file names nobody.
        told: who it said it is at the last visit.
        interviewed_at: when profiles, host name and services were last asked, in seconds since the epoch.
        stream_path: the RTSP path that it names for the profile under watch; empty where not known.
        last_start: when it last started, by its own clock and by ours; None where it does not say.
        restart_noticed_at: when a restart was last noticed.

    """

    hints: OnvifHints = field(default_factory=OnvifHints)
    identity: Identity | None = None
    told: Identity | None = None
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
        """Return the keyframe interval of the profile under watch, in seconds; None where it is not known."""
        known = next((item for item in self.profiles if item.token == target.profile), None)
        told = known.stream.keyframe_interval_seconds if known is not None else None
        return told or target.keyframe_interval_seconds


def choose_profile(profiles: tuple[Profile, ...]) -> Profile | None:
    """Return the profile to watch: the smallest at least 640 pixels wide, else the largest; None of none."""
    known = [item for item in profiles if item.stream.width] or list(profiles)
    enough = [item for item in known if item.stream.width >= MIN_PROFILE_WIDTH]
    if enough:
        return min(enough, key=lambda item: item.stream.width * item.stream.height)
    return max(known, key=lambda item: item.stream.width * item.stream.height, default=None)


def main_profile(profiles: tuple[Profile, ...]) -> Profile | None:
    """Return the profile of the most pixels, the first of equals; None of none."""
    return max(profiles, key=lambda item: item.stream.width * item.stream.height, default=None)
