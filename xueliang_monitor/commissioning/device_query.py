"""Queries a device over ONVIF: finds its service, and reads its identity, its profiles and its stream address."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from xueliang_monitor.commissioning.registration_error import RegistrationError, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.configuration.camera_file import CameraFile, IdentitySection, StreamSection
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.model import PATH_PASSWORD, Credentials, OnvifTarget, redact_path
from xueliang_monitor.net.discovery import probe_addresses
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.process.shortage import ShortageError, shortage_of
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.errors import OnvifResponseError, SoapFaultError

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient
    from xueliang_monitor.wire.onvif import Profile

DEFAULT_PORTS = (80, 8000, 8080, 8899, 2020, 10080, 5000)
"""Default ONVIF ports, the most frequent first: Reolink 8000, XiongMai 8899, TP-Link 2020, most others 80."""

DISCOVERY_SECONDS = 0.6
CONNECT_SECONDS = 1.5
QUERY_SECONDS = 10.0
Progress = Callable[[str], None]
"""Called with each line of progress."""


async def _open_ports(address: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ports that accept a TCP connection."""

    async def is_open(port: int) -> bool:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            if short := shortage_of(error):
                raise RegistrationError(str(short)) from error
            return False
        writer.close()
        return True

    opened = await asyncio.gather(*(is_open(port) for port in ports))
    return tuple(port for port, good in zip(ports, opened, strict=True) if good)


async def _addresses(host: str, installation: Installation) -> tuple[str, ...]:
    try:
        async with NameResolver(installation.settings.name_servers) as names:
            return await names.addresses(host)
    except (NetError, ShortageError) as error:
        raise RegistrationError(str(error)) from error


async def _candidate_services(request: RegistrationRequest, address: str) -> tuple[OnvifTarget, ...]:
    """Return where the ONVIF service may be: as requested, as announced by WS-Discovery, or at the default ports."""
    secure = request.onvif == "https"
    if request.onvif_port is not None:
        return (OnvifTarget(request.onvif_port, secure=secure),)
    try:
        devices = await probe_addresses([address], DISCOVERY_SECONDS, gate=NO_SECRETS)  # no text of it is shown
    except OSError as error:
        raise RegistrationError(f"WS-Discovery cannot be sent: {shortage_of(error) or error}") from error
    announced = tuple(OnvifTarget(device.port, device.path, device.secure) for device in devices)
    if secure:
        return (*announced, OnvifTarget(443, secure=True))
    default = await _open_ports(address, DEFAULT_PORTS)
    return (*announced, *(OnvifTarget(port) for port in default if port not in {item.port for item in announced}))


async def _check_onvif(client: OnvifClient) -> str:
    """Request the camera's time, which needs no login; return why ONVIF cannot be used, empty if it can."""
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            await client.time()
    except SoapFaultError:
        return ""
    except (NetError, OnvifResponseError, ShortageError) as error:
        return str(error)
    except TimeoutError:
        return "no response"
    return ""


def _choose(profiles: tuple[Profile, ...], requested: str | None) -> Profile | None:
    if requested is None:
        return choose_profile(profiles)
    chosen = next((item for item in profiles if requested in (item.token, item.name)), None)
    if chosen is None:
        known = ", ".join(f"{item.token} ({item.name}, {item.stream})" for item in profiles) or "none"
        raise RegistrationError(f"--profile: the camera has no profile {requested}; it has: {known}", usage=True)
    return chosen


def _split(uri: str) -> tuple[int, str]:
    """Return the port and the path of an RTSP URI; the default port is 554."""
    from xueliang_monitor.wire import onvif

    try:
        port = urlsplit(onvif.without_login(uri)).port
    except ValueError:
        port = None
    return port or 554, onvif.path_of(uri)


