"""Finds a new device's ONVIF service and asks it who it is, which profiles it has, and where its stream is."""

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
from xueliang_monitor.model import Credentials, OnvifTarget, redact_path
from xueliang_monitor.net.discovery import probe_addresses
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.net.names import Names
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.process.shortage import ShortageError, shortage_of
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.wire.errors import OnvifResponseError, SoapFaultError

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient
    from xueliang_monitor.wire.onvif import Profile

USUAL_PORTS = (80, 8000, 8080, 8899, 2020, 10080, 5000)
"""Where vendors put ONVIF, most frequent first: Reolink 8000, XiongMai 8899, TP-Link 2020, others 80."""
DISCOVERY_SECONDS = 0.6
CONNECT_SECONDS = 1.5
TALK_SECONDS = 10.0
Progress = Callable[[str], None]


async def _open_ports(address: str, ports: tuple[int, ...]) -> tuple[int, ...]:
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

    found = await asyncio.gather(*(is_open(port) for port in ports))
    return tuple(port for port, good in zip(ports, found, strict=True) if good)


async def _addresses(host: str, installation: Installation) -> tuple[str, ...]:
    try:
        async with Names(installation.settings.name_servers) as names:
            return await names.addresses(host)
    except (NetError, ShortageError) as error:
        raise RegistrationError(str(error)) from error


async def _places(wish: RegistrationRequest, address: str) -> tuple[OnvifTarget, ...]:
    """Return where the device may speak ONVIF: as it says by WS-Discovery, as asked for, or where vendors put it."""
    secure = wish.onvif == "https"
    if wish.onvif_port is not None:
        return (OnvifTarget(wish.onvif_port, secure=secure),)
    try:
        heard = await probe_addresses([address], DISCOVERY_SECONDS)
    except OSError as error:
        raise RegistrationError(f"the network cannot be asked: {shortage_of(error) or error}") from error
    said = tuple(OnvifTarget(device.port, device.path, device.secure) for device in heard)
    if secure:
        return (*said, OnvifTarget(443, secure=True))
    usual = await _open_ports(address, USUAL_PORTS)
    return (*said, *(OnvifTarget(port) for port in usual if port not in {item.port for item in said}))


async def _speaks_onvif(talk: OnvifClient) -> str:
    """Ask the clock, which needs no login; return why it is no ONVIF, empty where it is."""
    try:
        async with asyncio.timeout(TALK_SECONDS):
            await talk.time()
    except SoapFaultError:
        return ""
    except (NetError, OnvifResponseError, ShortageError) as error:
        return str(error)
    except TimeoutError:
        return "no answer"
    return ""


def _choose(profiles: tuple[Profile, ...], wished: str | None) -> Profile | None:
    if wished is None:
        return choose_profile(profiles)
    found = next((item for item in profiles if wished in (item.token, item.name)), None)
    if found is None:
        known = ", ".join(f"{item.token} ({item.name}, {item.stream})" for item in profiles) or "none"
        raise RegistrationError(f"--profile: the camera has no profile {wished}; it has: {known}", usage=True)
    return found


def _split(uri: str) -> tuple[int, str]:
    """Return port and path of an RTSP address as the camera names it."""
    from xueliang_monitor.wire.onvif import path_of

    try:
        port = urlsplit(uri).port
    except ValueError:
        port = None
    return port or 554, path_of(uri)


def without_login(path: str, login: Credentials | None) -> str:
    """Put placeholders where a path holds the login, so that no password gets into a camera's file.

    Raises:
        ConnectRefusedError: it holds a password that is not the login's.

    """
    if login is not None:
        for plain in {login.password, quote(login.password, safe="")} - {""}:
            path = re.sub(rf"(?i)((?:password|passwd|pass|pwd)=){re.escape(plain)}(?=[&_/?#]|$)", r"\1{password}", path)
    if redact_path(path) != path:
        raise RegistrationError(
            f"the camera's stream address holds a password ({redact_path(path)}), which is not written to a file",
            "Give the path with --rtsp-path, with {username} and {password} where the login belongs.",
        )
    return path


async def _optional_path(talk: OnvifClient, token: str) -> str | None:
    from xueliang_monitor.wire.onvif import path_of

    try:
        return path_of(await talk.snapshot_uri(token)) or None
    except OnvifResponseError:
        return None


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    """What a device says of itself, as it goes into its file."""

    place: OnvifTarget
    identity: IdentitySection
    stream: StreamSection
    main: StreamSection
    rtsp_port: int
    rtsp_path: str
    snapshot_path: str | None


