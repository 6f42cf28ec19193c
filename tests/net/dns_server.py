"""A small name server on loopback for tests; it answers correctly, wrongly, slowly, or not at all (RFC 1035, 4)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

SERVFAIL, NXDOMAIN, REFUSED = 2, 3, 5
A, AAAA = 1, 28


@dataclass
class DnsServer:
    """The settings of the server: `addresses` by name, or response `codes` by name; other names do not exist."""

    addresses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    ttl_seconds: int = 60
    delay_seconds: float = 0.0
    silent: bool = False
    code: int | None = None
    truncates: bool = False
    queries: Counter[str] = field(default_factory=Counter)
    port: int = 0

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, query: bytes, *, udp: bool) -> bytes | None:
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1 : end + 1 + query[end]].decode())
            end += query[end] + 1
        name, kind = ".".join(labels).lower(), struct.unpack(">H", query[end + 1 : end + 3])[0]
        question = query[12 : end + 5]
        if kind == A:
            self.queries[name] += 1
        if self.silent:
            return None
        known = self.addresses.get(name)
        code = self.code if self.code is not None else self.codes.get(name, NXDOMAIN if known is None else 0)
        wanted = [item for item in (known or ()) if (":" in item) == (kind == AAAA)] if code == 0 else []
        cut = udp and self.truncates
        head = struct.pack(
            ">2sHHHHH", query[:2], 0x8180 | code | (0x200 if cut else 0), 1, 0 if cut else len(wanted), 0, 0
        )
        if cut:
            return head + question
        return head + question + b"".join(self._record(kind, item) for item in wanted)

    def _record(self, kind: int, address: str) -> bytes:
        data = socket.inet_pton(socket.AF_INET6 if kind == AAAA else socket.AF_INET, address)
        return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, self.ttl_seconds, len(data)) + data


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        answer = self._server.answer(data, udp=True)
        if answer is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self._server.delay_seconds, self._transport.sendto, answer, address)  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def dns_server(server: DnsServer) -> AsyncIterator[DnsServer]:
    """Serve over UDP and TCP on one port within the context."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                query = await reader.readexactly(struct.unpack(">H", await reader.readexactly(2))[0])
                answer = server.answer(query, udp=False)
                if answer is not None:
                    await asyncio.sleep(server.delay_seconds)
                    writer.write(struct.pack(">H", len(answer)) + answer)
        writer.close()

    loop = asyncio.get_running_loop()
    tcp = await asyncio.start_server(connected, "127.0.0.1", server.port)
    server.port = tcp.sockets[0].getsockname()[1]
    udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(server), local_addr=("127.0.0.1", server.port))
    try:
        yield server
    finally:
        udp.close()
        tcp.close()
