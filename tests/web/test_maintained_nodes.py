"""Maintenance of a node from the page: any node of the topology, and every camera below it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.simulated_time import camera
from tests.web.served import served
from tests.web.test_strangers import LOGGED_IN, NAMED
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.judgement.maintenance import WindowKind
from xueliang_monitor.model import State
from xueliang_monitor.topology import Node, NodeKind

NODES = (Node("line"), Node("sw1", "line"), Node("nvr", "sw1", NodeKind.HOST, address="a.example"))


async def test_a_node_is_maintained_from_the_page(tmp_path: Path) -> None:
    cameras = (camera("a", "sw1"), camera("b", "sw1"), camera("c", site="village"))
    fleet = Fleet(SystemClock(), Policy({}, frozenset()), cameras, nodes=NODES)
    (tmp_path / "state").mkdir()
    async with served(tmp_path, NAMED, fleet=fleet) as session:
        async with session.get("/sites", headers=LOGGED_IN) as answer:
            found = re.search(r'name="token" value="([0-9a-f]+)"', await answer.text())
        assert found is not None

        async def start(kind: str, name: str) -> int:
            form = {"kind": kind, "name": name, "for": "2h", "reason": "fibre", "token": found[1]}
            sent = session.post("/maintenance/start", data=form, headers=LOGGED_IN, allow_redirects=False)
            async with sent as given:
                return given.status

        for kind, name in (("uplink", "nowhere"), ("camera", "line"), ("site", "sw1")):
            assert await start(kind, name) == 400
        assert await start("uplink", "nvr") == 303
        states = {entry.camera.id: status.state for entry, status in fleet.snapshot().entries}
        assert states == {"a": State.MAINTENANCE, "b": State.UNKNOWN, "c": State.UNKNOWN}
        assert await start("uplink", "line") == 303
        states = {entry.camera.id: status.state for entry, status in fleet.snapshot().entries}
        assert states == {"a": State.MAINTENANCE, "b": State.MAINTENANCE, "c": State.UNKNOWN}
    assert {window.kind for window in fleet.windows} == {WindowKind.UPLINK}
