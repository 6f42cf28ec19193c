"""One installation: its settings, its logins, its cameras, and what those mean to the parts that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.inventory import Camera, Defaults, Inventory, target_of
from xueliang_monitor.configuration.inventory import load as load_cameras
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.model import Credentials, PictureRules, Timeouts
from xueliang_monitor.probing.rungs import PROBES


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings, logins by name and cameras, and everything that is wrong with any."""

    settings: config.Settings
    credentials: Mapping[str, Credentials]
    inventory: Inventory
    problems: tuple[Problem, ...]

    def read_cameras_again(self) -> Installation:
        """Return the same with the cameras read anew.

        Raises:
            DocumentError: the folder cannot be read.

        """
        return self.with_inventory(_cameras(self.settings, self.credentials))

    def in_force(self, started: config.Settings) -> Installation:
        """Return the same with the settings of the start where those count until the next one.

        Raises:
            DocumentError: the folder of cameras that counts cannot be read.

        """
        settings = self.settings.model_copy(update={name: getattr(started, name) for name in config.AT_START})
        same = replace(self, settings=settings)
        return same if settings.inventory == self.settings.inventory else same.read_cameras_again()

    def with_inventory(self, cameras: Inventory) -> Installation:
        """Return the same with other cameras."""
        return replace(self, inventory=cameras)


def _cameras(settings: config.Settings, credentials: Mapping[str, Credentials]) -> Inventory:
    return load_cameras(settings.inventory, credentials, frozenset(settings.credentials), defaults_of(settings))


def load(file: Path, *, passwords: bool = True) -> Installation:
    """Read settings, passwords and cameras; without `passwords`, logins stand there that nobody can log in with.

    Raises:
        DocumentError: the settings cannot be used at all.

    """
    settings, document = config.load(file)
    problems: tuple[Problem, ...] = ()
    credentials: Mapping[str, Credentials] = {
        name: Credentials(entry.username, "") for name, entry in settings.credentials.items()
    }
    if passwords:
        credentials, problems = config.load_credentials(settings, document)
    return Installation(settings, credentials, _cameras(settings, credentials), problems)


def cameras_before(kept: Mapping[str, CameraFile | None], loaded: Installation) -> Inventory:
    """Return the cameras as they were when the history was written, with the logins and defaults of today.

    `kept` holds their files by id, None where one was not kept.

    One whose file was not kept then is taken as it is now; one that neither is known of, or whose login is not to be
    had, is left out.
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
        found.append(Camera(name, target_of(name, data, own, device, defaults_of(loaded.settings)), data))
    return Inventory(tuple(found), ())


def timeouts_of(settings: config.Settings) -> Timeouts:
    """Return how long visits may take."""
    return Timeouts(**{probe.rung: settings.timeouts.of(probe.rung) for probe in PROBES})


def defaults_of(settings: config.Settings) -> Defaults:
    """Return what counts for cameras whose files say nothing."""
    picture = settings.picture
    rules = PictureRules(dict(picture.limits), picture.burst, picture.evidence == "faults")
    return Defaults(settings.clock_drift, settings.stream_listen, rules)
