"""The acceptance test on the command line: runs it, and shows the results as a table or JSON."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from xueliang_monitor.cli.output import err, out, print_fault

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.acceptance import AcceptanceResult
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.model import StreamParameters, Target

TEST_SECONDS = 14.0


async def run(target: Target, installation: Installation, expected: StreamParameters | None) -> AcceptanceResult:
    """Run the acceptance test on one camera, with a status line."""
    from xueliang_monitor.cli.check import tell_waiting
    from xueliang_monitor.commissioning.acceptance import run_acceptance_test, turns_of
    from xueliang_monitor.picture.worker import Workers

    logging.disable(logging.WARNING)
    workers = Workers(1)
    warming = asyncio.create_task(workers.warm())
    try:
        with err.status(f"testing {target.id}: reach, login, stream, picture, clock …"):
            locks = turns_of(installation, (target,), tell_waiting)
            return await run_acceptance_test(
                target, installation, workers, expected, ends_after=TEST_SECONDS, locks=locks
            )
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)


def as_json(acceptance: AcceptanceResult) -> dict[str, Any]:
    """Return the results as plain data."""
    readings = acceptance.visited.readings
    return {
        "passed": acceptance.passed,
        "online": bool(acceptance.visited.online),
        "faults": list(acceptance.faults),
        "checks": [
            {
                "check": item.subject,
                "verdict": {True: "passed", False: "failed", None: "unknown"}[item.passed],
                "detail": item.detail,
                "seconds": None if item.seconds is None else round(item.seconds, 4),
                "fault": item.fault,
            }
            for item in acceptance.items
        ],
        "readings": {key: round(value, 6) if isinstance(value, float) else value for key, value in readings.items()},
    }


def show(name: str, acceptance: AcceptanceResult) -> None:
    """Print the results as a table, and the advice for each fault."""
    from rich.table import Table

    from xueliang_monitor.judgement.catalogue import FAULTS

    table = Table("Check", "Result", "Time", "Detail", title=f"acceptance test of {escape(name)}", title_justify="left")
    shown = {
        True: "[green]✔ passed 合格[/]",
        False: "[red]✘ failed 不合格[/]",
        None: "[dim]– unknown 无法判定[/]",
    }
    for item in acceptance.items:
        declared = FAULTS.get(item.subject)
        subject = f"{item.subject} {declared.name.zh}" if declared else item.subject
        seconds = "" if item.seconds is None else f"{item.seconds * 1000:.0f} ms"
        table.add_row(subject, shown[item.passed], seconds, escape(item.detail))
    out.print(table)
    for code in acceptance.faults:
        print_fault(FAULTS[code])
