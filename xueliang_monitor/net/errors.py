"""Errors of a connection to a camera.

NetError
├── ConnectError                before the first byte
│   ├── NameUnresolvedError
│   ├── HostUnreachableError
│   ├── ConnectRefusedError
│   └── TlsError                the TLS handshake failed, or the certificate is not trusted
├── ClosedError                 the peer closed the connection
│   └── ReusedConnectionError   a connection that had been used before, without a response
├── UnansweredError             the peer did not answer a request in time
├── ProtocolError               the peer does not speak RTSP
├── TransportError              the peer answered SETUP with a transport that cannot be used
├── RtspStatusError             the response is not a success
│   └── RedirectError           the response is a redirection
└── LoginError                  the peer requires a login that is missing, or refused it
    ├── LoginLockedError        the peer says that the account is locked
    └── LoginInsecureError      the peer offers only a login that would reveal the password

A shortage of the monitor itself is not a NetError but a `ShortageError`, so that no camera is blamed for it.
"""

from __future__ import annotations

from xueliang_monitor.wire.printable import shorten


class NetError(Exception):
    """A connection to a camera failed. The text names the step and the response, and never holds a credential.

    `reason` is the key of a fault's reason, if the usual cause of that fault would be untrue.
    """

    def __init__(self, detail: str, *, reason: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


class ConnectError(NetError):
    """No connection could be made."""


class NameUnresolvedError(ConnectError):
    """The name server says that the host name has no address."""


class HostUnreachableError(ConnectError):
    """The network reports that the host cannot be reached."""


class ConnectRefusedError(ConnectError):
    """The host refuses connections to the port."""


class TlsError(ConnectError):
    """The TLS handshake failed, or the certificate is not trusted."""


class ClosedError(NetError):
    """The peer closed or reset the connection."""


class UnansweredError(NetError):
    """The peer did not answer a request within its time limit."""


class ReusedConnectionError(ClosedError):
    """The peer closed a connection that had been used before, without a response to the last request."""


class ProtocolError(NetError):
    """The bytes from the peer violate the standard or exceed a limit."""


class TransportError(NetError):
    """The response to SETUP names a transport that was not requested and cannot be used."""


class RtspStatusError(NetError):
    """The response to a request has a status other than success; `step` is the method."""

    def __init__(self, step: str, status: int, reason: str) -> None:
        super().__init__(f"{step} was answered with {status} {reason}".rstrip())
        self.step = step
        self.status = status


class RedirectError(RtspStatusError):
    """The response redirects to `location`, which may contain a login; `shown` is the same URL without it."""

    def __init__(self, step: str, status: int, reason: str, *, location: str, shown: str) -> None:
        super().__init__(step, status, f"{shorten(reason, 60)} (Location: {shown})")
        self.location = location


class LoginError(NetError):
    """The peer requires a login that is missing, held back or refused; `tried` is True if credentials were sent."""

    def __init__(self, detail: str, *, tried: bool, reason: str = "") -> None:
        super().__init__(detail, reason=reason)
        self.tried = tried


class LoginLockedError(LoginError):
    """The peer says that it accepts no login for a while."""


class LoginInsecureError(LoginError):
    """The peer offers only Basic, and the rules of the camera do not allow it. No login was sent."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, tried=False)
