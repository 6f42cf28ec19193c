"""`xueliang camera import` and `export`: the cameras as a spreadsheet."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.camera_add import As, status_of
from xueliang_monitor.cli.output import (
    ConfigOption,
    JsonOption,
    err,
    installation_of,
    out,
    print_json,
    refuse,
    settings_file,
)

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.importing import Import, ImportedRow
    from xueliang_monitor.configuration.strict_yaml import Problem


def _folder(into: Path | None, config: Path | None) -> Path:
    """Return the given folder, else that of the settings, or exit with an error."""
    from xueliang_monitor.configuration import settings as settings
    from xueliang_monitor.configuration.strict_yaml import DocumentError

    if into is not None:
        return into
    try:
        return settings.load(settings_file(config))[0].inventory
    except DocumentError as error:
        refuse([*error.problems, "or name the folder with --into"])


def _show(outcomes: list[ImportedRow], into: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("Line", "Camera", "Outcome", "Detail")
    styles = {"written": "green", "updated": "green", "unchanged": "dim"}
    for item in outcomes:
        style = styles.get(item.outcome, "red")
        table.add_row(str(item.line or ""), item.id, f"[{style}]{item.outcome}[/]", escape(item.detail))
    out.print(table)
    written = sum(item.outcome in ("written", "updated") for item in outcomes)
    out.print(f"{written} cameras written to {into}", highlight=False)


def import_(
    file: Annotated[
        Path,
        typer.Argument(help="CSV or XLSX with the columns of config/fleet.csv, in English or Chinese."),
    ],
    *,
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder for the camera files; default: that of the settings.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write only cameras that pass the acceptance test.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="How many cameras are tested at once.")] = 32,
    as_status: As = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write one camera file per row. Invalid rows are listed and skipped; files are written atomically.

    A second run continues where the first one stopped; registered cameras are left as they are.
    """
    from xueliang_monitor.commissioning.importing import Import
    from xueliang_monitor.configuration import spreadsheet
    from xueliang_monitor.configuration.strict_yaml import DocumentError

    commissioning = status_of(as_status) == "commissioning"
    folder = _folder(into, config)
    try:
        rows, problems = spreadsheet.read(file)
        folder.mkdir(parents=True, exist_ok=True)
        loaded = installation_of(config) if check else None
        task = Import(folder, rows, commissioning=commissioning, installation=loaded)
    except DocumentError as error:
        refuse(error.problems)
    except OSError as error:
        refuse([f"{folder}: cannot be written: {error.strerror}"], 1)
    if check:
        asyncio.run(_test(task, len(rows), at_once))
    else:
        task.write_all()
    _report(task.outcomes, problems, folder, as_json=as_json)


async def _test(task: Import, total: int, at_once: int) -> None:
    """Test every row, with a progress bar on a terminal, else a line every 25 rows."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    logging.disable(logging.WARNING)
    note = TextColumn("{task.fields[note]}")
    columns = (TextColumn("testing 验收"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), note)
    with Progress(*columns, console=err) as progress:
        bar = progress.add_task("", total=total, note="")

        def done() -> None:
            settled, bad = len(task.outcomes), sum(item.bad for item in task.outcomes)
            progress.update(bar, completed=settled, note=f"{bad} not passed" if bad else "")
            if not err.is_terminal and (settled % 25 == 0 or settled == total):
                err.print(f"{settled} of {total} tested, {bad} not passed", highlight=False)

        await task.test_all(at_once, done)


def _report(outcomes: list[ImportedRow], problems: tuple[Problem, ...], folder: Path, *, as_json: bool) -> None:
    from xueliang_monitor.commissioning.importing import ImportedRow, RowOutcome
    from xueliang_monitor.configuration.strict_yaml import listed

    bad_rows = (ImportedRow(problem.line, "", RowOutcome.BAD_ROW, problem.message) for problem in problems)
    every = [*outcomes, *bad_rows]
    every.sort(key=lambda item: item.line)
    if as_json:
        print_json(
            [{"line": item.line, "id": item.id, "outcome": item.outcome, "detail": item.detail} for item in every]
        )
    else:
        _show(every, folder)
    bad = sum(item.bad for item in every)
    if bad:
        refuse([*listed(problems), f"{bad} rows skipped"] if not as_json else [f"{bad} rows skipped"], 1)


def export(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX to write, by its suffix; - for CSV on standard output.")],
    chinese: Annotated[bool, typer.Option("--chinese", help="Write Chinese headers.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write the cameras as a spreadsheet with the columns that import reads; retired ones are left out."""
    import io

    from xueliang_monitor.configuration import spreadsheet
    from xueliang_monitor.configuration.spreadsheet import Row

    loaded = installation_of(config, passwords=False)
    rows = [Row(camera.id, camera.data) for camera in loaded.inventory.cameras]
    written = io.BytesIO()
    spreadsheet.write(written, rows, xlsx=file.suffix.lower() == ".xlsx", chinese=chinese)
    if str(file) == "-":
        sys.stdout.buffer.write(written.getvalue())
        return
    try:
        file.write_bytes(written.getvalue())
    except OSError as error:
        refuse([f"{file}: cannot be written: {error.strerror}"], 1)
    out.print(f"{len(rows)} cameras written to {file}", highlight=False)
