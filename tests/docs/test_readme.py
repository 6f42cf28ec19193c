"""Every command of both READMEs is run, in the order in which it stands, against a simulated camera and a daemon.

What needs systemd or installs this checkout is covered by another test, which `COVERED` names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import LOGIN, ROOT
from tests.waiting import AT_MOST_SECONDS, PATIENCE, until
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[..., Awaitable[SimulatedFleet]]
READMES = ("README.md", "README.zh-CN.md")
ADDRESS, STREAM, INSTALLED = "192.0.2.7", "192.0.2.7/stream1", "/etc/xueliang-monitor"

COVERED = {
    "make demo": ("tools/check-wheel.sh", '"$xueliang" demo --seconds'),
    "make test": (".ci/run", "make test"),
    "sudo make install": ("tests/real/test_service.py", "make -C /src install"),
    "sudo systemctl enable --now xueliang-monitor": ("tests/real/test_service.py", "systemctl start xueliang-monitor"),
}
"""Commands that are not run here: the file that runs them, and what stands there."""


def commands(readme: str) -> list[str]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def settings(readme: str) -> dict[str, Any]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / readme).read_text(encoding="utf-8"), re.M | re.S)
    return dict(yaml.safe_load(block))


@pytest.mark.parametrize("readme", READMES)
def test_no_command_stands_outside_of_a_block_of_shell(readme: str) -> None:
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert set(re.findall(r"^```(\w*)$", text, re.MULTILINE)) == {"sh", "yaml", ""}
    assert not re.search(r"^ {4}(sudo |make |\$ )", text, re.MULTILINE)


@pytest.mark.parametrize("command", COVERED)
def test_what_is_not_run_here_is_covered_elsewhere(command: str) -> None:
    file, text = COVERED[command]
    assert text in (ROOT / file).read_text(encoding="utf-8")
    assert any(command in commands(readme) for readme in READMES)


def test_make_demo_runs_the_demo() -> None:
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ".venv/bin/xueliang demo" in done.stdout


class Desk:
    """A folder that stands for /etc/xueliang-monitor, and a shell in it; `sudo` runs its arguments."""

    def __init__(self, folder: Path, readme: str, stream: str) -> None:
        self.etc, self.programs, self._stream = folder / "etc", folder / "bin", stream
        (self.etc / "secrets").mkdir(parents=True)
        (self.etc / "cameras.d").mkdir()
        (folder / ".venv").mkdir()
        (folder / ".venv/bin").symlink_to(self.programs)
        self.programs.mkdir()
        self._program("sudo", 'exec "$@"')
        self._program("xueliang", f'exec {sys.executable} -m xueliang_monitor "$@"')
        self.folder = folder
        self.page = ""
        (self.etc / "xueliang.yaml").write_text(
            "listen: 127.0.0.1:0\n" + PATIENCE + yaml.safe_dump(settings(readme)), encoding="utf-8"
        )

    def _program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.programs / name).chmod(0o755)

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if name != "XUELIANG_PASSWORD"},
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "XUELIANG_CONFIG": str(self.etc / "xueliang.yaml"),
            "COLUMNS": "200",
        }

    def here(self, command: str) -> str:
        """Return a command with this camera's address, and this folder for the installation."""
        host = self._stream.partition(":")[0]
        return command.replace(STREAM, self._stream).replace(ADDRESS, host).replace(INSTALLED, str(self.etc))

    async def run(self, script: str, tries: int = 1) -> str:
        """Run a script; again where it may, as a check of a camera has 15 s on a machine however busy."""
        process = await asyncio.create_subprocess_exec(
            "sh", "-eu", "-c", script, cwd=self.folder, env=self.environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(process.communicate(f"{LOGIN.password}\n".encode()), 4 * AT_MOST_SECONDS)
        if process.returncode == 1 and tries > 1:
            return await self.run(script, tries - 1)
        assert process.returncode == 0, f"{script}\n{out.decode()}"
        return out.decode()

    @contextlib.asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        """Run the daemon as `systemctl enable --now` would."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xueliang_monitor", "run", cwd=self.folder, env=self.environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            await until(lambda: (self.etc / "state/control.sock").exists(), what="the daemon does not start")
            yield
        finally:
            process.terminate()
            await process.wait()


@pytest.mark.parametrize("readme", READMES)
async def test_every_command_works(readme: str, simulated: Start, tmp_path: Path) -> None:
    fleet = await simulated(1, onvif_port=8000)
    (camera,) = fleet.cameras.values()
    desk = Desk(tmp_path, readme, f"{camera.target.host}:{camera.target.port}{camera.target.path}")
    known, ran = set(commands(readme)), []
    async with contextlib.AsyncExitStack() as stack:
        exported = ""
        for command in commands(readme):
            script = desk.here(command)
            if command.startswith("export "):
                name, _, _ = command.removeprefix("export ").partition("=")
                exported = f"export {name}='{LOGIN.password}'\n"
            elif "systemctl enable --now" in command:
                await stack.enter_async_context(desk.daemon())
            elif command not in COVERED:
                out = await desk.run(exported + script, tries=4 if " check rtsp:" in script or " add " in script else 1)
                if "camera list" in command and "--state" not in command:
                    assert "liulin-east" in out
            ran.append(command)
    assert set(ran) == known
    assert (desk.etc / "cameras.d/liulin-east.yaml").is_file()
    assert list(tmp_path.glob("*.xlsx"))
