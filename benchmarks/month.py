"""A simulated month of 147 cameras with lost visits, flapping, reboots and real outages: which alarms are raised?

Usage: python -m benchmarks.month [--days N]

Two per cent of the visits fail, never two in a row at one camera. One per cent of the cameras flap. Every camera
reboots once a day for 20 s. Every fifth camera is offline once a day for 1 to 15 min. The daemon's own scheduling and
judgement run on a simulated clock.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from tests.simulated_time import DAY, SimulatedDays, Troubles, camera

RESULTS = Path(__file__).parent / "results"
CAMERAS = tuple(camera(f"cam-{number:03d}", f"sw{number // 9}") for number in range(147))


def main() -> None:
    """Run, count, print, and write results/month.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    days = parser.parse_args().days
    truth = Troubles(CAMERAS, days)
    simulated, began = SimulatedDays(CAMERAS, truth), time.perf_counter()
    for _ in range(days):
        simulated.run(DAY)
        simulated.fleet.collect()
    raised = [item for item in simulated.said("state", "down") if item.camera not in truth.flapping]
    false = [
        item
        for item in raised
        if not truth.during_outage(item.camera, item.at) and truth.since_reboot(item.camera, item.at) >= 30
    ]
    found = {
        (name, start): sum(item.camera == name and start <= item.at <= end for item in raised)
        for name, each in truth.outages.items()
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
