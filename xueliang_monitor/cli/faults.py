"""`xueliang faults`: the fault catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from xueliang_monitor.cli.output import out, print_json


def faults(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List all faults with their likely causes and what to do."""

    from rich.table import Table

    from xueliang_monitor.judgement.catalogue import FAULTS

    if as_json:
        rows = [
            {
                "code": fault.code,
                "rung": fault.rung,
                "severity": fault.severity.value,
                "name": {"en": fault.name.en, "zh": fault.name.zh},
                "cause": {"en": fault.cause.en, "zh": fault.cause.zh},
                "advice": {"en": fault.advice.en, "zh": fault.advice.zh},
            }
            for fault in FAULTS.values()
        ]
        print_json(rows)
        return
    table = Table("Rung", "Code", "Severity", "Name", "Likely cause", "What to do")
    for fault in FAULTS.values():
        style = "red" if fault.severity.value == "critical" else "yellow"
        table.add_row(
            fault.rung,
            fault.code,
            f"[{style}]{fault.severity.value}[/]",
            f"{fault.name.en}\n{fault.name.zh}",
            f"{fault.cause.en}\n{fault.cause.zh}",
            f"{fault.advice.en}\n{fault.advice.zh}",
        )
    out.print(table)
