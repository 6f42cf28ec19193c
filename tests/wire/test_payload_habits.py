"""What cameras do to H.264 and H.265 payloads against RFC 6184 and 7798, and is read all the same."""

from __future__ import annotations

import base64
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.payloads import (
    START,
    TICKS,
    Packet,
    fragments,
    is_set,
    kind,
    long_gaps,
    packed,
    payloads,
    pictures,
    read,
    without_sets,
)
from xueliang_monitor.picture.decode import decode
from xueliang_monitor.wire.h264 import H264Depacketizer
from xueliang_monitor.wire.h265 import H265Depacketizer
from xueliang_monitor.wire.media import MAX_ACCESS_UNIT_BYTES, AccessUnit, Codec
from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.shortcomings import Flaw

NAL = [Codec.H264, Codec.H265]
SMALL = {Codec.H264: "street", Codec.H265: "yard"}
CLIPS = {codec: long_gaps(codec) for codec in NAL}
Depacketizer = H264Depacketizer | H265Depacketizer


def new(codec: Codec, oddities: Oddities | None = None, sprop: str = "") -> Depacketizer:
    if codec is Codec.H264:
        return H264Depacketizer(sprop, oddities)
    return H265Depacketizer(sprop, oddities=oddities)


def keyframes(units: list[AccessUnit]) -> list[AccessUnit]:
    """Return the complete keyframes."""
    return [unit for unit in units if unit.keyframe and unit.complete]


def sprop(codec: Codec, *, change: Callable[[bytes], bytes] = bytes) -> str:
    return ",".join(base64.b64encode(change(unit)).decode() for unit in CLIPS[codec][0] if is_set(codec, unit))


def shows(unit: AccessUnit) -> bool:
    decoded = decode(unit.data, unit.codec)
    return decoded is not None and decoded.shape == (360, 640, 3)


def one_stream(codec: Codec, units: list[bytes]) -> bytes:
    """Return the units of a picture as a byte stream under the header of the first."""
    return START.join(units)


STREAMS: dict[str, Callable[[Codec, list[bytes]], list[bytes]]] = {
    "fragments under the first header": lambda codec, units: fragments(codec, one_stream(codec, units)),
    "three-byte codes": lambda codec, units: fragments(codec, START[1:].join(units)),
    "fragments of a start code": lambda codec, units: fragments(
        codec, units[-1][: 1 if codec is Codec.H264 else 2] + START + one_stream(codec, units)
    ),
    "a single unit": lambda codec, units: [one_stream(codec, units)],
    "a single unit that begins with a code": lambda codec, units: [START + one_stream(codec, units)],
    "a unit each with a code": lambda codec, units: [START + unit for unit in units],
    "a unit each with a short code and zeros behind": lambda codec, units: [
        START[1:] + unit + bytes(9) for unit in units
    ],
    "sets in one unit": lambda codec, units: [one_stream(codec, units[:-1]), *payloads(codec, units[-1:])],
    "in an aggregate": lambda codec, units: [
        (b"\x78" if codec is Codec.H264 else b"\x60\x01")
        + b"".join(len(part).to_bytes(2, "big") + part for part in (one_stream(codec, units[:-1]), units[-1]))
    ],
    "codes across two fragments": lambda codec, units: fragments(
        codec, one_stream(codec, units), len(units[0]) + 2 - (1 if codec is Codec.H264 else 2)
    ),
}


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("name", STREAMS)
def test_a_byte_stream_within_units_is_split_at_its_start_codes(codec: Codec, name: str) -> None:
    shown = [[unit for unit in units if kind(codec, unit) not in {6, 39}] for units in CLIPS[codec][:3]]
    packets = packed(codec, shown)
    first = STREAMS[name](codec, shown[0])
    begin = [(part, 0, index == len(first) - 1) for index, part in enumerate(first)]
    oddities = Oddities()
    units = read(new(codec, oddities), begin + [packet for packet in packets if packet[1]])
    assert [unit.complete for unit in units] == [True] * 3
    assert [unit.keyframe for unit in units] == [True, False, False]
    assert shows(units[0])
    assert oddities.of(Oddity.START_CODES) > 0


@pytest.mark.parametrize("codec", NAL)
def test_zeros_behind_a_unit_change_nothing(codec: Codec) -> None:
    shown = [[unit + bytes(7) for unit in units] for units in CLIPS[codec][:3]]
    oddities = Oddities()
    units = read(new(codec, oddities), packed(codec, shown))
    assert [unit.complete for unit in units] == [True] * 3
    assert shows(units[0])
    assert str(oddities) == "none"


