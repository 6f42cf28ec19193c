"""A new camera: ask the device who it is, choose what to watch, and put it to the acceptance test."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from xueliang_monitor.camera_file import ID, ID_RULE, CameraFile, IdentitySection, Status, StreamSection
from xueliang_monitor.check import Memory, visit
from xueliang_monitor.documents import Document, DocumentError, validate
from xueliang_monitor.installation import Installation, timeouts_of
from xueliang_monitor.inventory import Camera, target_of
from xueliang_monitor.model import (
    Credentials,
    Finding,
    OnvifTarget,
    Report,
    Rung,
    RungResult,
    StreamParameters,
    Target,
    redact_path,
)
from xueliang_monitor.net.address import resolve
from xueliang_monitor.net.discovery import ask_each
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probes.device import choose_profile, main_profile
from xueliang_monitor.probes.onvif import CLOCK_DRIFT
from xueliang_monitor.wire.errors import AnswerError, SoapFaultError

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifConversation
    from xueliang_monitor.wire.onvif import Profile

USUAL_PORTS = (80, 8000, 8080, 8899, 2020, 10080, 5000)
"""Where vendors put ONVIF, most frequent first: Reolink 8000, XiongMai 8899, TP-Link 2020, others 80."""

DISCOVERY_SECONDS = 0.6
CONNECT_SECONDS = 1.5
TALK_SECONDS = 10.0
SECOND_LOOK_SECONDS = 1.0
LOW_RATE_SHARE = 0.6
Say = Callable[[str], None]

_OWN_LINES = frozenset({*(check.fault.code for check in PICTURE_CHECKS), CLOCK_DRIFT.code})
"""Faults that stand in the acceptance test in lines of their own, beside that of their rung."""


class RefusedError(Exception):
    """A camera is not registered; the messages say why, and `usage` whether the command was wrong."""

    def __init__(self, *messages: str, usage: bool = False) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Wish:
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
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Candidate:
    """A camera that is not registered yet: its id, what its file would say, and what a visit needs."""

    id: str
    data: CameraFile
    target: Target


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the acceptance test; `passed` is None where it cannot be told."""

    subject: str
    passed: bool | None
    detail: str = ""
    seconds: float | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The acceptance test of one camera."""

    verdicts: tuple[Verdict, ...]
    report: Report

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(verdict.passed is not False for verdict in self.verdicts)

    @property
    def faults(self) -> tuple[str, ...]:
        """The codes of what failed, each once."""
        return tuple(dict.fromkeys(item.fault for item in self.verdicts if item.passed is False and item.fault))


def conflict(installation: Installation, identity: str, host: str, port: int | None, serial: str) -> str | None:
    """Say which known camera has the same id, address or serial number; None where none has."""
    for camera in installation.inventory.known:
        if camera.id == identity:
            return f"the id {identity} is taken by {camera.id} ({camera.name}, {camera.target.host})"
        if camera.status is Status.RETIRED:
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


def login_of(installation: Installation, name: str | None, option: str = "--credentials") -> Credentials | None:
    """Return a login by the name that the settings give it.

    Raises:
        RefusedError: the settings do not know it, or its password is not to be had.

    """
    if name is None:
        return None
    if name in installation.credentials:
        return installation.credentials[name]
    if name in installation.settings.credentials:
        said = [str(problem) for problem in installation.problems]
        raise RefusedError(f"the password of credentials {name} is not to be had", *said, usage=True)
    known = ", ".join(sorted(installation.settings.credentials)) or "none"
    raise RefusedError(f"{option}: the settings know no credentials {name}; known: {known}", usage=True)


async def _open_ports(address: str, ports: tuple[int, ...]) -> tuple[int, ...]:
    async def is_open(port: int) -> bool:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(address, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    found = await asyncio.gather(*(is_open(port) for port in ports))
    return tuple(port for port, good in zip(ports, found, strict=True) if good)


async def _places(wish: Wish) -> tuple[OnvifTarget, ...]:
    """Return where the device may speak ONVIF: as it says by WS-Discovery, as asked for, or where vendors put it."""
    secure = wish.onvif == "https"
    if wish.onvif_port is not None:
        return (OnvifTarget(wish.onvif_port, secure=secure),)
    try:
        address = await resolve(wish.address)
    except NetError as error:
        raise RefusedError(str(error)) from error
    heard = await ask_each([address], DISCOVERY_SECONDS)
    said = tuple(OnvifTarget(device.port, device.path, device.secure) for device in heard)
    if secure:
        return (*said, OnvifTarget(443, secure=True))
    usual = await _open_ports(address, USUAL_PORTS)
    return (*said, *(OnvifTarget(port) for port in usual if port not in {item.port for item in said}))


async def _speaks_onvif(talk: OnvifConversation) -> str:
    """Ask the clock, which needs no login; return why it is no ONVIF, empty where it is."""
    try:
        async with asyncio.timeout(TALK_SECONDS):
            await talk.time()
    except SoapFaultError:
        return ""
    except (NetError, AnswerError) as error:
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
        raise RefusedError(f"--profile: the camera has no profile {wished}; it has: {known}", usage=True)
    return found


def _split(uri: str) -> tuple[int, str]:
    """Return port and path of an RTSP address as the camera names it."""
    from xueliang_monitor.wire.onvif import path_of

    try:
        port = urlsplit(uri).port
    except ValueError:
        port = None
    return port or 554, path_of(uri)


def _without_login(path: str, login: Credentials | None) -> str:
    """Put placeholders where a path holds the login, so that no password gets into a camera's file.

    Raises:
        RefusedError: it holds a password that is not the login's.

    """
    if login is not None:
        for plain in {login.password, quote(login.password, safe="")} - {""}:
            path = re.sub(rf"(?i)((?:password|passwd|pass|pwd)=){re.escape(plain)}(?=[&_/?#]|$)", r"\1{password}", path)
    if redact_path(path) != path:
        raise RefusedError(
            f"the camera's stream address holds a password ({redact_path(path)}), which is not written to a file",
            "Give the path with --rtsp-path, with {username} and {password} where the login belongs.",
        )
    return path


async def _optional_path(talk: OnvifConversation, token: str) -> str | None:
    from xueliang_monitor.wire.onvif import path_of

    try:
        return path_of(await talk.snapshot_uri(token)) or None
    except AnswerError:
        return None


@dataclass(frozen=True, slots=True)
class _Told:
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
        raise RefusedError(
            f"the camera refuses the login: {error}",
            "One attempt was made and no more, so that the camera is not locked. Correct the credentials in the "
            "settings; where the camera keeps other users for ONVIF, name them with --onvif-credentials, or leave "
            "ONVIF out with --onvif none and --rtsp-path.",
            "登录被拒绝：仅尝试了一次，以免摄像机锁定。请更正凭据后重试。",
        ) from error
    except (NetError, AnswerError) as error:
        raise RefusedError(f"the camera does not tell over ONVIF what is needed: {error}") from error
    except TimeoutError as error:
        raise RefusedError(f"the camera did not answer over ONVIF within {TALK_SECONDS:.0f} s") from error


async def _interview(talk: OnvifConversation, place: OnvifTarget, wished: str | None) -> _Told:
    async with _asking():
        who = await talk.identity()
        profiles = await talk.profiles()
        chosen, main = _choose(profiles, wished), main_profile(profiles)
        if chosen is None or main is None:
            raise RefusedError("the camera names no media profile: its encoder is not set up")
        port, path = _split(await talk.stream_uri(chosen.token))
        path = _without_login(path, place.credentials)
        snapshot = await _optional_path(talk, chosen.token)
    return _Told(
        place,
        IdentitySection.of(who),
        StreamSection.of(chosen.token, chosen.stream),
        StreamSection.of(main.token, main.stream),
        port,
        path,
        snapshot,
    )


async def _ask_device(wish: Wish, installation: Installation, say: Say) -> _Told | None:
    """Find the device's ONVIF service and ask it; None where it has none and the stream's path is given."""
    from xueliang_monitor.net.onvif import OnvifConversation

    if wish.onvif == "none":
        return None
    login = login_of(installation, wish.onvif_credentials or wish.credentials, "--onvif-credentials")
    tried: list[str] = []
    for found in await _places(wish):
        place = replace(found, credentials=login)
        async with OnvifConversation(wish.address, place, time.time, tls=wish.tls) as talk:
            if why_not := await _speaks_onvif(talk):
                tried.append(f"port {place.port}: {why_not}")
                continue
            say(f"ONVIF at port {place.port}")
            return await _interview(talk, place, wish.profile)
    where = "; ".join(tried) or f"none of the ports {', '.join(map(str, USUAL_PORTS))} is open"
    if wish.rtsp_path is not None and wish.onvif_port is None:
        say("no ONVIF found; the camera is registered without")
        return None
    raise RefusedError(
        f"{wish.address} does not speak ONVIF ({where})",
        "Give its port with --onvif-port; for a camera without ONVIF give --rtsp-path (and --rtsp-port).",
    )


def _file_of(wish: Wish, told: _Told | None) -> CameraFile:
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
        "registered": datetime.now(UTC).isoformat(timespec="seconds"),
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
        raise RefusedError(*(problem.message for problem in error.problems), usage=True) from None


async def prepare(wish: Wish, installation: Installation, say: Say) -> Candidate:
    """Ask the device and put together what its file will say.

    Raises:
        RefusedError: the wish or the device does not allow it.

    """
    identity = wish.id or default_id(wish.name, wish.address)
    if not ID.fullmatch(identity):
        raise RefusedError(f"--id: {identity!r} is no id; use {ID_RULE}", usage=True)
    _file_of(wish, None)  # what is wrong with the wish itself is said before anybody is asked
    login = login_of(installation, wish.credentials)
    taken = conflict(installation, identity, wish.address, wish.rtsp_port, "")
    if taken is not None:
        raise RefusedError(taken)
    told = await _ask_device(wish, installation, say)
    data = _file_of(wish, told)
    serial = data.identity.serial if data.identity else ""
    taken = conflict(installation, identity, data.address, data.rtsp_port, serial)
    if taken is not None:
        raise RefusedError(taken)
    device_login = login_of(installation, wish.onvif_credentials) or login
    drift = installation.settings.clock_drift
    return Candidate(identity, data, target_of(identity, data, login, device_login, drift))


async def enrich(data: CameraFile, installation: Installation) -> CameraFile:
    """Add to what a camera's file will say who the device says it is, and what its profiles are set to.

    The path that is given stays; where a profile has it, that is the one under watch. Without ONVIF nothing is added.

    Raises:
        RefusedError: the device does not say.

    """
    from xueliang_monitor.net.onvif import OnvifConversation

    login = login_of(installation, data.onvif_credentials or data.credentials)
    place = target_of("", data, None, login).onvif
    if place is None:
        return data
    async with OnvifConversation(data.address, place, time.time, tls=data.tls) as talk:
        if why_not := await _speaks_onvif(talk):
            raise RefusedError(f"onvif: {why_not}")
        told = await _interview(talk, place, data.stream.profile if data.stream else None)
        async with _asking():
            told = await _of_path(talk, told, data.rtsp_path)
    return data.model_copy(
        update={
            "identity": told.identity,
            "stream": told.stream,
            "main_stream": told.main,
            "snapshot_path": told.snapshot_path,
            "registered": data.registered or datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


async def _of_path(talk: OnvifConversation, told: _Told, path: str) -> _Told:
    """Return the same of the profile whose stream stands at `path`, where there is one."""
    if told.rtsp_path == path:
        return told
    for profile in await talk.profiles():
        if _split(await talk.stream_uri(profile.token))[1] == path:
            return replace(told, stream=StreamSection.of(profile.token, profile.stream), rtsp_path=path)
    return told


async def identify(camera: Camera, now: Callable[[], float] = time.time) -> IdentitySection:
    """Ask a registered camera who it is now.

    Raises:
        RefusedError: it has no ONVIF, or does not say.

    """
    from xueliang_monitor.net.onvif import OnvifConversation

    target = camera.target.onvif
    if target is None:
        raise RefusedError(f"{camera.id} has no ONVIF: there is nobody to ask")
    async with OnvifConversation(camera.target.host, target, now, tls=camera.target.tls) as talk, _asking():
        await _speaks_onvif(talk)
        return IdentitySection.of(await talk.identity())


async def accept(
    target: Target,
    installation: Installation,
    workers: Workers,
    expected: StreamParameters | None = None,
    *,
    ends_after: float | None = None,
) -> Acceptance:
    """Put a camera to the test: every rung, every picture check, its clock, its parameters.

    Two looks are taken where the first finds nothing, so that a frozen picture shows. Never raises but cancellation.
    """
    timeouts = timeouts_of(installation.settings)
    report, memory = await visit(
        target,
        Rung.PICTURE,
        Memory(),
        timeouts=timeouts,
        workers=workers,
        now=time.time(),
        ask_device=True,
        total_seconds=ends_after,
    )
    if not report.seen:
        await asyncio.sleep(SECOND_LOOK_SECONDS)
        again, _ = await visit(
            target,
            Rung.PICTURE,
            memory,
            timeouts=timeouts,
            workers=workers,
            now=time.time(),
            total_seconds=ends_after,
        )
        report = _together(report, again)
    return Acceptance(tuple(_verdicts(report, target, expected)), report)


def _together(first: Report, second: Report) -> Report:
    """Return the second look, with what only the first one asked."""
    climbed = {result.rung for result in second.rungs}
    return replace(
        second,
        rungs=(*second.rungs, *(result for result in first.rungs if result.rung not in climbed)),
        ruled_out=(first.ruled_out | second.ruled_out) - {finding.code for finding in second.seen},
        readings={**first.readings, **second.readings},
    )


def _verdicts(report: Report, target: Target, expected: StreamParameters | None) -> list[Verdict]:
    results = {result.rung: result for result in report.rungs}
    seen = {finding.code: finding for finding in report.seen}
    verdicts = [_of_rung(rung, results.get(rung), seen) for rung in (Rung.REACH, Rung.RTSP, Rung.STREAM, Rung.PICTURE)]
    verdicts += [_of_code(check.fault.code, report, seen) for check in PICTURE_CHECKS]
    if target.onvif is not None:
        verdicts.append(_of_rung(Rung.ONVIF, results.get(Rung.ONVIF), seen))
        verdicts.append(_of_clock(report, seen))
    verdicts.append(_of_parameters(report, expected))
    return verdicts


def _of_rung(rung: Rung, result: RungResult | None, seen: dict[str, Finding]) -> Verdict:
    """Judge a rung as a whole; what its checks saw stands in lines of their own."""
    if result is None:
        return Verdict(rung.value, None, "not reached")
    own_line = result.fault is not None and (result.fault in _OWN_LINES)
    good = result.ok or own_line
    detail = "" if good else (seen[result.fault].detail if result.fault in seen else result.detail)
    return Verdict(rung.value, good, detail, result.seconds, None if good else result.fault)


def _of_code(code: str, report: Report, seen: dict[str, Finding]) -> Verdict:
    if code in seen:
        return Verdict(code, False, seen[code].detail, fault=code)
    if code in report.ruled_out:
        return Verdict(code, True)
    return Verdict(code, None, "cannot be told yet")


def _of_clock(report: Report, seen: dict[str, Finding]) -> Verdict:
    code = CLOCK_DRIFT.code
    offset = report.readings.get("clock_offset_seconds")
    if code in seen:
        return Verdict("clock", False, seen[code].detail, fault=code)
    if isinstance(offset, float):
        return Verdict("clock", True, f"{offset:+.1f} s")
    return Verdict("clock", None, "the camera does not tell its time")


def _of_parameters(report: Report, expected: StreamParameters | None) -> Verdict:
    """Hold what was measured of the stream against what the profile is set to.

    Only the size decides: the codec is not held against the camera, as ONVIF's first media service has no word for
    H.265, nor the rate, as cameras slow down in the dark.
    """
    measured = [str(report.readings[key]) for key in ("codec", "resolution") if key in report.readings]
    rate = report.readings.get("frame_rate_hertz")
    if isinstance(rate, float):
        measured.append(f"{rate:.3g}/s")
    if not measured:
        return Verdict("parameters", None, "nothing was measured")
    detail = " ".join(measured)
    if expected is None or not expected.width:
        return Verdict("parameters", None, f"{detail}; nothing to hold it against")
    if report.readings.get("resolution") not in (None, f"{expected.width}x{expected.height}"):
        return Verdict("parameters", False, f"{detail}, but the profile is set to {expected}")
    notes = []
    if expected.codec and report.readings.get("codec") != expected.codec:
        notes.append(f"the profile says {expected.codec}")
    if isinstance(rate, float) and expected.frame_rate_hertz and rate < LOW_RATE_SHARE * expected.frame_rate_hertz:
        notes.append(f"the profile allows {expected.frame_rate_hertz:g}/s")
    return Verdict("parameters", True, "; ".join([detail, *notes]))