@contextlib.asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Bound a talk in time, and turn what goes wrong in it into a refusal in words."""
    try:
        async with asyncio.timeout(TALK_SECONDS):
            yield
    except LoginError as error:
        raise RegistrationError(
            f"the camera refuses the login: {error}",
            "One attempt was made and no more, so that the camera is not locked. Correct the credentials in the "
            "settings; where the camera keeps other users for ONVIF, name them with --onvif-credentials, or leave "
            "ONVIF out with --onvif none and --rtsp-path.",
            "登录被拒绝：仅尝试了一次，以免摄像机锁定。请更正凭据后重试。",
        ) from error
    except ShortageError as error:
        raise RegistrationError(str(error)) from error
    except (NetError, OnvifResponseError) as error:
        raise RegistrationError(f"the camera does not tell over ONVIF what is needed: {error}") from error
    except TimeoutError as error:
        raise RegistrationError(f"the camera did not answer over ONVIF within {TALK_SECONDS:.0f} s") from error


async def _interview(talk: OnvifClient, place: OnvifTarget, wished: str | None) -> DeviceDetails:
    async with _asking():
        who = await talk.identity()
        profiles = await talk.profiles()
        chosen, main = _choose(profiles, wished), main_profile(profiles)
        if chosen is None or main is None:
            raise RegistrationError("the camera names no media profile: its encoder is not set up")
        port, path = _split(await talk.stream_uri(chosen.token))
        path = without_login(path, place.credentials)
        snapshot = await _optional_path(talk, chosen.token)
    return DeviceDetails(
        place,
        IdentitySection.of(who),
        StreamSection.of(chosen.token, chosen.stream),
        StreamSection.of(main.token, main.stream),
        port,
        path,
        snapshot,
    )


async def query_device(wish: RegistrationRequest, installation: Installation, say: Progress) -> DeviceDetails | None:
    """Find the device's ONVIF service and ask it; None where it has none and the stream's path is given."""
    from xueliang_monitor.net.onvif import OnvifClient

    if wish.onvif == "none":
        return None
    login = login_of(installation, wish.onvif_credentials or wish.credentials, "--onvif-credentials")
    tried: list[str] = []
    addresses = await _addresses(wish.address, installation)
    for found in await _places(wish, addresses[0]):
        place = replace(found, credentials=login)
        async with OnvifClient(wish.address, place, time.time, tls=wish.tls, addresses=addresses) as talk:
            if why_not := await _speaks_onvif(talk):
                tried.append(f"port {place.port}: {why_not}")
                continue
            say(f"ONVIF at port {place.port}")
            return await _interview(talk, place, wish.profile)
    where = "; ".join(tried) or f"none of the ports {', '.join(map(str, USUAL_PORTS))} is open"
    if wish.rtsp_path is not None and wish.onvif_port is None:
        say("no ONVIF found; the camera is registered without")
        return None
    raise RegistrationError(
        f"{wish.address} does not speak ONVIF ({where})",
        "Give its port with --onvif-port; for a camera without ONVIF give --rtsp-path (and --rtsp-port).",
    )


async def add_device_details(data: CameraFile, installation: Installation) -> CameraFile:
    """Add to what a camera's file will say who the device says it is, and what its profiles are set to.

    The path that is given stays; where a profile has it, that is the one under watch. Without ONVIF nothing is added.

    Raises:
        ConnectRefusedError: the device does not say.

    """
    from xueliang_monitor.net.onvif import OnvifClient

    login = login_of(installation, data.onvif_credentials or data.credentials)
    place = target_of("", data, None, login).onvif
    if place is None:
        return data
    addresses = await _addresses(data.address, installation)
    async with OnvifClient(data.address, place, time.time, tls=data.tls, addresses=addresses) as talk:
        if why_not := await _speaks_onvif(talk):
            raise RegistrationError(f"onvif: {why_not}")
        told = await _interview(talk, place, data.stream.profile if data.stream else None)
        async with _asking():
            told = await _of_path(talk, told, data.rtsp_path)
    return data.model_copy(
        update={
            "identity": told.identity,
            "stream": told.stream,
            "main_stream": told.main,
            "snapshot_path": told.snapshot_path,
            "registered": data.registered or iso_utc(time.time()),
        }
    )


async def _of_path(talk: OnvifClient, told: DeviceDetails, path: str) -> DeviceDetails:
    """Return the same of the profile whose stream stands at `path`, where there is one."""
    if told.rtsp_path == path:
        return told
    for profile in await talk.profiles():
        if _split(await talk.stream_uri(profile.token))[1] == path:
            return replace(told, stream=StreamSection.of(profile.token, profile.stream), rtsp_path=path)
    return told


async def query_identity(
    camera: Camera, installation: Installation, now: Callable[[], float] = time.time
) -> tuple[IdentitySection, StreamSection | None]:
    """Ask a registered camera who it is now, and what the profile under watch is set to, None where it has none.

    Raises:
        ConnectRefusedError: it has no ONVIF, or does not say.

    """
    from xueliang_monitor.net.onvif import OnvifClient

    target = camera.target.onvif
    if target is None:
        raise RegistrationError(f"{camera.id} has no ONVIF: there is nobody to ask")
    host, tls = camera.target.host, camera.target.tls
    addresses = await _addresses(host, installation)
    async with OnvifClient(host, target, now, tls=tls, addresses=addresses) as talk, _asking():
        await _speaks_onvif(talk)
        who = IdentitySection.of(await talk.identity())
        if not target.profile:
            return who, None
        found = next((item for item in await talk.profiles() if item.token == target.profile), None)
        return who, StreamSection.of(found.token, found.stream) if found else None
