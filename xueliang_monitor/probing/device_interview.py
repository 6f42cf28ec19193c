"""Asks a device over ONVIF, each thing within its own time: what it does not tell is left out and remembered."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import ConnectError, LoginError, NetError
from xueliang_monitor.net.onvif_hints import ClockKind
from xueliang_monitor.probing.climbed import Climbed, DeviceAnswers, Reached, Resolved
from xueliang_monitor.probing.device_memory import DeviceMemory, Subject, choose_profile
from xueliang_monitor.probing.last_start import after_start
from xueliang_monitor.probing.login import LoginOutcome, Permission, Protocol
from xueliang_monitor.probing.rung import VisitContext
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError
from xueliang_monitor.wire.service_address import ServiceAddress

if TYPE_CHECKING:
    from xueliang_monitor.net.onvif import OnvifClient

MAX_PATH_CHARACTERS = 400
"""The limit of a stream path that is shown."""

MAX_WHY_CHARACTERS = 200
"""The limit of a reason why a device did not tell something."""

OPTIONAL_SECONDS = 2.5
"""How long an answer is waited for that a camera need not give."""

FIRST_SECONDS = 3.0
"""How long the clock and the identity are waited for."""

USUAL_RUNG_SECONDS = 8.0
"""A rung that may take longer waits longer for each answer."""

SERVICES_SECONDS = 5.0
"""How long the services are waited for: two requests, of which some cameras never answer the first."""

LEAST_SECONDS = 0.3
"""With less time left, nothing is asked any more."""

Answer = TypeVar("Answer")


@functools.cache
def _load() -> None:
    """Load zeep and parse the service definitions, once, and only if a camera speaks ONVIF."""
    from xueliang_monitor.net.onvif_wsdl import definitions

    definitions()
    gc.freeze()  # their 29,000 objects stay; every full collection would hold the loop for 10 ms to look at them


def note_login(context: VisitContext, client: OnvifClient) -> LoginOutcome:
    """Take the outcome of the login over ONVIF into account, and return it."""
    outcome = login_outcome_of(client)
    more = max(0, client.refused_logins - outcome.is_refusal)
    unanswered = 0 if client.login_accepted else client.unanswered_logins
    context.logins.over(Protocol.ONVIF, outcome, context.started_at, more_refused=more, unanswered=unanswered)
    return outcome


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
        spare_logins=permission.spare_logins,
        # The address that the stream came from, as a name may have several.
        addresses=(reached.connection.address,) if reached else resolved.addresses if resolved else (),
        gate=context.gate,
        optional_seconds=SERVICES_SECONDS / 2 - 0.1,
    )


def login_outcome_of(client: OnvifClient) -> LoginOutcome:
    """Return the outcome of the login over ONVIF."""
    if client.login_accepted:
        return LoginOutcome.ACCEPTED
    return LoginOutcome.REFUSED if client.login_tried else LoginOutcome.OPEN


class Questions:
    """Asks a device one thing after the other, each within its own time and all within a limit.

    `told` is what is known from this visit. `answered` says whether any answer could be used, `error` and `last_error`
    are what came in place of the first and of the last that is missing. `is_login_withheld` says that a login was
    required and not sent. `memory` is what to remember of the device.
    """

    def __init__(self, client: OnvifClient, context: VisitContext, memory: DeviceMemory, seconds: float) -> None:
        """Ask for at most so many seconds."""
        self.client = client
        self.context = context
        self.memory = memory
        self.told: set[Subject] = set()
        self.answered = False
        self.last_error: NetError | OnvifResponseError | TimeoutError | None = None
        self.error: NetError | OnvifResponseError | TimeoutError | None = None
        self.is_login_withheld = False
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._patience = max(1.0, seconds / USUAL_RUNG_SECONDS)

    @property
    def place(self) -> ServiceAddress:
        """Where the device service is."""
        target = self.context.target.onvif
        return ServiceAddress(target.path if target is not None else "/onvif/device_service")

    async def ask(
        self, subject: Subject, request: Callable[[], Awaitable[Answer]], *, seconds: float = OPTIONAL_SECONDS
    ) -> Answer | None:
        """Return the answer to a request; None if there is none, which is remembered with its reason.

        Raises:
            ConnectError: the device cannot be reached, and has told nothing.
            LoginError: a login was refused, or one that is missing or held back is needed for the identity.

        """
        limit = min(seconds * self._patience, self._ends_at - asyncio.get_running_loop().time())
        if limit < LEAST_SECONDS:
            return None
        try:
            async with asyncio.timeout(limit):
                answer = await request()
        except TimeoutError:
            self._missed(subject, TimeoutError(f"no answer within {limit:.1f} s"))
        except (NetError, OnvifResponseError) as error:
            self._missed(subject, error)
            if self._ends_with(error, subject):
                raise
        else:
            self.answered = True
            self.told.add(subject)
            self.memory = self.memory.after_telling(subject, self.context.now())
            return answer
        return None

    def _ends_with(self, error: NetError | OnvifResponseError, subject: Subject) -> bool:
        if isinstance(error, LoginError):
            return error.tried or subject is Subject.IDENTITY
        return isinstance(error, ConnectError) and not self.answered

    def _missed(self, subject: Subject, error: NetError | OnvifResponseError | TimeoutError) -> None:
        is_withheld = isinstance(error, LoginError) and not error.tried
        self.is_login_withheld = self.is_login_withheld or is_withheld
        self.told.discard(subject)
        self.error = self.error or error
        self.last_error = error
        if is_withheld and subject in self.memory.told_at:
            return  # the device was not asked, so that it did not leave anything out
        why = self.context.gate.message(str(error), MAX_WHY_CHARACTERS)
        self.memory = self.memory.without_telling(subject, why)

    def forget(self, subject: Subject) -> None:
        """Remember nothing of a question about something that the device does not have."""
        self.memory = self.memory.without_question(subject)

    def miss(self, subject: Subject, why: str) -> None:
        """Remember that the device answered, and did not tell a subject."""
        self.memory = self.memory.without_telling(subject, why)


async def interview(questions: Questions) -> None:
    """Ask what seldom changes: profiles, host name, stream path, how it keeps its time, and its last start's topic."""
    from xueliang_monitor.net.onvif_time_keeping import ntp_settings, time_keeping
    from xueliang_monitor.wire.onvif import EVENTS

    client, gate = questions.client, questions.context.gate
    questions.memory = replace(questions.memory, interviewed_at=questions.context.now())
    services = client.hints.services or await questions.ask(
        Subject.PROFILES, lambda: _named_services(client), seconds=SERVICES_SECONDS
    )
    await _ask_profiles(questions)
    hostname = await questions.ask(Subject.HOSTNAME, client.hostname)
    keeping = await questions.ask(Subject.TIME_KEEPING, lambda: time_keeping(client, questions.place, gate))
    ntp = await questions.ask(Subject.NTP, lambda: ntp_settings(client, questions.place, gate))
    events = services is not None and EVENTS in services
    offers = await questions.ask(Subject.LAST_START, client.offers_last_reboot) if events else False
    questions.memory = replace(
        questions.memory,
        hostname=questions.memory.hostname if hostname is None else hostname,
        time_keeping=keeping,
        ntp=ntp,
        tells_last_start=bool(offers),
    )
    if hostname is not None and not hostname:
        questions.miss(Subject.HOSTNAME, "no host name is set")
    if offers is not None and not offers:
        questions.miss(Subject.LAST_START, "it does not publish its last start")


