"""SIGKILL of any command at any time leaves every camera file intact."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.endurance import length

KILLS = length(32, 200)
LANES = 4
MOST_TRIES = 4 * KILLS // LANES
CAMERAS = 12
XUELIANG = [sys.executable, "-m", "xueliang_monitor"]


class Lane:
    """A separate folder in which commands are killed and the files checked."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.cameras = folder / "cameras.d"
        self.cameras.mkdir(parents=True)
        self.settings = folder / "xueliang.yaml"
        self.settings.write_text("listen: 127.0.0.1:1\n")
        self.fleets = []
        for version in ("before", "after"):
            file = folder / f"{version}.csv"
            lines = [f"cam-{number},{version},127.0.0.{number + 1}" for number in range(CAMERAS)]
            file.write_text("\n".join(["id,site,address", *lines]))
            self.fleets.append(file)
        self.durations: dict[str, float] = {}
        self.interrupted = 0
        self._run(["camera", "import", str(self.fleets[0])], None)

    def _run(self, command: list[str], kill_after: float | None) -> None:
        environment = {**os.environ, "XUELIANG_CONFIG": str(self.settings), "EDITOR": "sed -i s/before/edited/"}
        started = time.monotonic()
        process = subprocess.Popen(
            [*XUELIANG, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.interrupted += 1
        else:
            self.durations[command[1]] = time.monotonic() - started

    def kill_one(self) -> None:
        name = f"cam-{self.chance.randrange(CAMERAS)}"
        command = self.chance.choice(
            [
                ["camera", "import", "--update", str(self.chance.choice(self.fleets))],
                ["camera", "retire", name],
                ["camera", "retire", name, "--undo"],
                ["camera", "edit", name],
                ["camera", "remove", name],
            ]
        )
        # Most of a command's time goes into starting up: kill mostly in its second half, where it writes. What it
        # takes is what the same command last took in this lane, so a machine that gets faster or slower is followed.
        typical = self.durations.get(command[1], self.durations["import"])
        self._run(command, self.chance.uniform(0.5 if self.chance.random() < 0.8 else 0.0, 1.05) * typical)
        self.check()

    def check(self) -> None:
        seen = {path.stem for path in self.cameras.glob("*.yaml")}
        removed = {path.name.split(".")[0] for path in self.cameras.glob("removed/*.yaml")}
        assert {f"cam-{number}" for number in range(CAMERAS)} <= seen | removed, "a camera was lost"
        for path in [*self.cameras.glob("*.yaml"), *self.cameras.glob("removed/*.yaml")]:
            data = yaml.safe_load(path.read_text())
            number = int(path.name.split(".")[0].removeprefix("cam-"))
            assert data["address"] == f"127.0.0.{number + 1}"
            assert data["site"] in {"before", "after", "edited"}
            assert set(data) <= {"site", "address", "rtsp_port", "rtsp_path", "status"}


@pytest.mark.timeout(1200)
def test_kills_leave_every_file_whole(tmp_path: Path) -> None:
    def lane(number: int) -> Lane:
        made = Lane(tmp_path / str(number), seed=number)
        for _ in range(MOST_TRIES):
            if made.interrupted == KILLS // LANES:
                break
            made.kill_one()
        return made

    with ThreadPoolExecutor(LANES) as pool:
        lanes = list(pool.map(lane, range(LANES)))
    assert sum(made.interrupted for made in lanes) == KILLS, "the kills came too late to interrupt anything"
    for made in lanes:  # the next commands work
        made._run(["camera", "import", "--update", str(made.fleets[1])], None)
        made.check()
        assert {yaml.safe_load(path.read_text())["site"] for path in made.cameras.glob("*.yaml")} == {"after"}
