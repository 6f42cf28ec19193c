"""What this process may take of its machine, held against what its visits need."""

from __future__ import annotations

import resource
from dataclasses import dataclass

DESCRIPTORS_A_VISIT = 4
"""A visit's connection, its turn's lock, and two ports or the device's own connection."""

DESCRIPTORS_A_WORKER = 6
DESCRIPTORS_BESIDE = 40
"""What the daemon holds beside visits: history, log, event loop, listening sockets, files being read."""

DESCRIPTORS_FOR_PAGES = 64
"""Connections of browsers and of Prometheus."""

THREADS_BESIDE = 48


@dataclass(frozen=True, slots=True)
class Limits:
    """How many descriptors, and processes or threads, may be had; None where there is no limit."""

    descriptors: int | None
    processes: int | None

    def visits(self, wanted: int, workers: int) -> int:
        """Return how many of the visits that are wanted at once there are descriptors for; at least one."""
        if self.descriptors is None:
            return wanted
        free = self.descriptors - DESCRIPTORS_BESIDE - DESCRIPTORS_A_WORKER * workers
        return max(1, min(wanted, free // DESCRIPTORS_A_VISIT))

    def warnings(self, wanted: int, workers: int, cameras: int) -> tuple[str, ...]:
        """Say what is too low for so many visits at once of so many cameras, and what to do."""
        said = []
        at_once = min(wanted, max(1, cameras))
        visits = self.visits(at_once, workers)
        needed = needed_descriptors(at_once, workers)
        if self.descriptors is not None and visits < at_once:
            said.append(
                f"the limit of {self.descriptors} open files is too low for {at_once} visits at once, and {visits} are "
                f"made at once; set LimitNOFILE={needed} or more in the service (ulimit -n), or lower visits_at_once"
            )
        elif self.descriptors is not None and self.descriptors < needed:
            said.append(
                f"the limit of {self.descriptors} open files leaves little for pages and Prometheus; "
                f"set LimitNOFILE={needed} or more in the service (ulimit -n), or lower visits_at_once"
            )
        if self.processes is not None and self.processes < workers + THREADS_BESIDE:
            said.append(
                f"the limit of {self.processes} processes of this user is too low for {workers} picture workers; set "
                f"LimitNPROC={workers + THREADS_BESIDE} or more in the service (ulimit -u), or lower workers"
            )
        return tuple(said)


def needed_descriptors(at_once: int, workers: int) -> int:
    """Return how many descriptors so many visits at once need, with what is beside them."""
    beside = DESCRIPTORS_BESIDE + DESCRIPTORS_FOR_PAGES
    return beside + DESCRIPTORS_A_WORKER * workers + DESCRIPTORS_A_VISIT * at_once


def raised(descriptors: int) -> Limits:
    """Raise the soft limit to so many descriptors, as far as the hard one allows; return what is in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors if hard == resource.RLIM_INFINITY else min(descriptors, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass  # what is in force counts
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return Limits(_finite(soft), _finite(processes))


def _finite(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
