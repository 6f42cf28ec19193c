"""A certificate file that is renewed, damaged or removed while the daemon runs."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

import pytest
import trustme

from tests.conftest import Tls
from tests.probing.test_stream import Start, climb, codes
from xueliang_monitor.net import tls as module
from xueliang_monitor.net.tls import tls_context
from xueliang_monitor.process.shortage import ShortageError


def certificate() -> bytes:
    return trustme.CA().cert_pem.bytes()


def trusted(file: Path) -> list[str]:
    return [item["serialNumber"] for item in tls_context(str(file)).get_ca_certs()]


def renew(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.rename(file)


async def test_a_renewed_certificate_is_used_at_the_next_visit(simulated: Start, tls: Tls, tmp_path: Path) -> None:
    camera = (await simulated(1, tls=tls.context)).cameras["cam-000"]
    file = tmp_path / "camera.pem"
    file.write_bytes(certificate())
    before, _ = await climb(camera, secure=True, tls=str(file))
    assert codes(before) == ["tls_failed"]
    renew(file, tls.authority.read_bytes())
    after, _ = await climb(camera, secure=True, tls=str(file))
    assert codes(after) == []


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "camera.pem"
    file.write_bytes(certificate())
    assert tls_context(str(file)) is tls_context(str(file))
    assert tls_context("verify") is tls_context("verify")
    assert tls_context("insecure") is tls_context("insecure")


@pytest.mark.parametrize("damage", ["removed", "no PEM"])
def test_the_last_good_version_of_an_invalid_file_stays_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    file = tmp_path / "camera.pem"
    file.write_bytes(certificate())
    good = trusted(file)
    if damage == "removed":
        file.unlink()
    else:
        renew(file, b"half a certifi")
    for _ in range(3):
        assert trusted(file) == good
    (line,) = caplog.records
    assert (line.levelno, str(file) in line.message) == (logging.ERROR, True)
    assert "its last good version stays in force" in line.message
    renew(file, certificate())
    assert trusted(file) != good


def test_a_shortage_during_a_reload_is_logged_once_and_retried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "camera.pem"
    file.write_bytes(certificate())
    good = trusted(file)
    renew(file, certificate())

    def short(_tls: str) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_context", short)
        assert trusted(file) == trusted(file) == good
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    assert trusted(file) != good


def test_a_file_that_was_never_valid_is_a_shortage_of_this_server(tmp_path: Path) -> None:
    with pytest.raises(
        ShortageError, match=r"none\.pem cannot be used .No such file or directory.: a file on this server"
    ):
        tls_context(str(tmp_path / "none.pem"))


def test_contexts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CONTEXTS", 3)
    monkeypatch.setattr(module, "_contexts", type(module._contexts)())
    content = certificate()
    for number in range(8):
        file = tmp_path / f"{number}.pem"
        file.write_bytes(content)
        tls_context(str(file))
    assert len(module._contexts) == 3


def _client_hello(tls: str) -> bytes:
    """Return the body of the ClientHello that a context sends (RFC 8446, 4.1.2)."""
    outgoing = ssl.MemoryBIO()
    connection = tls_context(tls).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="camera.example")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()[9:]


def _vector(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    """Return a vector whose length has `size` bytes, and the position after it."""
    begin = start + size
    end = begin + int.from_bytes(data[start:begin], "big")
    return data[begin:end], end


def _numbers(data: bytes) -> set[int]:
    return {int.from_bytes(data[position : position + 2], "big") for position in range(0, len(data), 2)}


@pytest.mark.parametrize("tls", ["verify", "insecure"])
def test_a_server_cannot_choose_a_key_exchange_that_holds_the_loop(tls: str) -> None:
    """Finite field groups have up to 8192 bits (RFC 7919): a handshake with one takes 0.1 to 0.3 s."""
    hello = _client_hello(tls)
    _, position = _vector(hello, 34, 1)
    suites, position = _vector(hello, position, 2)
    _, position = _vector(hello, position, 1)
    extensions, _ = _vector(hello, position, 2)
    found: dict[int, bytes] = {}
    position = 0
    while position < len(extensions):
        kind = int.from_bytes(extensions[position : position + 2], "big")
        found[kind], position = _vector(extensions, position + 2, 2)
    groups = _numbers(_vector(found[10], 0, 2)[0])
    assert groups
    assert not any(0x0100 <= group <= 0x01FF for group in groups)
    names = {item["id"] & 0xFFFF: item["name"] for item in ssl.create_default_context().get_ciphers()}
    assert not any(names.get(suite, "").startswith("DHE") for suite in _numbers(suites))
