"""The demo: the simulator and the daemon, with state in a temporary folder and incidents in a loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import itertools
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from rich.markup import escape

from xueliang_monitor import daemon, service
from xueliang_monitor.clock import FastClock
from xueliang_monitor.configuration import camera_file, spreadsheet, topology_files
from xueliang_monitor.configuration.inventory import Camera, target_of
from xueliang_monitor.configuration.strict_yaml import DocumentError
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import State
from xueliang_monitor.simulator.day import DAY_SECONDS
from xueliang_monitor.simulator.faults import FAULTS, Incident, SimulatedFault
from xueliang_monitor.time_format import time_of_day
from xueliang_monitor.topology import ROOT, Node, NodeKind, Topology

USERNAME = "viewer"
CONTROL_PORT = 9148
START_SECONDS = 60.0
PAUSE_SECONDS = 30.0
SETTLE_SECONDS = 40.0
Print = Callable[[str], None]
"""Prints one line of text with rich markup."""

_SECONDS = {
    "intervals": {"reach": 10, "rtsp": 10, "stream": 30, "picture": 30, "onvif": 60},
    "rechecks": {"reach": 2, "picture": 5},
}
"""Shorter than the defaults, so that an incident is found while it is played."""


@dataclass(frozen=True, slots=True)
class Scenery:
    """What the demo simulates: the CSV file of the fleet, and the file of what it hangs on if there is one.

    Days last `day_seconds` if that is given; else it is always day.
    """

    fleet: Path
    topology: Path | None = None
    day_seconds: float | None = None

    @property
    def speed(self) -> float:
        """How many seconds of the simulated day pass in a second."""
        return 1.0 if self.day_seconds is None else DAY_SECONDS / self.day_seconds

    def settings(self) -> dict[str, Any]:
        """Return the settings of the demo, in seconds of its clock.

        In a fast day a visit alone lasts minutes of it, so no clock can be compared closely. Timeouts are long: a busy
        machine is no fault of a camera.
        """
        made: dict[str, Any] = {
            name: {rung: f"{min(seconds * self.speed, DAY_SECONDS):.0f}s" for rung, seconds in values.items()}
            for name, values in _SECONDS.items()
        }
        if self.day_seconds is None:
            return made
        patient = {"rtsp": "30s", "stream": "30s", "picture": "60s", "onvif": "30s"}
        return {**made, "clock_drift": "24h", "timeouts": patient}


def _prepare(folder: Path, rows: tuple[spreadsheet.Row, ...], listen: str, password: str, *, scenery: Scenery) -> Path:
    """Write the settings, the password file and the camera files of the demo; return the settings file."""
    if scenery.topology is not None:
        shutil.copyfile(scenery.topology, folder / topology_files.FILE)
    names = {row.data.credentials for row in rows if row.data.credentials}
    cameras = folder / "cameras.d"
    cameras.mkdir()
    for row in rows:
        camera_file.write(cameras, row.id, row.data)
    secret = folder / "demo.password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    logins = {name: {"username": USERNAME, "password_file": secret.name} for name in sorted(names)}
    settings = folder / "xueliang.yaml"
    settings.write_text(
        yaml.safe_dump({"listen": listen, **scenery.settings(), "credentials": logins}), encoding="utf-8"
    )
    return settings


@contextlib.asynccontextmanager
async def _simulator(scenery: Scenery, password: str, began: float) -> AsyncIterator[str]:
    """Run the simulated fleet in its own process; yield its control address. Its days run from the moment `began`.

    Raises:
        OSError: the simulator does not start.

    """
    control = f"127.0.0.1:{CONTROL_PORT}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "xueliang_monitor", "simulate"),
        *("--fleet", str(scenery.fleet), "--control", control, "--username", USERNAME),
        *(("--topology", str(scenery.topology)) if scenery.topology is not None else ()),
        *(() if scenery.day_seconds is None else ("--day", f"{scenery.day_seconds:g}s", "--day-began", f"{began}")),
        env={**os.environ, "XUELIANG_SIMULATOR_PASSWORD": password},
        stdout=subprocess.PIPE,
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the simulator has no standard output")
        try:
            async with asyncio.timeout(START_SECONDS):
                started = await process.stdout.readline()
        except TimeoutError as error:
            raise OSError(errno.ETIMEDOUT, f"the simulator did not start in {START_SECONDS:.0f} s") from error
        if not started:
            raise OSError(errno.ECHILD, "the simulator did not start")
        yield control
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class IncidentPlayer:
    """Plays the incidents of the simulated faults through the simulator's control endpoint."""

    def __init__(
        self,
        control: str,
        rows: tuple[spreadsheet.Row, ...],
        say: Print,
        faults: Sequence[type[SimulatedFault]] = FAULTS,
        *,
        declared: Iterable[Node] = (),
    ) -> None:
        self._control = control
        self._print = say
        self._incidents = [(fault.name, fault.incident) for fault in faults if fault.incident is not None]
        cameras = (Camera(row.id, target_of(row.id, row.data, None, None), row.data) for row in rows)
        self._topology = Topology.of(declared, cameras)

    async def _set(self, place: str, fault: str | None) -> None:
        import aiohttp

        method, path = ("PUT", f"/faults/{fault}") if fault else ("DELETE", "/faults")
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://{self._control}{place}{path}") as response,
        ):
            response.raise_for_status()

    async def _play(self, text: str, place: str, fault: str, seconds: float) -> None:
        self._print(f"[bold]{_clock()}  incident:[/] {escape(text)}")
        await self._set(place, fault)
        await asyncio.sleep(seconds)
        await self._set(place, None)
        self._print(f"[bold]{_clock()}  over:[/] {escape(text)}")
        await asyncio.sleep(PAUSE_SECONDS)

    def _lines(self) -> list[str]:
        """Return the nodes with switches on them, but without anything larger; else those with cameras on them."""
        topology = self._topology
        kinds = {name: node.kind for name, node in topology.nodes.items()}
        switches = [name for name in kinds if topology.cameras(name) and kinds[name] is NodeKind.UPLINK]
        lines = {topology.nodes[name].parent for name in switches} - {ROOT}
        return sorted(lines) or sorted(switches)

    def choose(self, incident: Incident, turn: int, place: int) -> tuple[str, str]:
        """Return the text of an incident and the address of its camera or node, other ones in each turn."""
        topology, lines = self._topology, self._lines()
        line = lines[turn % len(lines)]
        behind = topology.below(line)
        if incident.of_uplink:
            shown = line if topology.shown(line) == line else f"{topology.shown(line)} ({line})"
            text = incident.text.format(uplink=shown, cameras=len(behind))
            return text, f"/nodes/{quote(line, safe='')}"
        others = [camera for camera in topology.below(ROOT) if camera not in behind] or topology.below(ROOT)
        camera = others[(turn * 7 + place * 31) % len(others)]
        return incident.text.format(camera=camera), f"/cameras/{camera}"

    async def play(self) -> None:
        """Play the incidents in turn until cancelled."""
        await asyncio.sleep(SETTLE_SECONDS)
        for turn in itertools.count():
            for place, (fault, incident) in enumerate(self._incidents):
                text, address = self.choose(incident, turn, place)
                await self._play(text, address, fault, incident.seconds)


