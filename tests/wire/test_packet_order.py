"""Numbers of packets, right and wrong: a loss is counted only where something was lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.packet_order import GivenOrder, PacketOrder, Resequencer
from xueliang_monitor.wire.rtp import RtpPacket

STEP = 9000
PICTURE_PACKETS = 3
DEPTH = 32
ORDERS: tuple[Callable[[Oddities], PacketOrder], ...] = (GivenOrder, lambda oddities: Resequencer(DEPTH, oddities))


def stream(pictures: int, first: int = 1000, packets: int = PICTURE_PACKETS) -> list[RtpPacket]:
    """Return a regular stream: pictures of a few packets each, the last one marked, all payloads different."""
    return [
        RtpPacket(
            96,
            (first + number) & 0xFFFF,
            (number // packets) * STEP,
            ssrc=1,
            marker=number % packets == packets - 1,
            payload=number.to_bytes(4, "big"),
        )
        for number in range(pictures * packets)
    ]


def renumbered(packets: Iterable[RtpPacket], number: Callable[[int], int]) -> list[RtpPacket]:
    return [
        RtpPacket(
            each.payload_type, number(place) & 0xFFFF, each.timestamp, ssrc=1, marker=each.marker, payload=each.payload
        )
        for place, each in enumerate(packets)
    ]


def payloads(order: PacketOrder, packets: Iterable[RtpPacket]) -> tuple[list[bytes], int]:
    """Push packets; return the payloads that came out and how many were flagged as coming after a loss."""
    out = [pair for packet in packets for pair in order.push(packet)]
    return [packet.payload for packet, _ in out], sum(lost for _, lost in out)


def swapped_bytes(number: int) -> int:
    return (number & 0xFF) << 8 | number >> 8 & 0xFF


CHANCE = random.Random(5)
NONSENSE = [CHANCE.randrange(0x10000) for _ in range(3000)]
NUMBERINGS: dict[str, Callable[[int], int]] = {
    "regular": lambda place: 65_000 + place,
    "always zero": lambda _: 0,
    "of each picture": lambda place: place // PICTURE_PACKETS,
    "by two": lambda place: 7 + 2 * place,
    "by three": lambda place: 65_500 + 3 * place,
    "bytes swapped": lambda place: swapped_bytes(1000 + place),
    "again at each group": lambda place: place % (20 * PICTURE_PACKETS),
    "again at each group, over the wrap": lambda place: 65_530 + place % (20 * PICTURE_PACKETS),
    "again at each picture": lambda place: place % PICTURE_PACKETS,
    "two thousand back at each group": lambda place: 60_000 + place - 2000 * (place // (20 * PICTURE_PACKETS)),
    "far ahead at each group": lambda place: place + 9000 * (place // (20 * PICTURE_PACKETS)),
    "nonsense": lambda place: NONSENSE[place],
}


@pytest.mark.parametrize("make", ORDERS)
@pytest.mark.parametrize("name", NUMBERINGS)
def test_no_numbering_of_packets_in_order_loses_one_or_claims_a_loss(
    make: Callable[[Oddities], PacketOrder], name: str
) -> None:
    order = make(Oddities())
    sent = renumbered(stream(100), NUMBERINGS[name])
    out, after_loss = payloads(order, sent)
    if name == "nonsense":  # a few of the numbers look like a loss before they are seen to be none
        assert len(out) >= len(sent) - DEPTH
        assert after_loss <= 3
    else:
        assert sorted(out) == [packet.payload for packet in sent][: len(out)]
        assert len(sent) - len(out) <= (DEPTH if isinstance(order, Resequencer) else 1)
        assert after_loss == 0
    assert (order.lost, order.loss_ratio) == (0, 0.0)


@pytest.mark.parametrize("name", ["by a jump ahead", "by a thousand"])
def test_numbers_that_jump_ahead_between_pictures_over_tcp_are_no_loss_while_the_clock_goes_on(name: str) -> None:
    jump = {"by a jump ahead": 100, "by a thousand": 1000}[name]
    order = GivenOrder()
    group = 20 * PICTURE_PACKETS
    sent = renumbered(stream(100), lambda place: place + jump * (place // group))
    out, after_loss = payloads(order, sent)
    assert (len(out), after_loss, order.lost) == (len(sent), 0, 0)


def test_a_lost_picture_over_tcp_is_a_loss_as_its_time_is_missing_too() -> None:
    order = GivenOrder()
    sent = [packet for packet in stream(20) if packet.timestamp != 12 * STEP]
    _, after_loss = payloads(order, sent)
    assert (order.lost, after_loss) == (PICTURE_PACKETS, 1)


@pytest.mark.parametrize("make", ORDERS)
@pytest.mark.parametrize("missing", [{31}, {31, 32}, {1, 42}, {58}])
def test_a_lost_packet_is_counted_and_flagged(make: Callable[[Oddities], PacketOrder], missing: set[int]) -> None:
    order = make(Oddities())
    sent = [packet for place, packet in enumerate(stream(60, packets=5)) if place not in missing]
    out, after_loss = payloads(order, sent)
    assert (order.lost, after_loss) == (len(missing), len(missing) if missing != {31, 32} else 1)
    assert out == sorted(out)


@pytest.mark.parametrize("make", ORDERS)
def test_numbers_of_other_packets_are_no_loss(make: Callable[[Oddities], PacketOrder]) -> None:
    for every in (1, 2, 3):  # after every so many packets, another payload type uses up a number
        order = make(Oddities())
        sent = renumbered(stream(60), lambda place, every=every: 100 + place + place // every)
        out: list[bytes] = []
        for place, packet in enumerate(sent):
            out += [each.payload for each, lost in order.push(packet) if not lost]
            if place % every == every - 1:
                order.pass_over(packet.sequence + 1 & 0xFFFF)
        assert out == [packet.payload for packet in sent]
        assert order.lost == 0


@pytest.mark.parametrize("make", ORDERS)
def test_a_duplicate_is_dropped_and_counted(make: Callable[[Oddities], PacketOrder]) -> None:
    oddities = Oddities()
    order = make(oddities)
    sent = stream(40)
    out, _ = payloads(order, [packet for packet in sent for _ in range(2)])
    assert out == [packet.payload for packet in sent]
    assert (oddities.of(Oddity.DUPLICATE_PACKET), order.lost, order.restarts) == (len(sent), 0, 0)


def test_packets_that_changed_places_over_tcp_are_not_lost() -> None:
    order = GivenOrder()
    sent = stream(40)
    for place in (1, 30, 60, 90):
        sent[place], sent[place + 1] = sent[place + 1], sent[place]
    out, _ = payloads(order, sent)
    assert (len(out), order.lost) == (len(sent), 0)
    assert order.reordered


def test_late_packets_over_udp_are_put_in_order_or_dropped_and_never_a_restart() -> None:
    order = Resequencer(8)
    sent = stream(80)
    held_back = [sent.pop(place) for place in (20, 90)]
    sent.insert(25, held_back[0])  # within the window
    sent.insert(130, held_back[1])  # far behind it
    out, _ = payloads(order, sent)
    assert out == sorted(out)
    assert (order.lost, order.restarts) == (1, 0)


def test_a_restart_with_an_old_clock_over_udp_is_told_by_three_packets_in_a_row() -> None:
    oddities = Oddities()
    order = Resequencer(8, oddities)
    first, second = stream(40, first=2000), stream(40, first=500)
    out, _ = payloads(order, [*first, *second])
    assert out == [packet.payload for packet in (*first, *second)]
    assert oddities.of(Oddity.NUMBERS_RESTARTED) == 1


@given(st.lists(st.sampled_from(["next", "restart", "twice"]), min_size=5, max_size=120), st.integers(0, 65535))
def test_any_restarts_and_duplicates_over_tcp_keep_every_packet_and_claim_no_loss(kinds: list[str], first: int) -> None:
    order = GivenOrder()
    number, sent = first, []
    for place, kind in enumerate(kinds):
        number = number - 5000 if kind == "restart" else number + 1
        marker, payload = place % 3 == 2, place.to_bytes(2, "big")
        packet = RtpPacket(96, number & 0xFFFF, place // 3 * STEP, ssrc=1, marker=marker, payload=payload)
        sent += [packet] * (2 if kind == "twice" else 1)
    out, after_loss = payloads(order, sent)
    assert out == [place.to_bytes(2, "big") for place in range(len(kinds))]
    assert (order.lost, after_loss) == (0, 0)


@given(st.permutations(range(60)), st.integers(1, 8))
def test_reordering_within_the_window_over_udp_gives_the_order_back(places: list[int], window: int) -> None:
    packets = stream(20, first=65_520)
    shuffled = sorted(range(60), key=lambda place: place + (places[place] % window))
    order = Resequencer(DEPTH)
    first = shuffled.index(0)
    shuffled = [0, *(place for at, place in enumerate(shuffled) if at != first)]
    out, after_loss = payloads(order, [packets[place] for place in shuffled])
    assert out == [packet.payload for packet in packets]
    assert (order.lost, after_loss) == (0, 0)


def test_a_gap_ahead_of_what_cannot_begin_a_picture_is_a_loss() -> None:
    packets = stream(40)
    first = {packet.payload for packet in packets[::PICTURE_PACKETS]}
    for keeps, lost in ((lambda _: True, 0), (lambda payload: payload in first, 8)):
        oddities = Oddities()
        order = GivenOrder(oddities, begins=keeps)
        payloads(order, [each for place, each in enumerate(packets) if place % (5 * PICTURE_PACKETS) or not place])
        assert order.lost == max(0, lost - 1)
        assert bool(oddities.of(Oddity.NUMBERS_RESTARTED)) == (not lost)
