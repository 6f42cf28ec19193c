"""What the group robots of DingTalk, Feishu and WeCom take and answer: form, signature, refusal. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from xueliang_monitor.relay.messages import Form, Message
from xueliang_monitor.wire.printable import clean

_COLOURS = {"critical": "red", "warning": "orange", "resolved": "green"}
_CODES = ("errcode", "code", "StatusCode")
_REASONS = ("errmsg", "msg", "StatusMessage")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a robot listens, and the secret that signs. An empty secret signs nothing."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One POST of JSON."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)


def _signature(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _call(url: str, content: Mapping[str, Any]) -> Call:
    return Call(url, json.dumps(content, ensure_ascii=False).encode())


def dingtalk(address: Address, message: Message, now: float) -> Call:
    """Return the call of a DingTalk robot. The signature is in the query: an HMAC of milliseconds and secret."""
    url = address.url
    if address.secret:
        stamp = str(round(now * 1000))
        signed = {"timestamp": stamp, "sign": _signature(address.secret, f"{stamp}\n{address.secret}")}
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(signed)}"
    text = f"### {message.title}\n\n{message.text}"
    return _call(url, {"msgtype": "markdown", "markdown": {"title": message.title, "text": text}})


def feishu(address: Address, message: Message, now: float) -> Call:
    """Return the call of a Feishu robot: a card.

    The signature is in the body: an HMAC of the empty text, whose key is made of seconds and secret.
    """
    card = {
        "header": {
            "title": {"tag": "plain_text", "content": message.title},
            "template": _COLOURS[message.level],
        },
        "elements": [{"tag": "markdown", "content": message.text}],
    }
    content: dict[str, Any] = {"msg_type": "interactive", "card": card}
    if address.secret:
        stamp = str(round(now))
        content = {"timestamp": stamp, "sign": _signature(f"{stamp}\n{address.secret}", ""), **content}
    return _call(address.url, content)


def wecom(address: Address, message: Message, now: float) -> Call:  # noqa: ARG001 - as the others
    """Return the call of a WeCom robot. The key in its address is all that it checks."""
    colour = "info" if message.level == "resolved" else "warning"
    text = f'**<font color="{colour}">{message.title}</font>**\n{message.text}'
    return _call(address.url, {"msgtype": "markdown", "markdown": {"content": text}})


@dataclass(frozen=True, slots=True)
class Robot:
    """One kind of robot: what it takes, and how it is called with an address, a message and the seconds of now."""

    form: Form
    call: Callable[[Address, Message, float], Call]
    signs: bool = True


ROBOTS: Mapping[str, Robot] = {
    "dingtalk": Robot(Form(15_000, "  \n", marked=True), dingtalk),
    "feishu": Robot(Form(15_000, marked=True), feishu),
    "wecom": Robot(Form(3500, marked=True), wecom, signs=False),
}
"""The limits are 20,000 bytes, 20 KB and 4,096 bytes; titles, frames and escapes need the rest."""


def refusal(status: int, body: bytes) -> str:
    """Return why a robot refused a call; empty if it took it. Robots refuse with status 200 and a code, too."""
    if status != 200:
        return f"it answered with status {status}"
    try:
        answer = json.loads(body)
    except ValueError:
        return "its answer is not JSON"
    code = next((answer[name] for name in _CODES if name in answer), None) if isinstance(answer, dict) else None
    if code == 0:
        return ""
    if code is None:
        return "its answer has no code"
    reason = next((str(answer[name]) for name in _REASONS if answer.get(name)), "")
    return clean(f"code {code}: {reason}" if reason else f"code {code}")
