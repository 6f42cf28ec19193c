"""Wraps one access unit so that FFmpeg decodes it once.

OpenCV lets FFmpeg probe a stream before it reads it. Probing a bare byte stream decodes the picture. In a container
(RFC 9559) with a tiny unit of padding ahead, the probe reads the padding and gives up at its limit of 32 bytes. The
picture is then decoded only when it is read: 14 ms instead of 36 ms for a 1080p H.264 keyframe.
"""

from __future__ import annotations

from collections.abc import Sequence

from xueliang_monitor.wire.media import START_CODE, Codec

_CODEC_IDS = {Codec.H264: b"V_MPEG4/ISO/AVC", Codec.H265: b"V_MPEGH/ISO/HEVC"}
_PADDING = {Codec.H264: b"\x0c", Codec.H265: b"\x4c\x01"}
"""Headers of a filler data unit (H.264, 7.3.2.7; H.265, 7.3.2.8)."""

PROBE_OPTIONS = "probesize;32|analyzeduration;0"
"""Options of FFmpeg that make the probe give up at once."""


def _element(identity: bytes, content: bytes) -> bytes:
    return identity + (len(content) | 1 << 56).to_bytes(8, "big") + content


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _block(milliseconds: int, data: bytes) -> bytes:
    return _element(b"\xa3", b"\x81" + milliseconds.to_bytes(2, "big") + b"\x80" + data)


def wrap(codec: Codec, units: Sequence[bytes], size: tuple[int, int]) -> bytes:
    """Return a Matroska file of padding and Annex B access units; `size` is the width and height to decode to."""
    padding = START_CODE + _PADDING[codec] + b"\xff" * 60 + b"\x80"
    head = _element(b"\x42\x82", b"matroska") + _element(b"\x42\x87", _number(4)) + _element(b"\x42\x85", _number(2))
    video = _element(b"\xb0", _number(size[0])) + _element(b"\xba", _number(size[1]))
    track = b"".join(
        (
            _element(b"\xd7", _number(1)),
            _element(b"\x73\xc5", _number(1)),
            _element(b"\x83", _number(1)),
            _element(b"\x86", _CODEC_IDS[codec]),
            _element(b"\xe0", video),
        )
    )
    info = _element(b"\x15\x49\xa9\x66", _element(b"\x2a\xd7\xb1", _number(1_000_000)))
    tracks = _element(b"\x16\x54\xae\x6b", _element(b"\xae", track))
    blocks = b"".join(_block(40 * number, unit) for number, unit in enumerate(units, 1))
    cluster = _element(b"\x1f\x43\xb6\x75", _element(b"\xe7", _number(0)) + _block(0, padding) + blocks)
    return _element(b"\x1a\x45\xdf\xa3", head) + _element(b"\x18\x53\x80\x67", info + tracks + cluster)
