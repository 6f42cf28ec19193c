"""The daemon with a line written for each visit, for `benchmarks.recorder`.

It is a module of its own, because every picture worker loads the main module of the process that starts it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from unittest import mock


def _run_daemon(settings: Path, visits: Path) -> None:
    """Run the daemon in this process until it is terminated."""
    from xueliang_monitor.fleet.fleet import Fleet
    from xueliang_monitor.model import VisitResult
    from xueliang_monitor.service import serve

    apply = Fleet.apply
    with visits.open("a", buffering=1) as stream:

        def recorded(fleet: Fleet, visited: VisitResult, memory: object, lateness: float) -> object:
            codes = [finding.code for finding in visited.seen]
            line = (time.monotonic(), visited.camera, round(lateness, 4), visited.online, codes)
            stream.write(json.dumps(line) + "\n")
            return apply(fleet, visited, memory, lateness)  # type: ignore[arg-type]

        with mock.patch.object(Fleet, "apply", recorded):
            asyncio.run(serve(settings))


if __name__ == "__main__":
    _run_daemon(Path(sys.argv[1]), Path(sys.argv[2]))
