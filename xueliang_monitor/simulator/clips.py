"""The clips of the rendered scenes: access units as RTP payloads.

`tools/make_clips.py` renders the scenes and packs their clips in H.264 and H.265. The clips in Motion JPEG are made of
those when they are played first.
"""

from __future__ import annotations

import base64
import functools
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from xueliang_monitor.simulator.day import Light
from xueliang_monitor.wire.media import START_CODE, Codec
from xueliang_monitor.wire.packetize import packetize_jpeg, packetize_units

RATE = 10
"""The frame rate of every clip, in hertz."""

PROFILES: tuple[tuple[str, Codec], ...] = (
    ("street", Codec.H264),
    ("yard", Codec.H265),
    ("gate", Codec.H264),
    ("hall", Codec.MJPEG),
    ("car-park", Codec.H265),
    ("street", Codec.MJPEG),
    ("yard", Codec.MJPEG),
    ("gate", Codec.MJPEG),
    ("car-park", Codec.MJPEG),
)
"""Scene and codec of the cameras of a fleet, in turn. Each has a clip of every fault."""

LIVE = "live"
"""The variant without a fault."""

_GRAIN_LEVELS = 1.3
_JPEG_PICTURES = 12
_JPEG_QUALITY = 55

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


def _accesses(codec: Codec, raw: bytes) -> list[list[bytes]]:
    """Return the units of each picture."""
    delimiter = 9 if codec is Codec.H264 else 35
    accesses: list[list[bytes]] = []
    for unit in filter(None, _START_CODE.split(raw)):
        if _kind(codec, unit) == delimiter:
            accesses.append([])
        else:
            accesses[-1].append(unit)
    return accesses


def _nal_clip(codec: Codec, raw: bytes) -> Clip:
    accesses = _accesses(codec, raw)
    pictures = tuple(Picture(tuple(packetize_units(codec, units)), _is_keyframe(codec, units)) for units in accesses)
    return Clip(codec, pictures, _format_parameters(codec, accesses[0]))


def _jpeg_clip(raw: bytes) -> Clip:
    files = [b"\xff\xd8" + part for part in raw.split(b"\xff\xd8\xff")[1:]]
    whole = [part.replace(b"\xff\xd8", b"\xff\xd8\xff", 1) for part in files]
    return Clip(Codec.MJPEG, tuple(Picture(tuple(packetize_jpeg(file)), True) for file in whole), "")


def clip_of(codec: Codec, raw: bytes) -> Clip:
    """Return the clip in a byte stream with access unit delimiters, or in JPEG files one behind the other."""
    return _jpeg_clip(raw) if codec is Codec.MJPEG else _nal_clip(codec, raw)


@functools.cache
def _archive(scene: str) -> Mapping[str, bytes]:
    """Return the packed clips of a scene by `LIGHT-VARIANT.CODEC`.

    Raises:
        FileNotFoundError: there is no such scene.

    """
    file = resources.files("xueliang_monitor.simulator") / "clips" / f"{scene}.tar.xz"
    with file.open("rb") as stream, tarfile.open(fileobj=stream, mode="r:xz") as archive:
        files = [(item.name, archive.extractfile(item)) for item in archive.getmembers()]
        return {name: content.read() for name, content in files if content is not None}


def byte_stream(scene: str, codec: Codec, variant: str = LIVE, light: Light = Light.DAY) -> bytes:
    """Return a clip as byte stream (H.264 and H.265) or as JPEG files one behind the other.

    A fault that has no clip in that light shows the one of the day.

    Raises:
        FileNotFoundError: there is no such clip.

    """
    packed = _archive(scene)
    if codec is Codec.MJPEG:
        return b"".join(_jpeg_files(scene, variant, light))
    for of in (light, Light.DAY):
        if (found := packed.get(f"{of}-{variant}.{codec}")) is not None:
            return found
    raise FileNotFoundError(f"the simulator has no clip {scene}-{variant}.{codec}; make it with tools/make_clips.py")


@functools.cache
def frames(scene: str, light: Light = Light.DAY) -> Sequence[Any]:
    """Return the pictures of a scene without a fault, of 640x360 pixels as BGR."""
    from xueliang_monitor.picture.decode import decode_burst

    accesses = _accesses(Codec.H264, byte_stream(scene, Codec.H264, light=light))
    groups: list[list[bytes]] = []
    for units in accesses:
        if _is_keyframe(Codec.H264, units):
            groups.append([])
        groups[-1].append(b"".join(START_CODE + unit for unit in units))
    return tuple(picture for group in groups for picture in decode_burst(Codec.H264.value, group[0], tuple(group[1:])))


def _spread(scene: str, light: Light) -> Sequence[Any]:
    """Return the first pictures of each group, in turn, as many as a clip in Motion JPEG has."""
    pictures = frames(scene, light)
    half = len(pictures) // 2
    return (*pictures[: _JPEG_PICTURES // 2], *pictures[half : half + _JPEG_PICTURES // 2])


def _jpeg_files(scene: str, variant: str, light: Light) -> list[bytes]:
    """Return the pictures of a clip as JPEG files, each with the grain of a sensor that the encoder had taken away.

    Raises:
        FileNotFoundError: there is no such variant.

    """
    import cv2

    from xueliang_monitor.simulator.picture_faults import VARIANTS, grain

    pictures = [grain(picture, _GRAIN_LEVELS, seed) for seed, picture in enumerate(_spread(scene, light))]
    if variant != LIVE:
        if variant not in VARIANTS:
            raise FileNotFoundError(f"the simulator has no clip {scene}-{variant}.mjpeg; see picture_faults.py")
        pictures = VARIANTS[variant](pictures[:5])
    quality = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
    return [cv2.imencode(".jpg", picture, quality)[1].tobytes() for picture in pictures]


@functools.cache
def load(scene: str, codec: Codec, variant: str = LIVE, light: Light = Light.DAY) -> Clip:
    """Return a clip of the package.

    Raises:
        FileNotFoundError: there is no such clip.

    """
    return clip_of(codec, byte_stream(scene, codec, variant, light))
