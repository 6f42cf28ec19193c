"""Tells webhooks of problems: writes events to the outbox, and sends them from there until they are accepted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import aiohttp

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.notification_status import DestinationStatus
from xueliang_monitor.judgement.problems import ProblemKind
from xueliang_monitor.judgement.transition import Transition
from xueliang_monitor.notification.condition import Condition
from xueliang_monitor.notification.delivery_queue import MOST_WAITING, DeliveryQueue
from xueliang_monitor.notification.events import Moment, differences
from xueliang_monitor.notification.http_client import Call, CallError, answer_of, client
from xueliang_monitor.notification.open_problems import open_problems, untold
from xueliang_monitor.notification.signature import headers
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.storage.outbox import NewEvent, Outbox, ToldProblem, WaitingEvent

log = logging.getLogger(__name__)

TURN_SECONDS = 1.0
LOOK_SECONDS = 15.0
"""How often problems are looked at without a transition, as acknowledgements expire without one."""

SETTLING_SECONDS = 600.0
"""For so long after the start, a fault of the monitor itself may still be judged anew, and does not count as over."""


@dataclass(slots=True)
class _Receiver:
    """One webhook: what it knows, what waits for it, and what is delivered but not deleted yet.

    `looked_at` is the monotonic moment at which its problems were last looked at; None if not since the start.
    """

    told: dict[str, ToldProblem]
    queue: DeliveryQueue
    condition: Condition
    looked_at: float | None = None
    done: set[int] = field(default_factory=set)
    sending: asyncio.Task[None] | None = None

    def take(self, events: Iterable[NewEvent]) -> None:
        """Take what it knows with events that were written."""
        for each in events:
            if each.told is None:
                self.told.pop(each.problem, None)
            else:
                self.told[each.problem] = each.told
        self.condition.status.waiting = len(self.queue)


class Webhooks:
    """The webhooks of the settings in force; `installation` returns those and their secrets."""

    def __init__(self, fleet: Fleet, clock: Clock, installation: Callable[[], Installation]) -> None:
        self._fleet = fleet
        self._clock = clock
        self._installation = installation
        self._outbox = Outbox(installation().settings.state)
        self._receivers: dict[str, _Receiver] = {}
        self._began_at = clock.monotonic()
        self._look_at = -math.inf
        self._cleaned = False
        self._history_works = True
        fleet.watch(self._notice)

    def _notice(self, _transitions: tuple[Transition, ...]) -> None:
        self._look_at = -math.inf

    @property
    def ready(self) -> bool:
        """Whether what waits for them was read."""
        return self._cleaned

    async def run(self) -> None:
        """Tell them until cancelled."""
        self._receivers, self._cleaned = {}, False
        async with client() as session, asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._turn()
                    self._history_works = True
                except HistoryError as error:
                    if self._history_works:
                        log.error("%s; webhooks are told when it works again", error)  # noqa: TRY400
                    self._history_works = False
                for name, receiver in self._receivers.items():
                    idle = receiver.sending is None or receiver.sending.done()
                    if idle and receiver.queue.next(self._clock.monotonic()) is not None:
                        receiver.sending = group.create_task(self._deliver(session, name, receiver))
                await asyncio.sleep(TURN_SECONDS)

    async def _turn(self) -> None:
        """Follow the settings, and write the events that are due.

        Raises:
            HistoryError: the history cannot be used now; the same is tried again.

        """
        if not self._fleet.acknowledged.ready:  # the history was not read yet
            return
        await self._follow_settings()
        for receiver in self._receivers.values():
            await self._forget(receiver)
        if self._receivers and self._clock.monotonic() >= self._look_at:
            await self._look()

    async def _follow_settings(self) -> None:
        names = self._installation().settings.webhooks.keys()
        if self._cleaned and names == self._receivers.keys():
            return
        for name in self._receivers.keys() - names:
            gone = self._receivers.pop(name)
            self._fleet.monitor.notifications.webhooks.pop(name, None)
            if gone.sending is not None:
                gone.sending.cancel()
        with contextlib.nullcontext() if names else contextlib.suppress(HistoryError):  # without webhooks, nobody minds
            await asyncio.to_thread(self._outbox.keep_only, tuple(names))
        for name in names - self._receivers.keys():
            told = await asyncio.to_thread(self._outbox.told, name)
            waiting = await asyncio.to_thread(self._outbox.waiting, name)
            status = self._fleet.monitor.notifications.webhooks.setdefault(name, DestinationStatus())
            condition = Condition(f"webhook {name}", status, self._clock.now)
            self._receivers[name] = _Receiver(told, DeliveryQueue(waiting), condition)
            self._look_at = -math.inf
        self._cleaned = True

    async def _forget(self, receiver: _Receiver) -> None:
        """Delete what was delivered, and what is too old or too much."""
        outdated: list[WaitingEvent] = []
        if len(receiver.queue) > MOST_WAITING or not self._fleet.clock_in_doubt:
            outdated = receiver.queue.outdated(self._clock.now())
        numbers = (*receiver.done, *(each.number for each in outdated))
        if numbers:
            await asyncio.to_thread(self._outbox.remove, numbers)
            receiver.done.difference_update(numbers)
        for each in outdated:
            receiver.queue.remove(each)
        receiver.condition.status.given_up += len(outdated)
        receiver.condition.status.waiting = len(receiver.queue)

    async def _look(self) -> None:
        """Write the events that lead from what each webhook knows to what is open now."""
        began, kinds = self._clock.monotonic(), untold(self._fleet)
        self._look_at = began + LOOK_SECONDS
        if began - self._began_at < SETTLING_SECONDS:
            kinds |= {ProblemKind.MONITOR}
        now, found, ended = self._clock.now(), await open_problems(self._fleet), self._clock.monotonic()
        try:
            for name, receiver in self._receivers.items():
                elapsed = None if receiver.looked_at is None else began - receiver.looked_at
                moment = Moment(now, elapsed, kinds)
                events = await asyncio.to_thread(differences, receiver.told, found, moment)  # of a whole fleet, perhaps
                if events:
                    receiver.queue.add(await asyncio.to_thread(self._outbox.add, name, events))
                    receiver.take(events)
                receiver.looked_at = ended
        except HistoryError:
            self._look_at = -math.inf
            raise

    async def _deliver(self, session: aiohttp.ClientSession, name: str, receiver: _Receiver) -> None:
        """Send what is due, one event after the other, until none is due or one fails."""
        with contextlib.suppress(HistoryError):  # told by the turn, which meets the same
            while (event := receiver.queue.next(self._clock.monotonic())) is not None:
                loaded = self._installation()
                hook, key = loaded.settings.webhooks.get(name), loaded.secrets.webhook_keys.get(name)
                if hook is None:
                    return
                if key is None:
                    receiver.condition.lacks_secret()
                    return
                message = await asyncio.to_thread(self._outbox.message, event.number)
                if message is None:  # the history was replaced
                    receiver.queue.remove(event)
                    receiver.condition.status.given_up += 1
                    continue
                body = message[1].encode()
                call = Call("POST", hook.url, body, headers(message[0], body, key, self._clock.now()))
                try:
                    await answer_of(session, call)
                except CallError as error:
                    receiver.condition.failed(error)
                    receiver.queue.failed(event, self._clock.monotonic(), refused=bool(error.status))
                    return
                receiver.condition.worked()
                receiver.condition.status.sent += 1
                receiver.done.add(event.number)
                receiver.queue.delivered(event)
                receiver.condition.status.waiting = len(receiver.queue)
                await asyncio.to_thread(self._outbox.remove, (event.number,))
                receiver.done.discard(event.number)
