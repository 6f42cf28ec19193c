"""What a device is asked over ONVIF to register it: identity, profiles, stream and snapshot address.

What only helps is left out if the device does not answer it. What is needed raises an error that names the operation.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from xueliang_monitor.commissioning.channel_names import group_channels
from xueliang_monitor.commissioning.profile_table import profile_lines
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.configuration.camera_sections import IdentitySection
from xueliang_monitor.model import PATH_PASSWORD, Credentials, OnvifTarget, redact_path
from xueliang_monitor.net.errors import LoginError, NetError
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.probing.device_memory import choose_profile, main_profile
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire.device_address import (
    RTSP,
    DeviceAddress,
    holds_encoded_login,
    holds_known_login,
    parse_address,
    snapshot_path,
)
from xueliang_monitor.wire.device_text import Gate
from xueliang_monitor.wire.errors import OnvifResponseError
from xueliang_monitor.wire.login_digests import xiongmai_hash
from xueliang_monitor.wire.media_profiles import Profile

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

CONVERSATION_SECONDS = 60.0
"""The limit of all questions together; each has a shorter one of its own."""

RTSP_PORT, RTSPS_PORT = 554, 322
MAX_ASKED_PROFILES = 32
"""How many profiles are asked for the one whose stream is at a path."""

Progress = Callable[[str], None]
"""Called with each line of progress."""


@dataclass(frozen=True, slots=True)
class StreamAddress:
    """Where a profile's stream is: the RTSP port and the path, with placeholders in place of the login."""

    profile: Profile
    port: int
    path: str
    secure: bool = False


def conversation(
    host: str, service: OnvifTarget, tls: str, addresses: tuple[str, ...], *, hints: OnvifHints | None = None
) -> OnvifClient:
    """Return a conversation by hand with a device, to be used as an async context manager."""
    from xueliang_monitor.net.onvif import OnvifClient

    return OnvifClient(host, service, time.time, hints, tls=tls, addresses=addresses)


@contextlib.asynccontextmanager
async def errors_translated(operation: str = "") -> AsyncIterator[None]:
    """Limit the duration of ONVIF calls, and raise their errors as RegistrationError that names the operation."""
    try:
        async with asyncio.timeout(CONVERSATION_SECONDS):
            yield
    except LoginError as error:
        raise login_refused(error) from error
    except ShortageError as error:
        raise RegistrationError(str(error)) from error
    except (NetError, OnvifResponseError) as error:
        detail = str(error) if not operation or operation in str(error) else f"{operation}: {error}"
        raise RegistrationError(
            f"the camera does not report over ONVIF what is needed: {detail}",
            "To register it without its media profiles, give the path of its stream with --rtsp-path.",
        ) from error
    except TimeoutError as error:
        raise RegistrationError(f"the camera did not respond over ONVIF within {CONVERSATION_SECONDS:.0f} s") from error


def login_refused(error: LoginError) -> RegistrationError:
    """Return the error of a registration whose login was refused, missing or held back."""
    return RegistrationError(
        f"the camera refused the login: {error}",
        "It was not tried any further, so that the camera does not lock the account. Correct the credentials in the "
        "settings. If the camera has separate ONVIF users, name them with --onvif-credentials. To register it without "
        "ONVIF, use --onvif none and --rtsp-path.",
        "摄像机拒绝登录。为避免账号被锁定，未再继续尝试。请更正账号密码后重试。",
        login_refused=True,
    )


async def ask_identity(client: OnvifClient, progress: Progress) -> IdentitySection | None:
    """Return the identity of a device, or None if it does not report one; its login may be refused here."""
    try:
        return IdentitySection.of(await client.identity())
    except LoginError:
        raise
    except (NetError, OnvifResponseError) as error:
        progress(f"the camera does not report its identity ({error}); a replaced device will not be noticed")
        return None


async def ask_profiles(client: OnvifClient, progress: Progress, *, needed: bool) -> tuple[Profile, ...]:
    """Return the media profiles; none if they are not `needed` and the device does not report any.

    Raises:
        RegistrationError: they are needed and there are none.

    """
    try:
        profiles = await client.profiles()
    except LoginError:
        raise
    except (NetError, OnvifResponseError) as error:
        if needed:
            async with errors_translated("GetProfiles"):
                raise
        progress(f"the camera does not report its media profiles ({error})")
        return ()
    if needed and not profiles:
        raise RegistrationError(
            "the camera lists no media profile, neither in Media nor in Media2",
            "Configure its encoder, or give the path of its stream with --rtsp-path.",
        )
    return profiles


