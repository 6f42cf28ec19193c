"""The sizes of a keyframe and of the pictures after it: none is decoded that is larger than the limit."""

from __future__ import annotations

from xueliang_monitor.model import FaultSeen
from xueliang_monitor.probing.decode_reasons import OVERSIZED
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.probing.stream_faults import DECODE_FAILED
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.media import MAX_PIXELS, Codec
from xueliang_monitor.wire.oddities import Oddity
from xueliang_monitor.wire.tracks import declared_sizes, is_oversized


def size_of(reception: Reception) -> tuple[int, int] | None:
    """Return the width and height in pixels of the keyframe; None if nothing tells them.

    Raises:
        FaultSeen: it is larger than what is decoded, or its parameter set cannot be parsed.

    """
    keyframe = reception.keyframe
    if keyframe is None:
        return None
    declared = declared_sizes(keyframe.codec, keyframe.data)
    try:
        # Of a JPEG stream the depacketizer knows the size of the last picture, which need not be the keyframe's.
        size = next(iter(declared), None) if keyframe.codec is Codec.MJPEG else reception.depacketizer.size
    except MalformedMediaError as error:
        raise FaultSeen(DECODE_FAILED, str(error)) from error
    if is_oversized(keyframe.codec, keyframe.data):
        claimed = " and ".join(f"{width}x{height}" for width, height in declared)
        detail = f"its keyframe claims {claimed} pixels; the limit is {MAX_PIXELS // 1_000_000} million"
        raise FaultSeen(DECODE_FAILED, detail, reason=OVERSIZED)
    return size


def burst_of(reception: Reception) -> tuple[bytes, ...]:
    """Return the pictures after the keyframe that are decoded. Those too large and changes of size are oddities."""
    keyframe = reception.keyframe
    if keyframe is None:
        return ()
    before, kept = declared_sizes(keyframe.codec, keyframe.data), []
    for data in reception.burst:
        sizes = declared_sizes(keyframe.codec, data)
        if is_oversized(keyframe.codec, data):
            reception.oddities.count(Oddity.OVERSIZED_PICTURE)
            continue
        if sizes and sizes != before:
            reception.oddities.count(Oddity.SIZE_CHANGED)
        kept.append(data)
    return tuple(kept)