DESCRIBED = {
    "start codes": lambda text: text,
    "no padding": lambda text: text.replace("=", ""),
    "the other alphabet": lambda text: text.replace("+", "-").replace("/", "_"),
    "quotes and spaces": lambda text: '" ' + text.replace(",", " , ") + ' "',
    "an empty one first": lambda text: "," + text + ",,",
    "what is not base64": lambda text: "@@@@," + text,
}


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("name", DESCRIBED)
def test_parameter_sets_are_read_as_an_sdp_writes_them(codec: Codec, name: str) -> None:
    oddities = Oddities()
    bare = [without_sets(codec, units) for units in CLIPS[codec][:2]]
    change = (lambda unit: START + unit + bytes(2)) if name == "start codes" else bytes
    depacketizer = new(codec, oddities, DESCRIBED[name](sprop(codec, change=change)))
    assert depacketizer.size == (640, 360)
    units = read(depacketizer, packed(codec, bare))
    assert units[0].complete
    assert shows(units[0])
    assert bool(oddities.of(Oddity.START_CODES_IN_DESCRIPTION)) is (name == "start codes")


@pytest.mark.parametrize("codec", NAL)
def test_all_sets_in_one_string_of_the_sdp_are_read(codec: Codec) -> None:
    joined = base64.b64encode(START.join(unit for unit in CLIPS[codec][0] if is_set(codec, unit))).decode()
    units = read(new(codec, sprop=joined), packed(codec, [without_sets(codec, CLIPS[codec][0])]))
    assert shows(units[0])


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("place", ["once", "marked", "behind", "clock of the picture before", "between"])
def test_parameter_sets_are_found_wherever_they_stand(codec: Codec, place: str) -> None:
    shown = CLIPS[codec][:41]
    sets = [unit for unit in shown[0] if is_set(codec, unit)]
    packets: list[Packet] = [(unit, -TICKS, False) for unit in sets] if place == "once" else []
    for number, units in enumerate(shown):
        bare = packed(codec, [without_sets(codec, units)], first=number)
        has_sets = len(without_sets(codec, units)) < len(units) and place != "once"
        stamp = (number - 1) * TICKS if place == "clock of the picture before" else number * TICKS
        own = [(unit, stamp, place in {"marked", "clock of the picture before"}) for unit in sets] if has_sets else []
        if place == "between" and has_sets:
            packets += [(unit, stamp + index - 3, True) for index, unit in enumerate(sets)]
            own = []
        packets += bare + own if place == "behind" else own + bare
    units = read(new(codec), packets)
    found = keyframes(units)
    assert len(found) >= 2
    assert all(map(shows, found))
    assert [unit.complete for unit in units[20:]] == [True] * len(units[20:])


@pytest.mark.parametrize("codec", NAL)
def test_sets_of_the_stream_win_over_others_in_the_sdp(codec: Codec) -> None:
    other = pictures(codec, SMALL[codec], "small")[0]
    described = ",".join(base64.b64encode(unit).decode() for unit in other if is_set(codec, unit))
    units = read(new(codec, sprop=described), packed(codec, CLIPS[codec][:2]))
    assert shows(units[0])


@pytest.mark.parametrize(
    ("codec", "lacking"), [*((Codec.H264, kind) for kind in (7, 8)), *((Codec.H265, kind) for kind in (32, 33, 34))]
)
def test_a_keyframe_without_a_set_is_whole_and_names_the_set(codec: Codec, lacking: int) -> None:
    shown = [[unit for unit in units if kind(codec, unit) != lacking] for units in CLIPS[codec][:22]]
    depacketizer = new(codec)
    units = read(depacketizer, packed(codec, shown))
    assert not keyframes(units)
    assert depacketizer.shortcomings.keyframes == {Flaw.SETS: 2}
    assert depacketizer.shortcomings.missing == ({7: "SPS", 8: "PPS", 32: "VPS", 33: "SPS", 34: "PPS"}[lacking],)


MARKS: dict[str, Callable[[list[Packet]], list[Packet]]] = {
    "on every packet": lambda packets: [(payload, stamp, True) for payload, stamp, _ in packets],
    "never": lambda packets: [(payload, stamp, False) for payload, stamp, _ in packets],
    "with a clock that stands": lambda packets: [(payload, 5, marker) for payload, _, marker in packets],
    "never, with a clock that stands": lambda packets: [(payload, 5, False) for payload, _, _ in packets],
    "on every packet, with a clock that stands": lambda packets: [(payload, 5, True) for payload, _, _ in packets],
    "never, with a clock for each packet": lambda packets: [
        (payload, stamp + index, False) for index, (payload, stamp, _) in enumerate(packets)
    ],
    "right, with a clock for each packet": lambda packets: [
        (payload, stamp + index, marker) for index, (payload, stamp, marker) in enumerate(packets)
    ],
}


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("name", MARKS)
def test_pictures_are_told_apart_however_they_are_marked(codec: Codec, name: str) -> None:
    units = read(new(codec), MARKS[name](packed(codec, CLIPS[codec][:42])))
    assert len(keyframes(units)) >= 2
    assert all(map(shows, keyframes(units)))
    assert 38 <= len(units) <= 42
    assert all(unit.complete for unit in units)


