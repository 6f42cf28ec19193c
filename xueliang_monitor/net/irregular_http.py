"""Makes the answers of cameras regular before aiohttp reads them.

aiohttp reads HTTP as the standard has it, and closes the connection at the first byte that it does not allow. Cameras
send such bytes: an echo of the request, a wrong length, header lines without a name. So each answer is read by
`AnswerReader` first, over whatever connection aiohttp made, and aiohttp is given the same answer in regular form.
Nothing is sent twice for it, and TLS, limits and the reuse of connections stay as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from xueliang_monitor.wire.http_answer import AnswerReader
from xueliang_monitor.wire.http_head import HttpHead

_NO_BODY = frozenset({204, 304})


class UnreadableAnswerError(aiohttp.ClientError):
    """No answer could be read from the bytes; the text continues a sentence that begins with the peer."""

    def __init__(self, text: str, *, is_cut: bool) -> None:
        super().__init__(text)
        self.is_cut = is_cut


def _regular_head(head: HttpHead) -> bytes:
    lines = [f"HTTP/1.1 {head.status} Answered"]
    lines += [f"{name}: {value}" for name, value in head.headers if name != "content-encoding"]
    if head.status not in _NO_BODY:
        lines.append("transfer-encoding: chunked")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


class CameraResponseHandler(ResponseHandler):
    """The protocol of a connection to a camera; `limit` returns what may be read of the next body."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: Callable[[], int]) -> None:
        super().__init__(loop)
        self._limit = limit
        self._answer: AnswerReader | None = None
        self._head_given = False
        self._patience: asyncio.TimerHandle | None = None

    def set_response_params(self, **options: Any) -> None:
        """Expect the answer to a request that is about to be sent."""
        super().set_response_params(**options)
        self._answer, self._head_given = AnswerReader(self._limit()), False

    def data_received(self, data: bytes) -> None:
        """Read bytes; what comes while no answer is expected belongs to none, and ends the connection."""
        if not data:  # aiohttp goes on with what it was given before
            super().data_received(data)
            return
        if self._answer is None:
            if self.transport is not None:
                self.transport.close()
            return
        self._answer.feed(data)
        self._give(self._answer)

    def eof_received(self) -> None:
        """Use what came: the peer sends no more."""
        self._conclude(AnswerReader.close)
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Use what came: the connection is gone."""
        self._conclude(AnswerReader.close)
        self._wait(None)
        super().connection_lost(exc)

    def _conclude(self, how: Callable[[AnswerReader], None]) -> None:
        if self._answer is not None:
            how(self._answer)
            self._give(self._answer)

    def _give(self, answer: AnswerReader) -> None:
        """Give aiohttp what is known of the answer."""
        self._wait(answer.patience_seconds)
        if answer.failure:
            self._answer = None
            self._fail(UnreadableAnswerError(answer.failure, is_cut=answer.is_cut))
            return
        if answer.head is not None and not self._head_given:
            self._head_given = True
            super().data_received(_regular_head(answer.head))
        if answer.body is None or answer.head is None:
            return
        self._answer = None
        if answer.excess:
            self.force_close()
        if answer.head.status not in _NO_BODY:
            chunk = b"%x\r\n%b\r\n" % (len(answer.body), answer.body) if answer.body else b""
            super().data_received(chunk + b"0\r\n\r\n")

    def _fail(self, error: UnreadableAnswerError) -> None:
        payload = self._payload
        if self.transport is not None:
            self.transport.close()
        if payload is not None and not payload.is_eof():
            payload.set_exception(error)
        self.set_exception(error)

    def _wait(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if seconds is not None:
            self._patience = self._loop.call_later(seconds, self._conclude, AnswerReader.silence)
