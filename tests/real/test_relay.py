"""A real Alertmanager with the deployed routes calls the relay, which tells a stand-in of DingTalk each alert once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.real.alerting import ALERTMANAGER, DEPLOY
from tests.real.gstreamer import free_port
from tests.relay.calls import told
from tests.relay.stand_ins import DINGTALK_SECRET, robots
from tests.waiting import until
from xueliang_monitor.relay.queue import Pace
from xueliang_monitor.relay.server import Service
from xueliang_monitor.relay.settings import Receiver, Relay
from xueliang_monitor.time_format import iso_utc

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(ALERTMANAGER is None, reason="not installed: prometheus-alertmanager (Debian package)"),
]
QUICK = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1s"}


def _written(folder: Path, relay: str) -> Path:
    """Write the deployed configuration with the relay's address, the shortest times, and webhooks alone."""
    settings = yaml.safe_load(
        (DEPLOY / "alertmanager/alertmanager.yml").read_text().replace("http://127.0.0.1:9099", relay)
    )
    for receiver in settings["receivers"]:
        for kind in ("wechat_configs", "email_configs"):
            receiver.pop(kind, None)
    settings["templates"] = []
    settings["route"] |= QUICK
    for route in settings["route"]["routes"]:
        route.update({name: value for name, value in QUICK.items() if name in route})
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(settings, allow_unicode=True))
    return file


@contextlib.asynccontextmanager
async def _alertmanager(folder: Path, file: Path) -> AsyncIterator[str]:
    port = free_port()
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(ALERTMANAGER),
            f"--config.file={file}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def test_an_alert_and_its_end_are_told_once(tmp_path: Path) -> None:
    async with robots() as stand_ins, aiohttp.ClientSession() as session:
        receiver = Receiver(
            "on-call", "dingtalk", "zh", Pace(0.0, 1000), url=stand_ins.address("dingtalk"), secret=DINGTALK_SECRET
        )
        calls, began = 0, time.time() - 600

        class Counted(Service):
            async def _take(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
                nonlocal calls
                calls += 1
                return await super()._take(request)

        others = [dataclasses.replace(receiver, name=name) for name in ("control-room", "watchdog")]
        relay = Relay("127.0.0.1", 0, tmp_path / "state", {each.name: each for each in (receiver, *others)})
        async with (
            Counted(relay).serving() as address,
            _alertmanager(tmp_path, _written(tmp_path, address)) as alertmanager,
        ):

            async def posted(*, over: bool) -> bool:
                alert = {key: value for key, value in told().items() if key in ("labels", "annotations")}
                alert["startsAt"] = iso_utc(began)
                if over:
                    alert["endsAt"] = iso_utc(time.time() - 1)
                with contextlib.suppress(aiohttp.ClientConnectionError):
                    async with session.post(f"{alertmanager}/api/v2/alerts", json=[alert]) as answer:
                        return answer.status == 200
                return False

            await until(lambda: posted(over=False))
            await until(lambda: calls >= 3, what="Alertmanager does not repeat")
            assert len(stand_ins.dingtalk) == 1
            await until(lambda: posted(over=True))
            await until(lambda: len(stand_ins.dingtalk) == 2)
    first, second = (said["markdown"] for said in stand_ins.dingtalk)
    assert first["title"].startswith("［告警］ 大门 1")
    assert second["title"].startswith("［恢复］ 大门 1")
    assert stand_ins.refused == []