@pytest.mark.parametrize("codec", NAL)
def test_fragments_that_never_say_end_are_whole(codec: Codec) -> None:
    packets: list[Packet] = []
    for number, units in enumerate(CLIPS[codec][:22]):
        parts = [part for unit in units for part in fragments(codec, unit, ends=False)]
        packets += [(part, number * TICKS, index == len(parts) - 1) for index, part in enumerate(parts)]
    units = read(new(codec), packets)
    assert all(unit.complete for unit in units)
    assert all(map(shows, keyframes(units)))


ODD = {
    Codec.H264: [b"", b"\x65", b"\x1f" + bytes(40), b"\x1e\x01\x02", b"\x00\x09\x08", b"\xe5" + bytes(9), b"\x1c\x85",
                 b"\x18\xff\xff\x01", b"\x18\x00\x00", b"\x1c\x1f\x00", b"\x1d\x85\x00", b"\x7c\x9f" + bytes(9),
                 b"\x7c\x85\x88\x80"],
    Codec.H265: [b"", b"\x26", b"\x26\x01", b"\x7e\x01\x00\x01", b"\x64\x01\x00\x00\x02",
                 b"\xa6\x01" + bytes(9), b"\x64\x01\x00\x00own",
                 b"\x60\x01\xff\xff\x01", b"\x60\x01\x00\x00", b"\x62\x01\x13\x01", b"\x62\x01\xbf\x00",
                 b"\x27\x01\x02\x03"],
}  # fmt: skip


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("stamp", [0, 77])
def test_an_odd_packet_before_a_picture_costs_itself_alone(codec: Codec, stamp: int) -> None:
    for odd in ODD[codec]:
        packets: list[Packet] = []
        for number in range(22):
            packets.append((odd, number * TICKS + stamp if stamp else number * TICKS, False))
            packets += packed(codec, [CLIPS[codec][number]], first=number)
        units = keyframes(read(new(codec), packets))
        assert len(units) == 2, odd
        assert all(map(shows, units)), odd


@pytest.mark.parametrize("codec", NAL)
@pytest.mark.parametrize("odd", [b"\x1f" + bytes(40), b"\x7e\x01\x00\x01"])
def test_an_unknown_packet_within_a_picture_costs_itself_alone(codec: Codec, odd: bytes) -> None:
    oddities = Oddities()
    packets = packed(codec, CLIPS[codec][:22])
    if kind(codec, odd) not in {31, 63}:
        odd = b"\x1f\x01" if codec is Codec.H264 else b"\x7e\x01\x00\x01"
    inserted = [each for packet in packets for each in ((odd, packet[1] + 3, True), packet)]
    units = read(new(codec, oddities), inserted)
    assert all(unit.complete for unit in units)
    assert len(keyframes(units)) == 2
    assert oddities.of(Oddity.UNKNOWN_UNIT) == len(packets)


def _unit_sizes(units: list[bytes], before: bytes = b"") -> bytes:
    return b"".join(len(unit).to_bytes(2, "big") + before + unit for unit in units)


INTERLEAVED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "STAP-B": lambda units: [b"\x79\x00\x05" + _unit_sizes(units)],
    "MTAP16": lambda units: [b"\x7a\x00\x05" + _unit_sizes(units, b"\x00\x00\x00")],
    "MTAP24": lambda units: [b"\x7b\x00\x05" + _unit_sizes(units, b"\x00\x00\x00\x00")],
    "STAP-A that promises more": lambda units: [b"\x78" + _unit_sizes(units) + b"\x00\x20\x06\x01"],
    "STAP-A with an empty unit": lambda units: [b"\x78\x00\x00" + _unit_sizes(units)],
    "STAP-A with zeros behind": lambda units: [b"\x78" + _unit_sizes(units) + bytes(5)],
    "FU-B": lambda units: [
        bytes((part[0] + 1,)) + part[1:2] + b"\x00\x01" + part[2:] if part[1] & 0x80 else part
        for unit in units
        for part in fragments(Codec.H264, unit)
    ],
}


@pytest.mark.parametrize("name", INTERLEAVED)
def test_every_packetization_of_h264_is_read_without_reordering(name: str) -> None:
    shown = INTERLEAVED[name](CLIPS[Codec.H264][0])
    packets = [(part, 0, index == len(shown) - 1) for index, part in enumerate(shown)]
    (unit,) = read(new(Codec.H264), packets)
    assert unit.complete
    assert shows(unit)


