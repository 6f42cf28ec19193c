"""NAL units to RTP payloads, for the simulator (RFC 6184, 5.6 to 5.8; RFC 7798, 4.4)."""

from __future__ import annotations

from xueliang_monitor.wire.media import Codec


def _fragments(codec: Codec, unit: bytes, limit: int) -> list[bytes]:
    if codec is Codec.H264:
        prefix, kind, skip = bytes(((unit[0] & 0xE0) | 28,)), unit[0] & 0x1F, 1
    else:
        prefix, kind, skip = bytes(((unit[0] & 0x81) | (49 << 1), unit[1])), (unit[0] >> 1) & 0x3F, 2
    body = unit[skip:]
    room = limit - len(prefix) - 1
    pieces = [body[start : start + room] for start in range(0, len(body), room)]
    last = len(pieces) - 1
    return [
        prefix + bytes(((0x80 if index == 0 else 0) | (0x40 if index == last else 0) | kind,)) + piece
        for index, piece in enumerate(pieces)
    ]


def _aggregate(codec: Codec, units: list[bytes]) -> bytes:
    header = bytes(((units[0][0] & 0xE0) | 24,)) if codec is Codec.H264 else bytes((48 << 1, 1))
    return header + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)


def packetize_units(codec: Codec, units: list[bytes], max_payload: int = 1400) -> list[bytes]:
    """Return the RTP payloads of one access unit: small units aggregated, large ones fragmented."""
    payloads: list[bytes] = []
    small: list[bytes] = []

    def flush() -> None:
        if len(small) == 1:
            payloads.append(small[0])
        elif small:
            payloads.append(_aggregate(codec, small))
        small.clear()

    for unit in units:
        if len(unit) > max_payload:
            flush()
            payloads.extend(_fragments(codec, unit, max_payload))
            continue
        if sum(len(item) + 2 for item in small) + len(unit) + 4 > max_payload:
            flush()
        small.append(unit)
    flush()
    return payloads
