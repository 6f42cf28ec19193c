"""Fuzzing of the HTTP side: python -m tests.fuzz_http [--seconds N] [--runs N] [--seed N].

Requests are made of every route, method, header, form and query value that somebody might send, and then damaged. They
go as bytes through the server's own parser and every layer behind it, over connections in memory. No answer may have
status 500, no error of ours may be logged, and every complete request is answered in `MAX_SECONDS`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest import mock
from urllib.parse import quote_from_bytes

import bcrypt
from aiohttp import web, web_fileresponse

from tests.simulated_time import camera
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.web import keys
from xueliang_monitor.web.access import Access
from xueliang_monitor.web.application import application
from xueliang_monitor.web.connections import Connection, errors, server_of
from xueliang_monitor.web.web_config import Protection

MAX_SECONDS = 20.0
AT_ONCE = 24
CAMERAS = 8
PASSWORD = "of the fuzzer"
STREAM = b"text/event-stream"

METHODS = (
    [b"GET"] * 12 + [b"POST"] * 6 + [b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PATCH", b"TRACE", b"CONNECT", b"BREW"]
)
NAMES = [
    b"cam-0",
    b"cam-1",
    b"gone",
    b"..",
    b"%2e%2e",
    b"%00",
    b"a/b",
    b"%2F",
    b"%ED%A0%80",
    b"%FF",
    b"\xff",
    b"A" * 300,
]
PATHS = [
    *(
        b"/",
        b"/live",
        b"/events",
        b"/problems",
        b"/sites",
        b"/report",
        b"/about",
        b"/prefer",
        b"/docs",
        b"/docs/",
        b"/docs/%s",
    ),
    *(
        b"/cameras/%s",
        b"/cameras/%s/live",
        b"/cameras/%s/evidence/%s",
        b"/cameras/%s/lights/0",
        b"/cameras/%s/lights/99",
    ),
    *(b"/cameras/%s/check", b"/maintenance/start", b"/maintenance/stop", b"/static/%s", b"/static/page.css"),
    *(b"/api/v1/cameras", b"/api/v1/cameras/%s", b"/api/v1/outages", b"/api/v1/events", b"/api/v1/events/live"),
    *(b"/api/v1/sd", b"/api/v1/sites", b"/api/v1/maintenance", b"/api/v1/openapi.json", b"/events"),
    *(b"/metrics", b"/healthz", b"/readyz"),
]
ODD_PATHS = [b"/%s", b"//%s", b"*", b"http://evil.example/%s", b"localhost:80", b""]
KEYS = [b"q", b"site", b"state", b"fault", b"programme", b"since", b"before", b"after", b"limit", b"days", b"camera",
        b"month", b"format", b"back", b"lang", b"theme", b"density", b"token", b"kind", b"name", b"for", b"reason",
        b"number", b"from", b"to", b"text", b"severity", b""]  # fmt: skip
VALUES = [
    *(
        b"",
        b"0",
        b"1",
        b"-1",
        b"7",
        b"1e9",
        b"99999999999999999",
        b"9" * 40,
        b"9" * 6000,
        b"\xd9\xa3",
        b"\xc2\xb2",
        b"NaN",
    ),
    *(b"cam-0", b"site-0", b"camera", b"site", b"1h", b"30d", b"99999999999d", b"zh", b"en", b"dark", b"csv", b"xlsx"),
    *(b"2026-11", b"9999-12", b"0001-01", b"2026-13", b"1970-01-01..1970-02-01", b"0002-01-01..9998-12-31"),
    *(
        b"\x00",
        b"\t/evil",
        b"//evil",
        b"/\\evil",
        b"\xed\xa0\x80",
        b"\xff\xfe",
        b"\xe2\x80\xa8",
        b"a" * 3000,
        b"<script>",
    ),
    *(b"'\"--;", b"{{7*7}}", b"%s%n", b"../../etc/passwd", b"\xe6\x9d\x91", b"up", b"down", b"picture_black", b"a-0-0"),
]
HEADERS = [b"Accept", b"Accept-Encoding", b"Accept-Language", b"Cookie", b"Origin", b"Referer", b"Sec-Fetch-Site",
           b"Sec-Fetch-Mode", b"Sec-Fetch-Dest", b"X-Forwarded-For", b"Last-Event-ID", b"If-None-Match", b"Range",
           b"If-Modified-Since", b"Content-Encoding", b"Via", b"TE", b"X"] * 3 + [b"Host", b"Expect", b"Content-Type",
           b"Authorization"]  # fmt: skip
FRAMING = [b"Transfer-Encoding", b"Content-Length", b"Connection", b"Upgrade"]
TEXTS = [
    *(
        b"",
        b"*/*",
        b"gzip",
        b"gzip;q=0",
        b"deflate, br",
        b"text/html",
        b"zh-CN,zh;q=0.9",
        b"en;q=x",
        b";;,,==",
        b"\xff\xfe",
    ),
    *(
        b"application/openmetrics-text;version=1.0.0",
        b"application/openmetrics-text;version=x.y",
        b"text/plain;version=1",
    ),
    *(b"text/plain;version=1.0.0;escaping=dots", b"lang=zh; theme=dark; density=roomy", b"lang=\x01; =;;", b"a" * 7000),
    *(
        b"http://localhost",
        b"http://[",
        b"null",
        b"//",
        b"cross-site",
        b"same-origin",
        b"none",
        b"navigate",
        b"document",
    ),
    *(
        b"10.0.0.1",
        b"127.0.0.1, [::1]:80, x",
        b"7",
        b"bytes=0-1",
        b"bytes=9-1",
        b"bytes=-",
        b"Thu, 01 Jan 1970 00:00:00 GMT",
    ),
    *(
        b"100-continue",
        b"200-ok",
        b"websocket",
        b"h2c",
        b"close",
        b"keep-alive",
        b"upgrade",
        b"chunked",
        b"gzip, chunked",
    ),
    *(
        b"identity",
        b"multipart/form-data; boundary=x",
        b"multipart/form-data",
        b"application/json",
        b"Basic Og==",
        b"Basic",
    ),
    *(
        b"application/x-www-form-urlencoded; charset=bogus",
        b"application/x-www-form-urlencoded",
        b"Bearer x",
        b"Basic /w==",
    ),
    *(
        b"localhost",
        b"127.0.0.1:80",
        b"[::1]",
        b"[",
        b"evil.example",
        b"localhost:99999",
        b"\xc3\xa9",
        b'W/"x", *',
        b"-1",
    ),
    *(b"3-1-0", b"x" * 80, b"0", b"99999999999999999999"),
]
TOKEN = b"@TOKEN@"
_DAMAGE = [b"\x00", b"\r", b"\n", b"\r\n", b" ", b"\xff", b":", b"%", b"?", b"#", b"\\", b"A" * 9000, b"\x80", b"\x1b"]


class Maker:
    """Makes requests from a seed."""

    def __init__(self, seed: int, token: str) -> None:
        self._random = random.Random(seed)
        self._token = token.encode()
        right = base64.b64encode(f"wall:{PASSWORD}".encode())
        self._right = b"Authorization: Basic " + right

    def request(self) -> tuple[bytes, bool]:
        """Return a request, and whether it is complete, so that it must be answered."""
        chance, choice = self._random.random, self._random.choice
        method, path = choice(METHODS), choice(PATHS if chance() < 0.95 else ODD_PATHS)
        while b"%s" in path:
            path = path.replace(b"%s", choice(NAMES), 1)
        if chance() < 0.6:
            path += b"?" + self._pairs(raw=chance() < 0.1)
        lines = [b"%s %s HTTP/1.1" % (method, path)]
        if chance() < 0.95:
            lines.append(self._right)
        lines += [b"%s: %s" % (choice(HEADERS), choice(TEXTS)) for _ in range(self._random.randrange(5))]
        if chance() < 0.02:
            lines.append(b"%s: %s" % (choice(FRAMING), choice(TEXTS)))
        if not any(line.startswith(b"Host") for line in lines):
            lines.append(b"Host: localhost")
        body = b""
        if method == b"POST" or chance() < 0.05:
            body = self._pairs(raw=chance() < 0.1)
            if chance() < 0.05:
                body = b"token=%s&" % self._token + body
            if not any(line.startswith(b"Content-Type") for line in lines):
                lines.append(b"Content-Type: application/x-www-form-urlencoded")
            if chance() < 0.9:
                lines.append(b"Content-Length: %d" % len(body))
            else:
                lines.append(b"Transfer-Encoding: chunked")
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        whole = b"\r\n".join(lines) + b"\r\n\r\n" + body
        unusual = sum(
            line.lower().startswith((b"content-length", b"transfer-", b"upgrade", b"connection")) for line in lines
        )
        complete = unusual <= 1 and method not in {b"CONNECT"} and b"Expect" not in whole and b"upgrade" not in whole
        if chance() < 0.2:
            return self._damaged(whole), False
        return whole, complete and (method == b"POST" or unusual == 0)

    def _pairs(self, *, raw: bool) -> bytes:
        chosen = self._random
        pairs = []
        for _ in range(chosen.randrange(1, 4)):
            value = chosen.choice(VALUES)
            pairs.append(b"%s=%s" % (chosen.choice(KEYS), value if raw else quote_from_bytes(value).encode()))
        return chosen.choice([b"&", b"&", b"&", b";", b"&&"]).join(pairs)

    def _damaged(self, whole: bytes) -> bytes:
        for _ in range(self._random.randrange(1, 4)):
            at = self._random.randrange(len(whole) + 1)
            end = min(len(whole), at + self._random.choice([0, 0, 1, 2, 30]))
            put = self._random.choice([*_DAMAGE, b"", bytes([self._random.randrange(256)])])
            whole = whole[:at] + put + whole[end:]
        return whole

    def pieces(self, whole: bytes) -> Iterator[bytes]:
        """Yield a request in one piece or in a few."""
        if self._random.random() < 0.8 or len(whole) < 2:
            yield whole
            return
        cut = self._random.randrange(1, len(whole))
        yield whole[:cut]
        yield whole[cut:]

    def address(self) -> tuple[str, int]:
        """Return the address from which a request comes."""
        return f"127.0.1.{self._random.randrange(250)}", 4711


class Wire(asyncio.Transport):
    """The transport of a connection in memory."""

    def __init__(self, protocol: asyncio.Protocol, peer: tuple[str, int]) -> None:
        super().__init__({"peername": peer, "sockname": ("127.0.0.1", 80)})
        self._protocol = protocol
        self._closing = False
        self.sent = bytearray()
        self.answered = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if len(self.sent) < 4096:
            self.sent += data
        if b"\r\n\r\n" in self.sent:
            self.answered.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.answered.set()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        """Do nothing: whole requests are fed."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


