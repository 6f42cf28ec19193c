"""What is remembered of a device's ONVIF answers, and which of its media profiles is watched."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from xueliang_monitor.model import Identity, OnvifTarget
from xueliang_monitor.net.onvif_hints import OnvifHints

if TYPE_CHECKING:
    from xueliang_monitor.wire.media_profiles import Profile
    from xueliang_monitor.wire.onvif_time_keeping import NtpSettings, TimeKeeping

MIN_PROFILE_WIDTH = 640


class Subject(enum.StrEnum):
    """What a device is asked to tell about itself."""

    CLOCK = "clock"
    IDENTITY = "identity"
    HOSTNAME = "hostname"
    PROFILES = "profiles"
    STREAM_PATH = "stream_path"
    LAST_START = "last_start"
    TIME_KEEPING = "time_keeping"
    NTP = "ntp"
    POSITION = "position"
    PRESETS = "presets"


NOTHING: Mapping[Subject, str] = MappingProxyType({})

NEVER: Mapping[Subject, float] = MappingProxyType({})


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
        last_start_told_at: when it told that.
        start_doubts: how many equal answers it takes until the last start that it tells is believed again.
        restart_noticed_at: when a restart was last noticed.
        time_keeping: where it takes its time from, and its time zone; None if unknown.
        ntp: the NTP servers that it is set to; None if unknown.
        told_at: when it last told each subject.
        not_told: why it did not tell a subject when it was last asked; empty for those that it told.

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
    last_start_told_at: float | None = None
    start_doubts: int = 0
    restart_noticed_at: float | None = None
    time_keeping: TimeKeeping | None = None
    ntp: NtpSettings | None = None
    told_at: Mapping[Subject, float] = field(default_factory=lambda: NEVER)
    not_told: Mapping[Subject, str] = field(default_factory=lambda: NOTHING)

    def after_telling(self, subject: Subject, at: float) -> DeviceMemory:
        """Return the same after the device told a subject."""
        missing = {each: why for each, why in self.not_told.items() if each is not subject}
        return replace(self, told_at={**self.told_at, subject: at}, not_told=missing)

    def without_telling(self, subject: Subject, why: str) -> DeviceMemory:
        """Return the same after the device did not tell a subject."""
        return replace(self, not_told={**self.not_told, subject: why})

    def without_question(self, subject: Subject) -> DeviceMemory:
        """Return the same as if a subject was never asked: the device has no such thing."""
        return replace(self, not_told={each: why for each, why in self.not_told.items() if each is not subject})

    def moved(self, change: Callable[[float], float]) -> DeviceMemory:
        """Return the same with every moment of our own clock changed."""
        last = self.last_start

        def moment(known: float | None) -> float | None:
            return None if known is None else change(known)

        return replace(
            self,
            interviewed_at=moment(self.interviewed_at),
            last_start=None if last is None else (last[0], change(last[1])),
            last_start_told_at=moment(self.last_start_told_at),
            restart_noticed_at=moment(self.restart_noticed_at),
            told_at={subject: change(at) for subject, at in self.told_at.items()},
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
