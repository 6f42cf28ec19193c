"""A spreadsheet's rows become camera files: all at once, or those that pass the acceptance test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.commissioning.acceptance import run_acceptance_test
from xueliang_monitor.commissioning.device_query import add_device_details
from xueliang_monitor.commissioning.registration_error import RegistrationError, login_of
from xueliang_monitor.configuration import camera_file
from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.spreadsheet import COLUMNS, Row
from xueliang_monitor.configuration.strict_yaml import DocumentError, read, validate
from xueliang_monitor.picture.worker import Workers

TEST_WORKERS = 2
_BAD = frozenset({"bad row", "not passed", "not written"})


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """What became of one row: written, updated, unchanged, bad row, not passed or not written."""

    line: int
    id: str
    outcome: str
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether the row is no camera under watch now."""
        return self.outcome in _BAD


def _known(folder: Path) -> dict[str, CameraFile]:
    """Return what the camera files of a folder say, whatever logins they name."""
    found: dict[str, CameraFile] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            found[file.stem] = validate(read(file), CameraFile)
        except DocumentError:
            continue
    return found


def _twice(rows: tuple[Row, ...], known: dict[str, CameraFile]) -> dict[str, str]:
    """Return by id why a row cannot be taken: another camera has its address, port and path."""
    places = {(item.address, item.rtsp_port, item.rtsp_path): name for name, item in known.items()}
    refused: dict[str, str] = {}
    for row in rows:
        other = places.setdefault((row.data.address, row.data.rtsp_port, row.data.rtsp_path), row.id)
        if other != row.id:
            refused[row.id] = f"address: the same address, port and path as {other}"
    return refused


class Import:
    """One import into a folder; `outcomes` grows as rows are settled, and what is written stays written."""

    def __init__(
        self, into: Path, rows: tuple[Row, ...], *, commissioning: bool, installation: Installation | None
    ) -> None:
        self._into = into
        self._rows = rows
        self._known = _known(into)
        self._twice = _twice(rows, self._known)
        self._commissioning = commissioning
        self._installation = installation
        self.outcomes: list[ImportedRow] = []

    def write_all(self) -> None:
        """Write every row's file."""
        for row in self._rows:
            data = self._wanted(row)
            if data is not None:
                self._write(row, self._on_trial(data) if self._commissioning else data)

    async def test_all(self, at_once: int, settled: Callable[[], None]) -> None:
        """Test every row that is not registered yet, and write those that pass; `settled` is called after each."""
        workers, slots = Workers(TEST_WORKERS), asyncio.Semaphore(at_once)

        async def one(row: Row) -> None:
            async with slots:
                await self._test(row, workers)
            settled()

        async with asyncio.TaskGroup() as group:
            group.create_task(workers.warm())
            for row in self._rows:
                group.create_task(one(row))

    def _settle(self, row: Row, outcome: str, detail: str = "") -> None:
        self.outcomes.append(ImportedRow(row.line, row.id, outcome, detail))

    @staticmethod
    def _on_trial(data: CameraFile) -> CameraFile:
        return data.model_copy(update={"status": Lifecycle.COMMISSIONING})

    def _wanted(self, row: Row) -> CameraFile | None:
        """Return what the file is to say, the row's columns over what it said before; None for a row refused."""
        if row.id in self._twice:
            self._settle(row, "bad row", self._twice[row.id])
            return None
        known = self._known.get(row.id)
        if known is None:
            return row.data
        return known.model_copy(update={name: getattr(row.data, name) for name in COLUMNS if name != "id"})

    def _write(self, row: Row, data: CameraFile, detail: str = "") -> None:
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

    async def _test(self, row: Row, workers: Workers) -> None:
        data = self._wanted(row)
        if data is None:
            return
        if data == self._known.get(row.id):
            self._settle(row, "unchanged", "registered already")
            return
        data, failed = await self._tested(row, data, workers)
        if not failed:
            self._write(row, data)
        elif self._commissioning:
            self._write(row, self._on_trial(data), f"in commissioning: {failed}")
        else:
            self._settle(row, "not passed", failed)

    async def _tested(self, row: Row, data: CameraFile, workers: Workers) -> tuple[CameraFile, str]:
        """Put a row to the acceptance test; return what its file will say, and what failed."""
        installation = self._installation
        if installation is None:
            raise RuntimeError("rows are tested against an installation")
        try:
            data = await add_device_details(data, installation)
            login = login_of(installation, data.credentials)
            device_login = login_of(installation, data.onvif_credentials) or login
        except RegistrationError as error:
            return data, error.messages[0]
        target = target_of(row.id, data, login, device_login, defaults=defaults_of(installation.settings))
        test = await run_acceptance_test(target, installation, workers, data.stream.value() if data.stream else None)
        failed = [f"{item.subject}: {item.detail or item.fault}" for item in test.items if item.passed is False]
        return data, "; ".join(failed)
