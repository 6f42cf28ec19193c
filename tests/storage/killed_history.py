"""A fleet in simulated time that writes its history, for a test that kills it at any time after it printed `ready`.

Usage: python -m tests.storage.killed_history FOLDER
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Rung
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History

CAMERAS = tuple(camera(f"cam-{number}", f"sw{number}") for number in range(5))
STEP = 15.0
WINDOW = 600.0
STEPS_A_LIFE = 6  # before a kill. A kill resets the count of visits in a row; each count meets at most one kill.


def gone(number: int, at: float) -> bool:
    """Return whether a camera is lost: one after the other, for ten minutes in every fifty."""
    return int((at - START) // WINDOW) % len(CAMERAS) == number


def main() -> None:
    """Continue from the end of the history until killed."""
    history = History(Path(sys.argv[1]))
    stored = history.load()
    visits = (known.health.visited_at or START for known in stored.cameras.values())
    clock = ManualClock(max(visits, default=START) + STEP)
    fleet = Fleet(clock, Policy(), CAMERAS)
    fleet.restore(stored)
    for step in itertools.count():
        if step == STEPS_A_LIFE:
            print("ready", flush=True)
        for number, each in enumerate(CAMERAS):
            code = "rtsp_timeout" if gone(number, clock.now()) else None
            fleet.apply(visited(each.id, clock.now(), code, Rung.RTSP), Memory(), 0.0)
        history.write(fleet.collect(every=True))
        clock.advance(STEP)


if __name__ == "__main__":
    main()
