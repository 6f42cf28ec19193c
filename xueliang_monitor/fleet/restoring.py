"""What a start makes of what the history holds: whole entries, and an end to what lasts there and not here. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from xueliang_monitor.fleet.changes import CameraRecord, Stored
from xueliang_monitor.fleet.fleet_uplinks import group_of
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.debounce import restored
from xueliang_monitor.judgement.health import FaultState, Outage
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.judgement.uplinks import UNREACHABLE, Member, Uplink


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a start goes on from.

    Attributes:
        entries: the cameras, with what is known of them.
        transitions: ends of what lasts in the history and is not known here any more.
        outages: outages as they are now, each with its camera.
        changed: cameras of which the history is to hold something else.
        unwatched: cameras that the history knows and of which nobody can say here how they are reached.
        uplinks: what is known of each uplink.
        clock_wrong_since: since when the monitor's own clock was known to be wrong; None where it was not.

    """

    entries: Mapping[str, Entry]
    transitions: tuple[Transition, ...]
    outages: tuple[tuple[str, Outage], ...]
    changed: frozenset[str]
    unwatched: frozenset[str]
    uplinks: tuple[Uplink, ...]
    clock_wrong_since: float | None


def newest(stored: Stored, otherwise: float) -> float:
    """Return the last moment at which a camera was visited before."""
    return max((known.health.visited_at or 0.0 for known in stored.cameras.values()), default=otherwise)


def restored_entry(entry: Entry, known: CameraRecord, now: float) -> tuple[Entry, tuple[FaultState, ...]]:
    """Return a camera's entry with what the history knows of it, and the faults that this version does not know.

    No moment lies in the future. The time away counts as not watched.
    """
    health, unknown = restored(known.health, now, FAULTS)
    memory = known.memory.moved(lambda moment: min(moment, now))
    return replace(entry, health=health, memory=memory, episodes=dict(known.episodes), restored_at=now), unknown


def restore(stored: Stored, entries: Mapping[str, Entry], now: float) -> Restoration:
    """Put what the history knows into the entries of the cameras that there were."""
    after = dict(entries)
    changed: set[str] = set()
    outages: list[tuple[str, Outage]] = []
    ended: dict[tuple[str, str], Transition] = {}
    for name, known in stored.cameras.items():
        if name not in entries:
            continue
        after[name], unknown = restored_entry(entries[name], known, now)
        outage = after[name].health.outage
        if unknown or outage != known.health.outage:
            changed.add(name)
        if outage is not None and outage != known.health.outage:
            outages.append((name, outage))
        for fault in unknown:
            ended[name, fault.code] = Transition(name, now, TransitionKind.CLEARED, fault.code, since=fault.since)
    lasting = {name: entry.health for name, entry in after.items()}
    unwatched = stored.cameras.keys() - entries.keys()
    lasting |= {name: stored.cameras[name].health for name in unwatched}
    wrong = [item.began for item in stored.open_episodes if (item.camera, item.fault) == ("", CLOCK_WRONG.code)]
    for item in stored.open_episodes:
        if (item.camera, item.fault) == ("", CLOCK_WRONG.code):
            continue
        if not item.uplink and (item.camera not in lasting or item.fault not in lasting[item.camera].faults):
            ended[item.camera, item.fault] = Transition(
                item.camera, now, TransitionKind.CLEARED, item.fault, since=item.began
            )
    for name, known_outage in stored.open_outages:
        own = lasting[name].outage if name in lasting else None
        if own is None or own.key != known_outage.key:
            outages.append((name, replace(known_outage, ended=max(now, known_outage.began))))
    uplinks, up = _uplinks(stored, after, now)
    return Restoration(
        after,
        (*ended.values(), *up),
        tuple(outages),
        frozenset(changed),
        frozenset(unwatched),
        uplinks,
        min(wrong, default=None),
    )


def _member(entry: Entry, now: float) -> Member:
    """Return what a camera tells of its uplink by what was known of it before a restart."""
    lost = [fault.since for fault in entry.health.confirmed if fault.code in UNREACHABLE]
    at = entry.health.visited_at
    return Member(now if at is None else at, min(lost, default=None))


def _uplinks(stored: Stored, entries: Mapping[str, Entry], now: float) -> tuple[tuple[Uplink, ...], list[Transition]]:
    """Return the uplinks as they were, and an end to those behind which none of the lost cameras is left.

    Every camera counts as it was last seen, so that those visited first after a start do not speak for all.
    """
    members: dict[str, dict[str, Member]] = defaultdict(dict)
    for name, entry in entries.items():
        if entry.health.visited_at is not None:
            members[group_of(entry.camera)][name] = _member(entry, now)
    found = {name: Uplink(name, MappingProxyType(behind)) for name, behind in members.items()}
    ended = []
    for item in stored.open_episodes:
        if not item.uplink:
            continue
        known = found.get(item.uplink, Uplink(item.uplink))
        kept = stored.uplinks.get(item.uplink)
        lost = frozenset(known.members) if kept is None else known.members.keys() & kept
        if not lost:
            ended.append(Transition("", now, TransitionKind.CLEARED, item.fault, uplink=item.uplink, since=item.began))
            continue
        since = min(item.began, now)
        gone = {name: Member(known.members[name].at, since) for name in lost}
        found[item.uplink] = Uplink(item.uplink, MappingProxyType({**known.members, **gone}), since, frozenset(lost))
    return tuple(found.values()), ended
