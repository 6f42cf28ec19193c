"""The cameras: one YAML file each, the file's stem its id; a bad file never stops the others."""

from __future__ import annotations

import csv
import io
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, Field, ValidationInfo

from xueliang_monitor.documents import Document, DocumentError, Problem, Strict, read, validate
from xueliang_monitor.model import Credentials, Target

_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}")
COLUMNS = ("id", "name", "site", "programme", "uplink", "address", "rtsp_port", "rtsp_path", "credentials")
Label = Annotated[str, Field(min_length=1, max_length=120)]


def _check_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError("not an IP address or host name; write it without rtsp://, port or path")
    return value


def _check_path(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("not an RTSP path; it begins with /")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("not an RTSP path; it holds white space")
    return value


def _check_credentials(value: str | None, info: ValidationInfo) -> str | None:
    known = (info.context or {}).get("credentials")
    if value is not None and known is not None and value not in known:
        names = ", ".join(sorted(known)) or "none"
        raise ValueError(f'the settings know no credentials "{value}"; known: {names}')
    return value


class CameraFile(Strict):
    """What a camera's file says."""

    name: Label | None = None
    site: Label
    programme: Annotated[str, Field(max_length=120)] = ""
    uplink: Annotated[str, Field(max_length=120)] = ""
    address: Annotated[str, AfterValidator(_check_host)]
    rtsp_port: Annotated[int, Field(ge=1, le=65535)] = 554
    rtsp_path: Annotated[str, Field(max_length=1024), AfterValidator(_check_path)] = "/"
    credentials: Annotated[str | None, AfterValidator(_check_credentials)] = None


@dataclass(frozen=True, slots=True)
class Camera:
    """One device under watch."""

    id: str
    name: str
    site: str
    programme: str
    uplink: str
    target: Target


@dataclass(frozen=True, slots=True)
class Inventory:
    """The cameras that could be read, and what is wrong with the other files."""

    cameras: tuple[Camera, ...]
    problems: tuple[Problem, ...]

    @property
    def invalid_files(self) -> int:
        """How many files were skipped."""
        return len({problem.file for problem in self.problems})


def read_camera(file: Path, credentials: Mapping[str, Credentials], names: frozenset[str]) -> Camera:
    """Read one camera's file; `names` are the credentials that the settings know.

    Raises:
        DocumentError: with every problem.

    """
    if not _ID.fullmatch(file.stem):
        message = "the file's name is the camera's id: lower-case letters, digits, dot, dash, underscore"
        raise DocumentError((Problem(file, 0, message),))
    document = read(file)
    data = validate(document, CameraFile, credentials=names)
    target = Target(
        file.stem, data.address, data.rtsp_port, data.rtsp_path, _login(document, data.credentials, credentials)
    )
    return Camera(file.stem, data.name or file.stem, data.site, data.programme, data.uplink, target)


def _login(document: Document, name: str | None, credentials: Mapping[str, Credentials]) -> Credentials | None:
    if name is None:
        return None
    if name not in credentials:
        raise DocumentError(
            (document.problem(("credentials",), f'the password of credentials "{name}" is not to be had'),)
        )
    return credentials[name]


def load(folder: Path, credentials: Mapping[str, Credentials], names: frozenset[str]) -> Inventory:
    """Read every camera file of a folder.

    Raises:
        DocumentError: the folder cannot be read.

    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and not path.name.startswith("."))
    except OSError as error:
        raise DocumentError((Problem(folder, 0, f"the camera folder cannot be read: {error.strerror}"),)) from error
    cameras: list[Camera] = []
    problems: list[Problem] = []
    streams: dict[tuple[str, int, str], Path] = {}
    for file in files:
        try:
            camera = read_camera(file, credentials, names)
        except DocumentError as error:
            problems += error.problems
            continue
        stream = (camera.target.host, camera.target.port, camera.target.path)
        if stream in streams:
            problems.append(Problem(file, 0, f"the same address, port and path as {streams[stream].name}"))
            continue
        streams[stream] = file
        cameras.append(camera)
    return Inventory(tuple(cameras), tuple(problems))


@dataclass(frozen=True, slots=True)
class Row:
    """One good row of a fleet's spreadsheet: the camera's id and what its file will say."""

    id: str
    data: CameraFile


def _parse_row(file: Path, line: int, row: Mapping[str, str | None]) -> Row:
    values = {key: text.strip() for key, text in row.items() if key and text and text.strip()}
    identity = values.pop("id", "")
    if not _ID.fullmatch(identity):
        raise DocumentError(
            (Problem(file, line, "id: missing, or not lower-case letters, digits, dot, dash, underscore"),)
        )
    document = Document(file, values, {(): line})
    return Row(identity, validate(document, CameraFile))


def read_csv(file: Path) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Read a fleet's CSV; return the good rows, and a problem with its line for each bad one.

    Raises:
        DocumentError: the file has no usable header.

    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise DocumentError((Problem(file, 0, f"cannot be read: {reason}"),)) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
    missing = [name for name in ("id", "site", "address") if name not in (reader.fieldnames or ())]
    if unknown or missing:
        said = [f"unknown column {name!r}" for name in unknown] + [f"column {name!r} is missing" for name in missing]
        raise DocumentError((Problem(file, 1, f"{'; '.join(said)}; columns: {', '.join(COLUMNS)}"),))
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    try:
        for raw in reader:
            try:
                if None in raw:
                    raise DocumentError((Problem(file, reader.line_num, "more values than columns"),))
                row = _parse_row(file, reader.line_num, raw)
                if row.id in rows:
                    raise DocumentError((Problem(file, reader.line_num, f"id: {row.id} stands in the file twice"),))
                rows[row.id] = row
            except DocumentError as error:
                problems += error.problems
    except csv.Error as error:
        problems.append(Problem(file, reader.line_num, f"is not valid CSV: {error}"))
    return tuple(rows.values()), tuple(problems)


def write_camera(folder: Path, row: Row) -> Path:
    """Write a camera's file whole or not at all; return where.

    Raises:
        OSError: it cannot be written.

    """
    data = {key: value for key, value in row.data.model_dump(mode="json").items() if value not in (None, "")}
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".tmp")
    path = folder / f"{row.id}.yaml"
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
