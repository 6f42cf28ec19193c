"""`xueliang faults`: the fault catalogue."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xueliang_monitor.cli.output import out, print_json
from xueliang_monitor.model import Fault, Text


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh": text.zh}


def _as_json(fault: Fault) -> dict[str, Any]:
    return {
        "code": fault.code,
        "rung": fault.rung,
        "severity": fault.severity.value,
        "name": _both(fault.name),
        "cause": _both(fault.cause),
        "advice": _both(fault.advice),
        "reasons": [
            {"key": each.key, "cause": _both(each.cause), "advice": _both(each.advice)} for each in fault.reasons
        ],
    }


def faults(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List all faults with their likely causes and what to do."""

    from rich.table import Column, Table

    from xueliang_monitor.judgement.catalogue import FAULTS

    if as_json:
        print_json([_as_json(fault) for fault in FAULTS.values()])
        return
    keys = [*FAULTS, *(f"› {each.key}" for fault in FAULTS.values() for each in fault.reasons)]
    table = Table(
        Column("Fault", width=max(map(len, keys)), overflow="fold"),
        Column("Likely cause", ratio=1, overflow="fold"),
        Column("What to do", ratio=1, overflow="fold"),
        caption="› is a reason. Where it is known, it stands in place of the likely cause.\n"
        "› 为具体原因，判明时代替“可能原因”显示。",
        expand=True,
    )
    for fault in FAULTS.values():
        style = "red" if fault.severity.value == "critical" else "yellow"
        severity = f"{fault.rung}, [{style}]{fault.severity.value}[/]"
        table.add_row(
            f"[bold]{fault.code}[/]\n{severity}\n{fault.name.en}\n{fault.name.zh}",
            f"{fault.cause.en}\n{fault.cause.zh}",
            f"{fault.advice.en}\n{fault.advice.zh}",
            end_section=not fault.reasons,
        )
        for each in fault.reasons:
            table.add_row(
                f"› {each.key}",
                f"{each.cause.en}\n{each.cause.zh}",
                f"{each.advice.en}\n{each.advice.zh}",
                end_section=each is fault.reasons[-1],
            )
    out.print(table)
