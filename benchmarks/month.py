"""A simulated month of 147 cameras: lost visits, flapping, daily reboots and true outages, and what is made of them.

Usage: python -m benchmarks.month [--days N]

Two per cent of visits are lost, never two of a camera in a row; one per cent of cameras flaps; every camera reboots
for 20 s a day; every fifth is lost for 1 to 15 min once a day. Planning and judging are the real ones, on a
simulated clock.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from tests.simulated_time import START, SimulatedDays, camera

RESULTS = Path(__file__).parent / "results"
CAMERAS = tuple(camera(f"cam-{number:03d}", f"sw{number // 9}") for number in range(147))
DAY = 86_400.0


def main() -> None:
    """Run, count, print, and write results/month.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    days = parser.parse_args().days
    chance, losing = random.Random(7), random.Random(8)
    windows = {
        item.id: [
            (start, start + chance.uniform(60, 900))
            for start in (START + day * DAY + chance.uniform(3600, 80_000) for day in range(days))
        ]
        for item in CAMERAS[::5]
    }
    reboot = {item.id: chance.uniform(0, DAY) for item in CAMERAS}
    flapping = {CAMERAS[3].id, CAMERAS[88].id}
    just_lost: set[str] = set()

    def truth(name: str, at: float) -> str | None:
        each = windows.get(name)
        if each is not None and (day := int((at - START) // DAY)) < days and each[day][0] <= at < each[day][1]:
            return "connect_timeout"
        if name in flapping and (at - START) % 400 < 60:
            return "rtsp_timeout"
        if (at - START + reboot[name]) % DAY < 20:
            return "connection_refused"
        if losing.random() >= 0.02 or name in just_lost:
            just_lost.discard(name)
            return None
        just_lost.add(name)
        return "connect_timeout"

    simulated, began = SimulatedDays(CAMERAS, truth), time.perf_counter()
    for _ in range(days):
        simulated.run(DAY)
        simulated.fleet.collect()
    raised = [item for item in simulated.said("state", "down") if item.camera not in flapping]
    false = [
        item
        for item in raised
        if not any(start <= item.at <= end for start, end in windows.get(item.camera, ()))
        and (item.at - START + reboot[item.camera]) % DAY >= 30
    ]
    found = {
        (name, start): sum(item.camera == name and start <= item.at <= end for item in raised)
        for name, each in windows.items()
        for start, end in each
    }
    result = {
        "days": days,
        "visits": simulated.visits,
        "false_downs": len(false),
        "true_outages": len(found),
        "found_exactly_once": sum(count == 1 for count in found.values()),
        "flapping_alarms_of_two_cameras": len(simulated.said("raised", "flapping")),
        "uplink_events": len(simulated.said("uplink")),
        "seconds": round(time.perf_counter() - began, 1),
    }
    for key, value in result.items():
        print(f"{key:34s} {value:12,}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "month.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
