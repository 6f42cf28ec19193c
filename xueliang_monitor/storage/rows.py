"""Conversion of cameras, uplinks, outages and logins to rows of the history's tables, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.fleet.changes import CameraRecord
from xueliang_monitor.judgement.health import Health, Outage
from xueliang_monitor.probing.login_record import LoginKey, LoginRecord
from xueliang_monitor.storage.persisted_memory import StoredMemory

_HEALTH = TypeAdapter(Health)
_MEMORY = TypeAdapter(StoredMemory)
_COUNTS = TypeAdapter(dict[str, int])
_CODES = TypeAdapter(tuple[str, ...])
_LOGIN = TypeAdapter(LoginRecord)

Columns = tuple[str, str, str | None, str | None]
"""The columns health, memory, file and episodes of a row of `cameras`."""


def _dump_health(health: Health) -> str:
    return _HEALTH.dump_json(replace(health, faults=dict(health.faults))).decode()


def camera_row(known: CameraRecord) -> tuple[str, str, str, str | None, str]:
    """Return the row of a camera in `cameras`."""
    memory = _MEMORY.dump_json(StoredMemory.of(known.memory, known.labels, known.rungs)).decode()
    file = known.data.model_dump_json(exclude_defaults=True) if known.data is not None else None
    counts = _COUNTS.dump_json(dict(known.episodes)).decode()
    return known.camera, _dump_health(known.health), memory, file, counts


def camera_of_row(camera: str, counted: Mapping[str, int], columns: Columns) -> CameraRecord:
    """Read a camera's row. An earlier version stored no file and no episode counts; `counted` replaces the counts."""
    health, memory, file, episodes = columns
    data = None
    if file is not None:
        with contextlib.suppress(ValidationError):  # written by a version with other keys
            data = CameraFile.model_validate_json(file)
    counts = counted if episodes is None else _COUNTS.validate_json(episodes)
    stored = _MEMORY.validate_json(memory)
    return CameraRecord(
        camera,
        _HEALTH.validate_json(health),
        stored.memory(),
        data=data,
        episodes=counts,
        labels=stored.labels,
        rungs=stored.rungs,
    )


def outage_row(known: tuple[str, Outage]) -> tuple[str, int, float, float, float | None, str]:
    """Return the row of an outage in `outages`."""
    camera, outage = known
    codes = _CODES.dump_json(outage.codes).decode()
    return camera, outage.key, outage.began, outage.confirmed_at, outage.ended, codes


def outage_of_row(row: tuple[str, int, float, float, float | None, str]) -> tuple[str, Outage]:
    """Read a row of `outages`; return the camera and its outage."""
    camera, key, began, confirmed, ended, codes = row
    return camera, Outage(key, began, confirmed, _CODES.validate_json(codes), ended=ended)


def login_row(known: tuple[LoginKey, LoginRecord]) -> tuple[str, str, str, float]:
    """Return the row of a login at an address in `logins`."""
    key, record = known
    return key.address, key.mark, _LOGIN.dump_json(record).decode(), record.used_at


def login_of_row(row: tuple[str, str, str]) -> tuple[LoginKey, LoginRecord] | None:
    """Read address, mark and record of a row of `logins`; None if the record is invalid."""
    address, mark, record = row
    try:
        return LoginKey(address, mark), _LOGIN.validate_json(record)
    except ValidationError:
        return None


def lost_cameras_of_text(cameras: str) -> frozenset[str] | None:
    """Read the lost cameras of an uplink; None if the text is invalid."""
    try:
        return frozenset(_CODES.validate_json(cameras))
    except ValidationError:
        return None


def text_of_lost_cameras(cameras: frozenset[str]) -> str:
    """Return the lost cameras of an uplink as text for `lost_cameras_of_text`."""
    return _CODES.dump_json(tuple(sorted(cameras))).decode()
