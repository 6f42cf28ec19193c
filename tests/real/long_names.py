"""The fleet of the simulator with names that are as long as people make them, every kind of trouble, and a past."""

from __future__ import annotations

import csv
import dataclasses
import importlib.resources
import time
from pathlib import Path

from tests.simulated_time import DAY, START, SimulatedDays, camera
from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.probing.rungs import LADDER
from xueliang_monitor.storage.history import History

LONG = (
    "{name}东侧与镇政府办公楼之间的十字路口西南角四号杆",
    "{id} crossing of the road to the old brickworks, south-west corner, pole 4",
    "Camera-of-the-village-committee-of-{id}-without-any-space-in-its-name",
    "{name}",
)
SECONDS = 2400.0
KINDS = sorted(fault.code for probe in LADDER for fault in probe.faults if fault.code in FAULTS)


def cameras() -> tuple[Camera, ...]:
    """Return the simulator's cameras with longer names."""
    source = importlib.resources.files("xueliang_monitor.simulator") / "fleet.csv"
    made = []
    for number, row in enumerate(csv.DictReader(source.read_text(encoding="utf-8").splitlines())):
        plain = camera(row["id"], uplink=row["uplink"], site=row["site"], host=row["address"])
        name = LONG[number % len(LONG)].format(**row)
        data = plain.data.model_copy(update={"name": name, "programme": row["programme"]})
        made.append(dataclasses.replace(plain, data=data))
    return tuple(made)


def fleet_in_trouble(state: Path) -> Fleet:
    """Return a fleet watched for 40 minutes, of which half the cameras have one fault each; its past is stored.

    A whole switch is down, and a site, an uplink and a camera are in maintenance.
    """
    known = cameras()
    troubled = {each.id: KINDS[number // 2 % len(KINDS)] for number, each in enumerate(known) if number % 2}
    dead = {each.id for each in known if each.uplink == known[0].uplink}

    def truth(name: str, now: float) -> str | None:
        if now - START < 600:
            return None
        return "connect_timeout" if name in dead else troubled.get(name)

    days = SimulatedDays(known, truth, wall=time.time() - SECONDS - START)
    days.run(SECONDS)
    fleet, now = days.fleet, days.clock.now()
    history = History(state)
    history.write(fleet.collect(every=True))
    for kind, name in (
        (WindowKind.SITE, known[40].site),
        (WindowKind.UPLINK, known[60].uplink),
        (WindowKind.CAMERA, known[81].id),
    ):
        history.start_maintenance(
            kind, name, began=now, ends=now + DAY, reason="the mast is painted, which takes a while"
        )
    fleet.take_windows(tuple(history.windows(now)))
    history.close()
    return fleet