def choose(profiles: tuple[Profile, ...], requested: str | None) -> Profile | None:
    """Return the requested profile by token or name, by default the one that is best watched.

    Raises:
        RegistrationError: there is no profile of that token or name.

    """
    if requested is None:
        return choose_profile(profiles)
    by_token = next((item for item in profiles if item.token == requested), None)
    chosen = by_token or next((item for item in profiles if item.name == requested), None)
    if chosen is None:
        known = profile_lines(group_channels(profiles)) if profiles else ["none"]
        raise RegistrationError(f"--profile: the camera has no profile {requested}; it has:", *known, usage=True)
    return chosen


async def ask_stream(
    client: OnvifClient, profiles: tuple[Profile, ...], requested: str | None, login: Credentials | None
) -> StreamAddress:
    """Return the stream address of the requested profile, or of the best one whose address the device names.

    Raises:
        RegistrationError: there is none, it is not RTSP, or it holds a login that must not be written to a file.

    """
    chosen, main = choose(profiles, requested), main_profile(profiles)
    fallbacks = () if requested is not None or main == chosen else (main,)
    for profile in filter(None, (chosen, *fallbacks)):
        async with errors_translated("GetStreamUri"):
            try:
                return _stream_address(profile, await client.stream_uri(profile.token), login)
            except LoginError:
                raise
            except (NetError, OnvifResponseError):
                if profile is main or not fallbacks:
                    raise
    raise RegistrationError("the camera has no media profile; configure its encoder first")


def _stream_address(profile: Profile, uri: str, login: Credentials | None) -> StreamAddress:
    found = stream_address(uri)
    if found is None:
        raise RegistrationError(
            f"the camera names no RTSP address for the stream of profile {profile.token} "
            f"({Gate.of(login).address(uri) or 'empty'})",
            "Give the path with --rtsp-path.",
        )
    port = found.port or (RTSPS_PORT if found.secure else RTSP_PORT)
    return StreamAddress(profile, port, without_login(found.path, login), found.secure)


def stream_address(uri: str) -> DeviceAddress | None:
    """Return the address of a stream, None if it is none of RTSP."""
    return parse_address(uri, RTSP)


def without_login(path: str, login: Credentials | None) -> str:
    """Replace the password in a path by a placeholder, so that no password is written to a camera file.

    Raises:
        RegistrationError: the path contains a password that is not the login's, or the login's in another spelling.

    """
    gate = Gate.of(login)
    if login is not None:
        quoted = quote(login.password, safe="")
        lower = re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted)
        written = sorted({login.password, quoted, lower} - {""}, key=len, reverse=True)
        for plain in (*written, xiongmai_hash(login.password)):  # XiongMai devices accept the password in its place
            path = re.sub(rf"(?i)((?:password|passwd|pass|pwd)=){re.escape(plain)}(?=[&_/?#]|$)", r"\1{password}", path)
        for plain in written:
            path = path.replace(plain, PATH_PASSWORD) if gate.holds_secret(path) else path
    if redact_path(path) != path or holds_known_login(path, gate) or holds_encoded_login(path):
        raise RegistrationError(
            f"the camera's stream address contains a password ({gate.address(path)}); it is not written to a file",
            "Give the path with --rtsp-path, and write {username} and {password} in place of the login.",
        )
    return path


async def ask_snapshot(client: OnvifClient, token: str, login: Credentials | None) -> str | None:
    """Return the path of a profile's snapshots, or None if the device reports none that may be written to a file."""
    try:
        return snapshot_path(await client.snapshot_uri(token), Gate.of(login), profile=token)
    except (OnvifResponseError, NetError):
        return None


async def profile_at(
    client: OnvifClient, profiles: tuple[Profile, ...], path: str, login: Credentials | None
) -> Profile | None:
    """Return the profile whose stream is at a path, with its query or without; None if no profile has it.

    The path has placeholders in place of `login`, as in a camera file.
    """
    without_query: list[Profile] = []
    for profile in profiles[:MAX_ASKED_PROFILES]:
        try:
            found = _stream_address(profile, await client.stream_uri(profile.token), login).path
        except LoginError:
            raise
        except (NetError, OnvifResponseError, RegistrationError):
            continue
        if found == path:
            return profile
        if found.partition("?")[0] == path.partition("?")[0] != "/":
            without_query.append(profile)
    return without_query[0] if len(without_query) == 1 else None
