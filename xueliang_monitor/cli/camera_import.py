"""`xueliang camera import` and `export`: a fleet as a spreadsheet."""

from __future__ import annotations

import asyncio
import logging
import sys
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

if TYPE_CHECKING:
    from xueliang_monitor.camera_file import CameraFile
    from xueliang_monitor.documents import Problem
    from xueliang_monitor.installation import Installation
    from xueliang_monitor.picture.worker import Workers
    from xueliang_monitor.spreadsheet import Row

TEST_WORKERS = 2
_BAD = frozenset({"bad row", "not passed", "not written"})


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one row."""

    line: int
    id: str
    outcome: str
    detail: str = ""


def _known(folder: Path) -> dict[str, CameraFile]:
    """Return what the camera files of a folder say, whatever logins they name."""
    from xueliang_monitor.camera_file import CameraFile
    from xueliang_monitor.documents import DocumentError, read, validate

    found: dict[str, CameraFile] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found[file.stem] = validate(read(file), CameraFile)
        except DocumentError:
            continue
    return found


def _merged(row: Row, known: CameraFile | None) -> CameraFile:
    """Return what the file will say: the row's columns over what it said before."""
    from xueliang_monitor.spreadsheet import COLUMNS

    if known is None:
        return row.data
    return known.model_copy(update={column: getattr(row.data, column) for column in COLUMNS if column != "id"})


def _twice(rows: tuple[Row, ...], known: dict[str, CameraFile]) -> dict[str, str]:
    """Return by id why a row cannot be taken: another camera has its address, port and path."""
    places = {(item.address, item.rtsp_port, item.rtsp_path): name for name, item in known.items()}
    refused: dict[str, str] = {}
    for row in rows:
        place = (row.data.address, row.data.rtsp_port, row.data.rtsp_path)
        other = places.setdefault(place, row.id)
        if other != row.id:
            refused[row.id] = f"address: the same address, port and path as {other}"
    return refused


async def _tested(row: Row, data: CameraFile, loaded: Installation, workers: Workers) -> tuple[CameraFile, str]:
    """Put a row to the acceptance test; return what its file will say, and what failed."""
    from xueliang_monitor.commissioning import RefusedError, accept, enrich, login_of
    from xueliang_monitor.inventory import target_of

    try:
        data = await enrich(data, loaded)
        login = login_of(loaded, data.credentials)
        device_login = login_of(loaded, data.onvif_credentials) or login
    except RefusedError as error:
        return data, error.messages[0]
    target = target_of(row.id, data, login, device_login, loaded.settings.clock_drift)
    expected = data.stream.value() if data.stream else None
    test = await accept(target, loaded, workers, expected)
    failed = [f"{item.subject}: {item.detail or item.fault}" for item in test.verdicts if item.passed is False]
    return data, "; ".join(failed)


