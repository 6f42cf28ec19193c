"""Cameras with old TLS, over HTTPS and RTSPS: what each setting takes, and what is advised."""

from __future__ import annotations

import contextlib
import datetime
import functools
import socket
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.net.raw_device import response
from tests.net.test_onvif import talk_to
from tests.probing.test_stream import climb, codes
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.model import Rung
from xueliang_monitor.net.errors import TlsError
from xueliang_monitor.net.tls import tls_context
from xueliang_monitor.net.tls_errors import tls_error
from xueliang_monitor.probing.rtsp_reasons import TLS
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[..., Awaitable[SimulatedFleet]]

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
OLD = ssl.TLSVersion.TLSv1
MIDDLE = ssl.TLSVersion.TLSv1_2
NEW = ssl.TLSVersion.TLSv1_3
EXPIRED = "expired"


@dataclass(frozen=True)
class Server:
    """A server's versions and ciphers, and the settings that connect."""

    lowest: ssl.TLSVersion
    highest: ssl.TLSVersion
    ciphers: str = "ALL"
    key: tuple[str, ...] = ("rsa:2048",)
    curve: str = ""
    groups: int = 0
    taken_by: frozenset[str] = frozenset({"insecure", "legacy"})


SERVERS = {
    "modern": Server(MIDDLE, NEW, taken_by=frozenset({"insecure", "legacy", "FILE"})),
    "1.3 alone": Server(NEW, NEW, taken_by=frozenset({"insecure", "FILE"})),
    "1.0 alone": Server(OLD, OLD),
    "1.1 alone": Server(ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1),
    "RSA key exchange": Server(MIDDLE, MIDDLE, "AES128-GCM-SHA256:AES256-SHA256"),
    "RSA key exchange and SHA-1": Server(MIDDLE, MIDDLE, "AES128-SHA"),
    "RSA key exchange, 1.0": Server(OLD, OLD, "AES256-SHA"),
    "ECDHE and SHA-1": Server(MIDDLE, MIDDLE, "ECDHE-RSA-AES128-SHA"),
    "a key of 1024 bits": Server(MIDDLE, MIDDLE, key=("rsa:1024",)),
    "a key of 512 bits": Server(MIDDLE, MIDDLE, "AES128-SHA", key=("rsa:512",)),
    "SHA-1": Server(MIDDLE, MIDDLE, key=("rsa:2048", "-sha1"), taken_by=frozenset({"insecure", "legacy", "FILE"})),
    "MD5": Server(MIDDLE, MIDDLE, key=("rsa:2048", "-md5"), taken_by=frozenset({"insecure", "legacy", "FILE"})),
    "an expired certificate": Server(MIDDLE, MIDDLE, key=(EXPIRED,)),
    "Camellia": Server(MIDDLE, MIDDLE, "CAMELLIA128-SHA"),
    "DHE of 1024 bits": Server(MIDDLE, MIDDLE, "DHE-RSA-AES128-SHA", groups=1024, taken_by=frozenset({"legacy"})),
    "DHE of 1024 bits, 1.0": Server(OLD, OLD, "DHE-RSA-AES128-SHA", groups=1024, taken_by=frozenset({"legacy"})),
    "another curve": Server(MIDDLE, MIDDLE, "ECDHE-RSA-AES128-SHA", curve="secp384r1", taken_by=frozenset({"legacy"})),
}


@functools.cache
def certificate(folder: Path, key: tuple[str, ...]) -> Path:
    """Return a file with a key and a certificate of its own; `key` is what openssl is told of it."""
    file = folder / f"{'-'.join(key).replace(':', '-')}.pem"
    if key == (EXPIRED,):
        authority = trustme.CA()
        issued = authority.issue_cert("camera", not_after=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        file.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        authority.cert_pem.write_to_path(f"{file}.crt")
        return file
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=IPC", "-keyout", str(file), "-out", f"{file}.crt",
         "-newkey", *key, "-days", "2"],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@functools.cache
def parameters(folder: Path, bits: int) -> Path:
    """Return a file with parameters of Diffie and Hellman."""
    file = folder / f"dh{bits}.pem"
    command = ["openssl", "dhparam", "-dsaparam", "-out", str(file), str(bits)]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


