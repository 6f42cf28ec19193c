"""The pre-encoded clips: access units as RTP payloads."""

from __future__ import annotations

import base64
import functools
import re
from dataclasses import dataclass
from importlib import resources

from xueliang_monitor.wire import mjpeg
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.packetize import packetize_units

RATE = 10
"""The frame rate of every clip, in hertz."""

PROFILES: tuple[tuple[str, Codec], ...] = (
    ("street", Codec.H264),
    ("lot", Codec.H264),
    ("street", Codec.H265),
    ("table", Codec.H264),
    ("hall", Codec.MJPEG),
    ("hall", Codec.H264),
    ("lot", Codec.H265),
    ("parking", Codec.H265),
    ("parking", Codec.MJPEG),
)
"""Scene and codec of the cameras of a fleet, in turn."""

_START_CODE = re.compile(rb"\x00\x00\x00?\x01")
_PARAMETER_SETS = {Codec.H264: {7: "sps", 8: "pps"}, Codec.H265: {32: "vps", 33: "sps", 34: "pps"}}


@dataclass(frozen=True, slots=True)
class Picture:
    """One access unit as RTP payloads."""

    payloads: tuple[bytes, ...]
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """A loop of pictures, and the `fmtp` parameters for its SDP."""

    codec: Codec
    pictures: tuple[Picture, ...]
    format_parameters: str

    def keyframe_at_or_before(self, index: int) -> int:
        """Return the index of the last keyframe at or before `index`."""
        return max(number for number, item in enumerate(self.pictures[: index + 1]) if item.keyframe)


def _kind(codec: Codec, unit: bytes) -> int:
    return unit[0] & 0x1F if codec is Codec.H264 else (unit[0] >> 1) & 0x3F


def _is_keyframe(codec: Codec, units: list[bytes]) -> bool:
    kinds = [_kind(codec, unit) for unit in units]
    return 5 in kinds if codec is Codec.H264 else any(16 <= kind <= 21 for kind in kinds)


def _format_parameters(codec: Codec, units: list[bytes]) -> str:
    sets = {
        _PARAMETER_SETS[codec][_kind(codec, unit)]: base64.b64encode(unit).decode()
        for unit in units
        if _kind(codec, unit) in _PARAMETER_SETS[codec]
    }
    if codec is Codec.H264:
        return f"packetization-mode=1;sprop-parameter-sets={sets['sps']},{sets['pps']}"
    return ";".join(f"sprop-{name}={sets[name]}" for name in ("vps", "sps", "pps"))


def _nal_clip(codec: Codec, raw: bytes) -> Clip:
    delimiter = 9 if codec is Codec.H264 else 35
    accesses: list[list[bytes]] = []
    for unit in filter(None, _START_CODE.split(raw)):
        if _kind(codec, unit) == delimiter:
            accesses.append([])
        else:
            accesses[-1].append(unit)
    pictures = tuple(Picture(tuple(packetize_units(codec, units)), _is_keyframe(codec, units)) for units in accesses)
    return Clip(codec, pictures, _format_parameters(codec, accesses[0]))


def _jpeg_clip(raw: bytes) -> Clip:
    files = [b"\xff\xd8" + part for part in raw.split(b"\xff\xd8\xff")[1:]]
    whole = [part.replace(b"\xff\xd8", b"\xff\xd8\xff", 1) for part in files]
    return Clip(Codec.MJPEG, tuple(Picture(tuple(mjpeg.packetize(file)), True) for file in whole), "")


@functools.cache
def load(scene: str, codec: Codec, variant: str) -> Clip:
    """Return a clip of the package.

    Raises:
        FileNotFoundError: there is no such clip.

    """
    file = resources.files("xueliang_monitor.simulator") / "clips" / f"{scene}-{variant}.{codec}"
    if not file.is_file():
        raise FileNotFoundError(f"the simulator has no clip {file.name}; make it with tools/make_clips.py")
    raw = file.read_bytes()
    return _jpeg_clip(raw) if codec is Codec.MJPEG else _nal_clip(codec, raw)
