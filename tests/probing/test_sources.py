"""Sources of a stream: the picture is found whatever comes before it, beside it and after it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.model import Transport
from xueliang_monitor.probing.lane import FOLLOWING_PICTURES
from xueliang_monitor.probing.reception import Reception
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire import rtcp, rtp, sdp, tracks
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity

STEP = 9000
SECONDS = 0.1
Packet = tuple[float, bytes]


@functools.cache
def clip(scene: str = "street") -> clips.Clip:
    return clips.load(scene, Codec.H264, "live")


class Source:
    """Sends the pictures of a clip with its own source, numbers and clock."""

    def __init__(
        self, ssrc: int, number: int = 500, stamp: int = 77_000, *, scene: str = "street", kind: int = 96
    ) -> None:
        self.ssrc, self.number, self.stamp, self.scene, self.kind = ssrc, number, stamp, scene, kind

    def picture(self, index: int) -> list[bytes]:
        made: list[bytes] = []
        payloads = clip(self.scene).pictures[index % len(clip(self.scene).pictures)].payloads
        for place, payload in enumerate(payloads):
            marker = place == len(payloads) - 1
            number = self.number & 0xFFFF
            packet = rtp.RtpPacket(self.kind, number, self.stamp & 0xFFFFFFFF, self.ssrc, marker, payload)
            made.append(rtp.serialize(packet))
            self.number += 1
        self.stamp += STEP
        return made


def group(scene: str = "street") -> int:
    """Return the number of pictures from one keyframe to the next."""
    keyframes = [index for index, picture in enumerate(clip(scene).pictures) if picture.keyframe]
    return keyframes[1] - keyframes[0] if len(keyframes) > 1 else len(clip(scene).pictures)


def played(source: Source, start: int, stop: int, at: float = 0.0) -> list[Packet]:
    """Return the packets of some pictures, a tenth of a second each, from the second `at`."""
    return [(at + (index - start) * SECONDS, data) for index in range(start, stop) for data in source.picture(index)]


def together(*streams: Iterable[Packet]) -> list[Packet]:
    return sorted((packet for stream in streams for packet in stream), key=lambda packet: packet[0])


def new_reception(transport: Transport = Transport.TCP, listen_seconds: float = 0.0) -> Reception:
    described = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    media = sdp.parse(described).videos[0]
    oddities = Oddities()

    def new() -> tracks.VideoDepacketizer:
        made = tracks.depacketizer(media, oddities)
        assert made is not None
        return made

    reception = Reception(new, 96, 90_000, oddities=oddities, listen_seconds=listen_seconds)
    reception.begin(transport)
    return reception


def receive(packets: Iterable[Packet], transport: Transport = Transport.TCP, listen_seconds: float = 0.0) -> Reception:
    reception = new_reception(transport, listen_seconds)
    for now, data in packets:
        reception.push(data, now + 100.0)
        if reception.is_enough(now + 100.0):
            break
    return reception


def check(reception: Reception, *, following: bool = True) -> None:
    """Check that a picture is in hand, and that no loss is claimed."""
    assert reception.keyframe is not None
    assert reception.keyframe.complete
    assert not following or len(reception.following) == FOLLOWING_PICTURES
    assert (reception.order.lost, reception.damaged) == (0, 0)


TRANSPORTS = pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])


@TRANSPORTS
def test_the_end_of_the_stream_before_is_not_the_stream(transport: Transport) -> None:
    before, true = Source(1, 300, 9), Source(2, 9000, 400_000)
    packets = together(played(before, 12, 13), played(true, 13, 60, at=0.01))
    reception = receive(packets, transport, 2.0)
    check(reception)
    assert reception.oddities.of(Oddity.SOURCE_CHANGED) == 1
    assert reception.readings().frame_rate_hertz == pytest.approx(10)


@TRANSPORTS
@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_whole_keyframe_of_the_stream_before_is_replaced(transport: Transport, count: int) -> None:
    """The keyframe and the pictures after it are those of one source, the one that goes on."""
    before, true = Source(1, 300, 9, scene="gate"), Source(2, 9000, 400_000)
    packets = together(played(before, 0, count), played(true, 7, 70, at=0.05))
    reception = receive(packets, transport, 2.0)
    check(reception)
    assert reception.keyframe is not None
    assert reception.keyframe.timestamp >= 400_000


def test_a_keyframe_in_hand_is_kept_if_the_other_source_never_gets_one() -> None:
    before, true = Source(1, 300, 9), Source(2, 9000, 400_000)
    reception = receive(together(played(before, 0, 1), played(true, 1, group(), at=0.05)), listen_seconds=2.0)
    check(reception, following=False)
    assert reception.is_superseded(105.0) or not reception.following


@TRANSPORTS
def test_the_source_before_may_go_on_for_a_second(transport: Transport) -> None:
    before, true = Source(1, 300, 9), Source(2, 9000, 400_000)
    packets = together(played(before, 5, 15), played(true, 5, 80, at=0.02))
    check(receive(packets, transport, 2.0))


@TRANSPORTS
def test_a_new_source_with_each_group_whose_numbers_go_on_is_the_same_stream(transport: Transport) -> None:
    source, packets = Source(0), []
    for index in range(5, 80):
        if index % group() == 0:
            source.ssrc = (source.ssrc * 69_069 + 12_345) & 0xFFFFFFFF
        packets += played(source, index, index + 1, at=index * SECONDS)
    reception = receive(packets, transport, 3.0)
    check(reception)
    assert reception.readings().frame_rate_hertz == pytest.approx(10)
    assert reception.oddities.of(Oddity.OTHER_SOURCE) == 0


@TRANSPORTS
@pytest.mark.parametrize("numbers", ["go on", "start again"])
def test_a_new_source_with_each_picture_says_nothing(transport: Transport, numbers: str) -> None:
    source, packets = Source(0), []
    for index in range(5, 80):
        source.ssrc = (source.ssrc * 69_069 + 12_345) & 0xFFFFFFFF
        source.number = source.number if numbers == "go on" else 0
        packets += played(source, index, index + 1, at=index * SECONDS)
    check(receive(packets, transport, 2.0))


def test_a_new_source_with_each_packet_says_nothing() -> None:
    reception = new_reception()
    for number, (now, data) in enumerate(played(Source(0), 5, 60)):
        reception.push(data[:8] + (number * 7919).to_bytes(4, "big") + data[12:], now + 100.0)
    check(reception)


@TRANSPORTS
@pytest.mark.parametrize("scene", ["street", "gate"])
def test_two_streams_on_one_channel_do_not_mix(transport: Transport, scene: str) -> None:
    """A second stream comes with the same payload type and the same clock, packet by packet."""
    one, two = Source(5, 100, 0), Source(6, 40_000, 0, scene=scene)
    reception = receive(together(played(one, 5, 80), played(two, 9, 84, at=0.0)), transport, 3.0)
    check(reception)
    assert reception.readings().frame_rate_hertz == pytest.approx(10)
    assert reception.oddities.of(Oddity.OTHER_SOURCE) > 20


def test_sound_on_the_channel_of_the_video_is_counted_and_left_out() -> None:
    video, sound = Source(5), Source(6, kind=8)
    reception = receive(together(played(video, 5, 60), played(sound, 5, 60)), listen_seconds=2.0)
    check(reception)
    assert reception.oddities.of(Oddity.OTHER_PAYLOAD_TYPE) > 20
    assert reception.other_types.keys() == {8}


def bye(reception: Reception, *sources: int) -> bool:
    reception.push_control(rtcp.serialize_bye(*sources), 0.0)
    return reception.left


def test_a_bye_counts_for_its_own_sources_and_until_they_send_again() -> None:
    reception = new_reception()
    before, true = Source(1, 300, 9), Source(2, 9000, 400_000)
    for now, data in together(played(before, 12, 13), played(true, 13, 16, at=0.01)):
        reception.push(data, now)
    assert not bye(reception)
    assert not bye(reception, 0, 77)
    assert not bye(reception, 1)
    assert bye(reception, 1, 2)
    for now, data in played(true, 16, 17, at=1.0):
        reception.push(data, now)
    assert not reception.left
    for now, data in played(true, 17, 60, at=1.1):
        reception.push(data, now)
    check(reception)


def test_rtcp_on_the_channel_of_rtp_is_read_as_such() -> None:
    """RFC 5761: both on one port."""
    reception = new_reception()
    reception.wall_offset = 1_800_000_000.0
    for now, data in played(Source(9), 0, 2):
        reception.push(data, now)
    reception.push(rtcp.serialize_sender_report(rtcp.SenderReport(9, 1_800_000_030.0, 0, 1)), 20.0)
    assert reception.clock_offset == pytest.approx(10.0, abs=0.01)
    reception.push(rtcp.serialize_bye(9), 21.0)
    assert reception.left
    assert (reception.bad_packets, reception.other_types.total()) == (0, 0)


def test_the_clock_is_that_of_the_judged_source() -> None:
    reception = new_reception()
    for now, data in together(played(Source(1, 300, 9), 12, 13), played(Source(2), 13, 16, at=0.01)):
        reception.push(data, now)
    for ssrc, ahead in ((3, 300.0), (2, 20.0), (1, -100.0)):
        report = rtcp.SenderReport(ssrc, 1_800_000_000.0 + ahead, 0, 1)
        reception.push_control(rtcp.serialize_sender_report(report), 1_800_000_000.0)
    assert reception.clock_offset == pytest.approx(20.0, abs=0.01)


def test_packets_that_are_not_rtp_cost_themselves() -> None:
    reception = new_reception(Transport.UDP)
    for now, data in played(Source(3), 5, 60):
        for odd in (b"", b"\x00", b"keep-alive", bytes(20), b"\x80\x60"):
            reception.push(odd, now)
        reception.push(data, now)
    check(reception)
    assert reception.oddities.of(Oddity.BAD_PACKET) > 100


def test_many_sources_are_bounded() -> None:
    reception = new_reception()
    for number in range(5000):
        source = Source(number % 50, number * 9000, number * 1_000_003)
        reception.push(source.picture(0)[0] + bytes(40_000), number / 1000)
    assert len(reception._lanes) <= 4
    assert sum(lane.kept_bytes for lane in reception._lanes.values()) < 20_000_000


Change = Callable[[Source], None]


def _new_source(source: Source) -> None:
    source.ssrc += 1


def _numbers_again(source: Source) -> None:
    source.number = 3


def _both(source: Source) -> None:
    source.ssrc, source.number = source.ssrc + 1, 60_000


def _clock_jumps(source: Source) -> None:
    source.stamp += 123_456_789


def _all_new(source: Source) -> None:
    source.ssrc, source.number, source.stamp = source.ssrc + 7, source.number + 20_000, source.stamp - 5_000_000


CHANGES: tuple[Change, ...] = (_new_source, _numbers_again, _both, _clock_jumps, _all_new)


@given(
    st.dictionaries(st.integers(1, 30), st.sampled_from(CHANGES), max_size=6),
    st.sets(st.integers(0, 200), max_size=20),
    st.sampled_from([Transport.TCP, Transport.UDP]),
)
def test_any_changes_and_duplicates_of_a_good_stream_leave_its_keyframe_and_no_loss(
    changes: dict[int, Change], twice: set[int], transport: Transport
) -> None:
    source, packets = Source(1000), []
    for index in range(31, 31 + 3 * group()):
        if change := changes.get(index - 31):
            change(source)
        packets += played(source, index, index + 1, at=(index - 31) * SECONDS)
    doubled = [packet for number, packet in enumerate(packets) for _ in range(1 + (number in twice))]
    reception = receive(doubled, transport, 1.0)
    assert reception.keyframe is not None
    assert reception.order.lost == 0
