"""TLS, logins, Host and Origin, and the web configuration file, on real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import bcrypt
import pytest
import trustme

from tests.waiting import until
from xueliang_monitor.cli import daemon_state
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.web import server as server_module
from xueliang_monitor.web.access import is_open_to_all
from xueliang_monitor.web.origins import host_of, is_own_host
from xueliang_monitor.web.server import Server
from xueliang_monitor.web.web_config import Protection, load

PASSWORD = "wall of the control room"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
ALL = ("/", "/metrics", "/api/v1/cameras", "/api/v1/cameras/x", "/api/v1/events", "/live", "/static/page.css",
       "/readyz", "/docs/", "/docs/x.css", "/nowhere")  # fmt: skip


def settings_of(folder: Path, web: str | None, listen: str = "127.0.0.1:0", more: str = "") -> config.Settings:
    if web is not None:
        (folder / "web.yml").write_text(web)
        more += "\nweb_config: web.yml"
    (folder / "xueliang.yaml").write_text(f"listen: {listen}\n{more}\n")
    return config.load(folder / "xueliang.yaml")[0]


@contextlib.asynccontextmanager
async def serving(folder: Path, web: str | None, more: str = "") -> AsyncIterator[tuple[str, Server, config.Settings]]:
    settings = settings_of(folder, web, more=more)
    settings.state.mkdir(exist_ok=True)
    fleet = Fleet(SystemClock(), Policy({}, frozenset()), ())
    server = Server(fleet, settings, folder)
    async with server.serving(*settings.listen_address) as address:
        following = asyncio.create_task(server.follow_files())
        try:
            yield address, server, settings
        finally:
            following.cancel()


def certificate(folder: Path, authority: trustme.CA, name: str = "server") -> str:
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.private_key_pem.write_to_path(folder / f"{name}.key")
    issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")
    return f"tls_server_config: {{cert_file: {name}.crt, key_file: {name}.key"


def login(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def status(address: str, path: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(address + path, headers=headers) as response:
        return response.status


async def test_without_users_everything_is_open_and_carries_the_headers(tmp_path: Path) -> None:
    async with serving(tmp_path, None) as (address, _, _), aiohttp.ClientSession() as session:
        for path in ("/", "/metrics", "/nowhere"):
            async with session.get(address + path) as response:
                assert response.status == (404 if path == "/nowhere" else 200)
                assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "Strict-Transport-Security" not in response.headers


async def test_every_address_but_healthz_wants_a_login(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    users = f"basic_auth_users: {{wall: {HASH}}}"
    async with serving(tmp_path, users) as (address, _, settings):
        for path in ALL:
            assert await status(address, path) == 401, path
            wrong = login("wall", "not " + PASSWORD)
            assert await status(address, path, Authorization=wrong) == 401, path
        assert await status(address, "/healthz") == 200
        for header in ("Basic", "Basic !!!", "Bearer x", "Basic d2FsbA=="):
            assert await status(address, "/", Authorization=header) == 401
        nobody = login("nobody", PASSWORD)
        assert await status(address, "/", Authorization=nobody) == 401
        right = login("wall", PASSWORD)
        assert await status(address, "/metrics", Authorization=right) == 200
        # Commands on this machine need none: the state folder is for root and the daemon alone.
        assert await asyncio.to_thread(daemon_state.states, settings) == {}
        assert (settings.state / config.SOCKET).stat().st_mode & 0o077 == 0
    assert PASSWORD not in caplog.text
    assert "failed login as 'wall' from 127.0.0.1" in caplog.text


async def test_many_wrong_logins_do_not_stall_the_loop(tmp_path: Path) -> None:
    began = time.thread_time()
    slow = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(11)).decode()
    one_guess = time.thread_time() - began
    async with serving(tmp_path, f"basic_auth_users: {{wall: {slow}}}") as (address, _, _):
        loop = asyncio.get_running_loop()
        wrong = [login("wall", f"guess {number}") for number in range(8)]
        guessing = [asyncio.create_task(status(address, "/", Authorization=each)) for each in wrong]
        worst = 0.0
        while not all(task.done() for task in guessing):
            # By the clock, and no more than by our own CPU: what other processes take is not counted.
            started, spent = loop.time(), time.thread_time()
            await asyncio.sleep(0.005)
            worst = max(worst, min(loop.time() - started, time.thread_time() - spent))
        assert {task.result() for task in guessing} <= {401, 429}
        assert worst < one_guess / 2, f"the loop stood still, once for {worst:.2f} s"


@pytest.mark.parametrize(
    ("host", "wanted"),
    [("127.0.0.1:9147", 200), ("localhost", 200), ("[::1]:9147", 200), ("cameras.example.org:9147", 200),
     ("CAMERAS.example.org", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("", 421), ("[", 421)],
)  # fmt: skip
async def test_only_own_hosts_are_answered(tmp_path: Path, host: str, wanted: int) -> None:
    async with serving(tmp_path, None, "hosts: [cameras.example.org]") as (address, _, _):
        assert await status(address, "/api/v1/cameras", Host=host) in {wanted, 400 if wanted == 421 else wanted}


async def test_another_sites_page_gets_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, None) as (address, _, _):
        assert await status(address, "/live", Origin="https://evil.example") == 403
        assert await status(address, "/api/v1/cameras", Origin="null") == 403
        assert await status(address, "/api/v1/cameras", Origin=address) == 200
        async with aiohttp.ClientSession() as session, session.post(address, headers={"Origin": "http://x"}) as answer:
            assert answer.status == 403


async def test_tls_with_its_minimum_and_strict_transport(tmp_path: Path) -> None:
    authority = trustme.CA()
    web = certificate(tmp_path, authority) + ", min_version: TLS13}"
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(tmp_path, web) as (address, _, _), aiohttp.ClientSession() as session:
        assert address.startswith("https://")
        async with session.get(address + "/", ssl=trusting) as response:
            assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
        async with session.get(address + "/metrics", ssl=trusting) as response:
            told = await response.text()
        line = next(line for line in told.splitlines() if line.startswith("xueliang_web_certificate_not_after"))
        assert float(line.split()[1]) > 1.7e9
        trusting.maximum_version = ssl.TLSVersion.TLSv1_2
        async with aiohttp.ClientSession() as another:
            with pytest.raises(aiohttp.ClientConnectionError):
                await another.get(address + "/", ssl=trusting)


async def test_client_certificates(tmp_path: Path) -> None:
    authority, strangers = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    web = certificate(tmp_path, authority) + ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt}"
    async with serving(tmp_path, web) as (address, _, _), aiohttp.ClientSession() as session:
        for issuer, right in ((authority, True), (strangers, False), (None, False)):
            trusting = ssl.create_default_context()
            authority.configure_trust(trusting)
            if issuer is not None:
                issuer.issue_cert("prometheus@example.org").configure_cert(trusting)
            if right:
                async with session.get(address + "/metrics", ssl=trusting) as response:
                    assert response.status == 200
            else:
                with pytest.raises(aiohttp.ClientError):
                    await session.get(address + "/metrics", ssl=trusting)


async def test_a_renewed_certificate_and_changed_users_are_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_module, "LOOK_SECONDS", 0.05)
    old, new = trustme.CA(), trustme.CA()
    web = certificate(tmp_path, old) + "}"
    trusting = ssl.create_default_context()
    new.configure_trust(trusting)
    right = login("wall", PASSWORD)
    async with serving(tmp_path, web) as (address, _, _):
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(address + "/", ssl=trusting)
        certificate(tmp_path, new)
        (tmp_path / "web.yml").write_text(web + f"\nbasic_auth_users: {{wall: {HASH}}}\n")

        async def both_are_taken_up() -> bool:
            async with aiohttp.ClientSession() as session:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(address + "/", ssl=trusting) as response:
                        return response.status == 401
            return False

        await until(both_are_taken_up)
        (tmp_path / "web.yml").write_text("basic_auth_users: {wall: plain}\n")
        await until(lambda: "stays in force" in caplog.text)
        async with (
            aiohttp.ClientSession() as session,
            session.get(address + "/", ssl=trusting, headers={"Authorization": right}) as response,
        ):
            assert response.status == 200
    assert "plain" not in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("basic_auth_user: {}", 'web.yml:1: basic_auth_user: unknown key; did you mean "basic_auth_users"?'),
        ("basic_auth_users: {wall: secret}", "web.yml:1: basic_auth_users.wall: not a bcrypt hash of cost 4 to 16"),
        ("tls_server_config: {cert_file: a}", "web.yml:1: tls_server_config.key_file: missing"),
        ("tls_server_config: {cert_file: a, key_file: b}", "a with key"),
        ("tls_server_config: {cert_file: s.crt, key_file: o.key}", "do not belong together"),
        ("tls_server_config: {cert_file: s.crt, key_file: s.key, min_version: TLS11}", "min_version: input should be"),
        ("tls_server_config: {cert_file: s.crt, key_file: s.key, min_version: TLS13, max_version: TLS12}", "above"),
        ("tls_server_config: {cert_file: s.crt, key_file: s.key, client_ca_file: s.crt}", "set client_auth_type"),
        ("tls_server_config: {cert_file: s.crt, key_file: s.key, client_auth_type: RequireAnyClientCert}", "should be"),
        (
            "tls_server_config: {cert_file: s.crt, key_file: s.key, client_auth_type: RequireAndVerifyClientCert}",
            "needs client_ca_file",
        ),
        ('http_server_config: {headers: {X-Frame-Options: "a\\r\\nSet-Cookie: b"}}', "control characters"),
        ("http_server_config: {headers: {X-Frame-Options: é}}", "not a valid header value"),
    ],
)
def test_bad_files_name_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    authority = trustme.CA()
    certificate(tmp_path, authority, "s")
    certificate(tmp_path, authority, "o")
    (tmp_path / "web.yml").write_text(text)
    with pytest.raises(DocumentError) as caught:
        load(Path("web.yml"), tmp_path)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_open_to_all_is_said_loudly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fleet = Fleet(SystemClock(), Policy({}, frozenset()), ())
    with caplog.at_level(logging.WARNING):
        Server(fleet, settings_of(tmp_path, None, "0.0.0.0:1"), tmp_path)
    assert "anyone who reaches 0.0.0.0:1 can read the pages" in caplog.text
    both = Protection({"wall": HASH}, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    assert not is_open_to_all("0.0.0.0", both)
    assert not is_open_to_all("::1", Protection())
    assert is_open_to_all("0.0.0.0", Protection({"wall": HASH}))


def test_hosts_are_read_from_every_spelling() -> None:
    assert host_of("Cameras.Example.org.:9147") == "cameras.example.org"
    assert host_of("[2001:db8::7]:9147") == "2001:db8::7"
    assert is_own_host("2001:db8::7", frozenset())
    assert not is_own_host("", frozenset())
    assert not is_own_host("2001", frozenset())
