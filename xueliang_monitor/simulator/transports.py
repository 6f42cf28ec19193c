"""Sends the packets of a simulated camera: interleaved in the RTSP connection, or over UDP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from typing import Protocol

from xueliang_monitor.simulator.behaviour import Behaviour, FrameFilter
from xueliang_monitor.wire.messages import serialize_interleaved


class Outlet(Protocol):
    """Sends RTP and RTCP packets; `header` is the Transport header of the response to SETUP."""

    header: str

    async def send(self, media: list[bytes], control: list[bytes]) -> None:
        """Send packets."""
        ...

    def close(self) -> None:
        """Close the ports."""
        ...


class InterleavedOutlet:
    """Packets interleaved in the RTSP connection (RFC 2326, 10.12)."""

    def __init__(self, writer: asyncio.StreamWriter, channel: int, filters: tuple[FrameFilter, ...] = ()) -> None:
        self._writer = writer
        self._channel = channel
        self._filters = filters
        self._sent = 0
        self.header = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"

    async def send(self, media: list[bytes], control: list[bytes]) -> None:
        """Send packets as fast as the client reads them."""
        for packet in media:
            self._write(serialize_interleaved(self._channel, packet))
        for packet in control:
            self._write(serialize_interleaved(self._channel + 1, packet))
        await self._writer.drain()

    def _write(self, frame: bytes) -> None:
        for frame_filter in self._filters:
            frame = frame_filter(self._sent, frame)
        self._sent += 1
        self._writer.write(frame)

    def close(self) -> None:
        """Do nothing: no port is open."""


class DatagramOutlet:
    """UDP packets from two ports of the camera to the client's pair of ports; with `other_port`, from a third one."""

    def __init__(self, host: str, client: str, ports: tuple[int, int], *, other_port: bool = False) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(3)]
        self._media = 2 if other_port else 0
        self._to = [(client, port) for port in ports]
        for each in self._sockets:
            each.setblocking(False)
            each.bind((host, 0))
        first, second = (each.getsockname()[1] for each in self._sockets[:2])
        self.header = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={first}-{second}"

    async def send(self, media: list[bytes], control: list[bytes]) -> None:
        """Send packets, 16 a millisecond. Packets that the socket does not accept are lost."""
        for number, packet in enumerate(media):
            self._send(self._media, packet, self._to[0])
            if number % 16 == 15:
                await asyncio.sleep(0.001)
        for packet in control:
            self._send(1, packet, self._to[1])

    def _send(self, which: int, packet: bytes, to: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._sockets[which].sendto(packet, to)

    def close(self) -> None:
        """Close all ports."""
        for each in self._sockets:
            each.close()


def outlet(transport: str, writer: asyncio.StreamWriter, behaviour: Behaviour) -> Outlet | None:
    """Return the outlet for a client's Transport header, or None if the transport is not supported (461)."""
    if behaviour.interleaved and (match := re.search(r"interleaved=(\d+)", transport)):
        return InterleavedOutlet(writer, int(match[1]), behaviour.frame_filters)
    if behaviour.udp and "/TCP" not in transport and (match := re.search(r"client_port=(\d+)-(\d+)", transport)):
        host, client = (writer.get_extra_info(name)[0] for name in ("sockname", "peername"))
        return DatagramOutlet(host, client, (int(match[1]), int(match[2])), other_port=behaviour.other_port)
    return None
