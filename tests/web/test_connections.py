"""Silent, slow and greedy clients shut nobody out of the page, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
from aiohttp import web

from tests.waiting import until
from tests.web.test_access import HASH, PASSWORD, certificate, login, settings_of
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.web import connections, live_streams
from xueliang_monitor.web.server import Server

STRANGER, ANOTHER = "127.0.0.2", "127.0.0.3"
MOST = 40


@contextlib.asynccontextmanager
async def serving(folder: Path, web: str = "", more: str = "", most: int = MOST) -> AsyncIterator[tuple[str, int]]:
    settings = settings_of(folder, web, more=more)
    settings.state.mkdir(exist_ok=True)
    fleet = Fleet(SystemClock(), Policy({}, frozenset()), ())
    async with Server(fleet, settings, folder, most_connections=most).serving(*settings.listen_address) as address:
        parts = urlsplit(address)
        yield str(parts.hostname), int(parts.port or 0)


@pytest.fixture
def silent() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    with contextlib.ExitStack() as stack:
        opened: list[socket.socket] = []
        stack.callback(lambda: [each.close() for each in opened])
        yield opened


def connect(at: tuple[str, int], source: str) -> socket.socket:
    return socket.create_connection(at, timeout=10, source_address=(source, 0))


async def status(at: tuple[str, int], source: str, path: str = "/healthz", **headers: str) -> int:
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with (
        aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(20)) as session,
        session.get(f"http://{at[0]}:{at[1]}{path}", headers=headers) as answer,
    ):
        return answer.status


def is_closed(each: socket.socket) -> bool:
    each.setblocking(False)
    try:
        return not each.recv(4096)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def test_silent_sockets_shut_nobody_out(
    tmp_path: Path, silent: list[socket.socket], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "EACH", 30)
    monkeypatch.setattr(connections, "A_SECOND", 1e6)
    async with serving(tmp_path) as at:
        for source in (STRANGER, ANOTHER, "127.0.0.4"):
            silent += [await asyncio.to_thread(connect, at, source) for _ in range(60)]
        assert await status(at, "127.0.0.5") == 200
        assert await status(at, STRANGER) == 200, "its own silent ones give way"
        assert await status(at, "127.0.0.1") == 200
        await until(lambda: sum(map(is_closed, silent)) >= len(silent) - MOST)
    assert caplog.text.count("too many connections") == 1


async def test_a_silent_socket_of_each_of_many_addresses_shuts_nobody_out(
    tmp_path: Path, silent: list[socket.socket]
) -> None:
    async with serving(tmp_path, most=20) as at:
        silent += [await asyncio.to_thread(connect, at, f"127.0.1.{number}") for number in range(30)]
        assert [await status(at, f"127.0.2.{number}") for number in range(3)] == [200] * 3
        await until(lambda: sum(map(is_closed, silent)) >= 10)


async def test_a_header_must_come_in_time(
    tmp_path: Path, silent: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.3)
    async with serving(tmp_path) as at:
        for sent in (b"", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            silent.append(await asyncio.to_thread(connect, at, STRANGER))
            silent[-1].sendall(sent)
        trickling = await asyncio.to_thread(connect, at, STRANGER)
        own = await asyncio.to_thread(connect, at, "127.0.0.1")
        silent += [trickling, own]

        def is_cut_off() -> bool:
            with contextlib.suppress(OSError):
                trickling.send(b"G")
            return is_closed(trickling)

        await until(is_cut_off)
        for each in silent[:3]:
            await until(lambda each=each: is_closed(each))  # type: ignore[misc]
        # The fourth was answered, and is then closed as idle.
        await until(lambda: is_closed(silent[3]))
        assert not is_closed(own)


async def test_a_tls_handshake_must_come_in_time(
    tmp_path: Path, silent: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.3)
    async with serving(tmp_path, certificate(tmp_path, trustme.CA()) + "}", most=2) as at:
        silent += [await asyncio.to_thread(connect, at, STRANGER) for _ in range(4)]
        for each in silent:
            await until(lambda each=each: is_closed(each))  # type: ignore[misc]


async def test_a_client_that_takes_no_data_loses_its_connection(
    silent: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SEND_SECONDS", 1)
    monkeypatch.setattr(connections, "EACH", 1)

    async def large(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(32_000_000))

    app = web.Application()
    app.add_routes([web.get("/", large)])
    runner = web.AppRunner(app)
    await runner.setup()
    listener = connections.Listener(connections.server_of(runner), most=4)
    try:
        await listener.start("127.0.0.1", 0)
        silent.append(await asyncio.to_thread(connect, listener.addresses[0][:2], STRANGER))
        silent[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(listener) == 1)
        await until(lambda: len(listener) == 0)
    finally:
        await listener.close()
        await runner.cleanup()


async def test_streams_of_one_client_leave_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_streams, "EACH", 5)
    monkeypatch.setattr(live_streams, "MAX_LIVE_STREAMS", 8)
    async with serving(tmp_path, most=100) as at, contextlib.AsyncExitStack() as stack:

        async def stream(source: str) -> aiohttp.ClientResponse:
            connector = aiohttp.TCPConnector(local_addr=(source, 0))
            session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
            return await stack.enter_async_context(session.get(f"http://{at[0]}:{at[1]}/live"))

        flood = [await stream(STRANGER) for _ in range(9)]
        assert [each.status for each in flood] == [200] * 5 + [503] * 4
        assert [(await stream(ANOTHER)).status for _ in range(3)] == [200] * 3
        assert (await stream("127.0.0.4")).status == 200, "one of the most greedy client ends"
        with pytest.raises(aiohttp.ClientError):
            await flood[0].read()
        assert (await stream("127.0.0.4")).status == 200
        assert (await stream(STRANGER)).status == 503


async def test_clients_of_a_proxy_are_told_apart_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "EACH", 8)
    web = f"basic_auth_users: {{wall: {HASH}}}"
    async with serving(tmp_path, web, f"trusted_proxies: [{STRANGER}]") as at:

        async def tried(password: str, source: str, told: str) -> int:
            sent = {"Authorization": login("wall", password), "X-Forwarded-For": told}
            return await status(at, source, "/about", **sent)

        guesses = [await tried(f"guess {number}", STRANGER, "198.51.100.7") for number in range(7)]
        assert guesses == [401] * 5 + [429] * 2
        assert await tried(PASSWORD, STRANGER, "198.51.100.8") == 200
        # A stranger may claim what it likes: it is counted by its own address.
        guesses = [await tried(f"other {number}", ANOTHER, f"198.51.100.{number}") for number in range(7)]
        assert guesses == [401] * 5 + [429] * 2
    assert "failed login as 'wall' from 198.51.100.7" in caplog.text
    assert f"failed login as 'wall' from {ANOTHER}" in caplog.text
    assert caplog.text.count("failed login") == 2, "once a minute for each client"


async def test_a_lack_of_descriptors_pauses_accepting_and_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, silent: list[socket.socket]
) -> None:
    monkeypatch.setattr(connections, "PAUSE_SECONDS", 0.05)
    async with serving(tmp_path) as at:
        for _ in range(8):
            made = socket.socket()
            made.bind((STRANGER, 0))
            silent.append(made)
        highest = max(each.fileno() for each in silent)
        while silent[-1].fileno() <= highest:  # no lower number may be free
            silent.append(socket.socket())
        silent.pop().close()
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        try:
            for each in silent[:8]:
                await asyncio.to_thread(each.connect, at)
            await until(lambda: "no connection to the page can be accepted" in caplog.text)
            turns = asyncio.get_running_loop().time()
            await until(lambda: asyncio.get_running_loop().time() - turns > 4 * connections.PAUSE_SECONDS)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert await status(at, ANOTHER) == 200
    assert caplog.text.count("can be accepted") == 1
    assert "out of system resource" not in caplog.text
    assert errno.EMFILE in connections._SHORTAGES


async def test_malformed_requests_fill_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, silent: list[socket.socket]
) -> None:
    async with serving(tmp_path) as at:
        for sent in (
            b"\x16\x03\x01\x00\x00\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"A" * 100_000,
            b"GET / HTTP/1.1\r\nA\r\n\r\n",
        ):
            silent.append(await asyncio.to_thread(connect, at, "127.0.0.1"))
            with contextlib.suppress(OSError):
                silent[-1].sendall(sent)
            await until(lambda: is_closed(silent[-1]))
    assert "Traceback" not in caplog.text
