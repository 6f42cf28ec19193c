"""Which cameras are under watch, and what stays known of those that are not at present."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from xueliang_monitor.configuration.inventory import Camera
from xueliang_monitor.fleet.changes import CameraRecord, StoredState
from xueliang_monitor.fleet.differences import memory_still_valid, place_of, with_digest_offered
from xueliang_monitor.fleet.restoring import Restoration, merged_late, restored_entry
from xueliang_monitor.fleet.snapshot import Entry
from xueliang_monitor.judgement.health import Health


class Roster:
    """The entries of the cameras under watch.

    Attributes:
        entries: the entries by camera. It is the same object for ever, so that all parts of the fleet may share it.
        unwatched: the stored state of cameras that are not watched because their file is unusable.

    """

    def __init__(self, cameras: Iterable[Camera]) -> None:
        self.entries = {camera.id: Entry(camera) for camera in cameras}
        self.unwatched: dict[str, CameraRecord] = {}
        self._offered_digest: set[tuple[str, int]] = set()

    def take(self, camera: Camera, now: float) -> None:
        """Add a new camera or replace a changed one."""
        known = self.entries.get(camera.id)
        if known is None:
            self.entries[camera.id] = self._fresh(camera, now)
        else:
            self.entries[camera.id] = replace(known, camera=camera, memory=memory_still_valid(known, camera))

    def _fresh(self, camera: Camera, now: float) -> Entry:
        """Return the entry of a camera that is watched from now on, restored if only its file was unusable before."""
        known = self.unwatched.pop(camera.id, None)
        entry = Entry(camera) if known is None else restored_entry(Entry(camera), known, now)[0]
        return with_digest_offered(entry) if place_of(camera) in self._offered_digest else entry

    def drop(self, camera: str) -> Entry | None:
        """Remove a camera; return its last entry, None if it was not under watch."""
        entry = self.entries.pop(camera, None)
        if entry is not None and entry.memory.login.offered_digest:
            # The same device may come back under another id: what it offered still guards the password.
            self._offered_digest.add(place_of(entry.camera))
        return entry

    def give_up(self, invalid: Iterable[str]) -> tuple[tuple[str, Health], ...]:
        """Remove the unwatched cameras whose file is not in `invalid`; return them with their last health."""
        return tuple((name, self.unwatched.pop(name).health) for name in self.unwatched.keys() - set(invalid))

    def begin(self, cameras: Iterable[Camera]) -> None:
        """Replace all cameras by others of which nothing is known yet."""
        self.entries.clear()
        self.entries.update((camera.id, Entry(camera)) for camera in cameras)

    def restored(self, found: Restoration, stored: StoredState) -> None:
        """Take over what was restored from the history."""
        self.entries |= found.entries
        self.unwatched = {name: stored.cameras[name] for name in found.unwatched}

    def take_late(self, stored: StoredState, now: float) -> None:
        """Merge stored state that became readable only after the first visits; see `merged_late`."""
        lasting = dict(stored.open_outages)
        for name, known in stored.cameras.items():
            entry = self.entries.get(name)
            if entry is not None:
                self.entries[name] = merged_late(entry, known, lasting.get(name), now)

    def shift(self, seconds: float) -> None:
        """Shift every time by as much as the clock was set."""
        self.entries |= {name: entry.shifted(seconds) for name, entry in self.entries.items()}
        self.unwatched = {name: known.moved(lambda at: at + seconds) for name, known in self.unwatched.items()}