class _Import:
    """One import: rows become files, one after the other or, when they are tested, many at once."""

    def __init__(self, into: Path, rows: tuple[Row, ...], *, commissioning: bool, loaded: Installation | None) -> None:
        self._into = into
        self._rows = rows
        self._known = _known(into)
        self._twice = _twice(rows, self._known)
        self._commissioning = commissioning
        self._loaded = loaded
        self.outcomes: list[_Outcome] = []

    def _settle(self, row: Row, outcome: str, detail: str = "") -> None:
        self.outcomes.append(_Outcome(row.line, row.id, outcome, detail))

    def _write(self, row: Row, data: CameraFile, detail: str = "") -> None:
        from xueliang_monitor import camera_file

        known = self._known.get(row.id)
        if data == known:
            self._settle(row, "unchanged")
            return
        try:
            camera_file.write(self._into, row.id, data)
        except OSError as error:
            self._settle(row, "not written", error.strerror or type(error).__name__)
            return
        self._settle(row, "updated" if known is not None else "written", detail)

    def _ready(self, row: Row) -> CameraFile | None:
        """Return what the file will say; None where that is settled already."""
        if row.id in self._twice:
            self._settle(row, "bad row", self._twice[row.id])
            return None
        data = _merged(row, self._known.get(row.id))
        if self._loaded is not None and data == self._known.get(row.id):
            self._settle(row, "unchanged", "registered already")
            return None
        return data

    def write_all(self) -> None:
        """Write every row's file."""
        from xueliang_monitor.camera_file import Status

        for row in self._rows:
            data = self._ready(row)
            if data is not None:
                self._write(
                    row, data.model_copy(update={"status": Status.COMMISSIONING}) if self._commissioning else data
                )

    async def test_all(self, at_once: int) -> None:
        """Test every row that is not registered yet, and write those that pass; what is written stays written."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        from xueliang_monitor.picture.worker import Workers

        logging.disable(logging.WARNING)
        workers, slots = Workers(TEST_WORKERS), asyncio.Semaphore(at_once)
        columns = (
            TextColumn("testing 验收"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=err) as progress:
            bar = progress.add_task("", total=len(self._rows), note="")

            async def one(row: Row) -> None:
                async with slots:
                    await self._test(row, workers)
                bad = sum(item.outcome in _BAD for item in self.outcomes)
                progress.update(bar, advance=1, note=f"{bad} not passed" if bad else "")
                if not err.is_terminal:
                    done = len(self.outcomes)
                    if done % 25 == 0 or done == len(self._rows):
                        err.print(f"{done} of {len(self._rows)} tested, {bad} not passed", highlight=False)

            async with asyncio.TaskGroup() as group:
                group.create_task(workers.warm())
                for row in self._rows:
                    group.create_task(one(row))

    async def _test(self, row: Row, workers: Workers) -> None:
        from xueliang_monitor.camera_file import Status

        data = self._ready(row)
        if data is None or self._loaded is None:
            return
        data, failed = await _tested(row, data, self._loaded, workers)
        if not failed:
            self._write(row, data)
        elif self._commissioning:
            self._write(row, data.model_copy(update={"status": Status.COMMISSIONING}), f"in commissioning: {failed}")
        else:
            self._settle(row, "not passed", failed)


def _folder(into: Path | None, config: Path | None) -> Path:
    """Return the folder to write to: the one given, that of the settings, or the installed one."""
    from xueliang_monitor import config as settings
    from xueliang_monitor.documents import DocumentError

    if into is not None:
        return into
    try:
        return settings.load(settings_file(config))[0].inventory
    except DocumentError as error:
        refuse([*error.problems, "give the folder with --into"])


def _show(outcomes: list[_Outcome], into: Path) -> None:
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
        Path, typer.Argument(help="CSV or XLSX with the columns of config/fleet.csv, in English or Chinese.")
    ],
    into: Annotated[
        Path | None, typer.Option("--into", help="Folder for the camera files; else the settings'.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write only cameras that pass the acceptance test.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="How many are tested at once.")] = 32,
    as_status: As = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Write one camera file a row; bad rows are named and skipped, and no file is ever half-written.

    Called again, it goes on where it was: what is registered already is left as it is.
    """
    from xueliang_monitor import spreadsheet
    from xueliang_monitor.documents import DocumentError

    commissioning = status_of(as_status) == "commissioning"
    folder = _folder(into, config)
    try:
        rows, problems = spreadsheet.read(file)
        folder.mkdir(parents=True, exist_ok=True)
        loaded = installation_of(config) if check else None
        task = _Import(folder, rows, commissioning=commissioning, loaded=loaded)
    except DocumentError as error:
        refuse(error.problems)
    except OSError as error:
        refuse([f"{folder}: cannot be written: {error.strerror}"], 1)
    if check:
        asyncio.run(task.test_all(at_once))
    else:
        task.write_all()
    _report(task.outcomes, problems, folder, as_json=as_json)


def _report(outcomes: list[_Outcome], problems: tuple[Problem, ...], folder: Path, *, as_json: bool) -> None:
    every = [*outcomes, *(_Outcome(problem.line, "", "bad row", problem.message) for problem in problems)]
    every.sort(key=lambda item: item.line)
    if as_json:
        print_json(
            [{"line": item.line, "id": item.id, "outcome": item.outcome, "detail": item.detail} for item in every]
        )
    else:
        _show(every, folder)
    bad = sum(item.outcome in _BAD for item in every)
    if bad:
        refuse([*problems, f"{bad} rows skipped"] if not as_json else [f"{bad} rows skipped"], 1)


def export(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX to write, by its suffix; - for CSV on standard output.")],
    chinese: Annotated[bool, typer.Option("--chinese", help="Write Chinese headers.")] = False,
    config: ConfigOption = None,
) -> None:
    """Write the cameras as a spreadsheet with the columns that import reads; retired ones are left out."""
    import io

    from xueliang_monitor import spreadsheet
    from xueliang_monitor.spreadsheet import Row

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
