"""Reads the answer to one HTTP request as cameras send it: bytes in, a head and a body out (RFC 9112). Pure.

Bytes before the status line are skipped. A length or chunks that cannot be true give way to the end of the SOAP
envelope, as curl and browsers use what came. All sizes are bounded, and the work is linear.
"""

from __future__ import annotations

import enum
import re
import zlib

from xueliang_monitor.wire.http_head import MAX_HEAD_BYTES, MAX_LINES, STATUS_LINE, Framing, HttpHead, read_head

MAX_JUNK_BYTES = 64 * 1024
"""What may stand before a status line: the echo of a request, or the rest of an answer before."""

MAX_INTERIM_ANSWERS = 20
BEGUN_SECONDS = 5.0
"""How long is waited for what nothing announces: the body, and an answer after bytes that are none."""

SILENCE_SECONDS = 2.0
"""The same for the body of a refusal, which mostly has none."""

SETTLED_SECONDS = 0.5
"""The same for what may follow a complete envelope."""

_ENVELOPE = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?Envelope[\s>]")
_BEGUN = re.compile(rb"<\?xml|" + _ENVELOPE.pattern)
_ENVELOPE_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?Envelope\s*>")
_OVERLAP_BYTES = 300
_BEGINNING_BYTES = 4096
_STATUS_BYTES = 64
"""The length of the longest part of a status line that decides whether it is one."""

_OTHERS = {b"\x15\x03": "TLS", b"RTSP/": "RTSP", b"SSH-": "SSH"}
"""How the answers of other protocols begin; the first is an alert of TLS to a request without it."""

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?", re.DOTALL)
_MAX_CHUNK_LINE_BYTES = 4096
_BLANK = b" \t\r\n\x00"


class _State(enum.Enum):
    BEFORE = "before the status line"
    HEAD = "in the head"
    BODY = "in the body"
    DONE = "done"


