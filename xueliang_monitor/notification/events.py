"""The events that a webhook is still to be told: what is open now, compared with what it knows. Pure."""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.problems import Acknowledgement, OpenProblem, ProblemKind, parts_of
from xueliang_monitor.storage.outbox import NewEvent, ToldProblem
from xueliang_monitor.time_format import iso_utc


class EventKind(enum.StrEnum):
    """What happened to a problem; the values are the `type` of an event. `RELEASED` ends an acknowledgement."""

    OPENED = "problem.opened"
    ACKNOWLEDGED = "problem.acknowledged"
    RELEASED = "problem.released"
    CLOSED = "problem.closed"


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """An open problem with what others want to know of it.

    Attributes:
        problem: the problem.
        acknowledgement: who knows of it; None if nobody said so.
        name: the name of what is in trouble; empty for the monitor itself.
        site: the site of its camera; empty if it is not one camera.
        programme: the programme of its camera.
        page: the address of the page that shows it.

    """

    problem: OpenProblem
    acknowledgement: Acknowledgement | None = None
    name: str = ""
    site: str = ""
    programme: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """When problems were looked at.

    Attributes:
        now: the time in seconds since the epoch.
        elapsed: seconds since they were looked at before; None if they were not, since the start.
        untold: kinds of problems of which nothing is known at the moment. They stay as they were told.

    """

    now: float
    elapsed: float | None = None
    untold: frozenset[ProblemKind] = frozenset()


def episode_of(problem: OpenProblem) -> str:
    """Return an id that a problem keeps until it ends. The next time, the same problem has another one."""
    return hashlib.sha256(f"{problem.key} {problem.confirmed_at:.3f}".encode()).hexdigest()[:32]


def data_of(known: KnownProblem, episode: str) -> dict[str, Any]:
    """Return a problem as the `data` of an event."""
    problem, who = known.problem, known.acknowledgement
    declared = [FAULTS[code] for code in problem.codes if code in FAULTS]
    return {
        "episode": episode,
        "problem": problem.key,
        "kind": problem.kind.value,
        "severity": problem.severity.value,
        "camera": problem.camera,
        "uplink": problem.node,
        "credentials": problem.login,
        "name": known.name,
        "site": known.site,
        "programme": known.programme,
        "faults": [{"code": each.code, "name": each.name.en, "name_zh": each.name.zh} for each in declared],
        "detail": problem.detail,
        "cameras": problem.cameras,
        "since": iso_utc(problem.since),
        "confirmed": iso_utc(problem.confirmed_at),
        "acknowledgement": who and {"by": who.by, "at": iso_utc(who.at), "until": iso_utc(who.until), "note": who.note},
        "page": known.page,
    }


def _event(kind: EventKind, data: Mapping[str, Any], moment: Moment, told: ToldProblem | None) -> NewEvent:
    """Return an event; its id is always that of the same change, so that a receiver can tell repetitions."""
    body = json.dumps({"type": kind.value, "timestamp": iso_utc(moment.now), "data": data}, ensure_ascii=False)
    named = f"{kind.value} {data['episode']} {json.dumps(data['acknowledgement'])}"
    name = f"msg_{hashlib.sha256(named.encode()).hexdigest()[:32]}"
    return NewEvent(name, str(data["problem"]), moment.now, body, told)


def _opened(known: KnownProblem, moment: Moment) -> Iterable[NewEvent]:
    episode = episode_of(known.problem)
    plain = data_of(KnownProblem(known.problem, None, known.name, known.site, known.programme, known.page), episode)
    told = ToldProblem(known.problem.key, episode, 0, json.dumps(plain, ensure_ascii=False))
    yield _event(EventKind.OPENED, plain, moment, told)
    yield from _acknowledged(told, known, moment)


def _acknowledged(told: ToldProblem, known: KnownProblem, moment: Moment) -> Iterable[NewEvent]:
    """Yield the event of an acknowledgement that is new, or over."""
    who = known.acknowledgement
    number = who.id if who is not None else 0
    if number == told.acknowledgement:
        return
    data = data_of(known, told.episode)
    after = ToldProblem(told.problem, told.episode, number, json.dumps(data, ensure_ascii=False))
    if who is not None:
        yield _event(EventKind.ACKNOWLEDGED, data, moment, after)
        return
    before = json.loads(told.data)["acknowledgement"]
    expired = before is not None and iso_utc(moment.now) >= before["until"]
    ended = {**data, "acknowledgement": before, "reason": "expired" if expired else "taken_back"}
    yield _event(EventKind.RELEASED, ended, moment, after)


def _closed(told: ToldProblem, moment: Moment) -> NewEvent:
    return _event(EventKind.CLOSED, {**json.loads(told.data), "ended": iso_utc(moment.now)}, moment, None)


def differences(
    told: Mapping[str, ToldProblem], now_open: Mapping[str, KnownProblem], moment: Moment
) -> list[NewEvent]:
    """Return the events that lead from what a webhook knows to what is open now; both by the keys of problems.

    A problem that was confirmed after the last look has ended meanwhile and is another episode. Ages are compared, as
    they stay the same when the clock is set.
    """
    found: list[NewEvent] = []
    for key, before in told.items():
        if key not in now_open and parts_of(key)[0] not in moment.untold:
            found.append(_closed(before, moment))
    for key, known in now_open.items():
        known_before = told.get(key)
        age = moment.now - known.problem.confirmed_at
        if known_before is not None and moment.elapsed is not None and age < moment.elapsed:
            found.append(_closed(known_before, moment))
            known_before = None
        found += _opened(known, moment) if known_before is None else _acknowledged(known_before, known, moment)
    return found
