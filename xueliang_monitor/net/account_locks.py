"""Recognises responses that say that an account is locked, from a table of what vendors are known to send. Pure.

The realm, other headers and HTML pages are never searched. "Lock 3" is a camera's name, "Caps Lock" a hint, and a
login page contains every message that its script may show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xueliang_monitor.wire.messages import Response

MAX_TEXT_BYTES = 2000
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class LockStatus:
    """A status that means a lock without further text."""

    status: int
    source: str


@dataclass(frozen=True, slots=True)
class LockPattern:
    """A pattern for the reason phrase or the body of a 401 or 403; bodies that are HTML pages are not searched."""

    vendor: str
    pattern: re.Pattern[str]
    source: str


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


STATUSES = (
    LockStatus(423, "Locked: RFC 4918, 11.3"),
    LockStatus(429, "Too Many Requests: RFC 6585, 4"),
    LockStatus(490, "Account Blocked: Hanwha Wisenet, over RTSP and HTTP alike, after five refused logins"),
)

BODIES = (
    LockPattern("Hikvision", _pattern(r"<lockStatus>\s*lock\s*</lockStatus>"), "ISAPI, Security/userCheck: lockStatus"),
    LockPattern("Hikvision", _pattern(r"<unlockTime>\s*0*[1-9]\d*\s*</unlockTime>"), "ISAPI: seconds until unlocked"),
    LockPattern("Hikvision", _pattern(r'"lockStatus"\s*:\s*"lock"'), "ISAPI with format=json"),
    LockPattern("Dahua", _pattern(r"\A\s*(?:Error\s+)?User Locked!"), "CGI: User Locked! Please try again after ..."),
    LockPattern("Dahua", _pattern(r'"code"\s*:\s*268632081\b'), "RPC2: 0x10030011, the user has been locked"),
    LockPattern(
        "Dahua", _pattern(r'"remainLockSecond"\s*:\s*0*[1-9]'), "RPC2: the value is 0 where only the password was wrong"
    ),
    LockPattern("TP-Link", _pattern(r'"code"\s*:\s*-40404\b'), "DEVICE_BLOCKED: python-kasa, pull request 1393"),
    LockPattern(
        "TP-Link", _pattern(r'"sec_left"\s*:\s*0*[1-9]'), "seconds until unblocked: python-kasa, pull request 1393"
    ),
)

REASONS = (
    LockPattern(
        "several",
        _pattern(
            r"\b(?:account|user|ip(?: address)?|login|device)s?"
            r"(?: (?:is|are|was|has been))?(?: temporarily)? (?:locked|blocked)\b"
        ),
        "Dahua: User Locked; XiongMai 205: User is locked; Hanwha 490: Account Blocked; Hikvision SDK 153",
    ),
    LockPattern(
        "Hikvision",
        _pattern(r"\btoo many (?:failed |wrong |illegal )?(?:login )?attempts\b|\billegal login lock\b"),
        "illegalLoginLock: evercam/evercam-server issue 91, CamioCam/rtsp issue 34",
    ),
)

_BY_STATUS = frozenset(known.status for known in STATUSES)


def says_locked(response: Response) -> bool:
    """Return whether a response says that the account is locked, by its status, its reason phrase or its body."""
    if response.status in _BY_STATUS:
        return True
    if response.status not in _REFUSED:
        return False
    if any(known.pattern.search(response.reason) for known in REASONS):
        return True
    if not response.body:
        return False
    body = response.body[:MAX_TEXT_BYTES].decode("utf-8", "replace")
    return not _is_page(response, body) and any(known.pattern.search(body) for known in BODIES)


def _is_page(response: Response, body: str) -> bool:
    kind = response.headers.get("content-type").lower()
    start = body.lstrip("\ufeff \t\r\n")[:200].lower()
    return "html" in kind or start.startswith(("<!doctype html", "<html"))
