"""The cameras: one YAML file each, the file's stem its id; a bad file never stops the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xueliang_monitor.configuration.camera_file import ID, ID_RULE, CameraFile, Lifecycle, PictureSection
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, Problem, read, validate
from xueliang_monitor.model import Credentials, OnvifTarget, PictureRules, Target


@dataclass(frozen=True, slots=True)
class Camera:
    """One device: what its file says, and what a visit needs of that.

    `outdated` says that its file became invalid, and this is the last good version.
    """

    id: str
    target: Target
    data: CameraFile
    outdated: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.data.name or self.id

    @property
    def site(self) -> str:
        """Where it hangs."""
        return self.data.site

    @property
    def programme(self) -> str:
        """Which rollout it came with."""
        return self.data.programme

    @property
    def uplink(self) -> str:
        """What it is connected through."""
        return self.data.uplink

    @property
    def status(self) -> Lifecycle:
        """How it is dealt with."""
        return self.data.status


@dataclass(frozen=True, slots=True)
class Defaults:
    """What counts for cameras whose files say nothing.

    How far clocks may be off, how long streams are listened to, how pictures are judged.
    """

    clock_drift_seconds: float = 5.0
    listen_seconds: float = 2.0
    picture: PictureRules = field(default_factory=PictureRules)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The cameras that could be read, and what is wrong with the other files.

    `cameras` are those under watch; `retired` ones are known but not visited.
    """

    cameras: tuple[Camera, ...]
    problems: tuple[Problem, ...]
    retired: tuple[Camera, ...] = ()

    @property
    def invalid_files(self) -> int:
        """How many files were skipped."""
        return len({problem.file for problem in self.problems})

    @property
    def invalid(self) -> frozenset[str]:
        """The ids of the cameras whose files were skipped."""
        return frozenset(problem.file.stem for problem in self.problems)

    @property
    def known(self) -> tuple[Camera, ...]:
        """Every camera that could be read, under watch or retired."""
        return (*self.cameras, *self.retired)


def read_camera(
    file: Path, credentials: Mapping[str, Credentials], names: frozenset[str], defaults: Defaults | None = None
) -> Camera:
    """Read one camera's file.

    `names` are the credentials that the settings know, `defaults` what counts where its file says nothing.

    Raises:
        DocumentError: with every problem.

    """
    if not ID.fullmatch(file.stem):
        raise DocumentError((Problem(file, 0, f"the file's name is the camera's id: {ID_RULE}"),))
    document = read(file)
    data = validate(document, CameraFile, credentials=names)
    login = _login(document, "credentials", data.credentials, credentials)
    device_login = _login(document, "onvif_credentials", data.onvif_credentials, credentials)
    return Camera(file.stem, target_of(file.stem, data, login, device_login or login, defaults), data)


def target_of(
    identity: str,
    data: CameraFile,
    login: Credentials | None,
    device_login: Credentials | None,
    defaults: Defaults | None = None,
) -> Target:
    """Return what a visit needs of what a camera's file says."""
    defaults = defaults or Defaults()
    onvif: OnvifTarget | None = None
    if data.onvif_scheme != "none":
        secure = data.onvif_scheme == "https"
        onvif = OnvifTarget(
            data.onvif_port or (443 if secure else 80),
            data.onvif_path,
            secure,
            device_login,
            data.stream.profile if data.stream else "",
            data.request_keyframe == "auto",
            data.stream.keyframe_interval_seconds if data.stream else None,
        )
    return Target(
        identity,
        data.address,
        data.rtsp_port,
        data.rtsp_path,
        login,
        onvif,
        data.tls,
        data.identity.value() if data.identity else None,
        defaults.clock_drift_seconds,
        data.rtsp == "tls",
        data.transport,
        defaults.listen_seconds if data.listen is None else data.listen,
        data.stream.value() if data.stream else None,
        data.stream.bits_per_second_range if data.stream else None,
        data.view_since or "",
        _picture(data.picture, defaults.picture),
    )


def _picture(own: PictureSection | None, usual: PictureRules) -> PictureRules:
    if own is None:
        return usual
    return PictureRules(
        {**usual.limits, **own.limits},
        usual.burst if own.burst is None else own.burst,
        # Either place turns it off: who forbids pictures for all means all.
        usual.evidence and own.evidence != "never",
    )


def _login(
    document: Document, key: str, name: str | None, credentials: Mapping[str, Credentials]
) -> Credentials | None:
    if name is None:
        return None
    if name not in credentials:
        raise DocumentError((document.problem((key,), f'the password of credentials "{name}" is not to be had'),))
    return credentials[name]


def load(
    folder: Path, credentials: Mapping[str, Credentials], names: frozenset[str], defaults: Defaults | None = None
) -> Inventory:
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
            camera = read_camera(file, credentials, names, defaults)
        except DocumentError as error:
            problems += error.problems
            continue
        stream = (camera.target.host, camera.target.port, camera.target.path)
        if camera.status is not Lifecycle.RETIRED:
            if stream in streams:
                problems.append(Problem(file, 0, f"the same address, port and path as {streams[stream].name}"))
                continue
            streams[stream] = file
        cameras.append(camera)
    return Inventory(
        tuple(camera for camera in cameras if camera.status is not Lifecycle.RETIRED),
        tuple(problems),
        tuple(camera for camera in cameras if camera.status is Lifecycle.RETIRED),
    )


def keep_last_good(before: Inventory, after: Inventory) -> Inventory:
    """Return `after`, with the last good version of each camera whose file became invalid."""
    kept = tuple(replace(camera, outdated=True) for camera in before.cameras if camera.id in after.invalid)
    return replace(after, cameras=tuple(sorted((*after.cameras, *kept), key=lambda camera: camera.id)))
