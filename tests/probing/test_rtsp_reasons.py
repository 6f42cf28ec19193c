"""For each kind of failure of the RTSP rung: the fault, and the cause that is shown for what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conftest import LOGIN
from tests.net.scripted_camera import CLOSE, SDP, ScriptedCamera, regular, reply, scripted
from tests.waiting import PATIENT
from xueliang_monitor.cli.output import print_fault
from xueliang_monitor.judgement.catalogue import fault
from xueliang_monitor.model import Finding, Rung, Target, Transport
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rtsp_reasons import AUTH_REFUSED, CLOSED, MALFORMED, NOT_FOUND, SERVER
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.wire.messages import Request, serialize_interleaved

UNAUTHORIZED = "401 Unauthorized"
DIGEST = ("WWW-Authenticate", 'Digest realm="r", nonce="n"')
Say = Callable[[Request], bytes]


def _fresh(request: Request) -> bytes:
    nonce = request.headers.get("cseq")
    offer = ("WWW-Authenticate", f'Digest realm="r", nonce="{nonce}", stale=true')
    return reply(request, offer, status=UNAUTHORIZED)


def _later(step: str, say: Say) -> Say:
    """Answer as a camera in order up to a step."""
    return lambda request: say(request) if request.method == step else regular(request)


def _revoking(request: Request) -> bytes:
    if request.method == "DESCRIBE" and request.headers.get("authorization"):
        return regular(request)
    return reply(request, DIGEST, status=UNAUTHORIZED)


def _status(status: str, *headers: tuple[str, str]) -> Say:
    return lambda request: reply(request, *headers, status=status)


def _closing_after_login(request: Request) -> bytes:
    return CLOSE if request.headers.get("authorization") else reply(request, DIGEST, status=UNAUTHORIZED)


FLOOD = serialize_interleaved(0, bytes(60_000)) * 75
KINDS: dict[str, tuple[Say, str, str]] = {
    "another service": (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n", "rtsp_malformed", "not_rtsp"),
    "zeros": (lambda _: bytes(9000), "rtsp_malformed", "not_rtsp"),
    "another service that closes": (lambda _: b"220 ftp ready\r\n" + CLOSE, "rtsp_malformed", "not_rtsp"),
    "web server": (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "rtsp_malformed", "web_server"),
    "endless head": (lambda _: b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 9000, "rtsp_malformed", "over_limit"),
    "endless body": (_status("200 OK", ("Content-Length", "99999999")), "rtsp_malformed", "over_limit"),
    "no track": (lambda request: reply(request, body=b"v=0\r\n"), "rtsp_malformed", "bad_description"),
    "no description": (_status("200 OK"), "rtsp_malformed", "bad_description"),
    "flood": (lambda _: FLOOD, "rtsp_malformed", "no_answer_among_data"),
    "circle": (
        lambda request: reply(request, ("Location", f"{request.url}x"), status="302 Moved"),
        "rtsp_malformed",
        "redirected_in_a_circle",
    ),
    "garbage in the stream": (
        _later("PLAY", lambda request: reply(request) + bytes(600_000)),
        "rtsp_malformed",
        "framing_lost",
    ),
    "wrong password": (_status(UNAUTHORIZED, DIGEST), "auth_failed", ""),
    "forbidden": (_status("403 Forbidden"), "auth_failed", "forbidden"),
    "unknown method": (
        _status(UNAUTHORIZED, ("WWW-Authenticate", 'Negotiate realm="r"')),
        "auth_failed",
        "no_supported_method",
    ),
    "no challenge": (_status(UNAUTHORIZED), "auth_failed", "no_supported_method"),
    "new nonces": (_fresh, "auth_failed", "new_nonce_each_time"),
    "revoked": (_revoking, "auth_failed", "revoked"),
    "elsewhere": (_status("302 Moved", ("Location", "rtsp://192.0.2.1/x")), "stream_not_found", "redirected"),
    "not found": (_status("404 Not Found"), "stream_not_found", ""),
    "transport": (_later("SETUP", _status("461 Unsupported Transport")), "server_error", "unsupported_transport"),
    "busy": (_status("503 Service Unavailable"), "server_error", "busy"),
    "bad request": (_status("400 Bad Request"), "server_error", "request_rejected"),
    "not allowed": (_status("405 Method Not Allowed"), "server_error", "request_rejected"),
    "internal": (_status("500 Internal Server Error"), "server_error", ""),
    "closed": (lambda _: CLOSE, "connection_closed", ""),
    "closed after login": (_closing_after_login, "connection_closed", "closed_after_challenge"),
}
SHOWN_ELSEWHERE = {"held_back", "reset_on_accept", "connection_lost"}
"""These need no answer of a camera: see the tests below and `tests/net/test_connect_errors.py`."""


async def look(say: Say, **changes: object) -> Finding:
    """Visit a camera that answers so, and return the one finding."""

    def answer(_camera: ScriptedCamera, request: Request) -> bytes:
        return say(request)

    async with scripted(answer) as camera:
        target = Target("cam", "127.0.0.1", camera.port, "/live", LOGIN, transport=Transport.TCP)
        visited, _ = await visit(
            replace(target, **changes),  # type: ignore[arg-type]
            Rung.STREAM,
            Memory(),
            timeouts=PATIENT,
            workers=Workers(1),
            now=time.time(),
        )
    (finding,) = visited.seen
    return finding


@pytest.mark.parametrize("kind", KINDS)
async def test_the_cause_that_is_shown_is_that_of_what_was_seen(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    say, code, reason = KINDS[kind]
    finding = await look(say)
    assert (finding.code, finding.reason) == (code, reason), finding.detail
    shown = fault(code).explained(reason)
    assert shown.key == reason
    print_fault(fault(code), finding.reason)
    told = " ".join(capsys.readouterr().out.split())
    assert shown.cause.en in told
    assert shown.cause.zh in told


def test_each_reason_has_a_kind_that_shows_it() -> None:
    declared = {reason.key for group in (MALFORMED, AUTH_REFUSED, NOT_FOUND, SERVER, CLOSED) for reason in group}
    assert declared == {reason for _, _, reason in KINDS.values() if reason} | SHOWN_ELSEWHERE


async def test_a_login_that_no_file_has_is_told_as_missing() -> None:
    finding = await look(_status(UNAUTHORIZED, DIGEST), credentials=None)
    assert (finding.code, finding.reason) == ("auth_failed", "held_back")


def test_the_description_in_use_has_a_track() -> None:
    assert b"m=video" in SDP
