"""Turns RTSP responses other than success into errors: a lock, a redirection, another status (RFC 2326, section 11)."""

from __future__ import annotations

from urllib.parse import urlsplit

from xueliang_monitor.net.account_locks import says_locked
from xueliang_monitor.net.errors import LoginLockedError, NetError, RedirectError, RtspStatusError
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.messages import Response


def status_line(response: Response) -> str:
    """Return the status and the reason of a response, for display; the reason has passed the gate."""
    return f"{response.status} {response.reason[:80]}".rstrip()


def refuses_login(response: Response) -> bool:
    """Return whether a response refuses the login, and not the request."""
    return response.status in (401, 403) or says_locked(response)


def same_server(url: str, other: str) -> bool:
    """Return whether two URLs have the same scheme, host and port, so that credentials may be sent to both."""
    try:
        ours, theirs = ((parts.scheme, parts.hostname, parts.port or 554) for parts in map(urlsplit, (url, other)))
    except ValueError:
        return False
    return ours == theirs


def error_of(method: str, response: Response, gate: Gate) -> NetError:
    """Return the error for a response that is neither a success nor a login challenge."""
    if says_locked(response):
        return LoginLockedError(f"{method}: {status_line(response)}", tried=False)
    location = response.headers.get("location")
    if 300 <= response.status < 400 and location:
        shown = gate.address(location)
        return RedirectError(method, response.status, response.reason, location=location, shown=shown)
    return RtspStatusError(method, response.status, response.reason)
