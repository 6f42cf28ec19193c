"""Keeps the silences of Alertmanager as the acknowledgements are: placed while one is in force, lifted afterwards."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

import aiohttp

from xueliang_monitor.clock import Clock
from xueliang_monitor.configuration.installation import Installation
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.notification_status import DestinationStatus, Trouble
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, parts_of
from xueliang_monitor.notification.condition import Condition
from xueliang_monitor.notification.http_client import Call, CallError, answer_of, client
from xueliang_monitor.notification.open_problems import acknowledged, untold
from xueliang_monitor.notification.silences import due, silence_of
from xueliang_monitor.storage.history_error import HistoryError
from xueliang_monitor.storage.outbox import Outbox, PlacedSilence

log = logging.getLogger(__name__)

TURN_SECONDS = 1.0
CHECK_SECONDS = 60.0
"""How often it is checked that Alertmanager answers, and still has the silences."""

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 300.0
"""The pause after a failure. It doubles with each failure in a row."""

MOST_BYTES = 64 * 1024
MOST_LIST_BYTES = 16 * 1024 * 1024
"""The largest answers that are read: of one silence, and of all."""

_ABSENT = frozenset({404})

Wanted = Mapping[int, tuple[OpenProblem, Acknowledgement]]


class Alertmanager:
    """The silences at the Alertmanager of the settings in force; `installation` returns those and their secrets."""

    def __init__(self, fleet: Fleet, clock: Clock, installation: Callable[[], Installation]) -> None:
        self._fleet = fleet
        self._clock = clock
        self._installation = installation
        self._outbox = Outbox(installation().settings.state)
        self._placed: dict[int, PlacedSilence] = {}
        self._read = False
        self._condition: Condition | None = None
        self._url = ""
        self._failures = 0
        self._retry_at = self._check_at = clock.monotonic()

    async def run(self) -> None:
        """Keep them until cancelled."""
        self._read = False
        async with client() as session:
            while True:
                await self._turn(session)
                await asyncio.sleep(TURN_SECONDS)

    def _follow_settings(self) -> None:
        url = self._installation().settings.alertmanager_url or ""
        if url == self._url:
            return
        self._url, self._failures = url, 0
        self._retry_at = self._check_at = self._clock.monotonic()
        status = DestinationStatus() if url else None
        self._fleet.monitor.notifications.alertmanager = status
        self._condition = None if status is None else Condition("Alertmanager", status, self._clock.now)

    async def _turn(self, session: aiohttp.ClientSession) -> None:
        self._follow_settings()
        condition, moment = self._condition, self._clock.monotonic()
        if condition is None or not self._fleet.acknowledged.ready:
            return
        wanted = {who.id: (problem, who) for problem, who in acknowledged(self._fleet)}
        condition.status.waiting = len(due(wanted, self._placed, self._kept()).place)
        if moment < self._retry_at:
            return
        try:
            if await self._reconcile(session, wanted):
                condition.worked()
            self._failures = 0
        except CallError as error:
            condition.failed(error)
            self._postpone()
        except HistoryError as error:
            if not self._failures:
                log.error("%s; silences are placed when it works again", error)  # noqa: TRY400
            self._postpone()
        condition.status.placed = sum(bool(each.silence) for each in self._placed.values())
        condition.status.waiting = len(due(wanted, self._placed, self._kept()).place)

    def _postpone(self) -> None:
        pause = min(FIRST_RETRY_SECONDS * 2.0 ** min(self._failures, 20), LONGEST_RETRY_SECONDS)
        self._failures += 1
        self._retry_at = self._clock.monotonic() + pause

    def _kept(self) -> frozenset[int]:
        """Return the acknowledgements of problems of which nothing is known at the moment."""
        kinds, now = untold(self._fleet), self._fleet.now
        return frozenset(
            each.id
            for each in self._fleet.acknowledged.known
            if each.ended is None and now < each.until and parts_of(each.problem)[0] in kinds
        )

    async def _reconcile(self, session: aiohttp.ClientSession, wanted: Wanted) -> bool:
        """Place and lift what is due; return whether Alertmanager was called.

        Raises:
            CallError: it cannot be told now.
            HistoryError: what was placed cannot be read or written now.

        """
        if not self._read:
            self._placed = await asyncio.to_thread(self._outbox.silences)
            self._read = True
        called = False
        if self._clock.monotonic() >= self._check_at:
            await self._check(session)
            self._check_at, called = self._clock.monotonic() + CHECK_SECONDS, True
        left = due(wanted, self._placed, self._kept())
        refused: CallError | None = None
        steps = [
            *(partial(self._place, session, *wanted[number]) for number in left.place),
            *(partial(self._lift, session, each) for each in left.lift),
        ]
        for step in steps:
            try:
                await step()
            except CallError as error:
                if not error.status:  # it does not answer
                    raise
                refused = refused or error
        if refused is not None:
            raise refused
        return called or bool(left)

    async def _check(self, session: aiohttp.ClientSession) -> None:
        """Find that Alertmanager answers, and which silences it lost. One that a person lifted there stays lifted."""
        await self._call(session, "GET", "status", most_bytes=MOST_LIST_BYTES)
        for each in tuple(self._placed.values()):
            if each.silence and not await self._call(session, "GET", _path(each), accepted=_ABSENT):
                await self._keep(PlacedSilence(each.acknowledgement, each.mark))

    async def _keep(self, placed: PlacedSilence) -> None:
        await asyncio.to_thread(self._outbox.put_silence, placed)
        self._placed[placed.acknowledgement] = placed

    async def _place(self, session: aiohttp.ClientSession, problem: OpenProblem, known: Acknowledgement) -> None:
        """Place a silence. Its mark is written first, so that it is found again if the answer is lost."""
        before = self._placed.get(known.id)
        if before is None:
            before = PlacedSilence(known.id, secrets.token_hex(8))
            await self._keep(before)
            found = ""
        else:
            found = await self._find(session, before.mark)
        if not found:
            body = json.dumps(
                silence_of(problem, known, before.mark, self._installation().settings.alertmanager_labels)
            )
            answer = await self._call(session, "POST", "silences", body=body.encode())
            found = str(_parsed(answer, dict).get("silenceID", ""))
            if not found:
                raise CallError(Trouble.CONNECTION, "answered without the id of the silence")
        await self._keep(PlacedSilence(known.id, before.mark, found))

    async def _find(self, session: aiohttp.ClientSession, mark: str) -> str:
        """Return the id of the silence in force with a mark in its comment; empty if there is none."""
        answer = await self._call(session, "GET", "silences", most_bytes=MOST_LIST_BYTES)
        listed: list[Any] = await asyncio.to_thread(_parsed, answer, list)
        for each in listed:
            if isinstance(each, dict) and mark in str(each.get("comment")) and _state(each) != "expired":
                return str(each.get("id", ""))
        return ""

    async def _lift(self, session: aiohttp.ClientSession, placed: PlacedSilence) -> None:
        """Lift a silence, unless it expired or is gone."""
        silence = placed.silence or await self._find(session, placed.mark)
        if silence:
            there = PlacedSilence(placed.acknowledgement, placed.mark, silence)
            answer = await self._call(session, "GET", _path(there), accepted=_ABSENT)
            if answer and _state(_parsed(answer, dict)) != "expired":
                await self._call(session, "DELETE", _path(there), accepted=_ABSENT)
        await asyncio.to_thread(self._outbox.drop_silence, placed.acknowledgement)
        self._placed.pop(placed.acknowledgement, None)

    async def _call(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        most_bytes: int = MOST_BYTES,
        accepted: frozenset[int] = frozenset(),
    ) -> bytes:
        """Call Alertmanager's API v2.

        Raises:
            CallError: it failed.

        """
        loaded = self._installation()
        headers = {"Content-Type": "application/json"}
        if (login := loaded.settings.alertmanager_login) is not None:
            password = loaded.secrets.alertmanager_password
            if password is None:
                raise CallError(Trouble.UNREADABLE, "its password cannot be read, see xueliang config check")
            pair = base64.b64encode(f"{login.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        call = Call(method, f"{self._url}/api/v2/{path}", body, headers, most_bytes)
        return await answer_of(session, call, accepted)


def _path(placed: PlacedSilence) -> str:
    return f"silence/{quote(placed.silence, safe='')}"


def _parsed(answer: bytes, kind: type[Any]) -> Any:
    """Return an answer's JSON.

    Raises:
        CallError: it is none, or another type than expected.

    """
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise CallError(Trouble.CONNECTION, "answered with something that is not JSON") from error
    if not isinstance(found, kind):
        raise CallError(Trouble.CONNECTION, "answered with JSON of another form than expected")
    return found


def _state(silence: Mapping[str, Any]) -> str:
    status = silence.get("status")
    return str(status.get("state", "")) if isinstance(status, dict) else ""
