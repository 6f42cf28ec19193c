"""What goes wrong on a connection, told apart where it is first known.

NetError
├── ConnectError            before the first byte
│   ├── NameUnresolvedError
│   ├── HostUnreachableError
│   ├── ConnectRefusedError
│   └── TlsError            no encrypted connection, or a certificate that is not trusted
├── ClosedError             the peer ended the connection
├── ProtocolError           the peer does not speak RTSP
├── RtspStatusError             the peer answered, with a refusal
│   └── RedirectError    the peer names another place
└── LoginError              the peer wants a login that we have not got, or refused ours
    └── LoginLockedError         the peer says that logins are locked

What the monitor itself lacks is none of these but a `ShortageError`, so that no camera is blamed for it.
"""

from __future__ import annotations


class NetError(Exception):
    """A camera's connection failed; the text says the step and what came back, never a credential."""


class ConnectError(NetError):
    """No connection could be made."""


class NameUnresolvedError(ConnectError):
    """The host's name is known to have no address."""


class HostUnreachableError(ConnectError):
    """The network says that the host cannot be reached."""


class ConnectRefusedError(ConnectError):
    """The host refuses connections to the port."""


class TlsError(ConnectError):
    """No encrypted connection could be made, or the certificate is not trusted."""


class ClosedError(NetError):
    """The peer closed or reset the connection."""


class ProtocolError(NetError):
    """The peer's bytes break the standard or exceed a bound."""


class RtspStatusError(NetError):
    """The peer answered a request with a status other than success."""

    def __init__(self, step: str, status: int, reason: str) -> None:
        super().__init__(f"{step} was answered with {status} {reason[:280]}".rstrip())
        self.step = step
        self.status = status


class RedirectError(RtspStatusError):
    """The peer says that what was asked for is at `location`, which may hold a login; `shown` does not."""

    def __init__(self, step: str, status: int, reason: str, location: str, shown: str) -> None:
        super().__init__(step, status, f"{reason[:60]} (Location: {shown})")
        self.location = location


class LoginError(NetError):
    """The peer asks for a login that is missing, held back, or was refused."""

    def __init__(self, detail: str, *, tried: bool) -> None:
        super().__init__(detail)
        self.tried = tried


class LoginLockedError(LoginError):
    """The peer says that it takes no login for a while."""
