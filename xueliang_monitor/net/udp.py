"""A pair of UDP ports that receives the RTP and RTCP packets of one camera (RFC 3550, 11)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
import socket
import time
from typing import Self

from xueliang_monitor.process.shortage import Resource, ShortageError, shortage_of
from xueliang_monitor.wire import rtcp

MAX_WAITING = 4096
"""The number of packets that are kept until they are read; further ones are dropped."""

RECEIVE_BYTES = 1 << 20
MAX_PORT = 65535
ALONE_SECONDS = 0.5
"""How long the camera's own address must have been silent before packets of another one are taken."""

_RTP_VERSION, _RTP_HEADER_BYTES = 2, 12
_PORTS = range(20_000, 60_000, 2)
_TRIES = 30
_EMPTY_RTP = bytes((0x80, 0)) + bytes(10)


class _Port(asyncio.DatagramProtocol):
    """Keeps the packets of the camera, and drops those of other senders."""

    def __init__(self, pair: PortPair) -> None:
        self._pair = pair
        self.waiting: list[bytes] = []
        self.transport: asyncio.DatagramTransport | None = None
        self.sent_from: tuple[str, int] | None = None

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if address[0] not in self._pair.senders and not self._pair.adopt(address[0], data):
            return
        self.sent_from = address[:2]
        if self._pair.keeps and len(self.waiting) < MAX_WAITING:
            self.waiting.append(data)
            self._pair.arrived.set()

    def itself(self) -> Self:
        """Return the port, for asyncio's protocol factory."""
        return self

    def error_received(self, error: Exception) -> None:
        """Ignore ICMP errors; missing packets are found by timeout."""

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        if self.transport is not None:
            with contextlib.suppress(OSError):
                self.transport.sendto(data, address)


class PortPair:
    """An even port for RTP and the next one for RTCP; without `keeps`, packets are dropped as they come.

    Behind symmetric NAT, packets come from other ports than the announced ones. Keep-alives go where packets come from.
    A recorder with several addresses may send from another one than it was asked at.
    """

    def __init__(self, camera: str, port: int, *, keeps: bool = True) -> None:
        self._camera = camera
        self.keeps = keeps
        self.senders = {camera}
        self.arrived = asyncio.Event()
        self.media, self.control = _Port(self), _Port(self)
        self.port = port
        self._theirs: tuple[int, int] | None = None
        self._error: Exception | None = None
        self._adopted = False
        self._source = random.getrandbits(32)
        self._opened = time.monotonic()

    def expect(self, source: str | None, theirs: tuple[int, int] | None) -> None:
        """Set the address and ports that the camera sends from, as its response to SETUP says."""
        if source is not None:
            with contextlib.suppress(ValueError):
                self.senders.add(str(ipaddress.ip_address(source)))
        self._theirs = theirs

    def adopt(self, sender: str, data: bytes) -> bool:
        """Take another address for the camera's if it alone sends RTP, and is a private one; return whether it is.

        Such an address is in the camera's network, and nobody who could send from there is kept out by addresses.
        """
        is_rtp = len(data) >= _RTP_HEADER_BYTES and data[0] >> 6 == _RTP_VERSION
        alone = self.media.sent_from is None and time.monotonic() - self._opened >= ALONE_SECONDS
        if not (is_rtp and alone and ipaddress.ip_address(sender).is_private):
            return False
        self.senders.add(sender)
        self._adopted = True
        return True

    def open_nat(self) -> None:
        """Send a packet from each port to the camera, so that NAT lets its packets in."""
        if self._theirs is not None:
            self.media.send(_EMPTY_RTP, (self._camera, self._theirs[0]))
            self.report()

    def report(self) -> None:
        """Send an empty receiver report to each port where the camera may expect one, and keep NAT open for RTP."""
        report = rtcp.serialize_receiver_report(self._source)
        targets = {self.control.sent_from} if self.control.sent_from else set()
        if self._theirs is not None:
            targets.add((self._camera, self._theirs[1]))
        if self.is_strange and self.media.sent_from is not None:
            self.media.send(_EMPTY_RTP, self.media.sent_from)
            host, port = self.media.sent_from
            targets |= {(host, port + 1)} if not targets and port < MAX_PORT else set()
        for address in targets:
            self.control.send(report, address)

    @property
    def announced(self) -> bool:
        """Whether the camera announced its ports."""
        return self._theirs is not None

    @property
    def is_strange(self) -> bool:
        """Whether RTP comes from another address or port than the announced one, or none was announced."""
        seen = self.media.sent_from
        return seen is not None and (self._adopted or self._theirs is None or seen[1] != self._theirs[0])

    def fail(self, error: Exception) -> None:
        """Raise the error from `receive`."""
        self._error = error
        self.arrived.set()

    async def receive(self) -> tuple[list[bytes], list[bytes]]:
        """Wait for packets and return those of RTP and those of RTCP.

        Raises:
            NetError, ShortageError: the error given to `fail`.

        """
        await self.arrived.wait()
        if self._error is not None and not self.media.waiting:
            raise self._error
        if self._error is None:
            self.arrived.clear()
        media, self.media.waiting = self.media.waiting, []
        control, self.control.waiting = self.control.waiting, []
        return media, control

    def close(self) -> None:
        """Close both ports."""
        for port in (self.media, self.control):
            if port.transport is not None:
                port.transport.close()


def _bind(own: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in own else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        bound.bind((own, port))
    except OSError:
        bound.close()
        raise
    return bound


async def open_pair(own: str, camera: str, *, keeps: bool = True) -> PortPair:
    """Open a pair of ports on the local address `own` for packets from `camera`, which are dropped without `keeps`.

    Raises:
        ShortageError: no pair is free.

    """
    loop = asyncio.get_running_loop()
    for _ in range(_TRIES):
        port = random.choice(_PORTS)
        with contextlib.ExitStack() as undo:
            try:
                bound = [undo.enter_context(_bind(own, port + more)) for more in (0, 1)]
            except OSError as error:
                if (short := shortage_of(error)) and short.resource is not Resource.PORTS:
                    raise short from error
                continue
            pair = PortPair(camera, port, keeps=keeps)
            undo.callback(pair.close)
            for protocol, each in zip((pair.media, pair.control), bound, strict=True):
                protocol.transport, _ = await loop.create_datagram_endpoint(protocol.itself, sock=each)
            undo.pop_all()
            return pair
    raise ShortageError(Resource.PORTS, "no pair of UDP ports is free on this server; lower visits_at_once")
