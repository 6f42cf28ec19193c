"""Follows the camera files: tells when one comes, changes or goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import watchfiles

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)

GATHER_MS = 300
"""How long changes are gathered, so that an import of a whole fleet is one."""

LOOK_SECONDS = 20
"""How often the folder is looked at all the same, as not every file system tells."""

RETRY_SECONDS = 2.0


def _is_camera(_change: watchfiles.Change, path: str) -> bool:
    name = Path(path).name
    return name.endswith(".yaml") and not name.startswith(".")


def fingerprint(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    """Return name, inode, size and time of every camera file; empty where the folder cannot be read."""
    found = set()
    try:
        for path in folder.iterdir():
            if _is_camera(watchfiles.Change.modified, path.name):
                about = path.stat()
                found.add((path.name, about.st_ino, about.st_size, about.st_mtime_ns))
    except OSError:
        return frozenset(found)
    return frozenset(found)


async def follow(folder: Path, changed: Callable[[], Awaitable[None]]) -> None:
    """Await `changed` after every change of a camera file, until cancelled."""
    seen = await asyncio.to_thread(fingerprint, folder)
    while True:
        try:
            async for changes in watchfiles.awatch(
                folder,
                watch_filter=_is_camera,
                debounce=GATHER_MS,
                recursive=False,
                rust_timeout=LOOK_SECONDS * 1000,
                yield_on_timeout=True,
            ):
                now = await asyncio.to_thread(fingerprint, folder)
                if changes or now != seen:
                    seen = now
                    await changed()
        except OSError as error:
            log.warning("%s cannot be followed (%s); it is tried again", folder, error.strerror or error)
        await asyncio.sleep(RETRY_SECONDS)
        now = await asyncio.to_thread(fingerprint, folder)
        if now != seen:
            seen = now
            await changed()