def without_login(path: str, login: Credentials | None) -> str:
    """Replace the password in a path by a placeholder, so that no password is written to a camera file.

    Raises:
        RegistrationError: the path contains a password that is not the login's, or the login's in another spelling.

    """
    gate = Gate.of(login)
    if login is not None:
        written = sorted({login.password, quote(login.password, safe="")} - {""}, key=len, reverse=True)
        for plain in written:
            path = re.sub(rf"(?i)((?:password|passwd|pass|pwd)=){re.escape(plain)}(?=[&_/?#]|$)", r"\1{password}", path)
        for plain in written:
            path = path.replace(plain, PATH_PASSWORD) if gate.holds_secret(path) else path
    if redact_path(path) != path or gate.holds_secret(path):
        raise RegistrationError(
            f"the camera's stream address contains a password ({gate.address(path)}); it is not written to a file",
            "Give the path with --rtsp-path, and write {username} and {password} in place of the login.",
        )
    return path


async def _snapshot_path(client: OnvifClient, token: str, login: Credentials | None) -> str | None:
    """Return the path of a profile's snapshots, or None if the camera reports none or one with a password."""
    from xueliang_monitor.wire.onvif import path_of

    try:
        path = path_of(await client.snapshot_uri(token))
    except OnvifResponseError:
        return None
    return path if path and redact_path(path) == path and not Gate.of(login).holds_secret(path) else None


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """The identity, profiles and paths that a device reports, as sections of its camera file.

    `service` is where its ONVIF service was found, `stream` the monitored profile, `main_stream` the largest one.
    """

    service: OnvifTarget
    identity: IdentitySection
    stream: StreamSection
    main_stream: StreamSection
    rtsp_port: int
    rtsp_path: str
    snapshot_path: str | None


@contextlib.asynccontextmanager
async def _errors_translated() -> AsyncIterator[None]:
    """Limit the duration of ONVIF calls, and raise their errors as RegistrationError."""
    try:
        async with asyncio.timeout(QUERY_SECONDS):
            yield
    except LoginError as error:
        raise RegistrationError(
            f"the camera refused the login: {error}",
            "One attempt was made, and no more, so that the camera does not lock the account. Correct the credentials "
            "in the settings. If the camera has separate ONVIF users, name them with --onvif-credentials. To register "
            "it without ONVIF, use --onvif none and --rtsp-path.",
            "摄像机拒绝登录。为避免账号被锁定，仅尝试了一次。请更正账号密码后重试。",
            login_refused=True,
        ) from error
    except ShortageError as error:
        raise RegistrationError(str(error)) from error
    except (NetError, OnvifResponseError) as error:
        raise RegistrationError(f"the camera does not report over ONVIF what is needed: {error}") from error
    except TimeoutError as error:
        raise RegistrationError(f"the camera did not respond over ONVIF within {QUERY_SECONDS:.0f} s") from error


async def _query(client: OnvifClient, service: OnvifTarget, profile: str | None) -> DeviceDetails:
    async with _errors_translated():
        identity = await client.identity()
        profiles = await client.profiles()
        chosen, main = _choose(profiles, profile), main_profile(profiles)
        if chosen is None or main is None:
            raise RegistrationError("the camera has no media profile; configure its encoder first")
        port, path = _split(await client.stream_uri(chosen.token))
        path = without_login(path, service.credentials)
        snapshot_path = await _snapshot_path(client, chosen.token, service.credentials)
    return DeviceDetails(
        service=service,
        identity=IdentitySection.of(identity),
        stream=StreamSection.of(chosen.token, chosen.stream),
        main_stream=StreamSection.of(main.token, main.stream),
        rtsp_port=port,
        rtsp_path=path,
        snapshot_path=snapshot_path,
    )


