"""A simulated fault is declared once, in faults.py; the CLI, the control endpoint, the tests and the demo derive it."""

from __future__ import annotations

import ast
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

import xueliang_monitor.simulator
from tests.conftest import LOGIN, rows
from tests.probing.test_device import DEVICE_FAULTS
from tests.probing.test_visit import LADDER_FAULTS
from tests.waiting import PATIENT
from xueliang_monitor.cli import app, output
from xueliang_monitor.configuration import spreadsheet, topology_files
from xueliang_monitor.judgement.catalogue import FAULTS as CATALOGUE
from xueliang_monitor.model import Rung
from xueliang_monitor.picture.worker import Workers
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.probing.visit import visit
from xueliang_monitor.simulator import clips
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.clips import PROFILES
from xueliang_monitor.simulator.control import control_endpoint
from xueliang_monitor.simulator.demo import IncidentPlayer
from xueliang_monitor.simulator.faults import FAULTS, Incident, SimulatedFault, _fault, _picture
from xueliang_monitor.simulator.fleet import SimulatedFleet
from xueliang_monitor.simulator.sample import sample_fleet, sample_topology
from xueliang_monitor.wire.messages import Request

Start = Callable[..., Awaitable[SimulatedFleet]]


@dataclass(frozen=True, slots=True)
class Telnet(SimulatedFault):
    """A fault that the package does not have, with a setting and a method of its own."""

    name: ClassVar[str] = "telnet"
    code: ClassVar[str] = "rtsp_malformed"
    about: ClassVar[str] = "A login prompt is sent in place of RTSP."
    incident: ClassVar[Incident | None] = Incident("somebody connects {camera} to a terminal server", 12)
    repeats: int = 1

    def apply(self, behaviour: Behaviour) -> Behaviour:
        return replace(behaviour, rtsp_reply=self._prompt)

    def _prompt(self, _request: Request) -> bytes:
        return b"login: \r\n\r\n" * self.repeats


def xueliang(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    return done.output


async def test_one_declaration_is_enough_for_a_new_fault(simulated: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "width", 200)
    fleet = await simulated(1, faults=(*FAULTS, Telnet))
    camera = fleet.cameras["cam-000"]
    async with control_endpoint(fleet, "127.0.0.1", 0) as control:
        listed = await asyncio.to_thread(xueliang, "simulate", "faults", "--control", control)
        line = next(line for line in listed.splitlines() if "telnet" in line)
        assert all(text in line for text in ("rtsp_malformed", "A login prompt is sent", "repeats"))
        command = ("simulate", "fault", "cam-000", "telnet", "--set", "repeats=3", "--control", control)
        assert "cam-000: telnet" in await asyncio.to_thread(xueliang, *command)
    assert camera.faults["telnet"] == Telnet(repeats=3)
    target = replace(camera.target, credentials=LOGIN)
    visited, _ = await visit(target, Rung.RTSP, Memory(), timeouts=PATIENT, workers=Workers(1), now=time.time())
    assert [finding.code for finding in visited.seen] == [Telnet.code]


def test_a_fault_that_changes_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="fault 'mute': Behaviour has no field 'audio'"):
        _fault("mute", "no_media", "The stream has no sound.", audio=False)


async def test_a_picture_fault_without_a_clip_is_refused_with_a_sentence(simulated: Start) -> None:
    upside_down = _picture("upside-down", "picture_moved", "The picture is upside down.")
    fleet = await simulated(1, faults=(*FAULTS, upside_down))
    camera = fleet.cameras["cam-000"]
    async with control_endpoint(fleet, "127.0.0.1", 0) as control:
        arguments = ("simulate", "fault", "cam-000", "upside-down", "--control", control)
        done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    assert done.exit_code == 2
    said = "upside-down cannot be set on cam-000: the simulator has no clip street-upside-down.h264"
    assert said in " ".join(done.output.split())
    assert camera.faults == {}


async def test_the_faults_of_an_older_simulator_are_listed() -> None:
    async def listed(_request: web.Request) -> web.Response:
        return web.json_response([{"fault": "refuse", "code": "connection_refused"}])

    application = web.Application()
    application.add_routes([web.get("/faults", listed)])
    async with TestServer(application) as server:
        output = await asyncio.to_thread(xueliang, "simulate", "faults", "--control", f"127.0.0.1:{server.port}")
    assert "connection_refused" in output


def test_an_incident_of_a_fault_is_played_by_the_demo() -> None:
    assert Telnet.incident is not None
    player = IncidentPlayer("127.0.0.1:1", rows(20), print, (*FAULTS, Telnet))
    declared = [fault.name for fault in (*FAULTS, Telnet) if fault.incident is not None]
    assert [name for name, _ in player._incidents] == declared
    text, address = player.choose(Telnet.incident, 0, 4)
    assert text == f"somebody connects {address.removeprefix('/cameras/')} to a terminal server"


def test_the_incident_of_an_uplink_takes_a_whole_line() -> None:
    incident = Incident("{uplink} fails, and the {cameras} cameras behind it", 40)
    flat = IncidentPlayer("127.0.0.1:1", rows(20), print)
    assert flat.choose(incident, 1, 0) == ("switch-1 fails, and the 8 cameras behind it", "/nodes/switch-1")
    sample, _ = spreadsheet.read(sample_fleet())
    declared = topology_files.read_file(sample_topology())
    assert declared.problems == ()
    player = IncidentPlayer("127.0.0.1:1", sample, print, declared=declared.nodes)
    said = [player.choose(incident, turn, 0) for turn in range(5)]
    assert said[0] == ("镇东线 (line-east) fails, and the 30 cameras behind it", "/nodes/line-east")
    assert len(set(said)) == 5


def test_the_end_to_end_tests_take_every_fault() -> None:
    assert {*LADDER_FAULTS, *DEVICE_FAULTS} == set(FAULTS)


def test_each_fault_has_its_own_name_a_code_of_the_catalogue_and_a_line_of_help() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.code in CATALOGUE
        assert fault.about.endswith(".")


def test_each_picture_fault_has_a_clip_of_every_profile() -> None:
    for variant in {fault.changes["variant"] for fault in FAULTS if "variant" in fault.changes}:
        for scene, codec in PROFILES:
            assert clips.load(scene, codec, variant).pictures, (scene, variant, codec)


def test_no_other_module_of_the_simulator_names_a_fault() -> None:
    names = {fault.name for fault in FAULTS}
    for file in Path(xueliang_monitor.simulator.__file__).parent.glob("*.py"):
        if file.name not in {"faults.py", "picture_faults.py"}:
            texts = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
            assert names.isdisjoint(text for text in texts if isinstance(text, str)), file


def test_an_option_before_the_command_is_refused() -> None:
    done = CliRunner().invoke(app, ["simulate", "--control", "127.0.0.1:1", "fault", "cam-000", "dome"])
    assert done.exit_code == 2
    assert "write the options of fault after it; --control before it has no effect" in done.stderr
