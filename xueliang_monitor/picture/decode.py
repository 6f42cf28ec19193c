"""Decodes access units to pictures, from memory: with OpenCV, or with PyAV if they may be interlaced.

Runs in a worker process only.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from itertools import takewhile

from xueliang_monitor.picture.matroska import PROBE_OPTIONS, wrap

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = PROBE_OPTIONS

import cv2
import numpy as np
from numpy.typing import NDArray

from xueliang_monitor.picture.copies import MACROBLOCK
from xueliang_monitor.picture.scaling import WORK_WIDTH
from xueliang_monitor.wire import jpeg
from xueliang_monitor.wire.media import START_CODE, Codec
from xueliang_monitor.wire.tracks import declared_sizes, is_oversized, may_be_interlaced

_DELIMITERS = {Codec.H264: b"\x09\xf0", Codec.H265: b"\x46\x01\x50"}
"""An access unit delimiter after the picture tells the parser that the picture is whole.

H.264, 7.3.2.4; H.265, 7.3.2.5.
"""

WHOLE_WIDTH = 640
"""Largest width in pixels at which a picture is decoded whole, with the grid of its encoder."""

LEAST_BLOCK = 3
"""Side of a macroblock in pixels from which its border is told from what is in it: 2560 px wide pictures have it."""

READS = 2
"""Reads allowed for the first picture: the first read may end at the padding ahead of it."""

cv2.setNumThreads(1)


def decode(data: bytes, codec: str) -> NDArray[np.uint8] | None:
    """Decode an Annex B keyframe or a JPEG file to BGR of shape (height, width, 3); None if that fails."""
    return next(iter(decode_burst(codec, data)), None)


def decode_burst(codec: str, keyframe: bytes, following: Sequence[bytes] = ()) -> list[NDArray[np.uint8]]:
    """Decode a keyframe and as many of the pictures after it as possible; empty if the keyframe cannot be decoded.

    A picture that declares more than `MAX_PIXELS` is never decoded.

    FFmpeg scales a wide picture to the working copy on the way. No check needs the whole picture, and filling its 6 MB
    and scaling it in two steps costs time and fine detail.
    """
    kind = Codec(codec)
    if is_oversized(kind, keyframe):
        return []
    if kind is Codec.MJPEG:
        found = _jpeg(keyframe)
        others = [_jpeg(data) for data in following] if found is not None else []
        return [picture for picture in (found, *others) if picture is not None]
    # Each picture builds on those before it: none can be left out.
    units = (keyframe, *takewhile(lambda unit: not is_oversized(kind, unit), following))
    size = next(iter(declared_sizes(kind, keyframe)), None)
    if any(may_be_interlaced(kind, unit) for unit in units):
        return _decode_planes(kind, units, size)
    # Without the container FFmpeg decodes a picture twice, but needs to know nothing about it.
    pictures = _pictures(wrap(kind, units, _working_size(*size)), len(units)) if size else []
    return pictures or _pictures(keyframe + START_CODE + _DELIMITERS[kind], 1)


def macroblock_side(codec: str, keyframe: bytes, width: int) -> int:
    """Return the side of the encoder's macroblocks in pixels of a decoded picture; 0 if it is no whole number."""
    size = next(iter(declared_sizes(Codec(codec), keyframe)), None)
    side = MACROBLOCK * width / size[0] if size is not None and size[0] else float(MACROBLOCK)
    return int(side) if side.is_integer() and side >= LEAST_BLOCK else 0


def _decode_planes(codec: Codec, units: Sequence[bytes], size: tuple[int, int] | None) -> list[NDArray[np.uint8]]:
    from xueliang_monitor.picture.interlaced import decode_planes  # few cameras need it and its 17 MB

    return decode_planes(codec, units, _working_size(*size)) if size else []


def _jpeg(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a JPEG file; one wider than RTP's own header can say is scaled to the working width, as video is.

    None if that fails, if nothing tells its size, or if it is larger than what is decoded.
    """
    size = jpeg.size_of_file(data)
    if size is None or is_oversized(Codec.MJPEG, data):
        return None
    is_wide = size[0] > jpeg.WIDEST
    try:
        how = cv2.IMREAD_REDUCED_COLOR_2 if is_wide else cv2.IMREAD_COLOR
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), how)
        if picture is not None and is_wide:
            picture = cv2.resize(picture, _working_size(*size), interpolation=cv2.INTER_AREA)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


def _working_size(width: int, height: int) -> tuple[int, int]:
    """Return the size to decode to, even in both directions. OpenCV scales to the size in the container."""
    shown = WORK_WIDTH if width > WHOLE_WIDTH else width
    return max(2, shown // 2 * 2), max(2, round(height * shown / width / 2) * 2) if width else 2


def _read(capture: cv2.VideoCapture) -> tuple[bool, object]:
    try:
        return capture.read() if capture.isOpened() else (False, None)
    except cv2.error:  # OpenCV raises for sizes that it refuses
        return False, None


def _pictures(file: bytes, count: int) -> list[NDArray[np.uint8]]:
    # The stream must outlive the capture: OpenCV 5.0 keeps no reference to it and crashes.
    stream = io.BytesIO(file)
    capture = cv2.VideoCapture(stream, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])  # type: ignore[call-overload]
    pictures: list[NDArray[np.uint8]] = []
    try:
        for _ in range(count + READS - 1):
            found, frame = _read(capture)
            if found and frame is not None:
                pictures.append(np.array(frame, dtype=np.uint8))
            elif pictures:
                break
            if len(pictures) >= count:
                break
    finally:
        capture.release()
    return pictures
