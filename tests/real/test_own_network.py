"""A monitor that is cut off from all of its cameras says so of itself, once, and blames no camera."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real.cut_off import EACH, SITES, WAYS
from tests.real.test_network import MISSING

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING) or shutil.which("nsenter") is None, reason=MISSING or "nsenter is not installed"),
]
DETAILS = {
    "the interface is set down": "the monitor has no route to any of its cameras",
    "no carrier": "the monitor's interface here has no carrier",
    "the routes are removed": "the monitor has no route to any of its cameras",
    "traffic is dropped beyond": "20 of 20 cameras lost together",
}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What a daemon of 20 cameras of two sites said, by the way in which it was cut off."""
    folder = tmp_path_factory.mktemp("cut-off")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.real.cut_off", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    log = Path(folder / "log")
    assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    return {each["way"]: each for each in map(json.loads, done.stdout.splitlines())}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS)
def test_a_monitor_that_is_cut_off_blames_no_camera(
    figures: dict[str, dict[str, Any]], way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = figures[way]
    with capsys.disabled():
        print(
            f"\n{way}: told after {found['told_after']} s, {len(SITES) * EACH} cameras, "
            f"healed after {found['healed_after']} s, events: {len(found['events'])}",
            end="",
        )
    assert found["events"] == [
        ["cleared", "monitor_isolated", ""],
        ["raised", "monitor_isolated", ""],
    ]
    assert found["shown"] == ['xueliang_monitor_fault{fault="monitor_isolated"} 1.0']
    assert found["down"] == []
    assert found["flaps"] == 0
    assert found["detail"] == DETAILS[way]
