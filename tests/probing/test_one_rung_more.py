"""A new rung is one file and its name in one tuple: seen in a copy of the package that has one rung more."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import LOGIN, ROOT
from xueliang_monitor.simulator.fleet import SimulatedFleet

HERE = Path(__file__).parent
Start = Callable[..., Awaitable[SimulatedFleet]]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package, to which a file and a name in a tuple were added."""
    rungs = tmp_path / "xueliang_monitor" / "probing" / "rungs"
    shutil.copytree(ROOT / "xueliang_monitor", tmp_path / "xueliang_monitor")
    shutil.copy(HERE / "audio_rung.py", rungs / "audio.py")
    text = (rungs / "__init__.py").read_text(encoding="utf-8")
    text, count = re.subn(r"(PROBES: .* = \(.*), ONVIF\)", r"\1, AUDIO, ONVIF)", text)
    assert count == 1
    imported = "from xueliang_monitor.probing.rungs.onvif import ONVIF\n"
    assert imported in text
    text = text.replace(imported, f"from xueliang_monitor.probing.rungs.audio import AUDIO\n{imported}")
    (rungs / "__init__.py").write_text(text, encoding="utf-8")
    return tmp_path


async def run(package: Path, *arguments: str) -> str:
    environment = {"XUELIANG_USERNAME": LOGIN.username, "XUELIANG_PASSWORD": LOGIN.password, "COLUMNS": "200"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=package,
        env={**os.environ, **environment, "PYTHONPATH": str(package)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    assert "Traceback" not in err.decode(), err.decode()
    return out.decode()


async def test_a_new_rung_shows_in_everything_that_is_derived(package: Path, tmp_path: Path) -> None:
    found = json.loads(await run(package, str(HERE / "one_rung_more.py"), str(tmp_path)))
    assert found == {
        "due": [4, "audio", 120.0],
        "settings": [300.0, 9.0, 7],
        "refused": "timeouts.audio: input should be less than or equal to 86400",
        "policy": 5,
        "catalogue": "No sound",
        "acceptance": ["audio"],
        "page": ["音频"],
        "metrics": True,
    }


async def test_a_new_rung_needs_no_change_of_other_tests(package: Path) -> None:
    """The tests of the layout, of wrong settings and of the sample hold in a copy that has one rung more."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("tests", "config"):
        shutil.copytree(ROOT / folder, package / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", package)
    tests = (
        "tests/test_layout.py::test_every_rung_is_listed_once_in_order",
        "tests/test_layout.py::test_every_fault_is_declared_once_and_in_both_languages",
        "tests/configuration/test_configuration.py::test_bad_settings",
        "tests/configuration/test_configuration.py::test_the_sample_holds_every_key_with_its_default",
    )
    report = await run(package, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *tests)
    assert re.search(r"^\d+ passed", report, re.MULTILINE), report
    assert "failed" not in report, report


async def test_a_new_rung_is_climbed_and_its_fault_is_named(package: Path, simulated: Start) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    answer = json.loads(await run(package, "-m", "xueliang_monitor", "check", camera.target.url, "--json"))
    assert [item["rung"] for item in answer["rungs"]] == ["reach", "rtsp", "stream", "picture", "audio"]
    assert answer["faults"] == ["no_sound"]
    table = await run(package, "-m", "xueliang_monitor", "check", camera.target.url)
    assert "无音频" in table
    unreached = await run(package, "-m", "xueliang_monitor", "check", "rtsp://127.0.0.1:9/")
    assert re.search(r"audio.*not reached", unreached)
