"""The result of a visit that needed no connection: another channel of the host was just visited."""

from __future__ import annotations

from dataclasses import replace

from xueliang_monitor.model import Finding, Target, VisitResult
from xueliang_monitor.probing.host_state import SharedResult
from xueliang_monitor.probing.rungs import LADDER
from xueliang_monitor.wire.device_text import Gate

_EXCLUDES = {probe.rung: probe.excludes for probe in LADDER}


def share(shared: SharedResult, target: Target, now: float) -> VisitResult:
    """Return the result of a camera's visit at `now`, in seconds since the epoch, from that of another channel."""
    gate = Gate.of_target(target)
    rungs = tuple(replace(rung, detail=gate.message(rung.detail)) for rung in shared.rungs)
    last = rungs[-1]
    ruled_out = frozenset[str]().union(*(_EXCLUDES[rung.rung] for rung in rungs)) - {last.fault or ""}
    return VisitResult(
        camera=target.id,
        at=now,
        rungs=rungs,
        seen=(Finding(last.fault or "", last.detail, last.rung),),
        ruled_out=ruled_out,
        online=False,
    )
