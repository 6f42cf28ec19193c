"""What manners of devices change in the RTP payloads of a picture. Pure functions of bytes."""

from __future__ import annotations

from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.packetize import fragments

START_CODE = b"\x00\x00\x00\x01"
_PARAMETER_SETS = {Codec.H264: frozenset({7, 8}), Codec.H265: frozenset({32, 33, 34})}
_AGGREGATE, _FRAGMENT = {Codec.H264: 24, Codec.H265: 48}, {Codec.H264: 28, Codec.H265: 49}
_KEY_KINDS = {Codec.H264: frozenset({5}), Codec.H265: frozenset(range(16, 22))}
_FRAGMENT_BYTES = 1400


def kind_of(codec: Codec, unit: bytes) -> int:
    """Return the type of a NAL unit, or of a payload that begins like one."""
    return unit[0] & 0x1F if codec is Codec.H264 else unit[0] >> 1 & 0x3F


def units_of(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Return the NAL units in the payloads of `packetize.packetize_units`."""
    head = 1 if codec is Codec.H264 else 2
    units: list[bytes] = []
    for payload in payloads:
        kind = kind_of(codec, payload)
        if kind == _AGGREGATE[codec]:
            position = head
            while position < len(payload):
                size = int.from_bytes(payload[position : position + 2], "big")
                units.append(payload[position + 2 : position + 2 + size])
                position += 2 + size
        elif kind == _FRAGMENT[codec]:
            flags = payload[head]
            if flags & 0x80:
                first = (
                    payload[0] & 0xE0 | flags & 0x1F if codec is Codec.H264 else payload[0] & 0x81 | (flags & 63) << 1
                )
                units.append(bytes((first,)) + payload[1:head])
            units[-1] += payload[head + 1 :]
        else:
            units.append(payload)
    return units


def as_byte_stream(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send a keyframe with its parameter sets as one unit with start codes within (scottlamb/retina#68)."""
    if codec is Codec.MJPEG:
        return payloads
    units = units_of(codec, payloads)
    if not any(kind_of(codec, unit) in _KEY_KINDS[codec] for unit in units):
        return payloads
    return fragments(codec, START_CODE.join(units), _FRAGMENT_BYTES)


def without_parameter_sets(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send parameter sets in the SDP only."""
    if codec is Codec.MJPEG:
        return payloads
    kept = [unit for unit in units_of(codec, payloads) if kind_of(codec, unit) not in _PARAMETER_SETS[codec]]
    return [
        part
        for unit in kept
        for part in ([unit] if len(unit) <= _FRAGMENT_BYTES else fragments(codec, unit, _FRAGMENT_BYTES))
    ]


def without_picture_set(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send no picture parameter set."""
    return [
        part
        for part in without_aggregates(codec, payloads)
        if codec is Codec.MJPEG or kind_of(codec, part) not in (8, 34)
    ]


def without_aggregates(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send each small unit in a packet of its own."""
    if codec is Codec.MJPEG:
        return payloads
    return [
        part
        for payload in payloads
        for part in (units_of(codec, [payload]) if kind_of(codec, payload) == _AGGREGATE[codec] else [payload])
    ]


def _before(h264: bytes, h265: bytes) -> dict[Codec, bytes]:
    return {Codec.H264: h264, Codec.H265: h265}


_UNKNOWN = _before(b"\x1f" + bytes(range(40)), bytes((63 << 1, 1)) + bytes(range(40)))
_AGGREGATE_TOO_LONG = _before(b"\x78\x00\x90abc", b"\x60\x01\x00\x90abc")
_LONE_FRAGMENT = _before(b"\x7c\x05" + bytes(range(40)), b"\x62\x01\x13" + bytes(range(40)))


def unknown_unit(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send a unit of the maker's own type before each picture (BogdanovKirill/RtspClientSharp#33)."""
    return [_UNKNOWN[codec], *payloads] if codec in _UNKNOWN else payloads


def bad_aggregate(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send an aggregate whose sizes do not add up before each picture."""
    return [_AGGREGATE_TOO_LONG[codec], *payloads] if codec in _AGGREGATE_TOO_LONG else payloads


def fragment_without_start(codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send a fragment without the first one before each picture."""
    return [_LONE_FRAGMENT[codec], *payloads] if codec in _LONE_FRAGMENT else payloads


def empty_payload(_codec: Codec, payloads: list[bytes]) -> list[bytes]:
    """Send a packet without payload before each picture."""
    return [b"", *payloads]
