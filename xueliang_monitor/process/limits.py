"""The resource limits of this process, compared with the needs of its visits."""

from __future__ import annotations

import resource
from dataclasses import dataclass

DESCRIPTORS_A_VISIT = 4
"""One visit: its connection, its camera lock, and two UDP ports or an ONVIF connection."""

DESCRIPTORS_A_WORKER = 6
DESCRIPTORS_BESIDE = 40
"""Descriptors used beside visits: history, log, event loop, listening sockets, files being read."""

DESCRIPTORS_FOR_PAGES = 64
"""Least connections of browsers and of Prometheus."""

MOST_FOR_PAGES = 512
"""Most connections of browsers and of Prometheus, if the limit allows."""

FEWEST_FOR_PAGES = 16
"""Connections of browsers and of Prometheus if the limit is too low for the visits."""

THREADS_BESIDE = 48
"""Threads used beside picture workers."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of open descriptors, and of processes and threads; None if unlimited."""

    descriptors: int | None
    processes: int | None

    def visits(self, wanted: int, workers: int) -> int:
        """Return how many of the `wanted` simultaneous visits the descriptors allow; at least one."""
        if self.descriptors is None:
            return wanted
        free = self.descriptors - DESCRIPTORS_BESIDE - DESCRIPTORS_A_WORKER * workers
        return max(1, min(wanted, free // DESCRIPTORS_A_VISIT))

    def connections(self, visits: int, workers: int) -> int:
        """Return how many connections of browsers and of Prometheus leave enough descriptors for the visits."""
        if self.descriptors is None:
            return MOST_FOR_PAGES
        beside = DESCRIPTORS_BESIDE + DESCRIPTORS_A_WORKER * workers + DESCRIPTORS_A_VISIT * visits
        return max(FEWEST_FOR_PAGES, min(MOST_FOR_PAGES, self.descriptors - beside))

    def warnings(self, wanted: int, workers: int, cameras: int) -> tuple[str, ...]:
        """Return a warning for each limit that is too low for the wanted visits, with a remedy."""
        found = []
        at_once = min(wanted, max(1, cameras))
        visits = self.visits(at_once, workers)
        needed = needed_descriptors(at_once, workers)
        if self.descriptors is not None and visits < at_once:
            found.append(
                f"the limit of {self.descriptors} open files is too low for {at_once} simultaneous visits; at most "
                f"{visits} are made. Set LimitNOFILE={needed} or more in the service (ulimit -n), or lower "
                "visits_at_once"
            )
        elif self.descriptors is not None and self.descriptors < needed:
            found.append(
                f"the limit of {self.descriptors} open files leaves too few for browsers and Prometheus. "
                f"Set LimitNOFILE={needed} or more in the service (ulimit -n), or lower visits_at_once"
            )
        if self.processes is not None and self.processes < workers + THREADS_BESIDE:
            found.append(
                f"the limit of {self.processes} processes of this user is too low for {workers} picture workers. Set "
                f"LimitNPROC={workers + THREADS_BESIDE} or more in the service (ulimit -u), or lower workers"
            )
        return tuple(found)


def needed_descriptors(at_once: int, workers: int) -> int:
    """Return how many descriptors the process needs for a number of simultaneous visits and workers."""
    beside = DESCRIPTORS_BESIDE + DESCRIPTORS_FOR_PAGES
    return beside + DESCRIPTORS_A_WORKER * workers + DESCRIPTORS_A_VISIT * at_once


def raised(descriptors: int) -> Limits:
    """Raise the soft limit of descriptors as far as the hard limit allows; return the limits in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors if hard == resource.RLIM_INFINITY else min(descriptors, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass  # the current limit stays in force
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    return Limits(_finite(soft), _finite(processes))


def _finite(limit: int) -> int | None:
    return None if limit == resource.RLIM_INFINITY else limit
