"""The order and the loss of one source's packets, by their numbers (RFC 3550, 5.1 and A.1)."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xueliang_monitor.wire.oddities import Oddities, Oddity
from xueliang_monitor.wire.rtp import RtpPacket, signed

MAX_GAP = 3000
"""A larger gap is a restart of the numbers, and so is a larger step back over UDP."""

SUDDEN_GAP, GAP_A_SECOND = 1000, 5000
"""How many packets may be lost at once, and how many more for each second by the clock: 56 Mbit/s."""

RESTARTS_SHARE = 4
"""Numbers that restart with every fourth packet or more often say nothing about loss."""

USUAL_STEPS = 1.5
"""Of the usual step of the clock from picture to picture. With a longer one, a picture is missing."""

CONFIRMED = 8
"""So many regular packets confirm how far apart the numbers are."""

RESTART_RUN = 3
"""So many packets in a row with rising old numbers are a restart, not late packets."""

_RECENT = 32
_MAX_GAPS = 256
Ordered = list[tuple[RtpPacket, bool]]
"""Packets in order, each with whether packets before it were lost."""


class PacketOrder(ABC):
    """Counts the received, lost and reordered packets of one source.

    Numbers may be wrong in many ways, and the packets are good all the same. A loss is counted only where nothing else
    explains the numbers. If `numbers_tell` is False, loss cannot be told and `lost` is 0.
    """

    def __init__(self, oddities: Oddities | None = None, clock_rate: int = 90_000) -> None:
        self.received = self.reordered = self.restarts = 0
        self._oddities = oddities or Oddities()
        self._clock_rate = clock_rate
        self._counted = 0
        self._next: int | None = None
        self._apart = 1
        self._recent: deque[RtpPacket] = deque(maxlen=_RECENT)
        self._elsewhere: deque[int] = deque(maxlen=2 * _RECENT)

    @abstractmethod
    def push(self, packet: RtpPacket) -> Ordered:
        """Add a packet; return those that are in order now, each with whether packets before it were lost."""

    def continues_with(self, packet: RtpPacket) -> bool:
        """Return whether a packet of another source has the next number and a clock that goes on."""
        if packet.sequence != self._next or not self._recent:
            return False
        step = signed(packet.timestamp - self._recent[-1].timestamp)
        return -2 * self._clock_rate <= step <= 10 * self._clock_rate

    def pass_over(self, sequence: int) -> None:
        """Take note of a number that a packet of another payload type used."""
        self._elsewhere.append(sequence)

    @property
    def lost(self) -> int:
        """The number of lost packets, as far as the numbers tell."""
        return self._counted if self.numbers_tell else 0

    @property
    def numbers_tell(self) -> bool:
        """Whether the numbers are regular enough to tell loss."""
        return self.restarts * RESTARTS_SHARE <= self.received

    @property
    def loss_ratio(self) -> float:
        """Lost packets divided by expected packets, in [0, 1]."""
        lost = self.lost
        expected = self.received + lost
        return lost / expected if expected else 0.0

    def _accept(self, packet: RtpPacket) -> None:
        self._next = (packet.sequence + self._apart) & 0xFFFF
        self._recent.append(packet)

    def _restart(self, packet: RtpPacket) -> None:
        if self._recent and 0 < (packet.sequence - self._recent[-1].sequence) & 0xFFFF < self._apart:
            self._apart = 1
        self.restarts += 1
        self._oddities.count(Oddity.NUMBERS_RESTARTED)
        self._accept(packet)

    def _is_duplicate(self, packet: RtpPacket) -> bool:
        """Return whether the same packet came before; count it then."""
        for other in self._recent:
            if other.sequence == packet.sequence and other == packet:
                self._oddities.count(Oddity.DUPLICATE_PACKET)
                return True
        return False

    def _missing(self, before: int, after: int) -> int:
        """Return how many numbers from `before` up to `after` no packet used."""
        ahead = (after - before) & 0xFFFF
        used = {number for number in self._elsewhere if (number - before) & 0xFFFF < ahead}
        return ahead // self._apart - len(used)

    def _is_gap(self, packet: RtpPacket, ahead: int) -> bool:
        """Return whether `ahead` numbers may be missing before a packet, for the time that its clock went on."""
        if ahead > MAX_GAP or ahead % self._apart:
            return False
        passed = max(0, signed(packet.timestamp - self._recent[-1].timestamp)) / self._clock_rate
        return ahead // self._apart <= SUDDEN_GAP + GAP_A_SECOND * passed


def _may_always_begin(_payload: bytes) -> bool:
    return True


@dataclass(slots=True)
class _Gap:
    """Missing numbers, and the step of the clock there if it is between two pictures."""

    missing: int
    step: int | None


class GivenOrder(PacketOrder):
    """The order over TCP is the order in which the packets come. A step back in the numbers is a restart.

    A gap ahead of a packet that may begin a picture, as `begins` says of its payload, is a loss only if the clock makes
    a longer step there too. Until the numbers are known to be regular, a packet after a gap waits for the next one,
    which tells whether all numbers are that far apart.
    """

    def __init__(
        self,
        oddities: Oddities | None = None,
        clock_rate: int = 90_000,
        *,
        begins: Callable[[bytes], bool] = _may_always_begin,
    ) -> None:
        super().__init__(oddities, clock_rate)
        self._begins = begins
        self._held: RtpPacket | None = None
        self._regular = 0
        self._gone: set[int] = set()
        self._marked: int | None = None
        self._steps: deque[int] = deque(maxlen=CONFIRMED)
        self._gaps: list[_Gap] = []

    def push(self, packet: RtpPacket) -> Ordered:
        """See `PacketOrder`."""
        sequence = packet.sequence
        if sequence == self._next and self._held is None:
            self.received += 1
            self._regular += 1
            self._next = (sequence + self._apart) & 0xFFFF
            self._recent.append(packet)
            if packet.marker:
                self._mark(packet.timestamp)
            return [(packet, False)]
        return self._push_irregular(packet)

    @property
    def lost(self) -> int:
        """See `PacketOrder`. Gaps between two pictures count where the clock made a longer step than usual."""
        usual = self._usual_step
        counted = (gap.missing for gap in self._gaps if gap.step is None or usual is None or gap.step > usual)
        return self._counted + sum(counted) if self.numbers_tell else 0

    @property
    def _usual_step(self) -> float | None:
        return USUAL_STEPS * max(self._steps) if len(self._steps) >= 2 else None

    def _mark(self, timestamp: int) -> None:
        """Take note of the clock at the end of a picture."""
        if self._marked is not None and timestamp != self._marked:
            self._steps.append(abs(signed(timestamp - self._marked)))
        self._marked = timestamp

    def _push_irregular(self, packet: RtpPacket) -> Ordered:
        if self._is_duplicate(packet) or packet == self._held:
            return []
        self.received += 1
        held, self._held = self._held, None
        if held is None:
            return self._take(packet)
        if packet.sequence == self._next:  # two packets changed places
            self.reordered += 1
            return [*self._take(packet), *self._take(held)]
        apart = (held.sequence - self._recent[-1].sequence) & 0xFFFF
        if (packet.sequence - held.sequence) & 0xFFFF == apart:
            self._apart = apart
            self._next = held.sequence
            return [*self._take(held), *self._take(packet)]
        self._regular = CONFIRMED  # the numbers are not that far apart: do not wait again
        return [*self._take(held), *self._take(packet)]

    def _take(self, packet: RtpPacket) -> Ordered:
        """Take a packet in the order in which it came."""
        expected, lost = self._next, False
        ahead = (packet.sequence - expected) & 0xFFFF if expected is not None else 0
        if expected is None or not ahead:
            self._accept(packet)
        elif packet.sequence in self._gone:
            self._gone.discard(packet.sequence)
            self._gaps[-1].missing -= 1
            self.reordered += 1
        elif not self._is_gap(packet, ahead):
            self._restart(packet)
        elif missing := max(0, self._missing(expected, packet.sequence)):
            if self._regular < CONFIRMED:
                self._held = packet
                return []
            lost = self._lose(packet, expected, missing)
            self._accept(packet)
        else:
            self._accept(packet)
        if packet.marker:
            self._mark(packet.timestamp)
        return [(packet, lost)]

    def _lose(self, packet: RtpPacket, expected: int, missing: int) -> bool:
        """Count a gap before a packet; return whether packets were lost there."""
        if not self.numbers_tell:
            return False
        last, usual = self._recent[-1], self._usual_step
        is_between = last.marker and last.timestamp != packet.timestamp and self._begins(packet.payload)
        step = abs(signed(packet.timestamp - last.timestamp)) if is_between else None
        ahead = (packet.sequence - expected) & 0xFFFF
        self._gone = {(expected + offset) & 0xFFFF for offset in range(0, min(ahead, _RECENT), self._apart)}
        self._marked = None  # the step of the clock over a gap is not a usual one
        self._gaps.append(_Gap(missing, step))
        if len(self._gaps) > _MAX_GAPS:
            self._counted += self._gaps.pop(0).missing
        if step is not None and usual is not None and step <= usual:
            self._oddities.count(Oddity.NUMBERS_RESTARTED)
            return False
        return True


class Resequencer(PacketOrder):
    """Puts packets that came over UDP in order again.

    A missing packet is awaited for at most `depth` further packets. A packet with an old number is late if its clock
    is not ahead, unless `RESTART_RUN` of them come in a row.
    """

    def __init__(self, depth: int = 4, oddities: Oddities | None = None, clock_rate: int = 90_000) -> None:
        super().__init__(oddities, clock_rate)
        self._depth = depth
        self._held: dict[int, RtpPacket] = {}
        self._behind: list[RtpPacket] = []

    def push(self, packet: RtpPacket) -> Ordered:
        """See `PacketOrder`."""
        sequence = packet.sequence
        if self._next is None or (sequence == self._next and not self._held):
            self.received += 1
            self._next = (sequence + self._apart) & 0xFFFF
            self._recent.append(packet)
            return [(packet, False)]
        return self._push_irregular(packet, (sequence - self._next) & 0xFFFF)

    def _push_irregular(self, packet: RtpPacket, ahead: int) -> Ordered:
        if self._is_duplicate(packet):
            return []
        if packet.sequence in self._held:
            self._oddities.count(Oddity.DUPLICATE_PACKET)
            return []
        if not self.numbers_tell:
            return self._begin_again([packet])
        if self._is_gap(packet, ahead):
            self.received += 1
            if any((other - packet.sequence) & 0xFFFF < MAX_GAP for other in self._held):
                self.reordered += 1
            self._held[packet.sequence] = packet
            return self._release(everything=False)
        return self._step_back(packet, ahead)

    def _step_back(self, packet: RtpPacket, ahead: int) -> Ordered:
        """Take a packet whose number is none of the next ones: of a restart, or late."""
        step = signed(packet.timestamp - self._recent[-1].timestamp)
        near = 0x10000 - ahead <= MAX_GAP
        if step > 0 or (step == 0 and not near) or packet.sequence == self._recent[-1].sequence:
            return self._begin_again([packet])
        if self._behind and packet.sequence != (self._behind[-1].sequence + self._apart) & 0xFFFF:
            self._behind.clear()
        self._behind.append(packet)
        return self._begin_again(self._behind.copy()) if len(self._behind) >= RESTART_RUN else []

    def _begin_again(self, packets: Sequence[RtpPacket]) -> Ordered:
        """Release all that waits, then the packets, whose numbers are the next ones from now on."""
        released = self._release(everything=True)
        self._behind.clear()
        self.received += len(packets)
        self._restart(packets[0])
        for packet in packets[1:]:
            self._accept(packet)
        return [*released, *((packet, False) for packet in packets)]

    def _release(self, *, everything: bool) -> Ordered:
        released: Ordered = []
        lost = False
        while self._held:
            expected = self._next or 0
            if expected in self._held:
                packet = self._held.pop(expected)
                self._accept(packet)
                released.append((packet, lost))
                lost = False
            elif expected in self._elsewhere:
                self._next = (expected + self._apart) & 0xFFFF
            elif not everything and len(self._held) <= self._depth:
                break
            else:
                following = min(self._held, key=lambda number: (number - expected) & 0xFFFF)
                if not self._are_apart():
                    self._counted += self._missing(expected, following)
                    lost = True
                self._next = following
        return released

    def _are_apart(self) -> bool:
        """Return whether the numbers of all packets that wait are the same distance apart, and remember it."""
        if not self._recent or len(self._held) < RESTART_RUN:
            return False
        last = self._recent[-1].sequence
        offsets = [0, *sorted((number - last) & 0xFFFF for number in self._held)]
        steps = {later - earlier for earlier, later in itertools.pairwise(offsets)}
        if len(steps) != 1 or min(steps) <= self._apart:
            return False
        self._apart = min(steps)
        return True
