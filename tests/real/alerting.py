"""Prometheus and Alertmanager, run for real with the deployed files, and somebody who is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from aiohttp import web

from tests.conftest import ROOT
from tests.real.gstreamer import free_port

DEPLOY = ROOT / "deploy"
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
MISSING = [name for name in ("prometheus", "promtool", "amtool") if shutil.which(name) is None] + (
    [] if ALERTMANAGER else ["prometheus-alertmanager"]
)
ZONE = "Asia/Shanghai"
"""The time zone that both run in, so that times in it can be told from those in UTC."""

Alert = tuple[str, str, str]
"""What an alert is of: its name, its camera or uplink, its fault."""


def alert_of(labels: dict[str, str]) -> Alert:
    return labels["alertname"], labels.get("camera") or labels.get("uplink") or "", labels.get("fault", "")


@dataclass
class Told:
    """What arrived by webhook, e-mail and WeCom, and when.

    `notifications` are the calls of the webhook: the group that each is of, and whether it fires or is resolved.
    """

    firing: dict[Alert, float] = field(default_factory=dict)
    resolved: dict[Alert, float] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    wecom: list[dict[str, Any]] = field(default_factory=list)
    watchdogs: int = 0
    notifications: list[tuple[Alert, str]] = field(default_factory=list)

    async def webhook(self, request: web.Request) -> web.Response:
        called = await request.json()
        if called["groupLabels"]["alertname"] != "Watchdog":
            self.notifications.append((alert_of(called["groupLabels"]), called["status"]))
        for alert in called["alerts"]:
            of = alert_of(alert["labels"])
            if of[0] == "Watchdog":
                self.watchdogs += 1
                continue
            self.alerts.append(alert)
            (self.firing if alert["status"] == "firing" else self.resolved).setdefault(of, time.monotonic())
        return web.Response()

    async def wecom_call(self, request: web.Request) -> web.Response:
        if request.path.endswith("gettoken"):
            assert request.query["corpsecret"] == "wecom-secret-1"
            return web.json_response({"errcode": 0, "access_token": "token"})
        self.wecom.append(json.loads(await request.text()))
        return web.json_response({"errcode": 0})

    async def mail(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take mails as RFC 5321 has them sent."""
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                text = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                self.mails.append(message_from_bytes(text, policy=policy.default))  # type: ignore[arg-type]
            writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def _process(folder: Path, name: str, *command: str | Path) -> AsyncIterator[None]:
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "TZ": ZONE}
        )
        try:
            yield
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _write_prometheus(
    folder: Path, pages: tuple[str, ...], alertmanager: str, every: str | None, *, patient: bool
) -> None:
    """Copy the deployed files; only addresses and, where `every` is given, intervals are others.

    Without patience, an alert waits two seconds where it is deployed to wait minutes.
    """
    settings = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    if every:
        settings["global"] = {"scrape_interval": every, "evaluation_interval": every}
    settings["scrape_configs"][0]["static_configs"][0]["targets"] = list(pages)
    settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(settings))
    for rules in (DEPLOY / "prometheus").glob("*.rules.yml"):
        text = rules.read_text().replace("interval: 1m", f"interval: {every or '1m'}")
        (folder / rules.name).write_text(
            text if patient else re.sub(r"\b(for|keep_firing_for): \d+[ms]", r"\1: 2s", text)
        )


def _write_alertmanager(folder: Path, told: int, mail: int, *, short: bool) -> None:
    settings = (DEPLOY / "alertmanager/alertmanager.yml").read_text()
    settings = settings.replace("127.0.0.1:9099", f"127.0.0.1:{told}").replace("localhost:25", f"127.0.0.1:{mail}")
    settings = settings.replace("@WECOM_SECRET@", "wecom-secret-1")
    settings = settings.replace("global:\n", f"global:\n  wechat_api_url: http://127.0.0.1:{told}/wecom/\n", 1)
    settings = settings.replace("group_wait: 10s", "group_wait: 1s")
    if short:
        settings = settings.replace("group_interval: 1m", "group_interval: 2s")
    (folder / "alertmanager.yml").write_text(settings)
    shutil.copy(DEPLOY / "alertmanager/xueliang.tmpl", folder)


class Running(NamedTuple):
    """Who is told, and the addresses of both."""

    told: Told
    prometheus: str
    alertmanager: str


@contextlib.asynccontextmanager
async def alerting(folder: Path, *pages: str, every: str | None, patient: bool = True) -> AsyncIterator[Running]:
    """Run both over the daemons at `pages`."""
    told = Told()
    app = web.Application()
    app.router.add_post("/{receiver:on-call|control-room|watchdog}", told.webhook)
    app.router.add_route("*", "/wecom/{call:.*}", told.wecom_call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    mails = await asyncio.start_server(told.mail, "127.0.0.1", 0)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        prometheus, alertmanager = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        targets = tuple(page.removeprefix("http://") for page in pages)
        _write_prometheus(folder, targets, alertmanager, every, patient=patient)
        _write_alertmanager(folder, runner.addresses[0][1], mails.sockets[0].getsockname()[1], short=bool(every))
        assert ALERTMANAGER is not None
        async with (
            _process(
                folder, "alertmanager", ALERTMANAGER, "--config.file=alertmanager.yml",
                f"--storage.path={folder / 'alertmanager'}", f"--web.listen-address={alertmanager}",
                "--cluster.listen-address=",
            ),
            _process(
                folder, "prometheus", "prometheus", "--config.file=prometheus.yml",
                f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={prometheus}",
                f"--rules.alert.resend-delay={'5s' if every else '1m'}",
            ),
        ):  # fmt: skip
            yield Running(told, f"http://{prometheus}", f"http://{alertmanager}")
    finally:
        mails.close()
        await runner.cleanup()


def metrics_in(expression: str) -> set[str]:
    """Return the names of this project's metrics and recording rules in an expression."""
    return set(re.findall(r"\bxueliang[_:][a-z_:]+", expression))
