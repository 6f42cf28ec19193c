"""Turns a registration request into a camera file, and finds conflicts with registered cameras."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.commissioning.device_query import DeviceDetails, Progress, query_device
from xueliang_monitor.commissioning.registration_error import RegistrationError, check_path, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, validate
from xueliang_monitor.model import Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.time_format import iso_utc


@dataclass(frozen=True, slots=True)
class NewCamera:
    """A camera that is not registered yet: its id, the content of its file, and the target of its visits."""

    id: str
    data: CameraFile
    target: Target


def find_conflict(
    installation: Installation, identity: str, host: str, *, port: int | None, serial: str = ""
) -> str | None:
    """Return which registered camera has the same id, address or serial number, or None.

    A `port` of None stands for every port of the host. Retired cameras keep their id, but free their address.
    """
    for camera in installation.inventory.known:
        if camera.id == identity:
            return f"the id {identity} is taken by {camera.id} ({camera.name}, {camera.target.host})"
        if camera.status is Lifecycle.RETIRED:
            continue
        if canonical_host(camera.target.host) == canonical_host(host) and (port is None or camera.target.port == port):
            return f"the address {host} is already registered as {camera.id} ({camera.name})"
        if serial and camera.data.identity is not None and camera.data.identity.serial == serial:
            return f"the serial number {serial} is already registered as {camera.id} ({camera.name})"
    invalid = [problem for problem in installation.inventory.problems if problem.file.stem == identity]
    return f"the id {identity} is taken by a camera file that is not valid: {invalid[0]}" if invalid else None


def default_id(name: str | None, address: str) -> str:
    """Return an id made from the name if that is mostly Latin letters, otherwise from the address."""
    slug = re.sub(r"[^a-z0-9_.]+", "-", (name or "").lower()).strip("-._")
    if name and slug and len(slug) >= len(name) / 2:
        return slug[:60]
    return "camera-" + re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:50]


def _camera_file(request: RegistrationRequest, details: DeviceDetails | None) -> CameraFile:
    values: dict[str, object] = {
        "name": request.name,
        "site": request.site,
        "programme": request.programme,
        "uplink": request.uplink,
        "address": request.address,
        "rtsp_port": request.rtsp_port or (details.rtsp_port if details else 554),
        "rtsp_path": request.rtsp_path or (details.rtsp_path if details else "/"),
        "credentials": request.credentials,
        "onvif": "none",
        "tls": request.tls,
        "auth": request.auth,
        "status": request.status,
        "registered": iso_utc(time.time()),
    }
    if details is not None:
        values |= {
            "onvif": "https" if details.service.secure else "http",
            "onvif_port": details.service.port,
            "onvif_path": details.service.path,
            "onvif_credentials": request.onvif_credentials,
            "snapshot_path": details.snapshot_path,
            "identity": details.identity,
            "stream": details.stream,
            "main_stream": details.main_stream,
        }
    try:
        return validate(Document(Path(request.address), values, {}), CameraFile)
    except DocumentError as error:
        raise RegistrationError(*(problem.message for problem in error.problems), usage=True) from None


async def prepare_registration(
    request: RegistrationRequest, installation: Installation, progress: Progress
) -> NewCamera:
    """Query the device and return the camera that the request describes.

    Raises:
        RegistrationError: the request is not valid, the camera is already registered, or the device does not answer.

    """
    identity = request.id or default_id(request.name, request.address)
    if not ID.fullmatch(identity):
        raise RegistrationError(f"--id: {identity!r} is not a valid id; use {ID_RULE}", usage=True)
    wanted = _camera_file(request, None)  # validates the request before the device is contacted
    login = login_of(installation, request.credentials)
    check_path(wanted, login)
    if conflict := find_conflict(installation, identity, request.address, port=request.rtsp_port):
        raise RegistrationError(conflict)
    details = await query_device(request, installation, progress)
    data = _camera_file(request, details)
    check_path(data, login)
    serial = data.identity.serial if data.identity else ""
    if conflict := find_conflict(installation, identity, data.address, port=data.rtsp_port, serial=serial):
        raise RegistrationError(conflict)
    device_login = login_of(installation, request.onvif_credentials) or login
    defaults = defaults_of(installation.settings)
    return NewCamera(identity, data, target_of(identity, data, login, device_login, defaults=defaults))
