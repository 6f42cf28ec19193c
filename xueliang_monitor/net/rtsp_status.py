"""What an RTSP answer means that is no success: a lock, another place, a refusal (RFC 2326, section 11)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from xueliang_monitor.model import Credentials, redact_path, spellings
from xueliang_monitor.net.errors import LoginLockedError, NetError, RedirectError, RtspStatusError
from xueliang_monitor.net.locks import says_locked
from xueliang_monitor.wire.messages import Response


def status_line(response: Response) -> str:
    """Return a response's status and reason, as people may see them."""
    return f"{response.status} {response.reason[:80]}".rstrip()


def refuses_login(response: Response) -> bool:
    """Say whether a response says no to whoever asks, not to what is asked."""
    return response.status in (401, 403) or says_locked(response)


def _shown(url: str, credentials: Credentials | None) -> str:
    """Return a URL as people may see it: without user information, and without the login where its path holds it."""
    shown = redact_path(re.sub(r"//[^/@]*@", "//", url))
    for secret in spellings(credentials) if credentials is not None else ():
        shown = shown.replace(secret, "***")
    return shown[:200]


def same_server(url: str, other: str) -> bool:
    """Say whether two URLs name the same scheme, host and port, so that a login may go there too."""
    try:
        ours, theirs = ((parts.scheme, parts.hostname, parts.port or 554) for parts in map(urlsplit, (url, other)))
    except ValueError:
        return False
    return ours == theirs


def error_of(method: str, response: Response, credentials: Credentials | None) -> NetError:
    """Return the error that a response stands for which is neither a success nor an open question of the login."""
    if says_locked(response):
        return LoginLockedError(f"{method}: {status_line(response)}", tried=False)
    location = response.headers.get("location")
    if 300 <= response.status < 400 and location:
        return RedirectError(method, response.status, response.reason, location, _shown(location, credentials))
    return RtspStatusError(method, response.status, response.reason)
