"""What is asked for of a new camera."""

from __future__ import annotations

from dataclasses import dataclass

from xueliang_monitor.configuration.camera_file import Lifecycle


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """What is asked for of a new camera; None leaves it to the device or to what is usual."""

    address: str
    site: str
    id: str | None = None
    name: str | None = None
    programme: str = ""
    uplink: str = ""
    credentials: str | None = None
    onvif: str = "auto"
    onvif_port: int | None = None
    onvif_credentials: str | None = None
    profile: str | None = None
    rtsp_port: int | None = None
    rtsp_path: str | None = None
    tls: str = "verify"
    status: Lifecycle = Lifecycle.ACTIVE
