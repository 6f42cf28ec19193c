"""What is asked for of a new camera, and what its file will say; who else has its id, address or serial number."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.commissioning.device_query import DeviceDetails, Progress, query_device
from xueliang_monitor.commissioning.registration_error import RegistrationError, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, validate
from xueliang_monitor.model import Target
from xueliang_monitor.time_format import iso_utc


@dataclass(frozen=True, slots=True)
class NewCamera:
    """A camera that is not registered yet: its id, what its file would say, and what a visit needs."""

    id: str
    data: CameraFile
    target: Target


def find_conflict(installation: Installation, identity: str, host: str, port: int | None, serial: str) -> str | None:
    """Progress which known camera has the same id, address or serial number; None where none has."""
    for camera in installation.inventory.known:
        if camera.id == identity:
            return f"the id {identity} is taken by {camera.id} ({camera.name}, {camera.target.host})"
        if camera.status is Lifecycle.RETIRED:
            continue
        if camera.target.host == host and (port is None or camera.target.port == port):
            return f"the address {host} is registered already, as {camera.id} ({camera.name})"
        if serial and camera.data.identity is not None and camera.data.identity.serial == serial:
            return f"the serial number {serial} is registered already, as {camera.id} ({camera.name})"
    broken = [problem for problem in installation.inventory.problems if problem.file.stem == identity]
    return f"the id {identity} is taken by a file that cannot be used: {broken[0]}" if broken else None


def default_id(name: str | None, address: str) -> str:
    """Return an id made of the name, where that is of Latin letters, else of the address."""
    slug = re.sub(r"[^a-z0-9_.]+", "-", (name or "").lower()).strip("-._")
    if name and slug and len(slug) >= len(name) / 2:
        return slug[:60]
    return "camera-" + re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")[:50]


def _file_of(wish: RegistrationRequest, told: DeviceDetails | None) -> CameraFile:
    values: dict[str, object] = {
        "name": wish.name,
        "site": wish.site,
        "programme": wish.programme,
        "uplink": wish.uplink,
        "address": wish.address,
        "rtsp_port": wish.rtsp_port or (told.rtsp_port if told else 554),
        "rtsp_path": wish.rtsp_path or (told.rtsp_path if told else "/"),
        "credentials": wish.credentials,
        "onvif": "none",
        "tls": wish.tls,
        "status": wish.status,
        "registered": iso_utc(time.time()),
    }
    if told is not None:
        values |= {
            "onvif": "https" if told.place.secure else "http",
            "onvif_port": told.place.port,
            "onvif_path": told.place.path,
            "onvif_credentials": wish.onvif_credentials,
            "snapshot_path": told.snapshot_path,
            "identity": told.identity,
            "stream": told.stream,
            "main_stream": told.main,
        }
    try:
        return validate(Document(Path(wish.address), values, {}), CameraFile)
    except DocumentError as error:
        raise RegistrationError(*(problem.message for problem in error.problems), usage=True) from None


async def prepare_registration(wish: RegistrationRequest, installation: Installation, say: Progress) -> NewCamera:
    """Ask the device and put together what its file will say.

    Raises:
        ConnectRefusedError: the wish or the device does not allow it.

    """
    identity = wish.id or default_id(wish.name, wish.address)
    if not ID.fullmatch(identity):
        raise RegistrationError(f"--id: {identity!r} is no id; use {ID_RULE}", usage=True)
    _file_of(wish, None)  # what is wrong with the wish itself is said before anybody is asked
    login = login_of(installation, wish.credentials)
    taken = find_conflict(installation, identity, wish.address, wish.rtsp_port, "")
    if taken is not None:
        raise RegistrationError(taken)
    told = await query_device(wish, installation, say)
    data = _file_of(wish, told)
    serial = data.identity.serial if data.identity else ""
    taken = find_conflict(installation, identity, data.address, data.rtsp_port, serial)
    if taken is not None:
        raise RegistrationError(taken)
    device_login = login_of(installation, wish.onvif_credentials) or login
    defaults = defaults_of(installation.settings)
    return NewCamera(identity, data, target_of(identity, data, login, device_login, defaults=defaults))
