"""Chooses the video track, and the depacketizer for its encoding."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xueliang_monitor.wire import h264, h265
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import START_CODE, Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.printable import MAX_EXAMINED_CHARACTERS, clean
from xueliang_monitor.wire.sdp import Media
from xueliang_monitor.wire.secret_forms import MASK

_COMMON_NAMES = {"MP4V-ES": "MPEG-4 Visual", "MPV": "MPEG-1/2 Video", "MP2T": "MPEG-2 TS", "H263-1998": "H.263"}
"""Common names of codecs, by their RTP encoding names."""

CODECS = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265, "JPEG": Codec.MJPEG}
VideoDepacketizer = H264Depacketizer | H265Depacketizer | MjpegDepacketizer


def declared_size(codec: Codec, access_unit: bytes) -> tuple[int, int] | None:
    """Return the width and height in the parameter set of an Annex B access unit, or None."""
    for unit in access_unit.split(START_CODE):
        try:
            if codec is Codec.H264 and len(unit) > 4 and unit[0] & 0x1F == h264.SPS:
                return h264.picture_size(unit)
            if codec is Codec.H265 and len(unit) > 4 and (unit[0] >> 1) & 0x3F == h265.SPS:
                return h265.picture_size(unit)
        except MalformedMediaError:
            return None
    return None


def depacketizer(media: Media) -> VideoDepacketizer | None:
    """Return a depacketizer for a track, or None if its codec is not supported."""
    parameters = media.format_parameters
    match CODECS.get(media.encoding):
        case Codec.H264:
            return H264Depacketizer(parameters.get("sprop-parameter-sets", ""))
        case Codec.H265:
            return H265Depacketizer(*(parameters.get(f"sprop-{kind}", "") for kind in ("vps", "sps", "pps")))
        case Codec.MJPEG:
            return MjpegDepacketizer(media.frame_size)
        case _:
            return None


def codec_name(media: Media, gate: Gate) -> str:
    """Return the name of a track's codec for display, or its payload type; `***` if the camera wrote a secret there.

    The gate is asked about the text as the camera wrote it: the name is a part of it, in upper case, and cut.
    """
    if gate.hide(shown := clean(media.rtpmap, MAX_EXAMINED_CHARACTERS)) != shown:
        return MASK
    name = re.sub(r"[^\w.+-]", "?", media.encoding[:40])
    return _COMMON_NAMES.get(name, name) or f"unnamed (payload type {media.payload_type})"


def choose(videos: Sequence[Media]) -> tuple[Media, VideoDepacketizer] | None:
    """Return the first track whose codec is supported, with its depacketizer, or None."""
    for media in videos:
        if (chosen := depacketizer(media)) is not None:
            return media, chosen
    return None
