"""The folder of the camera files: which files it has, and the identity of each, for readers and for the watcher."""

from __future__ import annotations

import os
from pathlib import Path

from xueliang_monitor.configuration.regular_file import FileIdentity

MAX_FILES = 20_000
"""Largest number of camera files in a folder."""

ENDING = ".yaml"


class TooManyFilesError(Exception):
    """A folder has more camera files than `MAX_FILES`."""


def is_camera_file(name: str) -> bool:
    """Return whether a file is a camera file, by its name; hidden files are none."""
    return name.endswith(ENDING) and not name.startswith(".")


def camera_files(folder: Path) -> dict[str, FileIdentity | None]:
    """Return the camera files of a folder by name, sorted, each with its identity; None if it cannot be examined.

    Raises:
        TooManyFilesError: there are more than `MAX_FILES`.
        OSError: the folder cannot be read.

    """
    found: dict[str, FileIdentity | None] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_camera_file(entry.name):
                continue
            if len(found) >= MAX_FILES:
                raise TooManyFilesError(f"has more than {MAX_FILES:,} camera files")
            try:
                found[entry.name] = FileIdentity.of(entry.stat())
            except OSError:  # a link to nothing, or a file that was just removed
                found[entry.name] = None
    return dict(sorted(found.items()))


def place_of(file: Path) -> tuple[Path, bool]:
    """Return where a camera file lies, and whether that is outside its folder because the file is a symbolic link."""
    if not file.is_symlink():
        return file, False
    # Path.resolve() raises RuntimeError for a link that leads to itself.
    place = Path(os.path.realpath(file))
    return place, not place.is_relative_to(os.path.realpath(file.parent))
