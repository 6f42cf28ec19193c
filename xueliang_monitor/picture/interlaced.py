"""Decodes streams that may be interlaced with PyAV, from memory. Runs in a worker process only.

The FFmpeg in OpenCV 5 refuses to convert a picture that is flagged as interlaced. OpenCV then returns its buffer
unwritten, which may hold the picture of another camera. The planes are therefore read as they were decoded, and scaled
and converted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, cast

import av
import cv2
import numpy as np

from xueliang_monitor.wire.media import MAX_PIXELS, Codec

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}

_FULL_RANGE, _BT_709 = 2, 1
"""Values of FFmpeg for the full range of levels (AVCOL_RANGE_JPEG) and for the colours of HDTV (AVCOL_SPC_BT709)."""

_LUMA_SHARES, _LUMA_SHARES_OF_BT_709 = (0.299, 0.114), (0.2126, 0.0722)
"""Shares of red and blue in luma by ITU-R BT.601, which FFmpeg takes for all that names no other, and by BT.709."""

_BLACK, _LUMA_LEVELS, _CHROMA_LEVELS = 16, 219, 224
"""Black, and the numbers of levels of luma and chroma, in the limited range of levels."""

_BITS = 8
"""Bits of a sample of the pictures that are judged."""

_NO_COLOUR = 128
"""Chroma of grey."""


def decode_planes(codec: Codec, units: Sequence[bytes], size: tuple[int, int]) -> list[NDArray[np.uint8]]:
    """Decode Annex B access units to BGR pictures of `size` (width, height), at most one a unit.

    Data that cannot be decoded cost their own picture.
    """
    return list(islice(_pictures(codec, units, size), len(units)))


def _pictures(codec: Codec, units: Sequence[bytes], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    for frame in _frames(codec, units):
        try:
            picture = _picture(frame, size)
        except (av.FFmpegError, cv2.error, ValueError):
            continue
        yield picture


def _frames(codec: Codec, units: Sequence[bytes]) -> Iterator[VideoFrame]:
    """Yield the frames in the order in which they are shown."""
    decoder = cast("VideoCodecContext", av.CodecContext.create(_DECODERS[codec], "r"))
    decoder.thread_count, decoder.options = 1, {"max_pixels": str(MAX_PIXELS)}
    packets = [packet for unit in (*units, None) for packet in decoder.parse(unit)]
    for packet in (*packets, None):
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            continue
        yield from frames


def _picture(frame: VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a frame in BGR at another (width, height).

    Raises:
        ValueError: it is interlaced and has no planes of luma and chroma.

    """
    name = frame.format.name
    is_grey = name.startswith("gray")
    if not is_grey and not (name.startswith("yuv") and frame.format.is_planar):
        if frame.interlaced_frame:
            raise ValueError(f"interlaced pictures of format {name} cannot be converted")
        whole = frame.reformat(format="bgr24").to_ndarray()
        return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    planes = [_plane(frame, index, size) for index in range(1 if is_grey else 3)]
    planes += [np.full_like(planes[0], _NO_COLOUR)] * (3 - len(planes))
    is_full = is_grey or frame.color_range == _FULL_RANGE or name.startswith("yuvj")
    matrix = _to_bgr(is_full=is_full, is_bt_709=frame.colorspace == _BT_709)
    return np.asarray(cv2.transform(cv2.merge(planes), matrix), dtype=np.uint8)


def _plane(frame: VideoFrame, index: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a plane at another (width, height), with 8 bits a sample."""
    plane, bits = frame.planes[index], frame.format.components[index].bits
    kind = np.dtype(np.uint8 if bits <= _BITS else np.uint16)
    rows = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    is_larger = plane.width < size[0] or plane.height < size[1]
    how = cv2.INTER_LINEAR if is_larger else cv2.INTER_AREA
    scaled = cv2.resize(rows[:, : plane.width], size, interpolation=how)
    if bits > _BITS:
        scaled = cv2.convertScaleAbs(scaled, alpha=2.0 ** (_BITS - bits))
    return np.asarray(scaled, dtype=np.uint8)


def _to_bgr(*, is_full: bool, is_bt_709: bool) -> NDArray[np.float64]:
    """Return the matrix from luma, both chromas and 1 to blue, green and red (ITU-T H.273, 8.3)."""
    red, blue = _LUMA_SHARES_OF_BT_709 if is_bt_709 else _LUMA_SHARES
    green = 1 - red - blue
    by_colour = np.array(
        [
            [1, 2 * (1 - blue), 0],
            [1, -2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [1, 0, 2 * (1 - red)],
        ]
    )
    black, luma, chroma = (0, 255, 255) if is_full else (_BLACK, _LUMA_LEVELS, _CHROMA_LEVELS)
    stretched = by_colour * (255 / luma, 255 / chroma, 255 / chroma)
    offset = -stretched @ (black, _NO_COLOUR, _NO_COLOUR)
    return np.column_stack((stretched, offset))
