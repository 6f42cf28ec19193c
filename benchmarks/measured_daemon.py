"""The daemon with its steps and its visits to healthy cameras counted, for `benchmarks.hostile_fleet`.

It is a module of its own, because every picture worker loads the main module of the process that starts it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from tests.loop_steps import Steps, measured_steps

STARTED_SECONDS = 30.0
"""Time after which the daemon is measured: it has read its files and made the first visits."""

LATE_SECONDS = 1.0


@dataclass(slots=True)
class _Visits:
    """The visits to healthy cameras: those that started late, saw a fault, or failed for a reason of the monitor."""

    count: int = 0
    late: int = 0
    blamed: int = 0
    failed: int = 0


def _run_daemon(settings: Path, result: Path) -> None:
    """Run the daemon in this process until it is terminated, and write what was measured."""
    from xueliang_monitor.fleet.fleet import Fleet
    from xueliang_monitor.model import VisitResult
    from xueliang_monitor.probing.rungs.picture import CHECK_FAILED
    from xueliang_monitor.service import serve

    visits, apply = _Visits(), Fleet.apply

    def counted(fleet: Fleet, visited: VisitResult, memory: object, lateness: float) -> object:
        if not visited.camera.startswith("hostile"):
            visits.count += 1
            visits.late += lateness > LATE_SECONDS
            codes = {finding.code for finding in visited.seen}
            visits.failed += CHECK_FAILED.code in codes
            visits.blamed += bool(codes - {CHECK_FAILED.code})
            for finding in visited.seen:
                print(f"{visited.camera}: {finding.code}: {finding.detail}", file=sys.stderr, flush=True)
        return apply(fleet, visited, memory, lateness)  # type: ignore[arg-type]

    async def run(steps: Steps) -> None:
        asyncio.get_running_loop().call_later(STARTED_SECONDS, steps.begin_again)
        await serve(settings)

    with mock.patch.object(Fleet, "apply", counted), measured_steps() as steps:
        asyncio.run(run(steps))
    figures = {
        "longest_hold_ms": round(1000 * steps.longest_seconds, 1),
        "longest_step": steps.callback,
        "visits_of_others": visits.count,
        "late_visits_of_others": visits.late,
        "failed_visits_of_others": visits.failed,
        "others_blamed": visits.blamed,
    }
    result.write_text(json.dumps(figures))


if __name__ == "__main__":
    _run_daemon(Path(sys.argv[1]), Path(sys.argv[2]))