async def _named_services(client: OnvifClient) -> Mapping[str, ServiceAddress]:
    services = await client.services()
    if not services:
        raise MalformedResponseError("it names no services")
    return services


async def _ask_profiles(questions: Questions) -> None:
    from xueliang_monitor.wire.device_address import path_of
    from xueliang_monitor.wire.media_profiles import of_same_source

    client, context = questions.client, questions.context
    profiles = await questions.ask(Subject.PROFILES, client.profiles)
    if profiles is None:
        return
    token = context.target.onvif.profile if context.target.onvif else ""
    # A recorder of 256 channels has several hundred profiles, and each of its cameras would remember them all.
    questions.memory = replace(questions.memory, profiles=of_same_source(profiles, token))
    if not profiles:
        questions.miss(Subject.PROFILES, "it lists no media profile")
    watched = next((item for item in profiles if item.token == token), None) or choose_profile(profiles)
    if watched is None:
        return
    uri = await questions.ask(Subject.STREAM_PATH, lambda: client.stream_uri(watched.token))
    path = context.gate.text(path_of(uri or ""), MAX_PATH_CHARACTERS)
    questions.memory = replace(questions.memory, stream_path=path or questions.memory.stream_path)


async def ask_last_start(client: OnvifClient, context: VisitContext, known: DeviceMemory) -> DeviceMemory:
    """Ask for the last start, and notice a restart."""
    try:
        async with asyncio.timeout(OPTIONAL_SECONDS):
            started = await client.last_reboot()
    except TimeoutError:
        return known.without_telling(Subject.LAST_START, f"no answer within {OPTIONAL_SECONDS:.1f} s")
    except (OnvifResponseError, NetError) as error:
        return known.without_telling(Subject.LAST_START, context.gate.message(str(error), MAX_WHY_CHARACTERS))
    return after_start(
        known, started, client.hints.told_offset_seconds or client.hints.clock_offset_seconds or 0.0, context.now()
    )


async def ask_time(questions: Questions) -> None:
    """Ask the clock first, as the login needs it. Some cameras want a login even for this, and some have none."""
    await questions.ask(Subject.CLOCK, questions.client.time, seconds=FIRST_SECONDS)


async def ask_time_again(questions: Questions) -> None:
    """Ask the clock again if it was refused without a login, and a login was accepted since."""
    client = questions.client
    if Subject.CLOCK not in questions.told and client.hints.clock is ClockKind.REFUSED and client.login_accepted:
        await questions.ask(Subject.CLOCK, client.time, seconds=FIRST_SECONDS)
