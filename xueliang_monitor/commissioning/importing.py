"""Imports the rows of a spreadsheet as camera files: all rows, or those that pass the acceptance test."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xueliang_monitor.commissioning import import_checks
from xueliang_monitor.commissioning.acceptance import run_acceptance_test, turns_of
from xueliang_monitor.commissioning.device_query import add_device_details
from xueliang_monitor.commissioning.import_checks import Difference, KnownLogins, Registered
from xueliang_monitor.commissioning.registration_error import RegistrationError, check_path, login_of
from xueliang_monitor.configuration import camera_file
from xueliang_monitor.configuration.camera_file import CameraFile, Lifecycle
from xueliang_monitor.configuration.installation import Installation, defaults_of
from xueliang_monitor.configuration.inventory import target_of
from xueliang_monitor.configuration.key_edit import with_keys
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.configuration.strict_yaml import CAMERA_LIMITS, DocumentError, read, validate
from xueliang_monitor.configuration.yaml_text import YamlTextError
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
    NEW = "new"
    CHANGED = "changed"
    DIFFERS = "differs"
    REFUSED = "refused"
    NOT_PASSED = "not passed"
    NOT_WRITTEN = "not written"


BAD = frozenset({RowOutcome.DIFFERS, RowOutcome.REFUSED, RowOutcome.NOT_PASSED, RowOutcome.NOT_WRITTEN})


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """The outcome of one row, with its line in the spreadsheet, the reason, and what it changes of a registered camera.

    `new` and `changed` are the outcomes of a trial, which writes nothing.
    """

    line: int
    id: str
    outcome: RowOutcome
    detail: str = ""
    changes: tuple[Difference, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether the camera is not monitored as the row says."""
        return self.outcome in BAD


@dataclass(frozen=True, slots=True)
class ImportRules:
    """How rows are imported.

    Attributes:
        commissioning: cameras are in commissioning; with a test, those that fail.
        update: registered cameras are changed.
        trial: nothing is written.

    """

    commissioning: bool = False
    update: bool = False
    trial: bool = False


def registered(folder: Path) -> Registered:
    """Return the cameras of a folder, whether or not the settings have their credentials."""
    files: dict[str, CameraFile] = {}
    invalid: set[str] = set()
    for file in sorted(folder.glob("*.yaml")):
        try:
            files[file.stem] = validate(read(file, CAMERA_LIMITS), CameraFile)
        except DocumentError:
            invalid.add(file.stem)
    return Registered(files, frozenset(invalid))


