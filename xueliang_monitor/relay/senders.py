"""Sends one message to one receiver: robots by HTTP, mail and all else through apprise."""

from __future__ import annotations

import asyncio
import itertools
import logging
from urllib.parse import quote, urlencode, urlsplit

import aiohttp

from xueliang_monitor.clock import Clock
from xueliang_monitor.relay.messages import Form, Message
from xueliang_monitor.relay.robots import ROBOTS, Address, Robot, refusal
from xueliang_monitor.relay.settings import Mail, Receiver
from xueliang_monitor.wire.printable import clean

ANSWER_SECONDS = 10.0
"""How long a robot may take to answer."""

LONGEST_SECONDS = 60.0
"""How long apprise is waited for. Its own limits, of seconds for each step, end the call itself."""

_MOST_ANSWERED_BYTES = 64 * 1024
_MOST_REASONS = 5
_SENDER = "xueliang_monitor"
_LEAST_TOKEN = 8
"""Shorter parts of an address are ordinary words, such as `robot` and `send`."""

_MAIL = Form(100_000)
_OTHER = Form(1500)
_SHORT = Form(500, short=True)
_MODES = {"tls": ("mailtos", "ssl"), "starttls": ("mailtos", "starttls"), "none": ("mailto", "insecure")}
_MISSING = "the extra `relay` is not installed; run: pip install 'xueliang_monitor[relay]'"


class NotSentError(Exception):
    """A message was not sent. The text tells why, without secrets."""


def form_of(receiver: Receiver) -> Form:
    """Return what a receiver takes."""
    robot = ROBOTS.get(receiver.kind)
    usual = robot.form if robot is not None else _MAIL if receiver.mail is not None else _OTHER
    if not receiver.short:
        return usual
    return Form(min(usual.most_bytes, _SHORT.most_bytes), usual.line_end, usual.marked, short=True)


async def send(receiver: Receiver, message: Message, session: aiohttp.ClientSession, clock: Clock) -> None:
    """Send a message.

    Raises:
        NotSentError: it did not arrive, or nobody knows.

    """
    robot = ROBOTS.get(receiver.kind)
    if robot is not None:
        await _call(robot, receiver, message, (session, clock))
        return
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await asyncio.to_thread(_notify, receiver, message)
    except TimeoutError as error:
        raise NotSentError(f"no answer within {LONGEST_SECONDS:g} s") from error


async def _call(robot: Robot, receiver: Receiver, message: Message, by: tuple[aiohttp.ClientSession, Clock]) -> None:
    session, clock = by
    call = robot.call(Address(receiver.url, receiver.secret), message, clock.now())
    host = urlsplit(receiver.url).hostname
    try:
        async with session.post(
            call.url,
            data=call.body,
            headers={"Content-Type": "application/json; charset=utf-8"},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(ANSWER_SECONDS),
        ) as answer:
            reason = refusal(answer.status, await answer.content.read(_MOST_ANSWERED_BYTES))
    except TimeoutError as error:
        raise NotSentError(f"{host} did not answer within {ANSWER_SECONDS:g} s") from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise NotSentError(f"the certificate of {host} is not valid") from error
    except (aiohttp.ClientError, OSError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        raise NotSentError(f"{host} cannot be reached: {told}") from None  # its text may hold the address
    if reason:
        raise NotSentError(f"{host} refused it: {_without_secrets(reason, receiver)}")


def _notify(receiver: Receiver, message: Message) -> None:
    _silence_apprise()
    try:
        from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
    except ImportError as error:
        raise NotSentError(_MISSING) from error
    kinds = {"critical": NotifyType.FAILURE, "warning": NotifyType.WARNING, "resolved": NotifyType.SUCCESS}
    service = Apprise(asset=AppriseAsset(app_id=_SENDER, app_desc=_SENDER))
    if not service.add(receiver.url or _mail_url(receiver)):
        raise NotSentError("apprise cannot use its address; see https://appriseit.com/services/")
    result = service.notify(
        message.text, title=message.title, notify_type=kinds[message.level], body_format=NotifyFormat.TEXT
    )
    with result:
        told = [clean(entry.message) for entry in itertools.islice(result.logs(), _MOST_REASONS)]
        if not result:
            told += ["check server, security, username and password"] * bool(receiver.mail)
            raise NotSentError(_without_secrets("; ".join(told) or "the service did not take it", receiver))


def _silence_apprise() -> None:
    """Keep its log out of ours: it contains addresses with their tokens. Its results have the reasons."""
    logger = logging.getLogger("apprise")
    if logger.propagate:
        logger.propagate = False
        logger.addHandler(logging.NullHandler())  # without any handler, Python prints warnings to standard error


def _mail_url(receiver: Receiver) -> str:
    mail = receiver.mail or Mail("", 0, "none", "", ())
    scheme, mode = _MODES[mail.security]
    login = f"{quote(mail.username, safe='')}:{quote(mail.password, safe='')}@" if mail.username else ""
    host = f"[{mail.host}]" if ":" in mail.host else mail.host
    asked = urlencode({"from": mail.sender, "to": ",".join(mail.to), "mode": mode, "format": "text", "smtp": mail.host})
    return f"{scheme}://{login}{host}:{mail.port}/?{asked}"


def _without_secrets(text: str, receiver: Receiver) -> str:
    parts = urlsplit(receiver.url)
    inside = {*parts.path.split("/"), *(part.partition("=")[2] for part in parts.query.split("&"))}
    if receiver.kind == "apprise":  # its addresses have tokens where others have a host
        inside.add(parts.netloc.rpartition("@")[2])
    secrets = {receiver.url, receiver.secret, parts.username or "", parts.password or ""}
    secrets |= {each for each in inside if len(each) >= _LEAST_TOKEN}
    secrets.add(receiver.mail.password if receiver.mail else "")
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text
