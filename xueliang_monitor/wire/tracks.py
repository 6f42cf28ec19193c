"""Which depacketizer reads which track: the one table of encodings."""

from __future__ import annotations

from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.sdp import Media

CODECS = {"H264": Codec.H264, "H265": Codec.H265, "HEVC": Codec.H265, "JPEG": Codec.MJPEG}
VideoDepacketizer = H264Depacketizer | H265Depacketizer | MjpegDepacketizer


def depacketizer(media: Media) -> VideoDepacketizer | None:
    """Return a depacketizer for a track, None where its codec cannot be judged."""
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
