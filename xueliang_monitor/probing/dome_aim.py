"""Reads where a dome looks before and after a picture is taken, and chooses the past that the picture belongs to."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xueliang_monitor.net.errors import NetError
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.probing.climbed import Climbed, Examined
from xueliang_monitor.probing.device_interview import OPTIONAL_SECONDS, Questions, conversation, note_login
from xueliang_monitor.probing.device_memory import Subject
from xueliang_monitor.probing.dome import Aim, DomeMemory
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.process.shortage import ShortageError
from xueliang_monitor.wire.dome_position import DomeStatus
from xueliang_monitor.wire.errors import OnvifResponseError, SoapFaultError

if TYPE_CHECKING:
    from xueliang_monitor.wire.media_profiles import Profile

MAX_TOKENS = 3
"""Profiles by which a camera is asked for its position until one of them has PTZ."""


@dataclass(frozen=True, slots=True)
class AimBefore:
    """What a dome reported before the picture was taken."""

    status: DomeStatus | None


@dataclass(frozen=True, slots=True)
class AimAfter:
    """What a dome reported after the picture was taken."""

    status: DomeStatus | None


def aim_of(climbed: Climbed) -> Aim | None:
    """Return where the dome looked; None if the camera is not known to be one."""
    before, after = climbed.find(AimBefore), climbed.find(AimAfter)
    return None if after is None else Aim(before.status if before is not None else None, after.status)


def _tokens(context: VisitContext, profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    """Return the tokens of the profiles that the dome may be asked by, the likely one first.

    Some domes have PTZ in some of their profiles only.
    """
    dome, target = context.memory.dome, context.target.onvif
    named = (dome.profile if dome is not None else "", target.profile if target is not None else "")
    tokens = (*named, *(profile.token for profile in profiles))
    return tuple(dict.fromkeys(filter(None, tokens)))[:MAX_TOKENS]


async def aim_before(context: VisitContext) -> AimBefore | None:
    """Read where a dome looks before the picture is taken; None of a camera that is none."""
    return AimBefore(await _status(context)) if _is_dome(context) else None


async def aim_after(context: VisitContext) -> AimAfter | None:
    """Read where a dome looks after the picture is taken; None of a camera that is none."""
    return AimAfter(await _status(context)) if _is_dome(context) else None


def _is_dome(context: VisitContext) -> bool:
    return context.memory.dome is not None and context.target.onvif is not None


async def _status(context: VisitContext) -> DomeStatus | None:
    """Return what the dome reports; None if it does not within its time. Raises nothing but cancellation."""
    from xueliang_monitor.net.onvif_ptz import dome_status

    target, tokens = context.target.onvif, _tokens(context, context.memory.device.profiles)
    if target is None or not tokens:
        return None
    permission = await context.logins.onvif(context.started_at)
    async with await conversation(context, Climbed(), target, permission) as client:
        try:
            async with asyncio.timeout(OPTIONAL_SECONDS):
                await client.ask_clock()
                return await dome_status(client, tokens[0])
        except (NetError, OnvifResponseError, ShortageError, TimeoutError):
            return None
        finally:
            note_login(context, client)


def steady_of(memory: Memory, aim: Aim) -> DomeStatus | None:
    """Return what a dome reported if it stood still while the picture was taken.

    Some domes always report that they move. One that is still where it was at the last visit does not.
    """
    before, after, last = aim.before, aim.after, memory.dome.status if memory.dome is not None else None
    if after is None or not after.moving or before is None or last is None:
        return aim.steady
    stuck = Aim(replace(before, moving=False), replace(after, moving=False)).steady
    if stuck is None or stuck.position is None or last.position is None:
        return None
    return stuck if last.position.is_same(stuck.position) else None


def past_of(memory: Memory, aim: Aim | None) -> Reference | None:
    """Return the past that a picture is compared with; None if there is none for where the dome looked."""
    if aim is None or memory.dome is None:
        return memory.reference
    steady = steady_of(memory, aim)
    if steady is None:
        return None
    place = memory.dome.at(steady)
    if place is not None:
        return place.reference
    return None if memory.dome.places else memory.reference


def dome_after_picture(memory: Memory, climbed: Climbed, now: float) -> DomeMemory | None:
    """Return what is remembered of a dome after its picture was looked at."""
    dome = memory.dome
    aim = aim_of(climbed) if dome is not None else None
    if dome is None or aim is None:
        return dome
    examined = climbed.find(Examined)
    steady = steady_of(memory, aim)
    status = steady if steady is not None else replace(aim.after, moving=True) if aim.after is not None else None
    dome = dome.after(status, now, first=memory.reference)
    return dome if examined is None else dome.with_reference(steady, examined.look.reference)


async def ask_dome(questions: Questions, climbed: Climbed, *, due: bool) -> DomeMemory | None:
    """Ask a dome where it looks, and its presets if an interview is due; return what to remember of it."""
    from xueliang_monitor.net.onvif_ptz import dome_presets, has_ptz

    context, client = questions.context, questions.client
    aim, examined = aim_of(climbed), climbed.find(Examined)
    dome = dome_after_picture(context.memory, climbed, context.now())
    if dome is None and not due:
        return None
    if due and client.hints.services and not await has_ptz(client):
        return None
    if aim is None or aim.after is None:
        status, token = await _asked(questions)
        if status is not None or dome is not None:
            first = examined.look.reference if examined is not None else context.memory.reference
            known = dome or DomeMemory()
            dome = replace(known.after(status, context.now(), first=first), profile=token or known.profile)
    if dome is not None and due:
        token = dome.profile
        presets = await questions.ask(Subject.PRESETS, lambda: dome_presets(client, token, context.gate))
        dome = dome if presets is None else dome.with_presets(presets)
    if dome is None and isinstance(questions.last_error, SoapFaultError):
        questions.forget(Subject.POSITION)
    return dome


async def _asked(questions: Questions) -> tuple[DomeStatus | None, str]:
    """Return what the camera reports, and the token of the profile by which it does."""
    from xueliang_monitor.net.onvif_ptz import dome_status

    for token in _tokens(questions.context, questions.memory.profiles):
        status = await questions.ask(Subject.POSITION, functools.partial(dome_status, questions.client, token))
        if status is not None:
            return status, token
        if not isinstance(questions.last_error, SoapFaultError):
            break
    return None, ""
