"""The wheel away from the checkout: what the commands need is in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT
from xueliang_monitor.simulator.sample import sample_fleet

pytestmark = [pytest.mark.real, pytest.mark.timed, pytest.mark.timeout(400)]


@pytest.mark.usefixtures("control_port")
def test_demo_simulate_and_check_run_in_an_empty_folder(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "-w", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    environment = {**os.environ, "DEPENDENCIES": sysconfig.get_path("purelib")}
    command = ["sh", ROOT / "tools/check-wheel.sh", sys.executable, wheel]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "147 cameras, such as rtsp://" in done.stdout
    assert "healthy" in done.stdout
    assert "147 simulated cameras" in done.stdout


def test_the_sample_of_the_fleet_is_the_packaged_one() -> None:
    assert (ROOT / "config/fleet.csv").read_bytes() == sample_fleet().read_bytes()
