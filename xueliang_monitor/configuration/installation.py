"""One installation: settings, credentials and cameras, loaded together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration import topology_files
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Camera, Defaults, Inventory, target_of
from xueliang_monitor.configuration.inventory import load as load_cameras
from xueliang_monitor.configuration.notification_secrets import NotificationSecrets, load_secrets
from xueliang_monitor.configuration.passwords import load_credentials
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.configuration.topology_files import DeclaredNodes
from xueliang_monitor.model import Credentials, PictureRules, Target, Timeouts
from xueliang_monitor.probing.camera_lock import HostSessions, sessions_of
from xueliang_monitor.probing.rungs import PROBES
from xueliang_monitor.topology import Node


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings, credentials by name, cameras, what they hang on, and all problems found in them.

    `problems` are those of the passwords and other secrets; the cameras and the nodes have their own.
    """

    settings: config.Settings
    credentials: Mapping[str, Credentials]
    inventory: Inventory
    problems: tuple[Problem, ...]
    uplinks: DeclaredNodes = field(default_factory=DeclaredNodes)
    secrets: NotificationSecrets = field(default_factory=NotificationSecrets)

    @property
    def topology_nodes(self) -> tuple[Node, ...]:
        """What the files of the topology declare; empty if there are none."""
        return self.uplinks.nodes

    @property
    def sessions_by_address(self) -> Mapping[str, int]:
        """How many sessions each declared recorder may serve at once, by its address in canonical form."""
        return self.uplinks.sessions_by_address

    @property
    def every_problem(self) -> tuple[Problem, ...]:
        """All problems: of the passwords, of the files of the topology, and of the camera files."""
        return (*self.problems, *self.uplinks.problems, *self.inventory.problems)

    def read_files_again(self) -> Installation:
        """Return a copy with the camera files and the files of the topology read again.

        Raises:
            DocumentError: the folder of the cameras cannot be read.

        """
        return replace(self.read_cameras_again(), uplinks=topology_files.load(self.uplinks.folder, self.uplinks))

    def read_cameras_again(self) -> Installation:
        """Return a copy with the camera files read again.

        Raises:
            DocumentError: the folder cannot be read.

        """
        return self.with_inventory(_cameras(self.settings, self.credentials, self.inventory))

    def in_force(self, started: config.Settings) -> Installation:
        """Return a copy with those settings of the start that take effect only after a restart.

        Raises:
            DocumentError: the camera folder in force cannot be read.

        """
        settings = self.settings.model_copy(update={name: getattr(started, name) for name in config.AT_START})
        same = replace(self, settings=settings)
        return same if settings.inventory == self.settings.inventory else same.read_cameras_again()

    def with_inventory(self, cameras: Inventory) -> Installation:
        """Return a copy with another inventory."""
        return replace(self, inventory=cameras)


def _cameras(settings: config.Settings, credentials: Mapping[str, Credentials], before: Inventory | None) -> Inventory:
    names, defaults = frozenset(settings.credentials), defaults_of(settings)
    return load_cameras(settings.inventory, credentials, names, defaults, before=before)


def load(file: Path, *, passwords: bool = True, before: Installation | None = None) -> Installation:
    """Load settings, passwords, cameras and what they hang on; without `passwords`, all passwords are empty.

    Camera files that are the same as in `before` are not read again. Nodes with invalid keys stay as they were in
    `before`.

    Raises:
        DocumentError: the settings cannot be used.

    """
    settings, document = config.load(file)
    problems: tuple[Problem, ...] = ()
    credentials: Mapping[str, Credentials] = {
        name: Credentials(entry.username, "", entry.auth) for name, entry in settings.credentials.items()
    }
    secrets = NotificationSecrets()
    if passwords:
        credentials, of_logins = load_credentials(settings, document)
        secrets, of_secrets = load_secrets(settings, document)
        problems = (*of_logins, *of_secrets)
    cameras = _cameras(settings, credentials, before.inventory if before else None)
    uplinks = topology_files.load(file.parent, before.uplinks if before else None)
    return Installation(settings, credentials, cameras, problems, uplinks, secrets)


def stored_inventory(kept: Mapping[str, CameraFile | None], loaded: Installation) -> Inventory:
    """Return the cameras as they were when the history was last written, with today's credentials and defaults.

    `kept` holds their files by id. A camera whose file was not stored (None) is taken from today's inventory. A camera
    that is in neither, or whose credentials are missing, is left out.
    """
    today = {camera.id: camera for camera in loaded.inventory.cameras}
    found = []
    for name, data in kept.items():
        if data is None:
            found += [today[name]] if name in today else []
            continue
        logins = loaded.credentials
        if not {data.credentials, data.onvif_credentials} - {None} <= logins.keys():
            continue
        own = logins.get(data.credentials or "")
        device = logins.get(data.onvif_credentials or "") or own
        found.append(Camera(name, target_of(name, data, own, device, defaults=defaults_of(loaded.settings)), data))
    return Inventory(tuple(found), ())


def timeouts_of(settings: config.Settings) -> Timeouts:
    """Return the timeouts of visits."""
    return Timeouts(**{probe.rung: settings.timeouts.of(probe.rung) for probe in PROBES})


def sessions_at_hosts(loaded: Installation, beside: Iterable[Target] = ()) -> Mapping[str, HostSessions]:
    """Return how many sessions each host with several cameras takes; `beside` are cameras that have no file yet."""
    known = {camera.id: camera.target for camera in loaded.inventory.cameras}
    known |= {target.id: target for target in beside}
    return sessions_of(known.values(), loaded.settings.recorder_sessions, loaded.sessions_by_address)


def defaults_of(settings: config.Settings) -> Defaults:
    """Return the defaults for camera files that omit a key."""
    picture = settings.picture
    rules = PictureRules(dict(picture.limits), picture.burst, picture.evidence == "faults")
    return Defaults(settings.clock_drift, settings.stream_listen, rules, settings.ptz_away_after)
