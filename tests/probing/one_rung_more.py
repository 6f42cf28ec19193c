"""Prints where a rung shows that was added to the package: run by a test, within a copy that has one rung more."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from xueliang_monitor.clock import SystemClock
from xueliang_monitor.commissioning.acceptance import _items
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.installation import timeouts_of
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.daemon import intervals_of, policy_of
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.fleet.planning import ORDER, Intervals, first_plan
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Rung, VisitResult
from xueliang_monitor.web.pages import camera as page

NAME = Rung("audio")


def settings(folder: Path, text: str) -> config.Settings | str:
    """Return settings read from a file, or what is wrong with it."""
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        return config.load(file)[0]
    except DocumentError as error:
        return str(error).partition(": ")[2]


def main(folder: Path) -> None:
    """Print all of it as JSON."""
    read = settings(folder, "intervals: {audio: 5m}\ntimeouts: {audio: 9s}\nconfirm: {audio: 7}\n")
    assert isinstance(read, config.Settings)
    data = CameraFile(site="S", address="127.0.0.1")
    watched = Camera("cam", target_of("cam", data, None, None), data)
    fleet = Fleet(SystemClock(), Policy(), (watched,))
    plan = first_plan(0, 1, 0.0, Intervals())
    empty = VisitResult("cam", 0.0, ())
    found = {
        "due": [ORDER.index(NAME), plan.what(0.0).top, Intervals().of(NAME)],
        "settings": [intervals_of(read).of(NAME), timeouts_of(read).of(NAME, 0.0), policy_of(read).confirm[NAME]],
        "refused": settings(folder, "timeouts: {audio: 2d}\n"),
        "policy": Policy().confirm[NAME],
        "catalogue": FAULTS["no_sound"].name.en,
        "acceptance": [item.subject for item in _items(empty, watched.target, None) if item.subject == NAME],
        "page": [row["name"].zh for row in page._rungs(fleet.entry("cam"), {}) if row["rung"] == NAME],
        "metrics": 'xueliang_rung_duration_seconds_count{rung="audio"} 0.0' in render(fleet.snapshot(), "")[0].decode(),
    }
    print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(asyncio.to_thread(main, Path(sys.argv[1])))
