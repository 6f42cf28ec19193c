"""A line with two switches and a recorder dies and comes back: one event, from the files to the commands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import yaml
from typer.testing import CliRunner

from tests.conftest import LOGIN, rows
from tests.waiting import until
from xueliang_monitor.cli import app
from xueliang_monitor.configuration import camera_file, topology_files
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.judgement.transition import Transition, TransitionKind
from xueliang_monitor.model import State
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet

SETTINGS = (
    "listen: 127.0.0.1:0\nintervals: {reach: 1s, rtsp: 2s, stream: 1h, picture: 1h}\nrechecks: {reach: 1s}\n"
    "credentials: {district: {username: viewer, password_file: password}}\n"
)


def written(folder: Path) -> tuple[Row, ...]:
    """Write an installation: three cameras at a switch, three channels of a recorder at another, one camera apart."""
    found = list(rows(5))
    for number, row in enumerate(found):
        uplink = "sw1" if number < 3 else "sw2" if number == 3 else "apart"
        found[number] = Row(row.id, row.data.model_copy(update={"uplink": uplink}))
    nvr = found.pop(3).data
    found += [Row(f"ch-{number}", nvr.model_copy(update={"rtsp_path": f"/ch/{number}"})) for number in (1, 2, 3)]
    (folder / "cameras.d").mkdir()
    for row in found:
        camera_file.write(folder / "cameras.d", row.id, row.data)
    nodes = {
        "line": {"name": "镇东线"},
        "sw1": {"uplink": "line"},
        "sw2": {"uplink": "line"},
        "nvr": {"uplink": "sw2", "address": nvr.address, "sessions": 3},
    }
    (folder / "uplinks.yaml").write_text(yaml.safe_dump(nodes, allow_unicode=True), encoding="utf-8")
    (folder / "password").touch(0o600)
    (folder / "password").write_text(LOGIN.password, encoding="utf-8")
    (folder / "xueliang.yaml").write_text(f"state: {folder / 'state'}\n{SETTINGS}", encoding="utf-8")
    return tuple(found)


async def test_a_dead_line_is_one_event(tmp_path: Path) -> None:
    found = written(tmp_path)
    fleet = SimulatedFleet(found, LOGIN, declared=topology_files.load(tmp_path).nodes)
    monitor = Monitor(tmp_path / "xueliang.yaml")
    seen: list[Transition] = []
    monitor.fleet.watch(lambda items: seen.extend(item for item in items if item.kind is not TransitionKind.STATE))

    def states() -> dict[str, State]:
        return {entry.camera.id: status.state for entry, status in monitor.fleet.snapshot().entries}

    async def tree() -> dict[str, tuple[str, str]]:
        command = ["uplink", "list", "--json", "-c", str(tmp_path / "xueliang.yaml")]
        done = await asyncio.to_thread(CliRunner().invoke, app, command)
        return {row["uplink"]: (row["state"], row["behind"]) for row in json.loads(done.output)}

    async with fleet.running(), monitor.running():
        await until(lambda: set(states().values()) == {State.UP}, what=states)
        await fleet.nodes.set_fault("line", BY_NAME["black-hole"](), 2.0)
        await until(lambda: any(each.down for each in monitor.fleet.uplinks), what=lambda: seen)
        below = set(monitor.fleet.topology.below("line"))
        await until(lambda: {states()[name] for name in below} == {State.UNKNOWN}, what=states)
        assert [each.name for each in monitor.fleet.uplinks if each.down] == ["line"]
        assert await tree() == {
            "line": ("down", ""), "sw1": ("unknown", "line"), "sw2": ("unknown", "line"), "nvr": ("unknown", "line"),
            "apart": ("up", ""),
        }  # fmt: skip
        await fleet.nodes.clear_fault("line")
        await until(lambda: set(states().values()) == {State.UP}, what=states)
        await until(lambda: not any(each.down for each in monitor.fleet.uplinks))
    kinds = [(item.kind, item.code) for item in seen if item.uplink == "line" and not item.camera]
    assert kinds.count((TransitionKind.RAISED, "uplink_down")) == 1
    assert kinds[-1] == (TransitionKind.CLEARED, "uplink_down")
    assert monitor.fleet.open_transitions() == ()
