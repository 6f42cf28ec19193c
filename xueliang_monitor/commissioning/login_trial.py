"""Tries named logins by hand: each on one camera, then on three more, and no further after a refusal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace

from xueliang_monitor.configuration.installation import Installation, timeouts_of
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.model import Rung, Target, VisitResult
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.net.names import NameResolver
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.login import LoginOutcome, Protocol
from xueliang_monitor.probing.login_book import LoginBook
from xueliang_monitor.probing.login_marks import LoginMarks
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit

MORE = 3
"""On how many cameras a login is tried after the first one accepted it."""

SILENT = 5
"""How many cameras may give no answer before a login is given up."""

AT_ONCE = 8
"""How many logins are tried at the same time."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: the name of the login, the camera, and whether the camera accepted it; None if it did not say."""

    name: str
    camera: str
    accepted: bool | None
    detail: str


@dataclass(slots=True)
class _Heard:
    """Hears the outcome of one attempt, as the gate of the book of logins."""

    outcome: LoginOutcome | None = None

    def may_try(self, camera: str, protocol: Protocol) -> bool:  # noqa: ARG002
        """Allow every attempt that the lock-out rule allows."""
        return True

    def over(
        self,
        camera: str,  # noqa: ARG002
        protocol: Protocol,  # noqa: ARG002
        outcome: LoginOutcome,
        *,
        in_doubt: bool,  # noqa: ARG002
        alone: bool = False,  # noqa: ARG002
    ) -> None:
        """Take the outcome."""
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class KnownLogins:
    """What the daemon knows of logins: attempts that it holds back are not made by hand either."""

    marks: LoginMarks = field(default_factory=LoginMarks)
    records: tuple[tuple[LoginKey, LoginRecord], ...] = ()


async def try_logins(
    installation: Installation, known: KnownLogins, guard: Callable[[Target], Target]
) -> list[Attempt]:
    """Try each named login that cameras use over RTSP; return the attempts by name.

    `known` is what the daemon stored, and `guard` adapts each target before its visit.
    """
    by_name: dict[str, list[Camera]] = {}
    for camera in installation.inventory.cameras:
        if camera.data.credentials:
            by_name.setdefault(camera.data.credentials, []).append(camera)
    slots, workers = asyncio.Semaphore(AT_ONCE), Workers(1)
    locks = CameraLocks(installation.settings.state)
    async with NameResolver(installation.settings.name_servers) as names:

        async def attempt(name: str, camera: Camera) -> Attempt:
            heard = _Heard()
            book = LoginBook(heard)
            book.restore(known.records, time.time())
            visited, _ = await visit(
                guard(replace(camera.target, onvif=None)),
                Rung.RTSP,
                Memory(),
                timeouts=timeouts_of(installation.settings),
                workers=workers,
                now=time.time(),
                locks=locks,
                names=names,
                marks=known.marks,
                logins=book,
            )
            return _judged(name, camera, heard.outcome, visited)

        async def all_of(name: str, cameras: list[Camera]) -> list[Attempt]:
            async with slots:
                return await _one_then_three(_one_of_each_device(cameras), lambda camera: attempt(name, camera))

        found = await asyncio.gather(*(all_of(name, by_name[name]) for name in sorted(by_name)))
    return [each for attempts in found for each in attempts]


def _one_of_each_device(cameras: Iterable[Camera]) -> list[Camera]:
    """Return one camera of each address, as all channels of a device share its logins."""
    found: dict[str, Camera] = {}
    for camera in cameras:
        found.setdefault(canonical_host(camera.target.host), camera)
    return list(found.values())


async def _one_then_three(cameras: Iterable[Camera], attempt: Callable[[Camera], Awaitable[Attempt]]) -> list[Attempt]:
    """Try cameras in turn until one refuses the login, enough accepted it, or too many gave no answer."""
    made: list[Attempt] = []
    for camera in cameras:
        made.append(await attempt(camera))
        silent = sum(each.accepted is None for each in made)
        if made[-1].accepted is False or len(made) - silent > MORE or silent >= SILENT:
            break
    return made


def _judged(name: str, camera: Camera, outcome: LoginOutcome | None, visited: VisitResult) -> Attempt:
    last = visited.rungs[-1]
    if outcome in (LoginOutcome.ACCEPTED, LoginOutcome.REVOKED):
        return Attempt(name, camera.id, True, "accepted")
    if outcome is not None and (outcome.is_refusal or outcome.is_lock):
        return Attempt(name, camera.id, False, last.detail or "refused")
    return Attempt(name, camera.id, None, last.detail if not last.ok else "the camera asked for no login")
