"""Withdraws alarms of cameras whose common cause is found later: a dead node, or a login that many devices refuse."""

from __future__ import annotations

from dataclasses import dataclass

from xueliang_monitor.fleet.attribution import withdrawal
from xueliang_monitor.fleet.counted_time import CountedTime
from xueliang_monitor.fleet.fleet_credentials import FleetCredentials
from xueliang_monitor.fleet.fleet_network import FleetNetwork
from xueliang_monitor.fleet.ongoing import attributed_transitions
from xueliang_monitor.fleet.pending import PendingChanges
from xueliang_monitor.fleet.root_causes import Observation
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.transition import Transition, TransitionKind


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """Changes the entries of cameras in place, and takes back what was counted and not yet written of their alarms."""

    entries: dict[str, Entry]
    pending: PendingChanges
    time: CountedTime
    network: FleetNetwork

    def by_nodes(self, seen: Observation, now: float) -> tuple[Transition, ...]:
        """Withdraw the alarms of cameras whose node turned out dead; return these and the nodes' own transitions."""
        if not seen.attributed:
            return seen.transitions
        found = withdrawal(self.entries, seen, now)
        for camera, entry in found.entries.items():
            before, outage = self.entries[camera].health.outage, entry.health.outage
            if outage is not None and outage != before:
                self.pending.outages([(camera, outage)])
        self.entries.update(found.entries)
        self.pending.change(found.entries)
        causes = {name: self.network.causes.cause(down) for name, down in seen.attributed.items()}
        wrong = {item.uplink for item in seen.transitions if item.kind is TransitionKind.ATTRIBUTED}
        for camera, cause in causes.items() if wrong else ():
            self.time.blame_instead(camera, cause, wrong)
        for camera, outage in found.outages:
            self.pending.withdraw(camera, outage)
            self.time.blame(self.entries[camera], outage, causes[camera])
        return (*seen.transitions, *found.transitions)

    def by_logins(
        self, transitions: tuple[Transition, ...], credentials: FleetCredentials, now: float
    ) -> tuple[Transition, ...]:
        """Withdraw what logins that many refuse caused lately; return the logins' transitions and these."""
        for item in transitions:
            if item.kind is TransitionKind.RAISED:
                withdrawn = credentials.withdrawn(item.login, self.entries, now)
                transitions += attributed_transitions(self.entries, withdrawn, item.login, now)
                for name, entry in withdrawn.items():
                    if (outage := self.entries[name].health.outage) is not None and entry.health.outage is None:
                        self.pending.withdraw(name, outage)
                self.entries.update(withdrawn)
                self.pending.change(withdrawn)
        return transitions
