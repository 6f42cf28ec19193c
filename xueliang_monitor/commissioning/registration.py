"""Turns a registration request into a camera that can be registered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from xueliang_monitor.commissioning.conflicts import (
    SerialTakenError,
    check_id,
    check_serial,
    check_stream,
    default_id,
    free_id,
)
from xueliang_monitor.commissioning.device_answers import Progress, without_login
from xueliang_monitor.commissioning.device_query import DeviceDetails, query_device
from xueliang_monitor.commissioning.registration_error import RegistrationError, check_path, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.stream_identity import WatchedStream
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, validate
from xueliang_monitor.model import Credentials, Target
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.time_format import iso_utc


@dataclass(frozen=True, slots=True)
class NewCamera:
    """A camera that is not registered yet: its id, the content of its file, and the target of its visits."""

    id: str
    data: CameraFile
    target: Target


def camera_file_of(request: RegistrationRequest, details: DeviceDetails | None) -> CameraFile:
    """Return the content of a camera file: what the operator specified, over what the device reported.

    Raises:
        RegistrationError: a value is not valid.

    """
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
            "rtsp": "tls" if details.rtsp_secure and request.rtsp_path is None else "plain",
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
    request: RegistrationRequest,
    installation: Installation,
    progress: Progress,
    confirm: Callable[[SerialTakenError], bool] = lambda _error: False,
) -> NewCamera:
    """Query the device and return the camera that the request describes.

    `confirm` is asked whether a device with the serial number of a registered one is another device.

    Raises:
        RegistrationError: the request is not valid, the camera is already registered, or the device does not answer.

    """
    wanted = request.id or default_id(request.name, request.address)
    if not ID.fullmatch(wanted):
        raise RegistrationError(f"--id: {wanted!r} is not a valid id; use {ID_RULE}", usage=True)
    request = _without_password(request, installation)
    login = _check_before_contact(request, installation, wanted)
    details = await query_device(request, installation, progress)
    data = camera_file_of(request, details)
    identity = wanted if request.id else free_id(wanted, data, hosts_by_id(installation))
    return checked_camera(identity, data, installation, login, same_serial=request.same_serial, confirm=confirm)


def _without_password(request: RegistrationRequest, installation: Installation) -> RegistrationRequest:
    """Return a request whose path has a placeholder where the login's password was given.

    Raises:
        RegistrationError: the path has another password.

    """
    if request.rtsp_path is None:
        return request
    login = login_of(installation, request.credentials)
    try:
        path = without_login(request.rtsp_path, login)
    except RegistrationError:
        raise RegistrationError(
            "--rtsp-path contains a password, which is not written to a file",
            "Write {username} and {password} in place of the login, and name it with --credentials.",
            usage=True,
        ) from None
    return replace(request, rtsp_path=path)


def _check_before_contact(
    request: RegistrationRequest, installation: Installation, identity: str
) -> Credentials | None:
    """Check what needs no answer of the device; return the login.

    Raises:
        RegistrationError: the request is not valid, or its id or its stream is registered.

    """
    data = camera_file_of(request, None)
    login = login_of(installation, request.credentials)
    check_path(data, login)
    own_channel = request.id is None and canonical_host(hosts_by_id(installation).get(identity, "")) == canonical_host(
        request.address
    )
    if not own_channel:
        check_id(installation, identity)
    if request.rtsp_path is not None and (request.rtsp_port is not None or request.onvif == "none"):
        watched = WatchedStream.of(data, login)._replace(profile=request.profile or "")
        check_stream(installation, watched, target_of("", data, login, None).url)
    return login


def hosts_by_id(installation: Installation) -> dict[str, str]:
    """Return the hosts of all cameras by id."""
    return {camera.id: camera.target.host for camera in installation.inventory.known}


def checked_camera(
    identity: str,
    data: CameraFile,
    installation: Installation,
    login: Credentials | None,
    *,
    same_serial: bool = False,
    confirm: Callable[[SerialTakenError], bool] = lambda _error: False,
) -> NewCamera:
    """Return a camera that can be registered.

    Raises:
        RegistrationError: its id, its stream or its serial number is registered, or its path may not be used.

    """
    check_path(data, login)
    device_login = login_of(installation, data.onvif_credentials) or login
    target = target_of(identity, data, login, device_login, defaults=defaults_of(installation.settings))
    check_id(installation, identity)
    check_stream(installation, WatchedStream.of(data, login), target.url)
    try:
        check_serial(installation, data)
    except SerialTakenError as error:
        if not same_serial and not confirm(error):
            raise
    return NewCamera(identity, data, target)
