"""Payload formats both ways; FFmpeg's parsers and decoders verify sizes and pictures."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.picture.decode import decode
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import h264, rtp
from xueliang_monitor.wire.errors import MalformedMediaError
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.jpeg import quantization_tables
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, AccessUnit, Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.packet_order import Resequencer
from xueliang_monitor.wire.rtp import RtpPacket
from xueliang_monitor.wire.tracks import VideoDepacketizer

DEPACKETIZERS = {Codec.H264: h264.H264Depacketizer, Codec.H265: H265Depacketizer, Codec.MJPEG: MjpegDepacketizer}


def packets(clip: clips.Clip, count: int) -> list[RtpPacket]:
    made: list[RtpPacket] = []
    for number, picture in enumerate(clip.pictures[:count]):
        for index, payload in enumerate(picture.payloads):
            marker = index == len(picture.payloads) - 1
            made.append(RtpPacket(96, len(made) & 0xFFFF, number * 9000, ssrc=1, marker=marker, payload=payload))
    return made


def receive(depacketizer: VideoDepacketizer, sent: list[RtpPacket]) -> list[AccessUnit]:
    order = Resequencer()
    return [unit for packet in sent for each, lost in order.push(packet) for unit in depacketizer.push(each, lost=lost)]


@pytest.mark.parametrize(("scene", "codec"), sorted(set(clips.PROFILES)))
def test_every_clip_survives_packets_and_can_be_decoded(scene: str, codec: Codec) -> None:
    clip = clips.load(scene, codec, "live")
    depacketizer = DEPACKETIZERS[codec]()
    units = receive(depacketizer, packets(clip, 12))
    assert len(units) == 12
    assert all(unit.complete for unit in units)
    assert [unit.keyframe for unit in units] == [picture.keyframe for picture in clip.pictures[:12]]
    frame = decode(units[0].data, codec)
    assert frame is not None
    assert frame.shape == (360, 640, 3)
    assert depacketizer.size == (640, 360)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_lost_packet_damages_its_picture_and_no_other(codec: Codec) -> None:
    scene = {Codec.MJPEG: "hall"}.get(codec, "street")
    sent = packets(clips.load(scene, codec, "live"), 3)
    units = receive(DEPACKETIZERS[codec](), [packet for packet in sent if packet.sequence != 2])
    assert [unit.complete for unit in units] == [False, True, True]


def test_without_a_marker_the_next_timestamp_ends_a_picture() -> None:
    sent = packets(clips.load("street", Codec.H264, "live"), 3)
    bare = [
        RtpPacket(item.payload_type, item.sequence, item.timestamp, ssrc=1, marker=False, payload=item.payload)
        for item in sent
    ]
    assert len(receive(h264.H264Depacketizer(), bare)) == 2


def test_parameter_sets_of_the_sdp_complete_a_keyframe_that_has_none() -> None:
    clip = clips.load("street", Codec.H264, "live")
    whole = receive(h264.H264Depacketizer(), packets(clip, 1))[0]
    sets = clip.format_parameters.split("sprop-parameter-sets=")[1]
    bare = [unit for unit in whole.data.split(b"\x00\x00\x00\x01") if unit and unit[0] & 0x1F == 5]
    depacketizer = h264.H264Depacketizer(sets)
    from xueliang_monitor.wire.packetize import packetize_units

    payloads = packetize_units(Codec.H264, bare)
    last = len(payloads) - 1
    sent = [
        RtpPacket(96, index, 0, ssrc=1, marker=index == last, payload=payload) for index, payload in enumerate(payloads)
    ]
    (unit,) = receive(depacketizer, sent)
    assert decode(unit.data, Codec.H264) is not None


def test_a_picture_without_an_end_is_bounded() -> None:
    oddities = Oddities()
    depacketizer = h264.H264Depacketizer(oddities=oddities)
    for number in range(MAX_ACCESS_UNIT_BYTES // 60_000 + 2):
        start = 0x80 if number == 0 else 0
        payload = bytes((0x7C, start | 5)) + bytes(60_000)
        assert not depacketizer.push(RtpPacket(96, number, 0, ssrc=1, marker=False, payload=payload), lost=False)
    assert oddities.of(Oddity.OVERSIZED_PICTURE) == 1
    assert not depacketizer._assembler.units
    assert not depacketizer._assembler.is_open


@pytest.mark.parametrize("kind", [h264.H264Depacketizer, H265Depacketizer, MjpegDepacketizer])
@given(st.lists(st.tuples(st.binary(max_size=60), st.integers(0, 3), st.booleans()), max_size=30))
def test_random_payloads_raise_only_our_error(
    kind: type[VideoDepacketizer], given: list[tuple[bytes, int, bool]]
) -> None:
    depacketizer = kind()
    for sequence, (payload, timestamp, marker) in enumerate(given):
        try:
            depacketizer.push(RtpPacket(96, sequence, timestamp, ssrc=1, marker=marker, payload=payload), lost=False)
            _ = depacketizer.size
        except MalformedMediaError:
            return


@pytest.mark.parametrize("rest", [b"", b"\x00", bytes(7)])
def test_a_short_payload_after_a_bare_file_costs_itself(rest: bytes) -> None:
    depacketizer = MjpegDepacketizer()
    for number, payload in enumerate((b"\xff\xd8", rest)):
        packet = RtpPacket(26, number, number, ssrc=1, marker=False, payload=payload)
        assert not any(unit.complete for unit in depacketizer.push(packet, lost=False))


def test_a_parameter_set_with_a_huge_size_is_parsed() -> None:
    # Baseline profile, 65536x65536: Exp-Golomb 4095 for both sizes in macroblocks.
    bits = "01000010" + "00000000" + "00101000" + "1" + "1" + "1" + "1" + "010" + "0"
    bits += "0" * 12 + bin(4096)[2:] + "0" * 12 + bin(4096)[2:] + "1" + "0" + "0" + "0" + "1"
    raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    assert h264.picture_size(b"\x67" + raw) == (65536, 65536)


def test_rtp_with_extension_padding_and_sources_is_parsed() -> None:
    raw = bytes((0xB1, 0xE0)) + b"\x00\x05" + bytes(8) + b"SRC1" + b"\xbe\xde\x00\x01ABCD" + b"payload" + b"\x00\x02"
    packet = rtp.parse(raw)
    assert (packet.payload, packet.marker, packet.payload_type, packet.sequence) == (b"payload", True, 96, 5)


@given(st.binary(max_size=80))
def test_random_packets_raise_only_our_error(raw: bytes) -> None:
    with contextlib.suppress(MalformedMediaError):
        rtp.parse(raw)


def numbered(sequence: int) -> RtpPacket:
    return RtpPacket(96, sequence & 0xFFFF, 0, ssrc=1, marker=False, payload=b"")


def test_loss_is_counted_across_the_wrap_and_reordering_is_not_loss() -> None:
    order = Resequencer(depth=4)
    given_out = [
        (packet.sequence, lost)
        for sequence in (65533, 65534, 0, 65535, 65535, 1, 4, 5, 6, 7, 8, 3)
        for packet, lost in order.push(numbered(sequence))
    ]
    assert given_out == [
        *((number, False) for number in (65533, 65534, 65535, 0, 1)),
        (4, True),
        *((number, False) for number in (5, 6, 7, 8)),
    ]
    assert (order.received, order.lost, order.reordered) == (10, 2, 1)
    assert order.loss_ratio == pytest.approx(2 / 12)


def test_a_restart_of_the_source_is_not_loss() -> None:
    order = Resequencer()
    for sequence in (10, 11, 40_000, 40_001):
        order.push(numbered(sequence))
    assert (order.received, order.lost) == (4, 0)


@given(st.lists(st.integers(0, 65535), max_size=200))
def test_any_order_of_packets_is_counted_with_a_bounded_buffer(sequences: list[int]) -> None:
    order = Resequencer(depth=4)
    out = [packet for sequence in sequences for packet, _ in order.push(numbered(sequence))]
    assert len(out) <= order.received <= len(sequences)
    assert order.received - len(out) <= 4


def test_quality_50_gives_the_tables_of_the_standard() -> None:
    tables = quantization_tables(50)
    assert tables[:4] == bytes((16, 11, 12, 14))
    assert len(tables) == 128


def test_random_loss_never_yields_an_incomplete_keyframe_marked_complete() -> None:
    chance = random.Random(1)
    clip = clips.load("street", Codec.H265, "live")
    reference = {unit.timestamp: unit.data for unit in receive(H265Depacketizer(), packets(clip, 100)) if unit.keyframe}
    for _ in range(30):
        kept = [packet for packet in packets(clip, 100) if chance.random() > 0.02]
        for unit in receive(H265Depacketizer(), kept):
            if unit.keyframe and unit.complete:
                assert unit.data == reference[unit.timestamp]
