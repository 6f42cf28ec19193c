"""SIGKILL together with edits, clock steps and a full disk loses and duplicates no outage."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.endurance import length
from tests.killed_fleet import NAMES, STEP, WINDOW, code_of
from tests.simulated_time import START
from xueliang_monitor.storage.history import History

KILLS, LANES, OUTAGES = length(24, 100), 4, length(8, 24)
CONFIRMING_STEPS = 4
"""How many undisturbed steps confirm an outage or its end."""


class Lane:
    """One state folder whose fleet is killed repeatedly while its surroundings change."""

    def __init__(self, folder: Path, state: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.state, self.control = state, folder / "control"
        self.control.mkdir(parents=True)
        (self.control / "ticks").touch()
        (self.control / "wall").write_text("0")
        self.edit()
        self.jumps = self.fillings = 0
        self.killed_full = False
        self.longest = 0

    def put(self, name: str, text: str) -> None:
        temporary = self.control / f".{name}"
        temporary.write_text(text)
        temporary.replace(self.control / name)

    def edit(self) -> None:
        lines = []
        for name in NAMES:
            bad = self.chance.random() < 0.15
            lines.append(f"{name} bad" if bad else f"{name} sw-{self.chance.randrange(9)} n{self.chance.randrange(99)}")
        self.put("cameras", "\n".join(lines) if (self.control / "ticks").stat().st_size else lines_of_the_start())

    def meddle(self) -> None:
        """Do one thing that an administrator, an NTP server or another program could do."""
        kinds = ["edit", "clock", "nothing"]
        # Two processes in a row killed with a full disk would leave no record of either.
        kind = self.chance.choice(kinds if self.killed_full else [*kinds, "disk"])
        if kind == "edit":
            self.edit()
        elif kind == "clock":
            self.jumps += 1
            self.put("wall", str(self.chance.choice([0, 3600, -3600, 86_400, 5_000_000, 0.4])))
        elif kind == "disk":
            self.fillings += 1
            with contextlib.suppress(OSError), (self.state / "ballast").open("wb") as stream:
                while True:
                    stream.write(bytes(65_536))

    @property
    def steps(self) -> int:
        """The number of steps the fleet has run."""
        return (self.control / "ticks").stat().st_size

    def life(self, *, quiet: bool = False) -> None:
        before = self.steps
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.killed_fleet", str(self.state), str(self.control)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if process.stdout.readline() != "ready\n":
                process.kill()
                raise AssertionError(process.stderr.read())
            for _ in range(2 * (not quiet)):
                time.sleep(self.chance.uniform(0.0, 0.04))
                self.meddle()
            time.sleep(self.chance.uniform(0.0, 0.04))
            if self.chance.random() < 0.5:  # the disk has space again before the kill
                (self.state / "ballast").unlink(missing_ok=True)
            self.killed_full = (self.state / "ballast").exists()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()
        (self.state / "ballast").unlink(missing_ok=True)
        self.longest = max(self.longest, self.steps - before)

    @property
    def end(self) -> float:
        return START + STEP * self.steps


def lines_of_the_start() -> str:
    return "\n".join(f"{name} sw-{name} {name}" for name in NAMES)


def check(lane: Lane) -> int:
    """Return the number of outages; each must be in the history once, with its duration except for late reports."""
    with contextlib.closing(History(lane.state)) as history:
        assert history.put_aside is None
        found = history.outages(0, START * 3)
    count = 0
    # The next process reports what one killed with a full disk knew.
    late = STEP * (lane.longest + CONFIRMING_STEPS)
    for number, name in enumerate(NAMES):
        turns = int((lane.end - START) // WINDOW) + 1
        begun = [START + turn * WINDOW for turn in range(turns) if code_of(number, START + turn * WINDOW) is not None]
        surely = [start for start in begun if lane.end - start > CONFIRMING_STEPS * STEP]
        own = [outage for camera, outage in found if camera == name]
        assert len(own) in range(len(surely), len(begun) + 1), (name, len(surely), len(begun), own)
        for outage in own:
            if outage.ended is not None:
                assert WINDOW - late <= outage.ended - outage.began <= WINDOW + late, (name, outage)
        assert [outage.ended for outage in own].count(None) <= 1
        assert len({outage.key for outage in own}) == len(own)
        count += len(own)
    return count


@contextlib.contextmanager
def small_disks(folder: Path, count: int) -> Iterator[list[Path]]:
    """Yield folders on separate file systems of 24 MB each, if the test may mount them."""
    places = [folder / f"disk-{number}" for number in range(count)]
    mounted = []
    try:
        for place in places:
            place.mkdir()
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)], capture_output=True)
            if done.returncode:
                pytest.skip("no small file system can be mounted here, which takes root")
            mounted.append(place)
        yield places
    finally:
        for place in mounted:
            subprocess.run(["umount", str(place)], check=True)


@pytest.mark.timeout(600)
def test_kills_lose_and_double_no_outage(tmp_path: Path) -> None:
    def lane(number: int, state: Path) -> Lane:
        made = Lane(tmp_path / str(number), state, number)
        made.life(quiet=True)  # a camera whose file was invalid from the start is unknown
        for _ in range(KILLS // LANES):
            made.life()
        while made.end - START < OUTAGES // LANES * WINDOW:  # on a busy machine a life takes fewer steps
            made.life()
        made.life(quiet=True)
        return made

    with small_disks(tmp_path, LANES) as disks, ThreadPoolExecutor(LANES) as pool:
        lanes = list(pool.map(lane, range(LANES), disks))
        assert sum(made.jumps for made in lanes) > KILLS // 10
        assert sum(made.fillings for made in lanes) > KILLS // 10
        assert sum(check(made) for made in lanes) >= OUTAGES
