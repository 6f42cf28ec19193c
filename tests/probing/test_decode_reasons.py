"""What is said of a stream without a complete keyframe: each reason is true for what was sent."""

from __future__ import annotations

import base64

import pytest

from tests.wire.payloads import TICKS, Packet, fragments, kind, long_gaps, packed, without_sets
from xueliang_monitor.model import FaultSeen
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.probing.stream_faults import why_no_keyframe
from xueliang_monitor.wire import rtp, sdp, tracks
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, Codec
from xueliang_monitor.wire.oddities import Oddities

H264 = long_gaps(Codec.H264)[:45]
H265 = long_gaps(Codec.H265)[:45]
JPEG_HEAD = b"\x00\x00\x00\x00\x01"


def _without(shown: list[list[bytes]], codec: Codec, *kinds: int) -> list[Packet]:
    return packed(codec, [[unit for unit in units if kind(codec, unit) not in kinds] for units in shown])


def _cut(shown: list[list[bytes]]) -> list[Packet]:
    """Return pictures whose large slices lack their last fragment after the first one of them."""
    whole = [(part, 0, False) for part in fragments(Codec.H264, H264[1][-1])]
    return whole + [
        packet
        for packet in packed(Codec.H264, shown, first=1)
        if not (packet[0][0] & 31 == 28 and packet[0][1] == 0x45)
    ]


def _jpegs(head: bytes) -> list[Packet]:
    return [(head + bytes(200), number * TICKS, True) for number in range(30)]


SENT: dict[str, tuple[str, list[Packet], str, str, str]] = {
    "no PPS": (
        "H264",
        _without(H264, Codec.H264, 8),
        "decode_failed",
        "parameter_sets_missing",
        "the PPS that they need",
    ),
    "no PPS, one keyframe": (
        "H264",
        _without(H264[:5], Codec.H264, 8),
        "decode_failed",
        "parameter_sets_missing",
        "a keyframe arrived whole, but the PPS that it needs never came",
    ),
    "one keyframe, cut": (
        "H264",
        _cut(H264[:9]),
        "decode_failed",
        "",
        "a keyframe arrived without packet loss, and is not complete",
    ),
    "one JPEG": ("JPEG", _jpegs(JPEG_HEAD + bytes((60, 0, 0)))[:1], "decode_failed", "size_unknown", "1 JPEG picture "),
    "no sets": ("H264", _without(H264, Codec.H264, 7, 8), "decode_failed", "parameter_sets_missing", "the SPS and PPS"),
    "no VPS": ("H265", _without(H265, Codec.H265, 32), "decode_failed", "parameter_sets_missing", "the VPS that they"),
    "cut keyframes": ("H264", _cut(H264), "decode_failed", "", "none was complete"),
    "no keyframe": ("H264", packed(Codec.H264, H264[1:20]), "no_keyframe", "", "19 frames without a keyframe"),
    "sets alone": (
        "H264",
        [(unit, number * TICKS, True) for number in range(9) for unit in H264[0] if kind(Codec.H264, unit) in {7, 8}],
        "no_keyframe",
        "no_pictures",
        "18 packets arrived without a picture",
    ),
    "odd packets": (
        "H264",
        [(b"\x1f" + bytes(40), number * TICKS, True) for number in range(40)],
        "decode_failed",
        "odd_packets",
        "40 of 40 packets cannot be read; most are units of type 31 (40)",
    ),
    "an endless picture": (
        "H264",
        [(b"\x7c" + bytes((0x85 if not number else 5,)) + bytes(60_000), 0, False) for number in range(120)],
        "decode_failed",
        "oversized",
        f"over {MAX_ACCESS_UNIT_BYTES} bytes",
    ),
    "no size": ("JPEG", _jpegs(JPEG_HEAD + bytes((60, 0, 0))), "decode_failed", "size_unknown", "no size"),
    "no tables": (
        "JPEG",
        _jpegs(JPEG_HEAD + bytes((255, 40, 30)) + bytes(4)),
        "decode_failed",
        "tables_missing",
        "quantization tables never came",
    ),
    "another codec, cut": ("H265", _cut(H264), "decode_failed", "codec_differs", "announced h265, sent h264"),
}


def reception_of(encoding: str, packets: list[Packet], parameters: str = "") -> Reception:
    body = f"m=video 0 RTP/AVP 96\na=rtpmap:96 {encoding}/90000\na=fmtp:96 {parameters}\na=control:x\n"
    oddities = Oddities()
    chosen = tracks.choose(sdp.parse(body.encode()).videos, oddities)
    assert chosen is not None
    media, depacketizer = chosen
    reception = Reception(lambda: tracks.depacketizer(media, oddities) or depacketizer, 96, 90_000, oddities=oddities)
    for number, (payload, timestamp, marker) in enumerate(packets):
        packet = rtp.RtpPacket(96, number & 0xFFFF, timestamp, ssrc=1, marker=marker, payload=payload)
        reception.push(rtp.serialize(packet), timestamp / 90_000)
    return reception


def _judge(name: str) -> FaultSeen:
    encoding, packets, *_ = SENT[name]
    reception = reception_of(encoding, packets)
    assert reception.keyframe is None
    return why_no_keyframe(reception, 9.5)


@pytest.mark.parametrize("name", SENT)
def test_the_reason_is_true_for_what_was_sent(name: str) -> None:
    _, _, code, reason, words = SENT[name]
    seen = _judge(name)
    assert (seen.fault.code, seen.reason) == (code, reason)
    assert words in seen.detail
    assert seen.detail.endswith(" within 9.5 s")
    assert len(seen.detail) < 300


def test_each_reason_has_texts_of_its_own_and_a_case() -> None:
    for name in SENT:
        fault, reason = _judge(name).fault, _judge(name).reason
        explained = fault.explained(reason)
        assert explained.key == reason
        assert bool(reason) is (explained.cause != fault.cause)


def test_sets_of_the_sdp_alone_are_enough() -> None:
    sets = [unit for unit in H264[0] if kind(Codec.H264, unit) in {7, 8}]
    described = ",".join(base64.b64encode(unit).decode() for unit in sets)
    bare = packed(Codec.H264, [without_sets(Codec.H264, units) for units in H264])
    assert reception_of("H264", bare, f"sprop-parameter-sets={described}").keyframe is not None
