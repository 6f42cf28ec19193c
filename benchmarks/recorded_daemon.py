"""The daemon with a line written for each visit, and for each heartbeat of its loop, for `benchmarks.recorder`.

It is a module of its own, because every picture worker loads the main module of the process that starts it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from unittest import mock

HEARTBEAT_SECONDS = 0.1


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

        async def heartbeat() -> None:
            loop = asyncio.get_running_loop()
            while True:
                due = loop.time() + HEARTBEAT_SECONDS
                await asyncio.sleep(HEARTBEAT_SECONDS)
                stream.write(json.dumps((time.monotonic(), "", round(loop.time() - due, 4), None, [])) + "\n")

        async def run() -> None:
            beating = asyncio.create_task(heartbeat())
            try:
                await serve(settings)
            finally:
                beating.cancel()

        with mock.patch.object(Fleet, "apply", recorded):
            asyncio.run(run())


if __name__ == "__main__":
    _run_daemon(Path(sys.argv[1]), Path(sys.argv[2]))
