"""Evidence pictures: few, small and short-lived, in a folder that only the daemon's user can read."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor import atomic_write

FOLDER = "evidence"
MAX_OF_A_CAMERA = 20
"""How many pictures of one camera are kept; the oldest are deleted."""

_NAME = re.compile(r"(\d{10})-([a-z_]{1,40})\.jpg")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kept picture: its camera, its time in seconds since the epoch, and its fault."""

    camera: str
    at: float
    fault: str

    @property
    def name(self) -> str:
        """The file's name in the camera's folder."""
        return f"{int(self.at):010d}-{self.fault}.jpg"


def keep(state: Path, item: Evidence, picture: bytes) -> Path:
    """Write a picture atomically; return its path.

    Raises:
        OSError: the picture cannot be written.

    """
    folder = state / FOLDER / item.camera
    (state / FOLDER).mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / item.name
    atomic_write.write(place, picture)
    for old in kept(state, item.camera)[MAX_OF_A_CAMERA:]:
        (folder / old.name).unlink(missing_ok=True)
    return place


def kept(state: Path, camera: str) -> list[Evidence]:
    """Return the kept pictures of a camera, newest first."""
    found: list[Evidence] = []
    with contextlib.suppress(OSError):
        names = [_NAME.fullmatch(path.name) for path in (state / FOLDER / camera).iterdir()]
        found = [Evidence(camera, float(match[1]), match[2]) for match in names if match]
    return sorted(found, key=lambda item: item.at, reverse=True)


def read(state: Path, camera: str, name: str) -> bytes | None:
    """Return a picture by its name; None if it does not exist."""
    if not _NAME.fullmatch(name):
        return None
    try:
        return (state / FOLDER / camera / name).read_bytes()
    except OSError:
        return None


def forget(state: Path, before: float, only: frozenset[str] | None = None, *, after: float = math.inf) -> int:
    """Delete pictures older than `before`, of all cameras or `only` of some; return their number.

    Pictures dated later than `after` are deleted too. They were kept while the clock was wrong and would stay too long.
    """
    count = 0
    with contextlib.suppress(OSError):
        for folder in (state / FOLDER).iterdir():
            if not folder.is_dir() or (only is not None and folder.name not in only):
                continue
            for item in kept(state, folder.name):
                if item.at < before or item.at > after:
                    (folder / item.name).unlink(missing_ok=True)
                    count += 1
            with contextlib.suppress(OSError):  # the folder is not empty
                folder.rmdir()
    return count
