"""Queries a device over ONVIF: finds its service, and reads its identity, its profiles and its stream address."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.commissioning.device_answers import (
    Progress,
    StreamAddress,
    ask_identity,
    ask_profiles,
    ask_snapshot,
    ask_stream,
    choose,
    conversation,
    errors_translated,
    login_refused,
    profile_at,
)
from xueliang_monitor.commissioning.profile_table import channel_of
from xueliang_monitor.commissioning.registration_error import RegistrationError, login_of
from xueliang_monitor.commissioning.registration_request import RegistrationRequest
from xueliang_monitor.commissioning.service_search import DEFAULT_PORTS, addresses_of_host, candidate_services
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.camera_sections import IdentitySection, StreamSection
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.probing.device_memory import main_profile
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.wire.device_address import service_path
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import OnvifResponseError
from xueliang_monitor.wire.media_profiles import Profile

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

Result = TypeVar("Result")
Query = Callable[["OnvifClient", OnvifTarget], Awaitable[Result]]
"""What is asked once the service is found: the client, and where the service is."""


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """The identity, profiles and paths that a device reports, as sections of its camera file.

    `service` is where its ONVIF service was found, `stream` the monitored profile, `main_stream` the largest one. What
    the device does not report is None.
    """

    service: OnvifTarget
    identity: IdentitySection | None
    stream: StreamSection | None
    main_stream: StreamSection | None
    rtsp_port: int
    rtsp_path: str
    snapshot_path: str | None
    rtsp_secure: bool = False


def section_of(profile: Profile | None) -> StreamSection | None:
    """Return the section of a camera file for a profile."""
    return StreamSection.of(profile.token, profile.stream) if profile is not None else None


async def _why_not_onvif(client: OnvifClient) -> str:
    """Return why a service is not ONVIF, an empty string if it is or if only a login can tell. No login is sent."""
    failure = await _try_onvif(client)
    return failure.text if failure is not None else ""


@dataclass(frozen=True, slots=True)
class _NotOnvif:
    """Why a service is not ONVIF, and whether its port answers in HTTP, so that another path may be right."""

    text: str
    answers: bool


async def _try_onvif(client: OnvifClient) -> _NotOnvif | None:
    try:
        await client.speaks_onvif()
    except OnvifResponseError as error:
        return _NotOnvif(str(error), answers=True)
    except (NetError, ShortageError) as error:
        return _NotOnvif(str(error), answers=False)
    return None


async def find_service(
    request: RegistrationRequest, installation: Installation, progress: Progress, query: Query[Result]
) -> Result | None:
    """Find the device's ONVIF service and query it; None if there is no ONVIF and the request has the RTSP path.

    A service that answers nothing without a login is asked last, as it may be an ordinary web server.

    Raises:
        RegistrationError: the device has no ONVIF service, or does not report what is needed.

    """
    login = login_of(installation, request.onvif_credentials or request.credentials, "--onvif-credentials")
    gate = Gate.of(login)
    failures: dict[tuple[int, bool], str] = {}
    silent: set[tuple[int, bool]] = set()
    closed: list[OnvifTarget] = []
    addresses = await addresses_of_host(request.address, installation)
    for candidate in await candidate_services(request, addresses[0], gate):
        path = service_path(candidate.path, gate) or OnvifTarget().path
        service = replace(candidate, path=path, credentials=login)
        at = service.port, service.secure
        if at in silent:
            continue
        async with conversation(request.address, service, request.tls, addresses) as client:
            if failure := await _try_onvif(client):
                failures.setdefault(at, f"port {service.port}: {failure.text}")
                if not failure.answers:
                    silent.add(at)
            elif client.wants_login and not client.spoke_soap:
                closed.append(service)
            else:
                progress(f"ONVIF at port {service.port}")
                return await query(client, service)
    for service in closed:
        async with conversation(request.address, service, request.tls, addresses) as client:
            failure_after = await _why_not_after_login(client)
            if failure_after and client.unanswered_logins:
                raise RegistrationError(
                    f"port {service.port}: the camera does not answer once the login is sent: {failure_after}",
                    "The login was not tried any further, so that the camera does not lock the account. Give the path "
                    "of the ONVIF service with --onvif-path, or register it with --onvif none and --rtsp-path.",
                    "发送账号后摄像机无应答。为避免账号被锁定，未再继续尝试。",
                )
            if failure_after:
                failures.setdefault((service.port, service.secure), f"port {service.port}: {failure_after}")
                continue
            progress(f"ONVIF at port {service.port}")
            return await query(client, service)
    tried = "; ".join(failures.values()) or f"none of the ports {', '.join(map(str, DEFAULT_PORTS))} is open"
    if request.rtsp_path is not None and request.onvif_port is None:
        progress("no ONVIF found; the camera is registered without it")
        return None
    raise RegistrationError(
        f"{request.address} does not speak ONVIF ({tried})",
        "Give its port with --onvif-port. For a camera without ONVIF, give --rtsp-path (and --rtsp-port).",
    )


async def _why_not_after_login(client: OnvifClient) -> str:
    """Return why a service that answers nothing without a login is not ONVIF, an empty string if it is.

    Raises:
        RegistrationError: the login is refused.

    """
    try:
        await client.identity()
    except LoginError as error:
        raise login_refused(error) from error
    except ShortageError as error:
        raise RegistrationError(str(error)) from error
    except (NetError, OnvifResponseError) as error:
        return "" if client.spoke_soap else str(error)
    return ""


async def query_device(
    request: RegistrationRequest, installation: Installation, progress: Progress
) -> DeviceDetails | None:
    """Find the device's ONVIF service and query it; None if there is no ONVIF and the request has the RTSP path.

    Raises:
        RegistrationError: the device has no ONVIF service, or does not report what is needed.

    """
    if request.onvif == "none":
        return None

    async def query(client: OnvifClient, service: OnvifTarget) -> DeviceDetails:
        if request.rtsp_path is None:
            return await _query(client, service, request.profile, progress)
        return await _query_with_path(client, service, request, progress)

    return await find_service(request, installation, progress, query)


async def _query(client: OnvifClient, service: OnvifTarget, profile: str | None, progress: Progress) -> DeviceDetails:
    async with errors_translated():
        identity = await ask_identity(client, progress)
        await _ask_clock(client, progress)
        profiles = await ask_profiles(client, progress, needed=True)
        stream = await ask_stream(client, profiles, profile, service.credentials)
        channel = channel_of(profiles, stream.profile.token)
        if channel is not None and len(channel.profiles) < len(profiles):
            progress(f"channel {channel.number} of a device with several; --channels all registers all of them")
        beside = channel.profiles if channel is not None else profiles
        return await details_of(client, service, identity, stream, main=main_profile(beside))


async def details_of(
    client: OnvifClient,
    service: OnvifTarget,
    identity: IdentitySection | None,
    stream: StreamAddress,
    *,
    main: Profile | None,
) -> DeviceDetails:
    """Return the details of a device with a stream, after its snapshot address was asked."""
    return DeviceDetails(
        service=service,
        identity=identity,
        stream=section_of(stream.profile),
        main_stream=section_of(main),
        rtsp_port=stream.port,
        rtsp_path=stream.path,
        snapshot_path=await ask_snapshot(client, stream.profile.token, service.credentials),
        rtsp_secure=stream.secure,
    )


async def _query_with_path(
    client: OnvifClient, service: OnvifTarget, request: RegistrationRequest, progress: Progress
) -> DeviceDetails:
    """Query a device whose stream path is given: clock and identity are enough, profiles are taken if there are any."""
    path = request.rtsp_path or "/"
    async with errors_translated():
        identity = await ask_identity(client, progress)
        await _ask_clock(client, progress)
        profiles = await ask_profiles(client, progress, needed=request.profile is not None)
        watched = (
            choose(profiles, request.profile)
            if request.profile
            else await profile_at(client, profiles, path, service.credentials)
        )
        if watched is None:
            progress("no media profile has this path; its codec and size are not held against anything")
        snapshot = await ask_snapshot(client, watched.token, service.credentials) if watched is not None else None
    return DeviceDetails(
        service=service,
        identity=identity,
        stream=section_of(watched),
        main_stream=section_of(main_profile(profiles)) if watched is not None else None,
        rtsp_port=request.rtsp_port or 554,
        rtsp_path=path,
        snapshot_path=snapshot,
    )


async def _ask_clock(client: OnvifClient, progress: Progress) -> None:
    """Ask the clock of a camera that tells it after a login only, and say what is wrong with how it tells it."""
    from xueliang_monitor.net.onvif_hints import ClockKind

    kind = await client.ask_clock()
    if kind is ClockKind.LOCAL_AS_UTC:
        progress("the camera reports its local time as UTC, which contradicts its time zone")
    elif kind in (ClockKind.UNTOLD, ClockKind.REFUSED):
        progress("the camera does not report its clock; clock_drift is not judged")


async def add_device_details(data: CameraFile, installation: Installation) -> CameraFile:
    """Return a camera file with the identity and the profiles that the device reports.

    The RTSP path stays as it is; the profile with that path is the monitored one. Without ONVIF nothing is added.

    Raises:
        RegistrationError: the device does not report what is needed.

    """
    login = login_of(installation, data.onvif_credentials or data.credentials)
    service = target_of("", data, None, login).onvif
    if service is None:
        return data
    addresses = await addresses_of_host(data.address, installation)
    async with conversation(data.address, service, data.tls, addresses) as client:
        if failure := await _why_not_onvif(client):
            raise RegistrationError(f"onvif: {failure}")
        details = await _query(client, service, data.stream.profile if data.stream else None, _say_nothing)
        async with errors_translated():
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


def _say_nothing(_line: str) -> None:
    """Take a line of progress that nobody reads."""


async def _with_profile_of_path(client: OnvifClient, details: DeviceDetails, path: str) -> DeviceDetails:
    """Return the details with the profile whose stream is at `path`, unchanged if no profile has it."""
    if details.rtsp_path == path:
        return details
    watched = await profile_at(client, await client.profiles(), path, details.service.credentials)
    return details if watched is None else replace(details, stream=section_of(watched), rtsp_path=path)


async def query_identity(camera: Camera, installation: Installation) -> tuple[IdentitySection, StreamSection | None]:
    """Query a registered camera's identity and the settings of its monitored profile, None if it has none.

    Raises:
        RegistrationError: the camera has no ONVIF, or does not report what is needed.

    """
    service = camera.target.onvif
    if service is None:
        raise RegistrationError(f"{camera.id} has no ONVIF; its identity cannot be read")
    host, tls = camera.target.host, camera.target.tls
    addresses = await addresses_of_host(host, installation)
    async with conversation(host, service, tls, addresses) as client:
        async with errors_translated("GetDeviceInformation"):
            await client.ask_clock()
            identity = IdentitySection.of(await client.identity())
        if not service.profile:
            return identity, None
        async with errors_translated("GetProfiles"):
            monitored = next((item for item in await client.profiles() if item.token == service.profile), None)
        return identity, section_of(monitored)