class Errors(logging.Handler):
    """Keeps what the program logs as its own error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


def _fleet() -> Fleet:
    cameras = tuple(camera(f"cam-{number}", site=f"site-{number // 4}") for number in range(CAMERAS))
    fleet = Fleet(SystemClock(), Policy(), cameras)
    for each in cameras:
        visited = VisitResult(each.id, time.time(), (RungResult(Rung.REACH, True, 0.01),), online=True)
        fleet.apply(visited, Memory(), 0.0)
    return fleet


class Fuzzer:
    """Sends requests to one application until its time or its runs are over."""

    def __init__(self, server: web.Server, maker: Maker, wrong: Errors) -> None:
        self._server = server
        self._maker = maker
        self._wrong = wrong
        self.statuses: Counter[str] = Counter()
        self.count = 0
        self.broken: list[str] = []

    async def send(self) -> None:
        """Send one request and judge its answer."""
        whole, complete = self._maker.request()
        options = {"access_log": None, "auto_decompress": False, "logger": errors, "keepalive_timeout": 10.0}
        connection = Connection(self._server, "fuzzer", lambda _connection: None, **options)
        wire = Wire(connection, self._maker.address())
        connection.connection_made(wire)
        for piece in self._maker.pieces(whole):
            connection.data_received(piece)
        self.count += 1
        try:
            async with asyncio.timeout(MAX_SECONDS if complete else 0.02):
                await wire.answered.wait()
        except TimeoutError:
            if complete:
                self.broken.append(f"no answer in {MAX_SECONDS:.0f} s: {whole!r}")
        status = bytes(wire.sent[9:12]).decode("latin-1")
        self.statuses[status or "none"] += 1
        if status == "500" or self._wrong.found:
            self.broken.append(f"{status} {' '.join(self._wrong.found)}: {whole!r}")
            self._wrong.found.clear()
        wire.close()

    async def run(self, ends_at: float, runs: int) -> None:
        """Send requests, some at the same time, until `ends_at` in monotonic seconds or for `runs` requests."""

        async def worker() -> None:
            while not self.broken and time.monotonic() < ends_at and (not runs or self.count < runs):
                await self.send()

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def fuzz(seconds: float, runs: int, seed: int) -> Fuzzer:
    """Fuzz the application of a small fleet."""
    wrong = Errors()
    logging.getLogger().addHandler(wrong)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: wrong.found.append(str(context)))
    with tempfile.TemporaryDirectory() as folder:
        History(Path(folder)).close()
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        access = Access(Protection({"wall": hashed}), frozenset())
        app = application(_fleet(), Settings(state=Path(folder)), access)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        fuzzer = Fuzzer(server_of(runner), Maker(seed, app[keys.RENDERER].token("wall")), wrong)
        try:
            # A transport in memory has no socket that the kernel could copy a file to.
            with mock.patch.object(web_fileresponse, "NOSENDFILE", new=True):
                await fuzzer.run(time.monotonic() + seconds if seconds else float("inf"), runs)
        finally:
            await runner.cleanup()
            access.close()
            logging.getLogger().removeHandler(wrong)
    return fuzzer


def main() -> int:
    """Fuzz; return 1 if something is broken."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=0.0)
    options.add_argument("--runs", type=int, default=0)
    options.add_argument("--seed", type=int, default=None, help="default: a new one each time")
    chosen = options.parse_args()
    seed = chosen.seed if chosen.seed is not None else time.time_ns()
    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        found = asyncio.run(fuzz(chosen.seconds or (0.0 if chosen.runs else 60.0), chosen.runs, seed))
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    print(f"#{found.count} requests in {time.monotonic() - began:.0f} s, seed {seed}; {statuses}", file=sys.stderr)
    for each in found.broken:
        print(f"BROKEN {each}", file=sys.stderr)
    return 1 if found.broken else 0


if __name__ == "__main__":
    sys.exit(main())
