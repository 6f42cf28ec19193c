"""What is known of cameras, uplinks and outages as rows of the history's tables, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.fleet.changes import CameraRecord
from xueliang_monitor.judgement.health import Health, Outage
from xueliang_monitor.storage.persisted_memory import Remembered

_HEALTH = TypeAdapter(Health)
_MEMORY = TypeAdapter(Remembered)
_COUNTS = TypeAdapter(dict[str, int])
_CODES = TypeAdapter(tuple[str, ...])


def _dump_health(health: Health) -> str:
    return _HEALTH.dump_json(replace(health, faults=dict(health.faults))).decode()


def row_of(known: CameraRecord) -> tuple[str, str, str, str | None, str]:
    """Return what is known of a camera as a row of `cameras`."""
    memory = _MEMORY.dump_json(Remembered.of(known.memory)).decode()
    file = known.data.model_dump_json(exclude_defaults=True) if known.data is not None else None
    counts = _COUNTS.dump_json(dict(known.episodes)).decode()
    return known.camera, _dump_health(known.health), memory, file, counts


def known_of(
    camera: str, counted: Mapping[str, int], health: str, memory: str, file: str | None, episodes: str | None
) -> CameraRecord:
    """Read a camera's row; a version before wrote no file and no counts, so that episodes are `counted`."""
    data = None
    if file is not None:
        with contextlib.suppress(ValidationError):  # of a version that knew other keys
            data = CameraFile.model_validate_json(file)
    counts = counted if episodes is None else _COUNTS.validate_json(episodes)
    return CameraRecord(camera, _HEALTH.validate_json(health), _MEMORY.validate_json(memory).memory(), data, counts)


def row_of_outage(known: tuple[str, Outage]) -> tuple[str, int, float, float, float | None, str]:
    """Return an outage of a camera as a row of `outages`."""
    camera, outage = known
    codes = _CODES.dump_json(outage.codes).decode()
    return camera, outage.key, outage.began, outage.confirmed_at, outage.ended, codes


def outage_of(row: tuple[str, int, float, float, float | None, str]) -> tuple[str, Outage]:
    """Read a row of `outages`: the camera, and its outage."""
    camera, key, began, confirmed, ended, codes = row
    return camera, Outage(key, began, confirmed, _CODES.validate_json(codes), ended)


def lost_of(cameras: str) -> frozenset[str] | None:
    """Read the cameras that were lost with an uplink; None where that cannot be read."""
    try:
        return frozenset(_CODES.validate_json(cameras))
    except ValidationError:
        return None


def lost_text(cameras: frozenset[str]) -> str:
    """Return the cameras that were lost with an uplink as `lost_of` reads them."""
    return _CODES.dump_json(tuple(sorted(cameras))).decode()
