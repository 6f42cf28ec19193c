"""The socket of an RTSP connection: connects, secures, sends, and parses what arrives in steps of bounded work."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Callable, Iterable
from typing import Self

from xueliang_monitor.net.connect_errors import connect_error, read_error
from xueliang_monitor.net.errors import ClosedError, ProtocolError
from xueliang_monitor.net.login_rules import Channel
from xueliang_monitor.net.tls import UNCHECKED, tls_context
from xueliang_monitor.net.tls_errors import CLOSED, reason_of, tls_error
from xueliang_monitor.process.shortage import ShortageError, lacking_descriptors, shortage_of
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import MalformedMessageError
from xueliang_monitor.wire.messages import Event, InterleavedFrame, MessageParser, Response
from xueliang_monitor.wire.oddities import Oddities, Oddity

MAX_ERROR_CHARACTERS = 160
"""What is shown of a message that is not RTSP; the gate has read more."""

READ_BYTES = 16 * 1024
PARSE_BYTES = 4 * 1024
"""The number of bytes that are parsed at once. The worst case, frames without content, takes 2 ms."""

DENSE_EVENTS = 128
DENSE_PAUSE_SECONDS = 0.02
"""How long reading pauses where `PARSE_BYTES` contain more than `DENSE_EVENTS` messages and frames. A stream of a
camera has five. A flood of tiny frames then takes a tenth of one core and no more."""

CLOSE_SECONDS = 0.5

Record = Callable[[bytes, bool], None]
"""Takes bytes of a connection, and whether the camera sent them."""


class _Reader(asyncio.StreamReader):
    """Gives out what arrived before the connection failed, and only then the failure."""

    failure: BaseException | None = None

    def set_exception(self, exc: BaseException) -> None:
        self.failure = exc
        self.feed_eof()


class RtspSocket:
    """One TCP connection to a camera; what arrived is in `responses` and `frames` until somebody takes it.

    `host` is the camera's name for TLS and messages. `gate` is the one for its texts. What is read although it should
    be otherwise is counted in `oddities`.
    """

    def __init__(
        self,
        reader: _Reader,
        writer: asyncio.StreamWriter,
        host: str,
        *,
        gate: Gate,
        oddities: Oddities,
    ) -> None:
        self.host = host
        self.gate = gate
        self.oddities = oddities
        self.channel = Channel.PLAIN
        self.responses: list[Response] = []
        self.frames: list[InterleavedFrame] = []
        self.events = 0
        self.record: Record | None = None
        self._reader = reader
        self._writer = writer
        self._parser = MessageParser()
        self._unparsed = b""
        self._may_linger = False

    @classmethod
    async def open(cls, host: str, port: int, address: str, *, gate: Gate, oddities: Oddities) -> Self:
        """Connect over TCP to an address of the host.

        Raises:
            ConnectError: no connection could be made.
            ClosedError: the host ended the connection as it accepted it.
            ShortageError: no connection could be attempted.

        """
        loop = asyncio.get_running_loop()
        reader = _Reader(READ_BYTES, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            transport, _ = await loop.create_connection(lambda: protocol, address, port)
        except OSError as error:
            raise connect_error(error, f"{host}:{port}") from error
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return cls(reader, writer, host, gate=gate, oddities=oddities)

    @classmethod
    def ended(cls, error: ClosedError, host: str, *, gate: Gate, oddities: Oddities) -> Self:
        """Return a connection that the host ended as it accepted it: whoever reads from it gets the error."""
        reader = _Reader()
        protocol = asyncio.StreamReaderProtocol(reader)
        protocol.connection_lost(None)
        reader.failure = error
        writer = asyncio.StreamWriter(_EndedTransport(), protocol, reader, asyncio.get_running_loop())
        return cls(reader, writer, host, gate=gate, oddities=oddities)

    async def secure(self, tls: str) -> None:
        """Start TLS on the connection (RFC 7826, 19.2); `tls` is the setting of `tls_context`.

        Raises:
            TlsError: the handshake failed, or the certificate is not trusted.
            ClosedError: the host ended the connection as it accepted it.
            ShortageError: the certificate could not be checked.

        """
        if isinstance(self._reader.failure, ClosedError):
            raise self._reader.failure
        context, self._may_linger = tls_context(tls), True
        try:
            await self._writer.start_tls(context, server_hostname=self.host)
        except ssl.SSLError as error:
            # OpenSSL reads the certificates of authorities during the handshake.
            raise lacking_descriptors() or tls_error(self.host, reason_of(error), tls) from error
        except OSError as error:
            if short := shortage_of(error):
                raise short from error
            raise tls_error(self.host, CLOSED, tls) from error
        self.channel = Channel.UNCHECKED if tls in UNCHECKED else Channel.CHECKED

    @property
    def addresses(self) -> tuple[str, str]:
        """The local address of this connection, and the camera's."""
        own, peer = self._writer.get_extra_info("sockname"), self._writer.get_extra_info("peername")
        return str(own[0]), str(peer[0])

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._writer.is_closing()

    async def close(self) -> None:
        """Close the socket, and wait a moment until it is closed."""
        self.record = None
        self._writer.close()
        if not self._may_linger and not self._writer.transport.get_write_buffer_size():
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
            return
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()

    def send(self, data: bytes) -> None:
        """Send bytes as soon as possible."""
        if self.record is not None:
            self.record(data, False)
        self._writer.write(data)

    async def read(self) -> int:
        """Receive and parse data; return the number of bytes parsed. What a cancelled call left is parsed next.

        Raises:
            ClosedError, ProtocolError: the connection failed.
            ShortageError: the monitor lacks a resource.

        """
        data, self._unparsed = self._unparsed or await self._receive(), b""
        for end in range(PARSE_BYTES, len(data) + PARSE_BYTES, PARSE_BYTES):
            if self._parse(data[end - PARSE_BYTES : end]) > DENSE_EVENTS:
                self._unparsed = data[end:]
                await asyncio.sleep(DENSE_PAUSE_SECONDS)
                return min(end, len(data))
        if len(data) == READ_BYTES:
            await asyncio.sleep(0)  # more data is waiting; let other tasks run first
        return len(data)

    async def read_within(self, seconds: float) -> int | None:
        """Read as `read` does; None if nothing comes within so many seconds."""
        waiting = asyncio.timeout(seconds)
        try:
            async with waiting:
                return await self.read()
        except TimeoutError:
            if not waiting.expired():
                raise
            return None

    def expect(self, channels: Iterable[int], payload_types: Iterable[int]) -> None:
        """Take on which channels the session's packets come, and of which types they are."""
        self._parser.expect(channels, payload_types)

    @property
    def foreign_share(self) -> float:
        """How much of what arrived belongs to no message and no frame."""
        foreign = self._parser.foreign
        return foreign.skipped / foreign.received if foreign.received else 0.0

    async def _receive(self) -> bytes:
        """Wait for data; return none after a silence that ends what arrived before."""
        data = await self._data()
        if data is None:
            self._pause()
            return b""
        if data:
            if self.record is not None:
                self.record(data, True)
            return data
        failure = self._failure()
        if not isinstance(failure, ShortageError) and self._pause():
            return b""
        raise failure

    async def _data(self) -> bytes | None:
        """Wait for data; return none at the end, and None after a silence."""
        seconds = self._parser.quiet_seconds
        if seconds is None:
            return await self._reader.read(READ_BYTES)
        quiet = asyncio.timeout(seconds)
        try:
            async with quiet:
                return await self._reader.read(READ_BYTES)
        except TimeoutError:
            if not quiet.expired():
                raise
            return None

    def _failure(self) -> Exception:
        """Return why nothing more comes."""
        error = self._reader.failure
        if isinstance(error, OSError):
            failure = read_error(error)
            failure.__cause__ = error
            return failure
        return error if isinstance(error, ClosedError) else ClosedError("the camera closed the connection")

    def _parse(self, data: bytes) -> int:
        """Take the events of the next bytes; return their number."""
        return self._take(functools.partial(self._parser.feed, data))

    def _pause(self) -> int:
        """Take the events that end because nothing more comes; return their number."""
        return self._take(self._parser.pause)

    def _take(self, parse: Callable[[], list[Event]]) -> int:
        skipped, unread = self._parser.foreign.skipped, self._parser.unread_lines
        try:
            events = parse()
        except MalformedMessageError as error:
            raise ProtocolError(self.gate.message(str(error), MAX_ERROR_CHARACTERS), reason=error.kind.value) from error
        finally:
            if self._parser.foreign.skipped != skipped or self._parser.unread_lines != unread:
                self._count(Oddity.FOREIGN_BYTES, self._parser.foreign.skipped - skipped)
                self._count(Oddity.BAD_HEADER_LINE, self._parser.unread_lines - unread)
        frames = self.frames
        for event in events:
            if event.__class__ is InterleavedFrame:
                frames.append(event)
            elif isinstance(event, Response):
                self.responses.append(event)
        self.events += len(events)
        return len(events)

    def _count(self, oddity: Oddity, number: int) -> None:
        if number > 0:
            self.oddities.count(oddity, number)


class _EndedTransport(asyncio.Transport):
    """The transport of a connection that is over: what is written goes nowhere."""

    def is_closing(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        """Return 0, as nothing waits."""
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Drop the data."""

    def close(self) -> None:
        """Do nothing."""
