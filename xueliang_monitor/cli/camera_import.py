"""`xueliang camera import` and `export`: the cameras as a spreadsheet."""

from __future__ import annotations

import asyncio
import datetime
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from xueliang_monitor.wire.printable import escaped

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.import_checks import KnownLogins
    from xueliang_monitor.commissioning.importing import Import, ImportedRow
    from xueliang_monitor.configuration.installation import Installation
    from xueliang_monitor.configuration.spreadsheet import FleetTable
    from xueliang_monitor.configuration.strict_yaml import Problem

MANY_ROWS = 200
"""From this number of rows on, unchanged ones are counted and not listed."""

_STYLES = {"written": "green", "updated": "green", "new": "green", "changed": "green", "unchanged": "dim"}


@dataclass(frozen=True, slots=True)
class _Place:
    """The folder to write to, the logins that rows may name, the declared uplinks, and why logins are not checked."""

    folder: Path
    logins: KnownLogins
    uplinks: frozenset[str] = frozenset()
    why_unchecked: str = ""


def _place(into: Path | None, config: Path | None) -> _Place:
    """Return the folder to write to, what rows may name, and why logins are not checked; or exit with an error.

    Another folder than that of the settings may belong to another installation, so its logins are not known.
    """
    from xueliang_monitor.commissioning.import_checks import KnownLogins
    from xueliang_monitor.configuration import settings as settings
    from xueliang_monitor.configuration import topology_files
    from xueliang_monitor.configuration.passwords import named_logins
    from xueliang_monitor.configuration.strict_yaml import DocumentError

    file = settings_file(config)
    try:
        loaded, document = settings.load(file)
    except DocumentError as error:
        if into is None or config is not None:
            refuse([*error.problems, *(["or name the folder with --into"] if into is None else [])])
        return _Place(into, KnownLogins(), why_unchecked=f"there are no valid settings in {file}")
    if into is not None and config is None and into.resolve() != loaded.inventory.resolve():
        reason = f"{into} is not the folder of {file}; name the settings with --config"
        return _Place(into, KnownLogins(), why_unchecked=reason)
    declared = topology_files.load(file.parent)
    uplinks = frozenset(node.name for node in declared.nodes) if declared.files else frozenset[str]()
    return _Place(into or loaded.inventory, KnownLogins(*named_logins(loaded, document)), uplinks)


def _warn(lines: Sequence[object]) -> None:
    for line in lines:
        err.print(f"notice: {line}", style="yellow", markup=False, highlight=False)