class AnswerReader:
    """Reads one answer. `head` and `body` are None until they are complete; `failure` says why there is none.

    `is_cut` says that the failure is an answer that ended too early, and not that the bytes are no HTTP.
    `excess` says that the connection cannot be used again: something followed the answer, or its end was guessed.
    """

    def __init__(self, limit: int) -> None:
        """Read a body of at most `limit` bytes, and one more to show that it was longer."""
        self.head: HttpHead | None = None
        self.body: bytes | None = None
        self.failure = ""
        self.is_cut = False
        self.excess = False
        self._limit = limit
        self._state = _State.BEFORE
        self._buffer = bytearray()
        self._content = bytearray()
        self._lines: list[bytes] = []
        self._line_end = b"\n"
        self._head_bytes = self._searched = 0
        self._skipped = self._interim = 0
        self._framing = Framing.UNKNOWN
        self._length = 0
        self._chunk_left = 0
        self._last_chunk = self._ended = False

    @property
    def patience_seconds(self) -> float | None:
        """How long silence may last before `silence` is to be called; None if the answer says what is missing."""
        if self._state is _State.BEFORE:
            return BEGUN_SECONDS if self._buffer.strip(_BLANK) else None
        if self._state is not _State.BODY:
            return None
        if self._ended or self._last_chunk or (self._framing is Framing.UNKNOWN and self._announced_none):
            return SETTLED_SECONDS
        if self._framing is not Framing.UNKNOWN:
            return None
        return SILENCE_SECONDS if self.head is not None and self.head.status >= 300 else BEGUN_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether the answer is complete, or failed."""
        return self._state is _State.DONE

    @property
    def _announced_none(self) -> bool:
        """Whether a success is said to have no body, which no answer of SOAP is; some devices send one nevertheless."""
        return self.head is not None and (self.head.status, self.head.framing, self._length) == (200, Framing.LENGTH, 0)

    @property
    def _is_in_body(self) -> bool:
        return self._state is _State.BODY

    def feed(self, data: bytes) -> None:
        """Take bytes of the connection."""
        if self._state is _State.DONE:
            self.excess = self.excess or bool(data)
            return
        self._buffer += data
        while not self.is_over and self._step():
            pass
        if self._is_in_body:
            self._look_for_end()

    def silence(self) -> None:
        """Use what came: nothing more came for `patience_seconds`."""
        self._conclude()

    def close(self) -> None:
        """Use what came: the peer closed the connection."""
        self._conclude()

    def _step(self) -> bool:
        """Read the next part; return whether there may be one more."""
        if self._state is _State.BEFORE:
            return self._find_status_line()
        if self._state is _State.HEAD:
            return self._find_head()
        if self._framing is Framing.CHUNKS:
            return self._read_chunk()
        self._take(len(self._buffer) if self._framing is Framing.UNKNOWN else self._length - len(self._content))
        if self._framing is Framing.LENGTH and len(self._content) >= self._length:
            self._check_length()
        return False

    def _find_status_line(self) -> bool:
        start = max(0, self._searched - _STATUS_BYTES)
        found = STATUS_LINE.search(self._buffer, start)
        after = self._buffer[found.end() : found.end() + 2] if found is not None else b""
        if found is None or after in (b"", b"\r"):  # the line may go on
            self._searched = len(self._buffer) if found is None else found.start()
            if self._skipped + len(self._buffer) > MAX_JUNK_BYTES + MAX_HEAD_BYTES:
                self._fail("does not speak HTTP")
            return False
        self._skipped += found.start()
        if self._skipped > MAX_JUNK_BYTES:
            self._fail("does not speak HTTP")
            return False
        del self._buffer[: found.start()]
        self._line_end = b"\r" if after[:1] == b"\r" and after[1:] not in (b"\r", b"\n") else b"\n"
        self._state, self._searched = _State.HEAD, 0
        return True

    def _find_head(self, *, closed: bool = False) -> bool:
        """Read the head up to an empty line, or to a line that can only be the body."""
        position = 0
        while True:
            end = self._buffer.find(self._line_end, max(position, self._searched))
            if end < 0 and not (closed and position < len(self._buffer)):
                break
            line = bytes(self._buffer[position : end if end >= 0 else len(self._buffer)]).rstrip(b"\r")
            if self._lines and line[:1] == b"<":
                return self._begin(position)
            position = end + 1 if end >= 0 else len(self._buffer)
            if self._lines and not line:
                return self._begin(position)
            self._lines.append(line)
        if closed:
            return self._begin(position)
        self._head_bytes += position
        del self._buffer[:position]
        self._searched = len(self._buffer)
        if len(self._lines) > MAX_LINES or self._head_bytes + len(self._buffer) > MAX_HEAD_BYTES:
            self._fail(f"sent over {MAX_HEAD_BYTES // 1024} KiB or {MAX_LINES} lines of HTTP headers")
        return False

    def _begin(self, position: int) -> bool:
        """Begin the body at a position of the buffer; skip an interim answer (RFC 9110, 15.2)."""
        status_line = STATUS_LINE.match(self._lines[0])
        if status_line is None:
            raise AssertionError
        head = read_head(status_line, self._lines[1:])
        del self._buffer[:position]
        self._lines.clear()
        self._head_bytes = self._searched = 0
        if head.status < 200:
            self._interim += 1
            self._state = _State.BEFORE
            if self._interim > MAX_INTERIM_ANSWERS:
                self._fail(f"sent over {MAX_INTERIM_ANSWERS} interim HTTP answers")
            return True
        self.head, self._framing, self._length = head, head.framing, head.length
        self._state = _State.BODY
        self.excess = not head.keeps_open
        if head.framing is Framing.EMPTY:
            self._finish()
        return True

    def _take(self, size: int) -> None:
        """Move bytes to the body, at most one more than the limit."""
        self._content += self._buffer[:size]
        del self._buffer[:size]
        if len(self._content) > self._limit:
            self.excess = True
            self._finish()

    def _check_length(self) -> None:
        """End the body at its length, unless that would cut an envelope or drop all of it."""
        if self._state is _State.DONE:
            return
        cut = _ENVELOPE.search(self._content[:_BEGINNING_BYTES]) and not _ENVELOPE_END.search(self._content)
        if cut or self._announced_none:
            self._framing, self.excess = Framing.UNKNOWN, True
            self._take(len(self._buffer))
            return
        self._finish()

    def _read_chunk(self) -> bool:
        """Read what is there of the chunks (RFC 9112, 7.1); bytes that are no chunk end them."""
        position, size = 0, len(self._buffer)
        while position < size:
            if self._chunk_left:
                taken = min(self._chunk_left, size - position)
                self._content += self._buffer[position : position + taken]
                self._chunk_left -= taken
                position += taken
                if len(self._content) > self._limit:
                    break
                continue
            end = self._buffer.find(b"\n", position, position + _MAX_CHUNK_LINE_BYTES)
            if end < 0 and size - position < _MAX_CHUNK_LINE_BYTES and not self._is_no_chunk(position):
                break
            line = bytes(self._buffer[position:end]).strip(b"\r")
            if self._last_chunk:
                position = end + 1
                if not line or end < 0:
                    self._take_chunks(position, done=True)
                    return False
                continue
            found = _CHUNK_SIZE.fullmatch(line) if end >= 0 else None
            if found is not None:
                self._chunk_left, self._last_chunk = int(found[1], 16), int(found[1], 16) == 0
            elif line or end < 0:  # no chunk: the rest as it is
                del self._buffer[:position]
                self._framing, self.excess = Framing.UNKNOWN, True
                return True
            position = end + 1
        self._take_chunks(position, done=False)
        return False

    def _is_no_chunk(self, position: int) -> bool:
        """Return whether an unfinished line cannot become that of a chunk's size."""
        return not self._last_chunk and self._buffer[position : position + 1] == b"<"

    def _take_chunks(self, position: int, *, done: bool) -> None:
        del self._buffer[:position]
        if len(self._content) > self._limit:
            self.excess = True
            done = True
        if done:
            self._finish()

    def _look_for_end(self) -> None:
        """Note the end of the envelope in what was not searched yet."""
        if not self._ended:
            start = max(0, self._searched - _OVERLAP_BYTES)
            self._ended = _ENVELOPE_END.search(self._content, start) is not None
            self._searched = len(self._content)
        if self._ended and self._framing is Framing.UNKNOWN:
            self.excess = True
            self._finish()

    def _finish(self) -> None:
        self._state = _State.DONE
        self.excess = self.excess or bool(self._buffer)
        self._buffer.clear()
        if self.head is None:
            raise AssertionError
        self.body = self._decompressed(bytes(self._content[: self._limit + 1]), self.head.get("content-encoding"))
        self._content.clear()

    def _decompressed(self, body: bytes, encoding: str) -> bytes:
        """Return a body that is compressed though nobody asked for it; what cannot be read stays as it is."""
        if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
            return body
        for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
            try:
                return zlib.decompressobj(window).decompress(body, self._limit + 1) or body
            except zlib.error:
                continue
        return body

    def _fail(self, text: str) -> None:
        self._state, self.failure, self.excess = _State.DONE, text, True
        self._buffer.clear()
        self._content.clear()

    def _conclude(self) -> None:
        """End the answer with what came, or fail."""
        if self._state is _State.DONE:
            return
        self.excess = True
        if self._state is _State.BEFORE:
            self._conclude_without_status()
        if self._state is _State.HEAD:
            self._find_head(closed=True)
            while self._is_in_body and self._step():
                pass
        if not self._is_in_body or self.head is None:
            return
        begun = _BEGUN.search(self._content[:_BEGINNING_BYTES]) is not None
        whole = _ENVELOPE_END.search(self._content) is not None
        blank_is_all = self._framing is Framing.UNKNOWN or self._last_chunk
        if whole or self.head.status >= 300 or (not begun and (self._content.strip(_BLANK) or blank_is_all)):
            self._finish()
        else:
            self.is_cut = True
            self._fail("ended the response before it was complete")

    def _conclude_without_status(self) -> None:
        """Take an envelope that came without a head, and a status line without an end; anything else is no HTTP."""
        junk = bytes(self._buffer).strip(_BLANK)
        if junk[:1] == b"<" and _ENVELOPE_END.search(junk):
            self.head, self._state = HttpHead(200, keeps_open=False), _State.BODY
            self._content += junk
            self._finish()
        elif found := STATUS_LINE.search(self._buffer):
            del self._buffer[: found.start()]
            self._state, self._searched = _State.HEAD, 0
        elif junk:
            other = next((name for start, name in _OTHERS.items() if junk.startswith(start)), "")
            self._fail(f"does not speak HTTP, but {other}" if other else "does not speak HTTP")
