"""The sections of a camera file: what was accepted of its device and streams, its picture, and where it hangs."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from xueliang_monitor.configuration.settings import Evidence, Limits
from xueliang_monitor.configuration.strict_yaml import Strict
from xueliang_monitor.model import Identity, StreamParameters
from xueliang_monitor.probing.reception import BURST_PICTURES

GB_CODE = re.compile(r"[0-9]{18,20}")
FIRST_YEAR, LAST_YEAR = 1980, 2100


def _check_range(value: tuple[float, float] | None) -> tuple[float, float] | None:
    if value is not None and not 0 <= value[0] < value[1]:
        raise ValueError("write the lowest and the highest bitrate, for example [200000, 4000000]")
    return value


def _as_text(value: Any) -> Any:
    """Return an unquoted number, such as a serial number, as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_gb_code(value: str) -> str:
    if not GB_CODE.fullmatch(value):
        raise ValueError("write the code of GB/T 28181 as 20 digits (18 in older plans)")
    return value


def _day(value: Any) -> Any:
    """Return a date of YAML as text."""
    if isinstance(value, datetime.datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, datetime.date) else value


def _check_day(value: str) -> str:
    try:
        year = datetime.date.fromisoformat(value).year if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else 0
    except ValueError:
        year = 0
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"write a date from {FIRST_YEAR} to {LAST_YEAR}, such as 2024-03-05")
    return value


def _to_a_centimetre(degrees: float) -> float:
    """Return degrees with seven decimal places, so that a position is the same in each kind of file."""
    return round(degrees, 7)


Words = Annotated[str, BeforeValidator(_as_text), Field(max_length=120)]
GbCode = Annotated[str, BeforeValidator(_as_text), AfterValidator(_check_gb_code)]
Day = Annotated[str, BeforeValidator(_day), AfterValidator(_check_day)]


class IdentitySection(Strict):
    """The identity of the camera when it was registered, or when a change was last accepted."""

    manufacturer: Words = ""
    """Manufacturer as ONVIF reports it."""

    model: Words = ""
    """Model as ONVIF reports it."""

    firmware: Words = ""
    """Firmware version as ONVIF reports it."""

    serial: Words = ""
    """Serial number as ONVIF reports it."""

    hardware: Words = ""
    """Hardware id as ONVIF reports it."""

    def value(self) -> Identity:
        """Return the section as a value."""
        return Identity(
            manufacturer=self.manufacturer,
            model=self.model,
            firmware=self.firmware,
            serial=self.serial,
            hardware=self.hardware,
        )

    @classmethod
    def of(cls, who: Identity) -> IdentitySection:
        """Return the section for an identity."""
        return cls(
            manufacturer=who.manufacturer,
            model=who.model,
            firmware=who.firmware,
            serial=who.serial,
            hardware=who.hardware,
        )


class StreamSection(Strict):
    """The encoder settings of a profile when the camera was registered."""

    profile: Words = ""
    """Token of the ONVIF profile."""

    codec: Annotated[str, Field(max_length=20)] = ""
    """Codec, such as `h264`, `h265` or `mjpeg`."""

    width: Annotated[int, Field(ge=0, le=65535)] = 0
    """Picture width in pixels. 0 means unknown."""

    height: Annotated[int, Field(ge=0, le=65535)] = 0
    """Picture height in pixels. 0 means unknown."""

    frame_rate_hertz: Annotated[float | None, Field(gt=0, le=1000)] = None
    """Frames per second."""

    bits_per_second: Annotated[float | None, Field(gt=0)] = None
    """Bitrate in bit/s."""

    keyframe_interval_seconds: Annotated[float | None, Field(gt=0)] = None
    """Time between two keyframes in seconds."""

    bits_per_second_range: Annotated[tuple[float, float] | None, AfterValidator(_check_range)] = None
    """Smallest and largest accepted bitrate in bit/s, such as `[200000, 4000000]`."""

    def value(self) -> StreamParameters:
        """Return the section as a value."""
        return StreamParameters(
            codec=self.codec,
            width=self.width,
            height=self.height,
            frame_rate_hertz=self.frame_rate_hertz,
            bits_per_second=self.bits_per_second,
            keyframe_interval_seconds=self.keyframe_interval_seconds,
        )

    @classmethod
    def of(cls, profile: str, stream: StreamParameters) -> StreamSection:
        """Return the section for a profile."""
        return cls(
            profile=profile,
            codec=stream.codec,
            width=stream.width,
            height=stream.height,
            frame_rate_hertz=stream.frame_rate_hertz,
            bits_per_second=stream.bits_per_second,
            keyframe_interval_seconds=stream.keyframe_interval_seconds,
        )


class PictureSection(Strict):
    """How this camera's picture is judged; missing keys take the values of the settings."""

    burst: Annotated[int | None, Field(ge=0, le=BURST_PICTURES)] = None
    """Number of pictures after the keyframe that are examined in a burst."""

    evidence: Evidence | None = None
    """Whether a small copy of a faulty picture is stored: `faults` or `never`."""

    limits: Limits = Field(default_factory=dict)
    """Scores from which a picture fault is seen, by fault code. `off` disables the check."""


class PositionSection(Strict):
    """Where the camera hangs, in WGS 84. The sun's height there tells day from night."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False), AfterValidator(_to_a_centimetre)]
    """Latitude (纬度) in degrees; north is positive."""

    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False), AfterValidator(_to_a_centimetre)]
    """Longitude (经度) in degrees; east is positive."""

    def __str__(self) -> str:
        return f"{self.latitude}, {self.longitude}"
