"""A machine with a real systemd: nspawn over an overlay of this one's root, with a network of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

BOOT_SECONDS = 180.0
_NSPAWN = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--hostname=box", f"--bind-ro={ROOT}:/src"]


@dataclass(frozen=True)
class Machine:
    """A booted machine; `run` runs in it as root."""

    leader: int

    def run(self, command: str, *, check: bool = True, timeout: float = 240) -> str:
        done = subprocess.run(
            ["nsenter", "--target", str(self.leader), "--all", "bash", "-c", command],
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert not (check and done.returncode), f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def until(self, command: str, wanted: str, seconds: float = 120) -> float:
        """Run a command until its output holds `wanted`; return how long that took."""
        started = time.monotonic()
        while (took := time.monotonic() - started) < seconds:
            told = self.run(command, check=False)
            if wanted in told:
                return took
            time.sleep(0.1)
        raise AssertionError(f"{command}: no {wanted!r} within {seconds} s, but {told}")


@contextlib.contextmanager
def _overlay(folder: Path) -> Iterator[Path]:
    """Mount an overlay of the root, whose changes stay in memory; skip where that cannot be."""
    mounted: list[Path] = []

    def mount(place: Path, kind: str, options: str) -> None:
        done = subprocess.run(["mount", "-t", kind, "-o", options, kind, place], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no overlay of / can be mounted here: {done.stderr.strip()}")
        mounted.append(place)

    try:
        memory = folder / "memory"
        memory.mkdir()
        mount(memory, "tmpfs", "size=3g")
        for name in ("upper", "work", "root"):
            (memory / name).mkdir()
        mount(memory / "root", "overlay", f"lowerdir=/,upperdir={memory}/upper,workdir={memory}/work")
        yield memory / "root"
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", "--lazy", place], check=False)


def _leader_of(nspawn: subprocess.Popen[bytes]) -> int | None:
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
    return int(children[0]) if children else None


@contextlib.contextmanager
def machine(folder: Path, install: str) -> Iterator[Machine]:
    """Run `install` in a copy of this machine, with its network, then boot that without; skip where it cannot be."""
    if os.geteuid():
        pytest.skip("a machine of its own needs root")
    for program in ("systemd-nspawn", "nsenter", "/lib/systemd/systemd"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (Debian: systemd-container, util-linux, systemd)")
    with _overlay(folder) as root:
        tried = subprocess.run([*_NSPAWN, "-D", root, "true"], capture_output=True, text=True)
        if tried.returncode:
            pytest.skip(f"systemd-nspawn does not work here: {tried.stderr.strip()}")
        done = subprocess.run([*_NSPAWN, "-D", root, "sh", "-c", install], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        for unit in ("postgresql", "prometheus", "prometheus-alertmanager", "prometheus-node-exporter"):
            (root / f"etc/systemd/system/{unit}.service").unlink(missing_ok=True)
            (root / f"etc/systemd/system/{unit}.service").symlink_to("/dev/null")
        with (folder / "console").open("wb") as console:
            nspawn = subprocess.Popen(
                [*_NSPAWN, "-D", root, "--private-network", "--console=pipe", "--boot", "systemd.show_status=0"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        try:
            yield _booted(nspawn, folder / "console")
        finally:
            nspawn.send_signal(signal.SIGTERM)  # nspawn's payload is told to power off
            with contextlib.suppress(subprocess.TimeoutExpired):
                nspawn.wait(60)
            nspawn.kill()
            nspawn.wait()


def _booted(nspawn: subprocess.Popen[bytes], console: Path) -> Machine:
    started = time.monotonic()
    while time.monotonic() - started < BOOT_SECONDS and nspawn.poll() is None:
        leader = _leader_of(nspawn)
        if leader is not None:
            up = Machine(leader)
            if up.run("systemctl is-system-running", check=False).strip() in ("running", "degraded"):
                return up
        time.sleep(0.2)
    pytest.skip(f"systemd does not boot here: {console.read_text(errors='replace')[-500:]}")
