"""Chooses the video track, and the depacketizer for its encoding."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

from xueliang_monitor.wire import h264, h265, jpeg
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import MAX_PIXELS, START_CODE, Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.oddities import Oddities
from xueliang_monitor.wire.printable import MAX_EXAMINED_CHARACTERS, clean
from xueliang_monitor.wire.sdp import Media
from xueliang_monitor.wire.secret_forms import MASK
from xueliang_monitor.wire.telling import NalOrJpeg, TellingDepacketizer

_COMMON_NAMES = {"MP4V-ES": "MPEG-4 Visual", "MPV": "MPEG-1/2 Video", "MP2T": "MPEG-2 TS", "H263-1998": "H.263"}
"""Common names of codecs, by their RTP encoding names."""

CODECS = {
    **dict.fromkeys(("H264", "H.264", "H-264", "AVC", "AVC1"), Codec.H264),
    **dict.fromkeys(("H265", "H.265", "H-265", "HEVC", "HEV1"), Codec.H265),
    **dict.fromkeys(("JPEG", "MJPEG", "MJPG", "M-JPEG"), Codec.MJPEG),
}
VideoDepacketizer = NalOrJpeg | TellingDepacketizer

_SIGNS = (
    (Codec.H265, frozenset({"sprop-vps", "sprop-sps", "sprop-pps"})),
    (Codec.H264, frozenset({"sprop-parameter-sets", "packetization-mode", "profile-level-id"})),
)
"""Format parameters that only one codec has, for a track without an rtpmap."""

_H265_PARAMETERS = ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets")


def _parameter_sets(codec: Codec, access_unit: bytes) -> Iterator[bytes]:
    """Yield the sequence parameter sets of an Annex B access unit."""
    for unit in access_unit.split(START_CODE):
        kind = (unit[0] & 0x1F if codec is Codec.H264 else (unit[0] >> 1) & 0x3F) if len(unit) > 4 else 0
        if kind == (h264.SPS if codec is Codec.H264 else h265.SPS):
            yield unit


def declared_sizes(codec: Codec, picture: bytes) -> list[tuple[int, int]]:
    """Return each width and height in the parameter sets of an Annex B access unit, or in the header of a JPEG file.

    Parameter sets that cannot be parsed are left out.
    """
    if codec is Codec.MJPEG:
        size = jpeg.size_of_file(picture)
        return [size] if size else []
    parsed = h264.picture_size if codec is Codec.H264 else h265.picture_size
    sizes = []
    for unit in _parameter_sets(codec, picture):
        with contextlib.suppress(MalformedMediaError):
            sizes.append(parsed(unit))
    return sizes


def is_oversized(codec: Codec, picture: bytes) -> bool:
    """Return whether a picture declares more pixels than are decoded."""
    return any(width * height > MAX_PIXELS for width, height in declared_sizes(codec, picture))


def may_be_interlaced(codec: Codec, access_unit: bytes) -> bool:
    """Return whether a parameter set of an Annex B access unit leaves room for interlaced pictures."""
    is_progressive = h264.is_progressive if codec is Codec.H264 else h265.is_progressive
    return not all(map(is_progressive, _parameter_sets(codec, access_unit)))


def codec_of(media: Media) -> Codec | None:
    """Return the codec that a track announces: by its encoding, or else by its format parameters; None if unknown."""
    if media.encoding:
        return CODECS.get(media.encoding)
    return next((codec for codec, names in _SIGNS if names & media.format_parameters.keys()), None)


def _reader(media: Media, codec: Codec, oddities: Oddities | None) -> NalOrJpeg:
    parameters = media.format_parameters
    match codec:
        case Codec.H264:
            return H264Depacketizer(parameters.get("sprop-parameter-sets", ""), oddities)
        case Codec.H265:
            sprops = [parameters.get(name, "") for name in _H265_PARAMETERS]
            numbered = any(
                parameters.get(name, "0") not in {"", "0"} for name in ("sprop-max-don-diff", "sprop-depack-buf-nalus")
            )
            return H265Depacketizer(*sprops, oddities=oddities, numbered=numbered)
        case Codec.MJPEG:
            return MjpegDepacketizer(media.frame_size, oddities)


def depacketizer(media: Media, oddities: Oddities | None = None) -> VideoDepacketizer | None:
    """Return a depacketizer for a track, or None if its codec is not supported.

    It reads another codec than the announced one if that is what comes, and counts its `oddities`.
    """
    codec = codec_of(media)
    if codec is None:
        return None
    announced = _reader(media, codec, oddities)
    return TellingDepacketizer(announced, codec, lambda sent: _reader(media, sent, announced.shortcomings.oddities))


def codec_name(media: Media, gate: Gate) -> str:
    """Return the name of a track's codec for display, or its payload type; `***` if the camera wrote a secret there.

    The gate is asked about the text as the camera wrote it: the name is a part of it, in upper case, and cut.
    """
    if gate.hide(shown := clean(media.rtpmap, MAX_EXAMINED_CHARACTERS)) != shown:
        return MASK
    name = re.sub(r"[^\w.+-]", "?", media.encoding[:40])
    return _COMMON_NAMES.get(name, name) or f"unnamed (payload type {media.payload_type})"


def choose(videos: Sequence[Media], oddities: Oddities | None = None) -> tuple[Media, VideoDepacketizer] | None:
    """Return the first track whose codec is supported, with its depacketizer, or None.

    Of a track that offers several formats, the first one that is supported is taken.
    """
    for track in videos:
        for media in (track, *track.others):
            if (chosen := depacketizer(media, oddities)) is not None:
                return media, chosen
    return None
