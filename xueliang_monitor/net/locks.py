"""What cameras answer while they take no login: only what is known of vendors, by a table with its sources. Pure.

A realm, another header or a page is never searched: "Lock 3" is a name, "Caps Lock" a hint, and a login page holds
every message that its script may ever show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xueliang_monitor.wire.messages import Response

MAX_TEXT_BYTES = 2000
_REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class LockStatus:
    """A status that says so by itself."""

    status: int
    source: str


@dataclass(frozen=True, slots=True)
class LockPattern:
    """What a refusal (401, 403) says in its reason phrase, or in a body that is no page."""

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
    LockPattern("Dahua", _pattern(r'"remainLockSecond"\s*:\s*0*[1-9]'), "RPC2: 0 where only the password was wrong"),
    LockPattern("TP-Link", _pattern(r'"code"\s*:\s*-40404\b'), "DEVICE_BLOCKED: python-kasa, pull request 1393"),
    LockPattern("TP-Link", _pattern(r'"sec_left"\s*:\s*0*[1-9]'), "seconds until unblocked: the same"),
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
    """Say whether a refusal tells of a lock: by its status, its reason phrase, or a vendor's own body."""
    if response.status in _BY_STATUS:
        return True
    if response.status not in _REFUSALS:
        return False
    if any(known.pattern.search(response.reason) for known in REASONS):
        return True
    body = response.body[:MAX_TEXT_BYTES].decode("utf-8", "replace")
    return not _is_page(response, body) and any(known.pattern.search(body) for known in BODIES)


def _is_page(response: Response, body: str) -> bool:
    kind = response.headers.get("content-type").lower()
    start = body.lstrip("\ufeff \t\r\n")[:200].lower()
    return "html" in kind or start.startswith(("<!doctype html", "<html"))
