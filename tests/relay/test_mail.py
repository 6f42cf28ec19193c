"""Mails arrive at a server on loopback, with TLS and a login, in both languages."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.relay.calls import call, told
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.relay.alerts import parse
from xueliang_monitor.relay.messages import Language, message
from xueliang_monitor.relay.queue import Pace
from xueliang_monitor.relay.senders import NotSentError, form_of, send
from xueliang_monitor.relay.settings import Mail, Receiver

pytest.importorskip("apprise", reason="needs the extra relay")
smtp = pytest.importorskip("aiosmtpd.smtp", reason="needs a mail server for tests")

PASSWORD = "p@ss/w:%1+ &x"
pytestmark = [
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),  # apprise imports it
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),  # TLS is below it
]


class _Box:
    """What arrived, by recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        return "250 taken"


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    good = (data.login, data.password) == (b"cameras@example.org", PASSWORD.encode())
    return smtp.AuthResult(success=good)


@contextlib.asynccontextmanager
async def _server(box: _Box, secured: ssl.SSLContext | None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()

    def made() -> Any:
        wanted = {"authenticator": _login, "auth_required": True, "auth_require_tls": False} if secured else {}
        return smtp.SMTP(box, loop=loop, hostname="mail.example.org", **wanted)

    listening = await loop.create_server(made, "127.0.0.1", 0, ssl=secured)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def _receiver(port: int, security: str, language: Language = "zh", password: str = "") -> Receiver:
    mail = Mail(
        "127.0.0.1",
        port,
        security,
        "cameras@example.org",
        ("control-room@example.org", "on-call@example.org"),
        "cameras@example.org" if password else "",
        password,
    )
    return Receiver("mail", "email", language, Pace(0.0, 1000), mail=mail)


async def _mail(receiver: Receiver) -> None:
    text = message(parse(call(told(), told(2, over=True))), receiver.language, form_of(receiver))
    await send(receiver, text, None, SystemClock())  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_mail_arrives(language: Language) -> None:
    box = _Box()
    async with _server(box, None) as port:
        await _mail(_receiver(port, "none", language))
    assert sorted(box.recipients) == ["control-room@example.org", "on-call@example.org"]
    mail = box.mails[0]
    assert (
        mail["Subject"]
        == {
            "zh": "[告警 1] [恢复 1] 柳林社区",
            "en": "[Alert 1] [Resolved 1] 柳林社区",
        }[language]
    )
    assert "cameras@example.org" in mail["From"]
    body = mail.get_body(("plain",))
    assert body is not None
    wanted = {"zh": "处理建议：检查供电与网线。", "en": "What to do: Check power and cable."}[language]
    assert wanted in body.get_content()
    assert "https://cameras.example.org:9147/cameras/liulin-1" in body.get_content()


async def test_the_password_is_sent_over_tls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    box = _Box()
    async with _server(box, context) as port:
        with pytest.raises(NotSentError):
            await _mail(_receiver(port, "tls", password=PASSWORD))
        assert box.mails == [], "the certificate is of an unknown authority"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with pytest.raises(NotSentError) as refused:
            await _mail(_receiver(port, "tls", password="wrong-password"))
        assert "wrong-password" not in str(refused.value)
        await _mail(_receiver(port, "tls", password=PASSWORD))
    assert len(box.mails) == 2


async def test_a_server_that_is_away_is_named() -> None:
    async with _server(_Box(), None) as port:
        pass
    with pytest.raises(NotSentError, match=r"Connection error while submitting email.*; check server, security"):
        await _mail(_receiver(port, "none"))
