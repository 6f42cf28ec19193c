"""Where a service of a camera is, as the camera says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """The path of a service; its port and whether it uses TLS if the camera names them. The host is never used.

    Behind NAT the host and the port that a camera names are its own idea. The host stays the one that was reached; the
    named port is tried only if the service is not at the one that was reached.
    """

    path: str
    port: int | None = None
    secure: bool | None = None
