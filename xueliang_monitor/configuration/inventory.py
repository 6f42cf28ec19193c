"""The cameras: one YAML file each, with the camera's id as its stem. An invalid file never affects the others."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile, Lifecycle
from xueliang_monitor.configuration.camera_folder import TooManyFilesError, camera_files, place_of
from xueliang_monitor.configuration.camera_sections import PictureSection
from xueliang_monitor.configuration.regular_file import FileIdentity
from xueliang_monitor.configuration.stream_identity import StreamIdentity, TakenStreams, WatchedStream
from xueliang_monitor.configuration.strict_yaml import (
    CAMERA_LIMITS,
    Document,
    DocumentError,
    Problem,
    read,
    validate,
)
from xueliang_monitor.model import Credentials, OnvifTarget, PictureRules, Target
from xueliang_monitor.net.login_rules import why_not_in_path

UNSETTLED_NS = 2_000_000_000
"""A file that changed so short a time before it was read may change again without a new date: FAT counts in 2 s."""

MAX_PROBLEMS = 1000
"""From this number of problems on, only the first one of each file is kept."""

LINK_OUTSIDE = "is not a valid camera file; it is a link to a file outside this folder, whose content is not shown"


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera: the content of its file, and the target of its visits.

    `outdated` says that its file is invalid now and this is the last valid version.
    """

    id: str
    target: Target
    data: CameraFile
    outdated: bool = False

    @property
    def name(self) -> str:
        """The name that people see; the id if the file gives none."""
        return self.data.name or self.id

    @property
    def stream(self) -> StreamIdentity:
        """Its stream, to compare with those of others."""
        return StreamIdentity.of(self.data, self.target.credentials)

    @property
    def watched(self) -> WatchedStream:
        """Its stream with its media profile, by which cameras with one path are told apart."""
        return WatchedStream.of(self.data, self.target.credentials)

    @property
    def site(self) -> str:
        """The site where it is installed."""
        return self.data.site

    @property
    def programme(self) -> str:
        """The programme by which it was installed."""
        return self.data.programme

    @property
    def uplink(self) -> str:
        """The switch or line that connects it; empty if unknown."""
        return self.data.uplink

    @property
    def status(self) -> Lifecycle:
        """Its lifecycle."""
        return self.data.status