def context_of(server: Server, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{server.ciphers}:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = server.lowest, server.highest
    context.load_cert_chain(certificate(folder, server.key))
    if server.curve:
        context.set_ecdh_curve(server.curve)
    if server.groups:
        context.load_dh_params(str(parameters(folder, server.groups)))
    return context


def _answer(secure: ssl.SSLSocket) -> None:
    """Answer one request as HTTP, without saying that the connection ends."""
    received = b""
    while b"\r\n\r\n" not in received:
        if not (data := secure.recv(4096)):
            return
        received += data
    secure.sendall(response().replace(b"Content-Length", b"X"))


@contextlib.contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """Serve with blocking sockets, as asyncio resets the connection where a camera sends an alert."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    raw, _ = listener.accept()
                except OSError:
                    return
                raw.settimeout(20)
                with raw, contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as secure:
                    _answer(secure)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


async def identity(port: int, tls: str) -> str:
    async with talk_to(port, secure=True, tls=tls) as talk:
        return (await talk.identity()).serial


@pytest.mark.parametrize("name", SERVERS)
async def test_what_each_setting_takes_and_advises(name: str, folder: Path) -> None:
    server = SERVERS[name]
    trusted = f"{certificate(folder, server.key)}.crt"
    with serving(context_of(server, folder)) as port:
        for setting in ("insecure", "legacy", "FILE", "verify"):
            tls = trusted if setting == "FILE" else setting
            if setting in server.taken_by:
                assert await identity(port, tls) == "42", setting
                continue
            with pytest.raises(TlsError) as caught:
                await identity(port, tls)
            text = str(caught.value)
            assert f"tls: {tls}" not in text or setting == "FILE", "what is set already is never advised"
            expected = {"insecure": "tls: legacy", "legacy": "update the camera's firmware"}.get(
                setting, "tls: insecure"
            )
            assert expected in text


async def test_a_port_without_tls_is_named_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for _ in range(4):
                raw, _ = listener.accept()
                with raw:
                    raw.recv(100)
                    raw.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        for tls in ("verify", "insecure", "legacy"):
            with pytest.raises(TlsError, match="does not speak TLS at that port") as caught:
                await identity(listener.getsockname()[1], tls)
            assert caught.value.reason == "no_tls"


@pytest.mark.parametrize("tls", ["verify", "insecure", "legacy", "/camera.pem"])
@pytest.mark.parametrize(
    "reason",
    ["", "CERTIFICATE_VERIFY_FAILED", "CERTIFICATE_VERIFY_FAILED: EE certificate key too weak", "WRONG_VERSION_NUMBER",
     "UNSUPPORTED_PROTOCOL", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "DH_KEY_TOO_SMALL"],
)  # fmt: skip
def test_no_advice_names_what_is_set(tls: str, reason: str) -> None:
    error = tls_error("192.0.2.1:443", reason, tls)
    assert f"tls: {tls}" not in str(error)
    causes = {each.key: f"{each.cause.en} {each.advice.en}" for each in TLS}
    if error.reason:
        assert f"set tls: {tls}" not in causes[error.reason]


def test_a_modern_server_is_spoken_to_in_modern_tls_though_old_is_taken(folder: Path) -> None:
    context = context_of(SERVERS["modern"], folder)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_context("insecure").wrap_bio(into, out)
    server = context.wrap_bio(out, into, server_side=True)
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize("name", ["1.0 alone", "RSA key exchange", "DHE of 1024 bits"])
async def test_the_same_holds_over_rtsps(simulated: Start, folder: Path, name: str) -> None:
    server = SERVERS[name]
    camera = (await simulated(1, tls=context_of(server, folder))).cameras["cam-000"]
    for tls, reason in (("verify", "old_tls"), ("insecure", "older_tls"), ("legacy", "")):
        visited, _ = await climb(camera, top=Rung.RTSP, secure=True, tls=tls)
        if tls in server.taken_by:
            assert codes(visited) == []
        else:
            (seen,) = visited.seen
            assert (seen.code, seen.reason) == ("tls_failed", reason)


@pytest.mark.parametrize(
    ("tls", "taken"), [("verify", True), ("insecure", True), ("legacy", True), ("/c.pem", True), ("old", False)]
)
def test_a_camera_file_takes_each_setting(tls: str, taken: bool) -> None:
    data = {"name": "Gate", "site": "S", "address": "192.0.2.1", "rtsp_path": "/live", "tls": tls}
    if taken:
        assert CameraFile.model_validate(data).tls == tls
        return
    with pytest.raises(ValueError, match="write verify, insecure, legacy, or the absolute path"):
        CameraFile.model_validate(data)