def _clock() -> str:
    return time_of_day(time.time())


def _print_transitions(say: Print) -> Callable[[tuple[Transition, ...]], None]:
    """Return a watcher that prints what the monitor found, except the first `up` of each camera."""
    known: dict[str, str] = {}
    colours = {State.UP.value: "green", State.DEGRADED.value: "yellow", State.DOWN.value: "red"}

    def watch(transitions: tuple[Transition, ...]) -> None:
        for item in transitions:
            if item.uplink and not item.camera:
                down = item.kind is TransitionKind.RAISED
                shown = "[red]down[/]" if down else "[green]up[/]"
                say(f"{_clock()}    uplink {item.uplink} is {shown} {item.detail}")
            elif item.login and not item.camera:
                say(f"{_clock()}    credentials {item.login}: {item.code} {item.kind} {item.detail}")
            elif item.kind is TransitionKind.STATE:
                before, known[item.camera] = known.get(item.camera), item.code
                if before is not None or item.code not in (State.UP.value, State.UNKNOWN.value):
                    say(f"{_clock()}    {item.camera} is [{colours.get(item.code, 'dim')}]{item.code}[/]")
            elif item.kind is TransitionKind.RAISED:
                say(f"{_clock()}    {item.camera}: {item.code}")

    return watch


async def _first_states(monitor: daemon.Monitor, say: Print) -> None:
    """Print a line when every camera has its first state."""
    started = asyncio.get_running_loop().time()
    while any(status.state is State.UNKNOWN for _, status in monitor.fleet.snapshot().entries):  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    count, seconds = len(monitor.fleet.snapshot().entries), asyncio.get_running_loop().time() - started
    say(f"{_clock()}  all {count} cameras have their first state after {seconds:.1f} s")


def _read(scenery: Scenery) -> tuple[tuple[spreadsheet.Row, ...], tuple[Node, ...]]:
    """Return the cameras, and what is declared of what they hang on.

    Raises:
        DocumentError: a file is not valid.

    """
    rows, problems = spreadsheet.read(scenery.fleet)
    declared = topology_files.DeclaredNodes()
    if scenery.topology is not None:
        declared = topology_files.read_file(scenery.topology)
    if problems or declared.problems:
        raise DocumentError((*problems, *declared.problems))
    return rows, declared.nodes


async def run(scenery: Scenery, listen: str, seconds: float | None, *, incidents: bool, say: Print) -> None:
    """Run the demo for `seconds`, or until interrupted.

    Raises:
        DocumentError: a file of the scenery is not valid.
        OSError: an address is not available.

    """
    rows, nodes = _read(scenery)
    password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory(prefix="xueliang-demo-") as folder:
        settings = _prepare(Path(folder), rows, listen, password, scenery=scenery)
        with service.until_signalled(signal.SIGTERM, signal.SIGINT) as stopped:
            clock = FastClock(scenery.speed)
            async with _simulator(scenery, password, clock.began) as control:
                monitor = daemon.Monitor(settings, None if scenery.day_seconds is None else clock)
                monitor.fleet.watch(_print_transitions(say))
                async with monitor.running() as address:
                    say(f"[bold]{len(rows)} simulated cameras[/]\n  page     {address}/\n  metrics  {address}/metrics")
                    say("  stop with Ctrl-C" if seconds is None else f"  stops after {seconds:.0f} s")
                    tasks = [asyncio.create_task(_first_states(monitor, say))]
                    if incidents:
                        tasks.append(asyncio.create_task(IncidentPlayer(control, rows, say, declared=nodes).play()))
                    try:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(seconds):
                                await stopped.wait()
                    finally:
                        for task in tasks:
                            task.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
    say("stopped")
