"""Asks a device over ONVIF: clock, profiles, host name, stream path, last start."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.probing.climbed import Climbed, DeviceAnswers, Reached, Resolved
from xueliang_monitor.probing.device_memory import DeviceMemory, choose_profile
from xueliang_monitor.probing.login import LoginOutcome, Permission
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.wire.errors import EmptyResponseError, OnvifResponseError, SoapFaultError, WebPageError

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

SAME_START_SECONDS = 60.0
"""Two reported starts that are less apart are the same start."""

MAX_PATH_CHARACTERS = 400
"""The limit of a stream path that is shown."""

OPTIONAL_SECONDS = 2.5
"""How long an answer is waited for that a camera need not give."""

Answer = TypeVar("Answer")


@functools.cache
def _load() -> None:
    """Load zeep and parse the service definitions, once, and only if a camera speaks ONVIF."""
    from xueliang_monitor.net.onvif_wsdl import definitions

    definitions()
    gc.freeze()  # their 29,000 objects stay; every full collection would hold the loop for 10 ms to look at them


async def conversation(
    context: VisitContext, climbed: Climbed, target: OnvifTarget, permission: Permission
) -> OnvifClient:
    """Return a conversation with the device, to be used as an async context manager."""
    if not _load.cache_info().currsize:
        await asyncio.to_thread(_load)
    from xueliang_monitor.net.onvif import OnvifClient

    reached, resolved = climbed.find(Reached), climbed.find(Resolved)
    asked = climbed.find(DeviceAnswers)
    return OnvifClient(
        context.target.host,
        target,
        context.now,
        (asked.memory if asked is not None else context.memory.device).hints,
        tls=context.target.tls,
        may_log_in=permission.allowed,
        # The address that the stream came from, as a name may have several.
        addresses=(reached.connection.address,) if reached else resolved.addresses if resolved else (),
        gate=context.gate,
    )


def login_outcome_of(client: OnvifClient) -> LoginOutcome:
    """Return the outcome of the login over ONVIF."""
    if client.login_accepted:
        return LoginOutcome.ACCEPTED
    return LoginOutcome.REFUSED if client.login_tried else LoginOutcome.OPEN


async def _optional(answer: Awaitable[Answer], otherwise: Answer) -> Answer:
    """Return the answer to an optional request, or `otherwise` if the camera does not answer it."""
    try:
        async with asyncio.timeout(OPTIONAL_SECONDS):
            return await answer
    except (OnvifResponseError, NetError, TimeoutError):
        return otherwise


async def interview(client: OnvifClient, context: VisitContext, known: DeviceMemory) -> DeviceMemory:
    """Ask what seldom changes: profiles, host name, stream path, and whether the device reports its last start."""
    from xueliang_monitor.wire.onvif import path_of

    profiles = await _optional(client.profiles(), known.profiles)
    token = context.target.onvif.profile if context.target.onvif else ""
    watched = next((item for item in profiles if item.token == token), None) or choose_profile(profiles)
    path = ""
    if watched is not None:
        path = context.gate.text(path_of(await _optional(client.stream_uri(watched.token), "")), MAX_PATH_CHARACTERS)
    return replace(
        known,
        profiles=profiles,
        hostname=await _optional(client.hostname(), known.hostname),
        stream_path=path or known.stream_path,
        tells_last_start=await _optional(client.offers_last_reboot(), otherwise=False),
        interviewed_at=context.now(),
    )


async def ask_last_start(client: OnvifClient, context: VisitContext, known: DeviceMemory) -> DeviceMemory:
    """Notice a restart: the last start moved by the camera's clock and by ours. Setting a clock moves only one."""
    started = await _optional(client.last_reboot(), None)
    if started is None:
        return known
    ours = started - (client.hints.clock_offset_seconds or 0.0)
    before = known.last_start
    moved = before is not None and min(abs(started - before[0]), abs(ours - before[1])) > SAME_START_SECONDS
    return replace(
        known, last_start=(started, ours), restart_noticed_at=context.now() if moved else known.restart_noticed_at
    )


async def ask_time(client: OnvifClient) -> None:
    """Ask the clock first, as the login needs it.

    Some cameras refuse even this without a login. The login then shows it again.
    """
    try:
        await client.time()
    except SoapFaultError as error:
        if not error.fault.refuses_login:
            raise
    except OnvifResponseError as error:
        if isinstance(error, EmptyResponseError | WebPageError):
            raise
        # An unreadable clock must not end the conversation.
