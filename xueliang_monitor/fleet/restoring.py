"""Restores entries from the stored state at the start, and ends what is open in the history only. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from xueliang_monitor.clock import Clock
from xueliang_monitor.fleet.changes import CameraRecord, StoredState
from xueliang_monitor.fleet.differences import with_known_facts, with_longer_learned_reference
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.debounce import restored
from xueliang_monitor.judgement.health import FaultState, Outage
from xueliang_monitor.judgement.network import NetworkPolicy
from xueliang_monitor.judgement.own_clock import CLOCK_WRONG
from xueliang_monitor.judgement.reachability import UNREACHABLE, UNSERVED, Member
from xueliang_monitor.judgement.root_causes import MONITOR_ISOLATED, Down
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.topology import ROOT, Topology


@dataclass(frozen=True, slots=True)
class Restoration:
    """The restored state.

    Attributes:
        entries: the cameras with their restored state.
        transitions: clearings of what is open in the history but unknown here.
        outages: outages that changed by the restoration, each with its camera.
        changed: cameras whose stored state must be rewritten.
        unwatched: cameras in the history that have no entry.
        members: what was known of the way to each camera.
        downs: the nodes that were down, by name.
        clock_wrong_since: since when the monitor's own clock is wrong; None if it is right.
        credentials_refused: since when logins are refused by many, by name.

    """

    entries: Mapping[str, Entry]
    transitions: tuple[Transition, ...]
    outages: tuple[tuple[str, Outage], ...]
    changed: frozenset[str]
    unwatched: frozenset[str]
    members: Mapping[str, Member]
    downs: Mapping[str, Down]
    clock_wrong_since: float | None
    credentials_refused: Mapping[str, float]


def newest(stored: StoredState, otherwise: float) -> float:
    """Return the time of the last stored visit of any camera; `otherwise` without cameras."""
    return max((known.health.visited_at or 0.0 for known in stored.cameras.values()), default=otherwise)


def clock_step(stored: StoredState, clock: Clock) -> float:
    """Return by how many seconds the wall clock was set during the downtime; negative if it was set back.

    After a reboot only a step back shows, by a stored visit in the future; the step was at least that large.
    """
    step = stored.clock.step_until(clock) if stored.clock is not None else None
    now = clock.now()
    return min(0.0, now - newest(stored, now)) if step is None else step


def restored_entry(entry: Entry, known: CameraRecord, now: float) -> tuple[Entry, tuple[FaultState, ...]]:
    """Return a camera's entry with its stored state, and its stored faults that this version does not know.

    Times in the future become `now`. The downtime counts as unwatched.
    """
    health, unknown = restored(known.health, now, FAULTS)
    memory = known.memory.moved(lambda moment: min(moment, now))
    labels = known.labels.moved(lambda moment: min(moment, now))
    rungs = {result.rung: result.moved(lambda moment: min(moment, now)) for result in known.rungs}
    return replace(
        entry, health=health, memory=memory, labels=labels, rungs=rungs, episodes=dict(known.episodes), restored_at=now
    ), unknown


def merged_late(entry: Entry, known: CameraRecord, lasting: Outage | None, now: float) -> Entry:
    """Return a camera's entry merged with stored state that became readable only after its first visit.

    The state observed since then wins. Episode counts add up. The picture reference learned from more pictures wins,
    and the facts that were known before.
    `lasting` is the open outage in the history, which an open outage here continues. A camera that was not visited yet
    is restored completely.
    """
    if entry.health.visited_at is None:
        return restored_entry(entry, known, now)[0]
    health, outage = entry.health, entry.health.outage
    if outage is not None and lasting is not None:
        health = replace(health, outage=lasting.joined(outage))
    counts = Counter(entry.episodes) + Counter(known.episodes)
    memory = with_known_facts(with_longer_learned_reference(entry.memory, known.memory), known.memory)
    memory = replace(memory, login=memory.login.guarded_by(known.memory.login))
    labels = entry.labels.continuing(known.labels)
    rungs = {**{result.rung: result for result in known.rungs}, **entry.rungs}
    return replace(entry, health=health, memory=memory, labels=labels, rungs=rungs, episodes=dict(counts))


def restore(stored: StoredState, entries: Mapping[str, Entry], topology: Topology, now: float) -> Restoration:
    """Restore the stored state into the entries of the cameras."""
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
        if item.login or (not item.camera and item.fault in (CLOCK_WRONG.code, MONITOR_ISOLATED.code)):
            continue
        if not item.uplink and (item.camera not in lasting or item.fault not in lasting[item.camera].faults):
            ended[item.camera, item.fault] = Transition(
                item.camera, now, TransitionKind.CLEARED, item.fault, since=item.began
            )
    for name, known_outage in stored.open_outages:
        own = lasting[name].outage if name in lasting else None
        if own is None or own.key != known_outage.key:
            outages.append((name, replace(known_outage, ended=max(now, known_outage.began))))
    members, downs, up = _nodes(stored, after, topology, now)
    return Restoration(
        entries=after,
        transitions=(*ended.values(), *up),
        outages=tuple(outages),
        changed=frozenset(changed),
        unwatched=frozenset(unwatched),
        members=members,
        downs=downs,
        clock_wrong_since=min(wrong, default=None),
        credentials_refused={item.login: min(item.began, now) for item in stored.open_episodes if item.login},
    )


def _member(entry: Entry, now: float) -> Member:
    """Return a camera's reachability as it was known before the restart."""
    confirmed = entry.health.confirmed
    lost = min((fault.since for fault in confirmed if fault.code in UNREACHABLE), default=None)
    unserved = min((fault.since for fault in confirmed if fault.code in UNREACHABLE | UNSERVED), default=None)
    at = now if entry.health.visited_at is None else entry.health.visited_at
    return Member(at, lost, unserved, 0 if unserved is None else NetworkPolicy().streak)


def _nodes(
    stored: StoredState, entries: Mapping[str, Entry], topology: Topology, now: float
) -> tuple[Mapping[str, Member], Mapping[str, Down], list[Transition]]:
    """Return what was known of each camera's way, the nodes that were down, and a clearing for each without a camera.

    Every camera is restored as it was last seen. Otherwise the first cameras visited would decide for all.
    """
    members = {name: _member(entry, now) for name, entry in entries.items() if entry.health.visited_at is not None}
    downs: dict[str, Down] = {}
    ended = []
    for item in stored.open_episodes:
        if not item.uplink and (item.camera or item.fault != MONITOR_ISOLATED.code):
            continue
        name = item.uplink or ROOT
        kept = stored.uplinks.get(name)
        # A node that vanished from the files meanwhile is still down: its cameras are judged anew with the topology.
        lost = members.keys() & (set(topology.below(name)) if kept is None else kept)
        if not lost or name in downs:
            ended.append(Transition("", now, TransitionKind.CLEARED, item.fault, uplink=item.uplink, since=item.began))
            continue
        since = min(item.began, now)
        streak = NetworkPolicy().streak
        members |= {each: Member(members[each].at, since, since, streak) for each in lost}
        downs[name] = Down(name, since, frozenset(lost), item.fault)
    return members, downs, ended
