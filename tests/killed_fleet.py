"""A fleet in simulated time that records like the daemon. A test kills it at any time after it printed `ready`.

Its cameras' files are edited, its wall clock is set and its disk is filled from outside while it runs.

Usage: python -m tests.killed_fleet STATE CONTROL, two folders: of the history, and of what is set from outside.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from tests.simulated_time import START, camera, visited
from xueliang_monitor.clock import ManualClock, SteadyClock
from xueliang_monitor.configuration.installation import Installation, stored_inventory
from xueliang_monitor.configuration.inventory import Camera, Inventory, keep_last_good, target_of
from xueliang_monitor.configuration.settings import KeepSettings, Settings
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.changes import StoredState
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.model import Rung
from xueliang_monitor.storage import recorder
from xueliang_monitor.storage.history import History
from xueliang_monitor.storage.recorder import Recorder

NAMES = tuple(f"cam-{number}" for number in range(5))
STEP = 15.0
WINDOW = 1500.0
STEPS_A_LIFE = 6
MOST_STEPS_A_LIFE = 60
"""Less than an outage, however late the kill comes: a longer life could meet a full disk all through one."""
CODES = ("connection_refused", "rtsp_timeout", "server_error")


def code_of(number: int, at: float) -> str | None:
    """Return why a camera is lost: one after the other, for 25 minutes in 125, by three faults in a row."""
    since = at - START
    if int(since // WINDOW) % len(NAMES) != number:
        return None
    return CODES[int(since % WINDOW // (WINDOW / 3))]


def inventory(control: Path) -> Inventory:
    """Return the cameras as currently edited, one per line: `ID uplink name`, or `ID bad`."""
    good: list[Camera] = []
    bad: list[Problem] = []
    for line in (control / "cameras").read_text().splitlines():
        name, *said = line.split()
        if said == ["bad"]:
            bad.append(Problem(control / f"{name}.yaml", 1, "bad"))
            continue
        made = camera(name)
        data = made.data.model_copy(update={"uplink": said[0], "name": said[1]})
        good.append(replace(made, data=data, target=target_of(name, data, None, None)))
    return Inventory(tuple(good), tuple(bad))


async def run(state: Path, control: Path) -> None:
    """Continue where the last process ended."""
    for name in ("LOOK", "FLUSH", "RETRY", "LONGEST_RETRY"):
        setattr(recorder, f"{name}_SECONDS", 0.001)
    ticks = control / "ticks"
    wall = float((control / "wall").read_text())
    clock = ManualClock(START + STEP * len(ticks.read_bytes()), wall)
    steady = SteadyClock(clock)
    today = inventory(control)
    fleet = Fleet(steady, Policy(), today.cameras)

    def resume(stored: StoredState) -> None:
        before = stored_inventory(stored.files, Installation(Settings(), {}, today, ()))
        fleet.resume(stored, before.cameras, keep_last_good(before, today))

    recording = Recorder(lambda: History(state), fleet, steady, resume=resume, keep=KeepSettings())
    with recording.open():
        step = 0
        while True:
            if step == MOST_STEPS_A_LIFE:
                await asyncio.Event().wait()
            if step == STEPS_A_LIFE:
                print("ready", flush=True)
            step += 1
            await _live(fleet, steady, clock, control, today)
            await recording._turn()
            with ticks.open("ab", buffering=0) as stream:  # records the simulated time independently of the state
                stream.write(b".")
            clock.advance(STEP)


async def _live(fleet: Fleet, steady: SteadyClock, clock: ManualClock, control: Path, before: Inventory) -> None:
    clock.wall = float((control / "wall").read_text())
    fleet.follow_clock(steady.step(), impossible=steady.impossible, guessed=steady.guessed)
    in_force = Inventory(tuple(entry.camera for entry, _ in fleet.pairs()), ())
    fleet.reconcile(keep_last_good(in_force, inventory(control)))
    for entry, _ in list(fleet.pairs()):
        name = entry.camera.id
        made = visited(name, steady.now(), code_of(NAMES.index(name), clock.seconds), Rung.RTSP)
        fleet.apply(made, entry.memory, 0.0)


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2])))
