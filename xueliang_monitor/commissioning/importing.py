"""Imports the rows of a spreadsheet as camera files: all rows, or those that pass the acceptance test."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.commissioning.acceptance import run_acceptance_test, turns_of
from xueliang_monitor.commissioning.device_query import add_device_details
from xueliang_monitor.commissioning.registration_error import RegistrationError, check_path, login_of
from xueliang_monitor.configuration import camera_file
from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.spreadsheet import COLUMNS, Row
from xueliang_monitor.configuration.stream_identity import StreamIdentity
from xueliang_monitor.configuration.strict_yaml import CAMERA_LIMITS, DocumentError, read, validate
from xueliang_monitor.model import Credentials
from xueliang_monitor.net.host_validation import canonical_host
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.camera_lock import CameraLocks
from xueliang_monitor.probing.rungs.onvif import ONVIF_AUTH_FAILED
from xueliang_monitor.probing.rungs.rtsp import AUTH_FAILED, AUTH_LOCKED

TEST_WORKERS = 2

_LOGIN_FAULTS = frozenset({AUTH_FAILED.code, AUTH_LOCKED.code, ONVIF_AUTH_FAILED.code})


class RowOutcome(enum.StrEnum):
    """The outcome of one row; the values are shown and printed as JSON."""

    WRITTEN = "written"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    BAD_ROW = "bad row"
    NOT_PASSED = "not passed"
    NOT_WRITTEN = "not written"


_BAD = frozenset({RowOutcome.BAD_ROW, RowOutcome.NOT_PASSED, RowOutcome.NOT_WRITTEN})


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """The outcome of one row, with its line in the spreadsheet and the reason."""

    line: int
    id: str
    outcome: RowOutcome
    detail: str = ""

    @property
    def bad(self) -> bool:
        """Whether the row did not become a monitored camera."""
        return self.outcome in _BAD


def _camera_files(folder: Path) -> dict[str, CameraFile]:
    """Return the valid camera files of a folder by id, whether or not the settings have their credentials."""
    files: dict[str, CameraFile] = {}
    for file in sorted(folder.glob("*.yaml")):
        try:
            files[file.stem] = validate(read(file, CAMERA_LIMITS), CameraFile)
        except DocumentError:
            continue
    return files


def _duplicates(
    rows: tuple[Row, ...], known: dict[str, CameraFile], logins: Mapping[str, Credentials]
) -> dict[str, str]:
    """Return an error by id for each row whose address, port and path another camera has. Retired cameras have none."""

    def stream_of(data: CameraFile) -> StreamIdentity:
        return StreamIdentity.of(data, logins.get(data.credentials or ""))

    wanted = {row.id: stream_of(row.data) for row in rows}
    streams = {}
    for name, item in known.items():
        stream = stream_of(item)
        if item.status is not Lifecycle.RETIRED and wanted.get(name, stream) == stream:
            streams[stream] = name
    errors: dict[str, str] = {}
    for row in rows:
        if row.id in known and known[row.id].status is Lifecycle.RETIRED:
            continue
        other = streams.setdefault(wanted[row.id], row.id)
        if other != row.id:
            errors[row.id] = f"address: the same address, port and path as {other}"
    return errors


class Import:
    """One import into a folder. `outcomes` grows row by row; files that are written stay when the import is aborted."""

    def __init__(
        self, into: Path, rows: tuple[Row, ...], *, commissioning: bool, installation: Installation | None
    ) -> None:
        self._into = into
        self._rows = rows
        self._known = _camera_files(into)
        self._duplicates = _duplicates(rows, self._known, installation.credentials if installation is not None else {})
        self._commissioning = commissioning
        self._installation = installation
        self._turns: CameraLocks | None = None
        self._devices: dict[str, asyncio.Lock] = {}
        self._refused: dict[tuple[str, str | None, str | None], str] = {}
        self.outcomes: list[ImportedRow] = []

    def write_all(self) -> None:
        """Write the file of every row."""
        for row in self._rows:
            data = self._merged(row)
            if data is not None:
                self._write(row, self._in_commissioning(data) if self._commissioning else data)

    async def test_all(self, at_once: int, settled: Callable[[], None]) -> None:
        """Test every row that is not registered yet, and write those that pass; call `settled` after each row."""
        workers, slots = Workers(TEST_WORKERS), asyncio.Semaphore(at_once)
        if self._installation is not None:  # one for all rows, as several may be channels of one recorder
            targets = [target_of(row.id, row.data, None, None) for row in self._rows]
            self._turns = turns_of(self._installation, targets)

        async def one(row: Row) -> None:
            async with slots:
                await self._test(row, workers)
            settled()

        async with asyncio.TaskGroup() as group:
            group.create_task(workers.warm())
            for row in self._rows:
                group.create_task(one(row))

    def _settle(self, row: Row, outcome: RowOutcome, detail: str = "") -> None:
        self.outcomes.append(ImportedRow(row.line, row.id, outcome, detail))

    @staticmethod
    def _in_commissioning(data: CameraFile) -> CameraFile:
        return data.model_copy(update={"status": Lifecycle.COMMISSIONING})

    def _merged(self, row: Row) -> CameraFile | None:
        """Return the content of the new file: the row's columns over the current file. None for a duplicate row."""
        if row.id in self._duplicates:
            self._settle(row, RowOutcome.BAD_ROW, self._duplicates[row.id])
            return None
        known = self._known.get(row.id)
        if known is None:
            return row.data
        return known.model_copy(update={name: getattr(row.data, name) for name in COLUMNS if name != "id"})

    def _write(self, row: Row, data: CameraFile, detail: str = "") -> None:
        known = self._known.get(row.id)
        if data == known:
            self._settle(row, RowOutcome.UNCHANGED)
            return
        try:
            camera_file.write(self._into, row.id, data)
        except OSError as error:
            self._settle(row, RowOutcome.NOT_WRITTEN, error.strerror or type(error).__name__)
            return
        self._settle(row, RowOutcome.UPDATED if known is not None else RowOutcome.WRITTEN, detail)

    async def _test(self, row: Row, workers: Workers) -> None:
        data = self._merged(row)
        if data is None:
            return
        if data == self._known.get(row.id):
            self._settle(row, RowOutcome.UNCHANGED, "already registered")
            return
        device = canonical_host(data.address)
        login = device, data.credentials, data.onvif_credentials
        async with self._devices.setdefault(device, asyncio.Lock()):  # the channels of a recorder share its lock-out
            if login in self._refused:
                failures = f"the same login was refused at this address for {self._refused[login]}; it was not tried"
            else:
                data, failures = await self._run_test(row, data, workers)
        if not failures:
            self._write(row, data)
        elif self._commissioning:
            self._write(row, self._in_commissioning(data), f"in commissioning: {failures}")
        else:
            self._settle(row, RowOutcome.NOT_PASSED, failures)

    def _note_refusal(self, row: Row, data: CameraFile) -> None:
        """Remember that a device refused a login, so that its other channels do not try it too."""
        self._refused[canonical_host(data.address), data.credentials, data.onvif_credentials] = row.id

    async def _run_test(self, row: Row, data: CameraFile, workers: Workers) -> tuple[CameraFile, str]:
        """Run the acceptance test on a row; return the content of its file, and the failed items as text."""
        installation = self._installation
        if installation is None:
            raise RuntimeError("rows are tested against an installation")
        try:
            login = login_of(installation, data.credentials)
            check_path(data, login)
            data = await add_device_details(data, installation)
            device_login = login_of(installation, data.onvif_credentials) or login
        except RegistrationError as error:
            if error.login_refused:
                self._note_refusal(row, data)
            return data, error.messages[0]
        target = target_of(row.id, data, login, device_login, defaults=defaults_of(installation.settings))
        expected = data.stream.value() if data.stream else None
        test = await run_acceptance_test(target, installation, workers, expected, locks=self._turns)
        if _LOGIN_FAULTS & set(test.faults):
            self._note_refusal(row, data)
        failed = [f"{item.subject}: {item.detail or item.fault}" for item in test.items if item.passed is False]
        return data, "; ".join(failed)