class Import:
    """One import into a folder. `outcomes` grows row by row; files that are written stay when the import is aborted."""

    def __init__(
        self, into: Path, rows: tuple[Row, ...], rules: ImportRules, logins: KnownLogins | None = None
    ) -> None:
        self._into = into
        self._rows = rows
        self._rules = rules
        self._known = registered(into)
        self._refusals = self._refused(logins or KnownLogins())
        self._turns: CameraLocks | None = None
        self._devices: dict[str, asyncio.Lock] = {}
        self._login_refused: dict[tuple[str, str | None, str | None], str] = {}
        self.outcomes: list[ImportedRow] = []

    def notices(self, uplinks: frozenset[str], *, today: str) -> tuple[str, ...]:
        """Return what is probably a mistake although it is valid.

        `uplinks` are the declared nodes, `today` is the date in ISO 8601.
        """
        return import_checks.notices(self._rows, self._known, uplinks, today=today)

    def write_all(self, settled: Callable[[], None] = lambda: None) -> None:
        """Write the file of every row; call `settled` after each."""
        for row in self._rows:
            data = self._wanted(row)
            if data is not None:
                self._write(row, self._in_commissioning(data) if self._rules.commissioning else data)
            settled()

    async def test_all(self, installation: Installation, at_once: int, settled: Callable[[], None]) -> None:
        """Test every row that is not registered yet, and write those that pass; call `settled` after each row."""
        workers, slots = Workers(TEST_WORKERS), asyncio.Semaphore(at_once)
        # One for all rows, as several may be channels of one recorder.
        self._turns = turns_of(installation, [target_of(row.id, row.data, None, None) for row in self._rows])

        async def one(row: Row) -> None:
            async with slots:
                await self._test(row, installation, workers)
            settled()

        async with asyncio.TaskGroup() as group:
            group.create_task(workers.warm())
            for row in self._rows:
                group.create_task(one(row))

    def _refused(self, logins: KnownLogins) -> dict[str, str]:
        """Return why rows are refused, by id."""
        found: dict[str, str] = {}
        sound: list[tuple[Row, CameraFile]] = []
        for row in self._rows:
            known = self._known.files.get(row.id)
            data = import_checks.merged(row, known)
            if row.id in self._known.invalid:
                found[row.id] = f"{row.id}.yaml is not a valid camera file; correct it or remove it"
                continue
            path_before = known.rtsp_path if known is not None else None
            if reason := import_checks.why_refused(row, data, logins, path_before=path_before):
                found[row.id] = reason
            else:
                # A camera that is not changed keeps its stream.
                sound.append((row, known if known is not None and not self._rules.update else data))
        return {**found, **import_checks.duplicates(sound, self._known, logins)}

    def _settle(self, row: Row, outcome: RowOutcome, detail: str = "", changes: tuple[Difference, ...] = ()) -> None:
        self.outcomes.append(ImportedRow(row.line, row.id, outcome, detail, changes))

    @staticmethod
    def _in_commissioning(data: CameraFile) -> CameraFile:
        return data.model_copy(update={"status": Lifecycle.COMMISSIONING})

    def _wanted(self, row: Row) -> CameraFile | None:
        """Return the content that a row's file is to have, None if the row is settled already."""
        known = self._known.files.get(row.id)
        data = import_checks.merged(row, known)
        if row.id in self._refusals:
            self._settle(row, RowOutcome.REFUSED, self._refusals[row.id])
        elif known is not None and data == known:
            self._settle(row, RowOutcome.UNCHANGED)
        elif known is not None and not self._rules.update:
            changes = import_checks.differences(known, data)
            outcome = RowOutcome.CHANGED if self._rules.trial else RowOutcome.DIFFERS
            self._settle(row, outcome, f"{_as_text(row, changes)}; give --update to change the camera", changes)
        else:
            return data
        return None

    def _write(self, row: Row, data: CameraFile, detail: str = "") -> None:
        known = self._known.files.get(row.id)
        changes = import_checks.differences(known, data) if known is not None else ()
        told = "; ".join(filter(None, (detail, _as_text(row, changes))))
        if self._rules.trial:
            self._settle(row, RowOutcome.NEW if known is None else RowOutcome.CHANGED, told, changes)
            return
        try:
            if known is None:
                camera_file.write(self._into, row.id, data, new=True)
            else:
                self._change(row.id, known, data)
        except FileExistsError:
            self._settle(row, RowOutcome.NOT_WRITTEN, f"{row.id}.yaml was written by somebody else meanwhile")
        except OSError as error:
            self._settle(row, RowOutcome.NOT_WRITTEN, error.strerror or type(error).__name__)
        except (YamlTextError, UnicodeDecodeError) as error:
            self._settle(row, RowOutcome.NOT_WRITTEN, f"{row.id}.yaml cannot be changed: {error}")
        else:
            self._settle(row, RowOutcome.WRITTEN if known is None else RowOutcome.UPDATED, told, changes)

    def _change(self, identity: str, known: CameraFile, data: CameraFile) -> None:
        """Change the keys of a file that differ. Comments and the order of its keys stay."""
        values = data.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
        changed: dict[str, Any] = {each.key: values.get(each.key) for each in import_checks.differences(known, data)}
        text = (self._into / f"{identity}.yaml").read_text(encoding="utf-8-sig")
        camera_file.write_text(self._into, identity, with_keys(text, changed))

    async def _test(self, row: Row, installation: Installation, workers: Workers) -> None:
        data = self._wanted(row)
        if data is None:
            return
        device = canonical_host(data.address)
        login = device, data.credentials, data.onvif_credentials
        async with self._devices.setdefault(device, asyncio.Lock()):  # the channels of a recorder share its lock-out
            if login in self._login_refused:
                failures = (
                    f"the same login was refused at this address for {self._login_refused[login]}; it was not tried"
                )
            else:
                data, failures = await self._run_test(row, data, installation, workers)
        if not failures:
            self._write(row, data)
        elif self._rules.commissioning:
            self._write(row, self._in_commissioning(data), f"in commissioning: {failures}")
        else:
            self._settle(row, RowOutcome.NOT_PASSED, failures)

    def _note_refusal(self, row: Row, data: CameraFile) -> None:
        """Remember that a device refused a login, so that its other channels do not try it too."""
        self._login_refused[canonical_host(data.address), data.credentials, data.onvif_credentials] = row.id

    async def _run_test(
        self, row: Row, data: CameraFile, installation: Installation, workers: Workers
    ) -> tuple[CameraFile, str]:
        """Run the acceptance test on a row; return the content of its file, and the failed items as text."""
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


def _as_text(row: Row, changes: tuple[Difference, ...]) -> str:
    """Return the changes in one line, with the keys as the table calls them."""
    header = row.source.header if row.source else None
    names = header.columns if header is not None else ()

    def name(key: str) -> str:
        return header.own_name(key) if header is not None and key in names else key

    return "; ".join(f"{name(each.key)}: {each.before or '-'} → {each.after or '-'}" for each in changes)
