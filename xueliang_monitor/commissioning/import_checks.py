"""Checks the rows of a table against the registered cameras and the settings, before anything is written. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from xueliang_monitor.configuration.camera_file import SHOWN_NAMES, CameraFile, Lifecycle
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.configuration.stream_identity import TakenStreams, WatchedStream
from xueliang_monitor.configuration.topology_checks import nearest
from xueliang_monitor.configuration.yaml_text import shown
from xueliang_monitor.model import Credentials, path_without_passwords, redact_path
from xueliang_monitor.net.login_rules import why_not_in_path
from xueliang_monitor.wire.device_address import holds_known_login
from xueliang_monitor.wire.device_text import Gate

_LOGINS = ("credentials", "onvif_credentials")
_PATHS = frozenset({"rtsp_path", "snapshot_path"})


@dataclass(frozen=True, slots=True)
class KnownLogins:
    """The logins that rows may name.

    Attributes:
        credentials: the logins of the settings by name; None if rows are not checked against any settings.
        missing: the names of those whose passwords the daemon cannot read.

    """

    credentials: Mapping[str, Credentials] | None = None
    missing: frozenset[str] = frozenset()

    def of(self, data: CameraFile) -> Credentials | None:
        """Return the login of a camera, None if it has none or it is not known."""
        return (self.credentials or {}).get(data.credentials or "")


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of a camera's file that a row changes, with both values as text."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Registered:
    """The cameras that are registered in a folder: by id the content of each valid file, and the ids of the others."""

    files: Mapping[str, CameraFile] = field(default_factory=dict)
    invalid: frozenset[str] = frozenset()


def merged(row: Row, known: CameraFile | None) -> CameraFile:
    """Return the content of a row's file: what the row has a value for, and for all else what the file has now.

    A password in the file's path stays if the row has a placeholder for it, as an exported table does.
    """
    if known is None:
        return row.data
    given = set(CameraFile.model_fields if row.given is None else row.given)
    if row.data.rtsp_path == path_without_passwords(known.rtsp_path):
        given.discard("rtsp_path")
    return known.model_copy(update={key: getattr(row.data, key) for key in given})


def _shown(key: str, value: object) -> str:
    text = "" if value is None else str(value)
    return redact_path(text) if key in _PATHS else text


def differences(before: CameraFile, after: CameraFile) -> tuple[Difference, ...]:
    """Return the keys whose values differ, without any password."""
    return tuple(
        Difference(key, _shown(key, getattr(before, key)), _shown(key, getattr(after, key)))
        for key in CameraFile.model_fields
        if getattr(before, key) != getattr(after, key)
    )


def why_refused(row: Row, data: CameraFile, logins: KnownLogins, *, path_before: str | None = None) -> str:
    """Say why the daemon would refuse the file of a row, or why it is not to be written; empty if there is no reason.

    What the row has instead of the name of a login is not shown: people write passwords there. `path_before` is the
    path in the camera's file.
    """
    return "; ".join(_refusals(row, data, logins, path_before))


def _refusals(row: Row, data: CameraFile, logins: KnownLogins, path_before: str | None) -> Iterator[str]:
    known = logins.credentials
    for key in _LOGINS:
        name = getattr(data, key)
        if name is None or known is None:
            continue
        if name not in known:
            names = ", ".join(heapq.nsmallest(SHOWN_NAMES, known)) or "none"
            more = f", … ({len(known):,} in all)" if len(known) > SHOWN_NAMES else ""
            yield row.problem(key, f"no login of this name is in the settings; known: {names}{more}")
        elif name in logins.missing:
            yield row.problem(key, f'the password of credentials "{name}" cannot be read')
    login = logins.of(data)
    if reason := why_not_in_path(data.rtsp_path, data.auth, login):
        yield row.problem("rtsp_path", reason)
    elif data.rtsp_path != path_before and holds_known_login(data.rtsp_path, Gate.of(login)):
        yield row.problem("rtsp_path", "holds the login; write {username} and {password} in its place")


def duplicates(
    rows: Iterable[tuple[Row, CameraFile]], registered: Registered, logins: KnownLogins
) -> Mapping[str, str]:
    """Return an error by id for each row whose address, port and path another camera has.

    Each row comes with the content that its file will have. A retired camera has no stream.
    """
    wanted = {row.id: (row, data, WatchedStream.of(data, logins.of(data))) for row, data in rows}
    streams: TakenStreams[str] = TakenStreams()
    for name, data in registered.files.items():
        stream = WatchedStream.of(data, logins.of(data))
        if data.status is not Lifecycle.RETIRED and (name not in wanted or wanted[name][2] == stream):
            streams.take(stream, name)
    errors: dict[str, str] = {}
    for row, data, stream in wanted.values():
        if data.status is Lifecycle.RETIRED:
            continue
        other = streams.take(stream, row.id)
        if other != row.id:
            line = f" (line {wanted[other][0].line})" if other in wanted and wanted[other][0].line else ""
            errors[row.id] = row.problem("address", f"the same address, port and path as {other}{line}")
    return errors


def notices(
    rows: Iterable[Row], registered: Registered, uplinks: frozenset[str], *, today: str = "9999"
) -> tuple[str, ...]:
    """Return what is probably a mistake although it is valid, such as codes that two cameras have and unknown uplinks.

    `uplinks` are the declared nodes, empty if none are declared. `today` is the date in ISO 8601.
    """
    codes = {data.gb_code: name for name, data in registered.files.items() if data.gb_code}
    found: list[str] = []
    unknown: dict[str, int] = {}
    for row in rows:
        code = row.data.gb_code
        if code and codes.setdefault(code, row.id) != row.id:
            found.append(row.noted("gb_code", f"{codes[code]} has the same code"))
        position = row.data.position
        if position is not None and (position.latitude, position.longitude) == (0, 0):
            found.append(row.noted("latitude", "the position 0, 0 is no place of a camera"))
        if row.data.installed is not None and row.data.installed > today:
            found.append(row.noted("installed", "the date is in the future"))
        if uplinks and row.data.uplink and row.data.uplink not in uplinks:
            unknown[row.data.uplink] = unknown.get(row.data.uplink, 0) + 1
    found += [
        f'uplink: "{shown(name)}" of {count:,} rows is declared nowhere{nearest(name, uplinks)}'
        for name, count in sorted(unknown.items())
    ]
    return tuple(found)