@contextmanager
def _progress(title: str, every: int, *, to_the_end: bool = False) -> Iterator[Callable[[int, int | None, str], None]]:
    """Show the rows that are done: a bar on a terminal, else a line for every so many of them."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    note = TextColumn("{task.fields[note]}")
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), note)
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        bar = progress.add_task("", total=None, note="")

        def done(count: int, total: int | None, note: str) -> None:
            progress.update(bar, completed=count, total=total, note=note)
            if not err.is_terminal and (count % every == 0 or (count == total and to_the_end)):
                of = f" of {total}" if total is not None else " rows"
                err.print(f"{count}{of} {title.split()[0]}{f', {note}' if note else ''}", highlight=False)

        yield done


def _show(outcomes: list[ImportedRow], into: Path) -> None:
    """Print a table on a terminal, else lines with tabs, which no width folds."""
    from rich.markup import escape
    from rich.table import Table

    listed = [item for item in outcomes if item.outcome != "unchanged" or len(outcomes) < MANY_ROWS]
    if out.is_terminal:
        table = Table("Line", "Camera", "Outcome", "Detail")
        for item in listed:
            style = _STYLES.get(item.outcome, "red")
            table.add_row(str(item.line or ""), item.id, f"[{style}]{item.outcome}[/]", escape(item.detail))
        out.print(table)
    else:
        for item in listed:
            cells = (str(item.line or ""), item.id, item.outcome, item.detail)
            typer.echo("\t".join(map(escaped, cells)).rstrip())
    counts = Counter(item.outcome.value for item in outcomes)
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    written = counts["written"] + counts["updated"]
    out.print(f"{told or 'no cameras'}; {written} cameras written to {into}", highlight=False, markup=False)


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV or XLSX with columns like those of config/fleet.csv, in English or Chinese; - for standard input."
        ),
    ],
    *,
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder for the camera files; default: that of the settings.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write only cameras that pass the acceptance test.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Also change registered cameras that differ.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be new, changed and refused; write nothing.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a table with unknown columns.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="How many cameras are tested at once.")] = 32,
    as_status: As = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write one camera file per row. Rows that the daemon would refuse are listed and skipped; files are atomic.

    A second run continues where the first one stopped. A registered camera whose row says otherwise is changed only
    with --update. A cell that is empty changes nothing.
    """
    from xueliang_monitor.commissioning.importing import Import, ImportRules
    from xueliang_monitor.configuration.camera_access import make_folder
    from xueliang_monitor.configuration.strict_yaml import DocumentError

    commissioning = status_of(as_status) == "commissioning"
    place = _place(into, config)
    folder = place.folder
    try:
        table = _read(file, strict=strict)
        if not dry_run:
            make_folder(folder)
        loaded = installation_of(config) if check else None
        rules = ImportRules(commissioning=commissioning, update=update, trial=dry_run)
        task = Import(folder, table.rows, rules, place.logins)
    except DocumentError as error:
        refuse(error.problems)
    except OSError as error:
        refuse([f"{folder}: cannot be written: {error.strerror}"], 1)
    if place.why_unchecked and any(row.data.credentials for row in table.rows):
        _warn([f"logins are not checked, as {place.why_unchecked}"])
    now = datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(hours=14)  # no zone is further east
    _warn([*table.notices, *task.notices(place.uplinks, today=now.date().isoformat())])
    if loaded is not None:
        _test(task, loaded, len(table.rows), at_once)
    else:
        with _progress("checked 检查" if dry_run else "written 写入", 1000) as show:
            task.write_all(lambda: show(len(task.outcomes), len(table.rows), ""))
    _report(task, table.problems, folder, as_json=as_json)


def _test(task: Import, loaded: Installation, total: int, at_once: int) -> None:
    logging.disable(logging.WARNING)
    with _progress("tested 验收", 25, to_the_end=True) as show:

        def done() -> None:
            bad = sum(item.bad for item in task.outcomes)
            show(len(task.outcomes), total, f"{bad} not passed")

        asyncio.run(task.test_all(loaded, at_once, done))


def _read(file: Path, *, strict: bool) -> FleetTable:
    from xueliang_monitor.configuration import spreadsheet

    content = None
    if str(file) == "-":
        # One byte more than may be read is enough to say that it is too large.
        file, content = Path("standard input"), sys.stdin.buffer.read(spreadsheet.MAX_BYTES + 1)
    with _progress("read 读取", 5000) as show:
        return spreadsheet.read_table(
            file, strict=strict, progress=lambda count: show(count, None, ""), content=content
        )


def _report(task: Import, problems: tuple[Problem, ...], folder: Path, *, as_json: bool) -> None:
    from xueliang_monitor.commissioning.importing import ImportedRow, RowOutcome

    messages: dict[int, list[str]] = {}
    for problem in problems:
        messages.setdefault(problem.line, []).append(problem.message)
    refused = (ImportedRow(line, "", RowOutcome.REFUSED, "; ".join(told)) for line, told in messages.items())
    every = [*task.outcomes, *refused]
    every.sort(key=lambda item: item.line)
    if as_json:
        print_json(
            [
                {
                    "line": item.line,
                    "id": item.id,
                    "outcome": item.outcome,
                    "detail": item.detail,
                    "changes": {each.key: [each.before, each.after] for each in item.changes},
                }
                for item in every
            ]
        )
    else:
        _show(every, folder)
    if skipped := sum(item.bad for item in every):
        refuse([f"{skipped} rows skipped"], 1)


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
