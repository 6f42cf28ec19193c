"""The acceptance test on the command line: runs it, and shows the results as a table or JSON."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from xueliang_monitor.cli.output import err, out

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.acceptance import AcceptanceResult
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.model import StreamParameters, Target

TEST_SECONDS = 14.0


async def run(target: Target, installation: Installation, expected: StreamParameters | None) -> AcceptanceResult:
    """Run the acceptance test on one camera, with a status line."""
    from xueliang_monitor.commissioning.acceptance import run_acceptance_test
    from xueliang_monitor.picture.worker import Workers

    logging.disable(logging.WARNING)
    workers = Workers(1)
    warming = asyncio.create_task(workers.warm())
    try:
        with err.status(f"testing {target.id}: reach, login, stream, picture, clock …"):
            return await run_acceptance_test(target, installation, workers, expected, ends_after=TEST_SECONDS)
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
                "check": verdict.subject,
                "verdict": {True: "passed", False: "failed", None: "unknown"}[verdict.passed],
                "detail": verdict.detail,
                "seconds": None if verdict.seconds is None else round(verdict.seconds, 4),
                "fault": verdict.fault,
            }
            for verdict in acceptance.items
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
    for verdict in acceptance.items:
        declared = FAULTS.get(verdict.subject)
        subject = f"{verdict.subject} {declared.name.zh}" if declared else verdict.subject
        seconds = "" if verdict.seconds is None else f"{verdict.seconds * 1000:.0f} ms"
        table.add_row(subject, shown[verdict.passed], seconds, escape(verdict.detail))
    out.print(table)
    for code in acceptance.faults:
        declared = FAULTS[code]
        out.print(f"\n[bold red]{code}[/]  {declared.name.en}  {declared.name.zh}")
        out.print(f"  likely cause: {declared.cause.en} {declared.cause.zh}", highlight=False)
        out.print(f"  what to do:   {declared.advice.en} {declared.advice.zh}", highlight=False)
