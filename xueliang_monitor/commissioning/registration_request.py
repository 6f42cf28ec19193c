"""The request to register a new camera."""

from __future__ import annotations

from dataclasses import dataclass

from xueliang_monitor.configuration.camera_file import Lifecycle
from xueliang_monitor.model import AuthPolicy


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What the operator specifies; None leaves a value to the device or to the default.

    `same_serial` says that another device with its serial number is no reason to refuse it.
    """

    address: str
    site: str
    id: str | None = None
    name: str | None = None
    programme: str = ""
    uplink: str = ""
    credentials: str | None = None
    onvif: str = "auto"
    onvif_port: int | None = None
    onvif_path: str | None = None
    onvif_credentials: str | None = None
    profile: str | None = None
    rtsp_port: int | None = None
    rtsp_path: str | None = None
    tls: str = "verify"
    auth: AuthPolicy | None = None
    status: Lifecycle = Lifecycle.ACTIVE
    same_serial: bool = False