async def query_device(
    request: RegistrationRequest, installation: Installation, progress: Progress
) -> DeviceDetails | None:
    """Find the device's ONVIF service and query it; None if there is no ONVIF and the request has the RTSP path.

    Raises:
        RegistrationError: the device has no ONVIF service, or does not report what is needed.

    """
    from xueliang_monitor.net.onvif import OnvifClient

    if request.onvif == "none":
        return None
    login = login_of(installation, request.onvif_credentials or request.credentials, "--onvif-credentials")
    failures: list[str] = []
    addresses = await _addresses(request.address, installation)
    for candidate in await _candidate_services(request, addresses[0]):
        path = OnvifTarget().path if Gate.of(login).holds_secret(candidate.path) else candidate.path
        service = replace(candidate, path=path, credentials=login)
        async with OnvifClient(request.address, service, time.time, tls=request.tls, addresses=addresses) as client:
            if failure := await _check_onvif(client):
                failures.append(f"port {service.port}: {failure}")
                continue
            progress(f"ONVIF at port {service.port}")
            return await _query(client, service, request.profile)
    tried = "; ".join(failures) or f"none of the ports {', '.join(map(str, DEFAULT_PORTS))} is open"
    if request.rtsp_path is not None and request.onvif_port is None:
        progress("no ONVIF found; the camera is registered without it")
        return None
    raise RegistrationError(
        f"{request.address} does not speak ONVIF ({tried})",
        "Give its port with --onvif-port. For a camera without ONVIF, give --rtsp-path (and --rtsp-port).",
    )


async def add_device_details(data: CameraFile, installation: Installation) -> CameraFile:
    """Return a camera file with the identity and the profiles that the device reports.

    The RTSP path stays as it is; the profile with that path is the monitored one. Without ONVIF nothing is added.

    Raises:
        RegistrationError: the device does not report what is needed.

    """
    from xueliang_monitor.net.onvif import OnvifClient

    login = login_of(installation, data.onvif_credentials or data.credentials)
    service = target_of("", data, None, login).onvif
    if service is None:
        return data
    addresses = await _addresses(data.address, installation)
    async with OnvifClient(data.address, service, time.time, tls=data.tls, addresses=addresses) as client:
        if failure := await _check_onvif(client):
            raise RegistrationError(f"onvif: {failure}")
        details = await _query(client, service, data.stream.profile if data.stream else None)
        async with _errors_translated():
            details = await _with_profile_of_path(client, details, data.rtsp_path)
    return data.model_copy(
        update={
            "identity": details.identity,
            "stream": details.stream,
            "main_stream": details.main_stream,
            "snapshot_path": details.snapshot_path,
            "registered": data.registered or iso_utc(time.time()),
        }
    )


async def _with_profile_of_path(client: OnvifClient, details: DeviceDetails, path: str) -> DeviceDetails:
    """Return the details with the profile whose stream is at `path`, unchanged if no profile has it."""
    if details.rtsp_path == path:
        return details
    for profile in await client.profiles():
        if _split(await client.stream_uri(profile.token))[1] == path:
            return replace(details, stream=StreamSection.of(profile.token, profile.stream), rtsp_path=path)
    return details


async def query_identity(
    camera: Camera, installation: Installation, now: Callable[[], float] = time.time
) -> tuple[IdentitySection, StreamSection | None]:
    """Query a registered camera's identity and the settings of its monitored profile, None if it has none.

    Raises:
        RegistrationError: the camera has no ONVIF, or does not report what is needed.

    """
    from xueliang_monitor.net.onvif import OnvifClient

    service = camera.target.onvif
    if service is None:
        raise RegistrationError(f"{camera.id} has no ONVIF; its identity cannot be read")
    host, tls = camera.target.host, camera.target.tls
    addresses = await _addresses(host, installation)
    async with OnvifClient(host, service, now, tls=tls, addresses=addresses) as client, _errors_translated():
        await _check_onvif(client)
        identity = IdentitySection.of(await client.identity())
        if not service.profile:
            return identity, None
        monitored = next((item for item in await client.profiles() if item.token == service.profile), None)
        return identity, StreamSection.of(monitored.token, monitored.stream) if monitored else None