@dataclass(frozen=True, slots=True)
class Defaults:
    """Defaults for camera files that omit a key: tolerated clock drift, listening time, picture rules, time away."""

    clock_drift_seconds: float = 5.0
    listen_seconds: float = 2.0
    picture: PictureRules = field(default_factory=PictureRules)
    ptz_away_seconds: float | None = 1800.0


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What the files of a folder contained when they were read: a camera, or the problems.

    `context` is everything besides the files that the results depend on. Only files whose content cannot have changed
    unnoticed since are listed.
    """

    context: object
    results: Mapping[tuple[str, FileIdentity], Camera | tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Inventory:
    """The valid cameras, and the problems of the other files.

    `cameras` are under watch; `retired` ones are known but not visited. `read` lets a later `load` skip the files that
    are still the same.
    """

    cameras: tuple[Camera, ...]
    problems: tuple[Problem, ...]
    retired: tuple[Camera, ...] = ()
    read: FilesRead | None = field(default=None, repr=False, compare=False)

    @property
    def invalid_files(self) -> int:
        """The number of invalid files."""
        return len({problem.file for problem in self.problems})

    @property
    def invalid(self) -> frozenset[str]:
        """The ids of the cameras whose files are invalid."""
        return frozenset(problem.file.stem for problem in self.problems)

    @property
    def known(self) -> tuple[Camera, ...]:
        """Every valid camera, under watch or retired."""
        return (*self.cameras, *self.retired)

    def objects(self) -> list[object]:
        """Return every camera and every result that this inventory holds."""
        return [*self.known, *(self.read.results.values() if self.read else ())]


def read_camera(
    file: Path, credentials: Mapping[str, Credentials], names: frozenset[str], defaults: Defaults | None = None
) -> Camera:
    """Read one camera file.

    `names` are the names of the credentials in the settings.

    Raises:
        DocumentError: the file is invalid; the error lists every problem.

    """
    if not ID.fullmatch(file.stem):
        raise DocumentError((Problem(file, 0, f"the file name is the camera's id and may contain only {ID_RULE}"),))
    place, outside = place_of(file)
    try:
        return _read_camera(file, place, credentials, names, defaults=defaults)
    except DocumentError as error:
        if not outside:
            raise
        # Whoever may write links here may be able to read less than the monitor.
        line = next((problem.line for problem in error.problems if problem.line), 0)
        raise DocumentError((Problem(file, line, LINK_OUTSIDE),)) from None


def _read_camera(
    file: Path,
    place: Path,
    credentials: Mapping[str, Credentials],
    names: frozenset[str],
    *,
    defaults: Defaults | None,
) -> Camera:
    document = read(file, CAMERA_LIMITS, place=place)
    data = validate(document, CameraFile, credentials=names)
    login = _login(document, "credentials", data.credentials, credentials)
    device_login = _login(document, "onvif_credentials", data.onvif_credentials, credentials)
    if reason := why_not_in_path(data.rtsp_path, data.auth, login):
        where = f'credentials "{data.credentials}" have ' if data.credentials else ""
        raise DocumentError((document.problem(("rtsp_path",), f"{where}{reason}"),))
    return Camera(file.stem, target_of(file.stem, data, login, device_login or login, defaults=defaults), data)


def target_of(
    identity: str,
    data: CameraFile,
    login: Credentials | None,
    device_login: Credentials | None,
    *,
    defaults: Defaults | None = None,
) -> Target:
    """Return the target of visits for a camera file; `device_login` is the login for ONVIF."""
    defaults = defaults or Defaults()
    onvif: OnvifTarget | None = None
    if data.onvif_scheme != "none":
        secure = data.onvif_scheme == "https"
        onvif = OnvifTarget(
            port=data.onvif_port or (443 if secure else 80),
            path=data.onvif_path,
            secure=secure,
            credentials=device_login,
            profile=data.stream.profile if data.stream else "",
            request_keyframe=data.request_keyframe == "auto",
            keyframe_interval_seconds=data.stream.keyframe_interval_seconds if data.stream else None,
        )
    return Target(
        id=identity,
        host=data.address,
        port=data.rtsp_port,
        path=data.rtsp_path,
        credentials=login,
        onvif=onvif,
        tls=data.tls,
        identity=data.identity.value() if data.identity else None,
        clock_drift_seconds=defaults.clock_drift_seconds,
        secure=data.rtsp == "tls",
        transport=data.transport,
        listen_seconds=defaults.listen_seconds if data.listen is None else data.listen,
        expected=data.stream.value() if data.stream else None,
        bits_per_second_range=data.stream.bits_per_second_range if data.stream else None,
        view_since=data.view_since or "",
        accepted_at=data.accepted_at or "",
        picture=_picture(data.picture, defaults.picture),
        auth=data.auth,
        ptz_away_seconds=defaults.ptz_away_seconds,
        position=(data.position.latitude, data.position.longitude) if data.position else None,
    )


def _picture(own: PictureSection | None, usual: PictureRules) -> PictureRules:
    if own is None:
        return usual
    return PictureRules(
        {**usual.limits, **own.limits},
        usual.burst if own.burst is None else own.burst,
        # Either place turns evidence off: a camera file cannot override a general prohibition.
        usual.evidence and own.evidence != "never",
    )


def _login(
    document: Document, key: str, name: str | None, credentials: Mapping[str, Credentials]
) -> Credentials | None:
    if name is None:
        return None
    if name not in credentials:
        raise DocumentError((document.problem((key,), f'the password of credentials "{name}" cannot be read'),))
    return credentials[name]


def _settled(identity: FileIdentity | None, now_ns: int) -> bool:
    """Return whether every later change of a file will change its identity, as its last one lies far enough back."""
    return identity is not None and max(identity.changed_ns, identity.modified_ns) < now_ns - UNSETTLED_NS


def load(
    folder: Path,
    credentials: Mapping[str, Credentials],
    names: frozenset[str],
    defaults: Defaults | None = None,
    *,
    before: Inventory | None = None,
) -> Inventory:
    """Read all camera files of a folder; files that are the same as in `before` are not read again.

    Raises:
        DocumentError: the folder cannot be read, or has too many files.

    """
    now_ns = time.time_ns()  # the clock by which file systems date changes
    try:
        files = camera_files(folder)
    except OSError as error:
        raise DocumentError((Problem(folder, 0, f"the camera folder cannot be read: {error.strerror}"),)) from error
    except TooManyFilesError as error:
        raise DocumentError((Problem(folder, 0, f"the camera folder {error}"),)) from error
    context = (folder, dict(credentials), names, defaults)
    known = before.read.results if before is not None and before.read and before.read.context == context else {}
    results: dict[tuple[str, FileIdentity], Camera | tuple[Problem, ...]] = {}
    cameras: list[Camera] = []
    problems: list[Problem] = []
    streams: TakenStreams[Path] = TakenStreams()
    for name, identity in files.items():
        file = folder / name
        found = known.get((name, identity)) if identity is not None else None
        if found is None:
            found = _read_result(file, credentials, names, defaults)
        if identity is not None and _settled(identity, now_ns):
            results[name, identity] = found
        if isinstance(found, tuple):
            problems += found if len(problems) < MAX_PROBLEMS else found[:1]
            continue
        camera = found
        if camera.status is not Lifecycle.RETIRED:
            owner = streams.take(camera.watched, file)
            if owner != file:
                problems.append(Problem(file, 0, f"same address, port and path as {owner.name}"))
                continue
        cameras.append(camera)
    return Inventory(
        tuple(camera for camera in cameras if camera.status is not Lifecycle.RETIRED),
        tuple(problems),
        tuple(camera for camera in cameras if camera.status is Lifecycle.RETIRED),
        FilesRead(context, results),
    )


def _read_result(
    file: Path, credentials: Mapping[str, Credentials], names: frozenset[str], defaults: Defaults | None
) -> Camera | tuple[Problem, ...]:
    try:
        return read_camera(file, credentials, names, defaults)
    except DocumentError as error:
        return error.problems


def _file_beside(inventory: Inventory, identity: str) -> Path:
    """Return the path of a camera's file, in the folder of the files with problems."""
    folder = inventory.problems[0].file.parent if inventory.problems else Path()
    return folder / f"{identity}.yaml"


def keep_last_good(before: Inventory, after: Inventory) -> Inventory:
    """Return `after`, with the last valid version of each camera whose file became invalid.

    No stream is taken twice: a camera that had it goes on, and a file that takes another camera's stream is a problem.
    """
    known = {camera.id: camera for camera in before.cameras}
    found: TakenStreams[Camera] = TakenStreams()
    problems: list[Problem] = []

    def unchanged(camera: Camera) -> bool:
        return camera.id in known and known[camera.id].watched == camera.watched

    for camera in filter(unchanged, after.cameras):
        found.take(camera.watched, camera)
    for camera in before.cameras:
        if camera.id in after.invalid:
            found.take(camera.watched, replace(camera, outdated=True))
    for camera in after.cameras:
        owner = found.take(camera.watched, camera)
        if owner.id == camera.id:
            continue
        problems.append(Problem(_file_beside(after, camera.id), 0, f"same address, port and path as {owner.id}"))
        if (last := known.get(camera.id)) is not None:
            found.take(last.watched, replace(last, outdated=True))
    cameras = sorted(found.owners(), key=lambda camera: camera.id)
    return replace(after, cameras=tuple(cameras), problems=(*after.problems, *problems))