def test_a_paci_packet_and_numbered_units_of_h265_are_read() -> None:
    def paci(payload: bytes) -> bytes:
        inner = payload[0] >> 1 & 0x3F
        return bytes((50 << 1, payload[1])) + (inner << 9 | 2 << 4).to_bytes(2, "big") + b"\x11\x22" + payload[2:]

    parts = payloads(Codec.H265, CLIPS[Codec.H265][0])
    (unit,) = read(new(Codec.H265), [(paci(part), 0, part is parts[-1]) for part in parts])
    assert shows(unit)
    *small, slice_ = CLIPS[Codec.H265][0]
    aggregate = b"\x60\x01\x00\x07" + b"\x00".join(len(each).to_bytes(2, "big") + each for each in small)
    numbered = [
        part[:3] + (b"\x00\x08" if part[2] & 0x80 else b"") + part[3:] for part in fragments(Codec.H265, slice_)
    ]
    parts = [aggregate, *numbered]
    depacketizer = H265Depacketizer(numbered=True)
    (unit,) = read(depacketizer, [(part, 0, part is parts[-1]) for part in parts])
    assert shows(unit)


@pytest.mark.parametrize("codec", NAL)
def test_a_picture_over_the_limits_is_left_out_and_reading_goes_on(codec: Codec) -> None:
    oddities = Oddities()
    depacketizer = new(codec, oddities)
    large = CLIPS[codec][0][-1] + bytes(MAX_ACCESS_UNIT_BYTES)
    many = [(bytes((2, 1, 9)), TICKS, False)] * 5000
    packets = [(part, 0, False) for part in fragments(codec, large, 60_000)]
    units = read(depacketizer, packets + many + packed(codec, CLIPS[codec][:2], first=2))
    assert [unit.complete for unit in units][-2:] == [True, True]
    assert oddities.of(Oddity.OVERSIZED_PICTURE) == 2
    assert depacketizer.shortcomings.main_flaw is Flaw.OVERSIZED


@pytest.mark.parametrize("codec", NAL)
def test_a_slice_marked_as_damaged_is_missing_and_another_unit_is_not(codec: Codec) -> None:
    oddities = Oddities()
    first = [bytes((unit[0] | 0x80,)) + unit[1:] for unit in CLIPS[codec][0][-1:]]
    extra = b"\x86\x01\x02\x80" if codec is Codec.H264 else b"\xce\x01\x02\x80"
    units = read(new(codec, oddities), packed(codec, [[*CLIPS[codec][0][:-1], *first], [extra, *CLIPS[codec][20]]]))
    assert [unit.complete for unit in units if unit.keyframe] == [True]
    assert oddities.of(Oddity.DAMAGED_UNIT) == 2


@settings(deadline=None, max_examples=60)
@given(data=st.data(), codec=st.sampled_from(NAL))
def test_any_cut_duplicate_or_odd_packet_leaves_the_later_keyframe(data: st.DataObject, codec: Codec) -> None:
    good = packed(codec, CLIPS[codec][:42])
    border = next(index for index, packet in enumerate(good) if packet[1] == 30 * TICKS)
    begin = data.draw(st.integers(0, border))
    bad = good[begin:border]
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(bad)))
        before, there, behind = bad[:at], bad[at : at + 1], bad[at + 1 :]
        match data.draw(st.integers(0, 3)):
            case 0:
                bad = [*before, *behind[data.draw(st.integers(0, 9)) :]]
            case 1:
                bad = [*before, *there, *there, *behind]
            case 2:
                odd = data.draw(st.one_of(st.sampled_from(ODD[codec]), st.binary(max_size=40)))
                bad = [
                    *before,
                    (odd, data.draw(st.sampled_from([0, 5, 99])), data.draw(st.booleans())),
                    *there,
                    *behind,
                ]
            case _:
                size = data.draw(st.integers(0, 9))
                bad = [*before, *((payload[:size], stamp, marker) for payload, stamp, marker in there), *behind]
    depacketizer = new(codec)
    units = read(depacketizer, [*bad, *good[border:]])
    _ = depacketizer.profile
    assert keyframes(units)[-1].timestamp == 40 * TICKS
    assert shows(keyframes(units)[-1])


def test_clips_have_a_keyframe_every_twentieth_picture() -> None:
    for codec in NAL:
        found = [unit.timestamp // TICKS for unit in keyframes(read(new(codec), packed(codec, CLIPS[codec])))]
        assert [later - earlier for earlier, later in pairwise(found)] == [20] * (len(found) - 1)
