"""Days and infrared nights through the daemon's own code, with restarts: no check fails, and states are right."""

from __future__ import annotations

import bisect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.endurance import length
from tests.picture import made
from tests.watched import Shot, Watched
from xueliang_monitor.model import State

HOUR, DAY = 3600.0, 86_400.0
COLOUR = {"picture_colourless", "picture_colour_cast"}
HOWS = ("stopped", "killed", "upgraded")
Watch = Callable[[Shot, float], Watched]


def moment(day: int, hour: float) -> float:
    """Return a moment in June, in local time."""
    return time.mktime((2026, 6, 1 + day, 0, 0, 0, 0, 0, -1)) + hour * HOUR


def hour_of(at: float) -> float:
    local = time.localtime(at)
    return local.tm_hour + local.tm_min / 60


def failed(watched: Watched) -> int:
    """Return how many visits failed because of the monitor itself."""
    return sum(finding.code == "check_failed" for visited in watched.reports for finding in visited.seen)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    begun: list[Watched] = []

    def begin(shot: Shot, began: float) -> Watched:
        begun.append(Watched(tmp_path, shot, began, monkeypatch, 1200.0))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()


@pytest.mark.parametrize(
    ("began", "sunrise", "sunset"),
    [(12.0, 5.5, 19.5), (22.0, 5.5, 19.5)],
    ids=["noon", "night"],
)
async def test_a_week_of_days_and_infrared_nights(watch: Watch, began: float, sunrise: float, sunset: float) -> None:
    scene = made.MadeCamera(sunrise=sunrise, sunset=sunset)
    lost = moment(6, 11.0), moment(6, 13.0)

    def shot(at: float) -> Any:
        picture = scene.shot(hour_of(at))
        if lost[0] <= at < lost[1]:
            return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return picture

    watched = watch(shot, moment(0, began))
    for day, hour in enumerate((16.5, 2.0, 9.0, 18.0, 23.5, 6.2), start=1):
        await watched.run(moment(day, hour))
        watched.restart(HOWS[day % len(HOWS)])
    await watched.run(moment(7, 12.0))
    assert len(watched.reports) > 400
    assert failed(watched) == 0
    assert watched.fleet.snapshot().monitor.visits.failures.counts == {}
    known_from = moment(1, 12.0)  # by then a day and a night have been seen
    seen = {(finding.code, visited.at > known_from) for visited in watched.reports for finding in visited.seen}
    assert seen <= {("picture_colourless", True), ("picture_dirty", False)}
    raised = [item for item in watched.transitions if item.kind == "raised" and item.at > known_from]
    assert [(item.code, lost[0] <= item.at < lost[0] + HOUR) for item in raised] == [("picture_colourless", True)]
    wrong = {
        (hour_of(visited.at), state)
        for visited, state in zip(watched.reports, watched.states, strict=True)
        if state is not State.UP and visited.at > known_from and not lost[0] <= visited.at <= lost[1] + HOUR
    }
    assert wrong == set()


async def test_real_days_with_black_and_white_nights(watch: Watch, footage: Path) -> None:
    """Stills of a real camera over eight days; those of the night are shown as in night mode."""
    folder = footage / "real"
    if not (folder / "long.json").exists():
        pytest.skip(f"no long runs at {folder}")
    stills = json.loads((folder / "long.json").read_text())["construction"]
    began = moment(0, stills[0]["hour"])
    chance = np.random.default_rng(1)
    moments = [began + still["at"] - stills[0]["at"] for still in stills]

    def shot(at: float) -> Any:
        still = stills[max(0, bisect.bisect_right(moments, at + 1) - 1)]
        picture = cv2.imread(str(folder / still["file"]))
        noise = chance.normal(0, 1.0, picture.shape)
        if not 5.5 <= still["hour"] <= 20.2:
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None].repeat(3, axis=2)
            return np.clip(1.5 * grey + noise[..., :1], 0, 255).astype(np.uint8)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)

    watched = watch(shot, began)
    for number, (day, hour) in enumerate(((1, 13.0), (2, 2.0), (2, 17.0))):
        await watched.run(moment(day, hour))
        watched.restart(HOWS[number])
    await watched.run(length(moment(3, 12.0), moments[-1]))
    assert failed(watched) == 0
    assert watched.fleet.snapshot().monitor.visits.failures.counts == {}
    said = [(item.code, round(hour_of(item.at), 1)) for item in watched.transitions if item.kind == "raised"]
    assert not {code for code, _ in said} & {"check_failed", *COLOUR}, said
    assert State.UNKNOWN not in watched.states
