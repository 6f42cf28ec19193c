"""A secret that hostile devices send back in every spelling appears nowhere: commands, pages, metrics, log, files."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import re
import signal
import sqlite3
import sys
import time
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import click
import psutil
import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests import echo_device
from tests.conftest import rows
from tests.echo_device import FORBIDDEN, LOGIN, RTSP_KINDS, SPELLINGS, EchoDevice
from tests.real.gstreamer import free_port
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.cli import app
from xueliang_monitor.storage.history import FILE
from xueliang_monitor.web.application import _routes
from xueliang_monitor.web.pages import PAGES

LEAST_SURFACES = 145
LEAST_SPELLINGS_OF_A_DEVICE = 8
STREAM_SECONDS = 2.0
SETTINGS = (
    "intervals: {reach: 1s, rtsp: 1s, stream: 1s, picture: 2s, onvif: 1s}\nrechecks: {reach: 1s, picture: 1s}\n"
    "timeouts: {rtsp: 10s, onvif: 10s}\nconfirm: {reach: 1, rtsp: 1, stream: 1, onvif: 1}\n"
)
NOT_READ = {"/static/{name}", "/docs/{path:.*}", "/cameras/{camera}/evidence/{file}"}
"""Routes whose content does not depend on a camera; evidence needs a picture, which these devices never send."""

SKIPPED = {
    ("run",): "runs beside the test",
    ("demo",): "has cameras and a password of its own",
    ("relay",): "talks to no device; tests/relay looks for its secrets",
    ("alert", "test"): "talks to no device; tests/relay looks for its secrets",
    ("picture", "judge"): "reads pictures in files",
    ("picture", "score"): "reads judged pictures",
    ("config", "hash-password"): "reads a terminal",
    ("camera", "edit"): "runs an editor",
    ("camera", "remove"): "asks on a terminal",
    ("simulate",): "serves simulated cameras",
    ("simulate", "fault"): "talks to simulated cameras",
    ("simulate", "faults"): "lists simulated faults",
    ("simulate", "list"): "talks to simulated cameras",
    ("simulate", "nodes"): "lists what simulated cameras hang on",
    ("simulate", "node-fault"): "talks to simulated cameras",
}


class Canary:
    """An installation with one device of each kind, and every text that was seen of it."""

    def __init__(self, folder: Path, devices: dict[str, EchoDevice]) -> None:
        self.folder, self.devices = folder, devices
        self.cameras = folder / "cameras.d"
        self.settings, self.log = folder / "xueliang.yaml", folder / "log"
        self.page = f"127.0.0.1:{free_port()}"
        self.environment = {**os.environ, "CANARY": LOGIN.password, "JOURNAL_STREAM": "1:1", "COLUMNS": "1000"}
        self.seen: dict[str, str] = {}
        self.cameras.mkdir()
        self.write_settings("logfmt")
        for name, device in devices.items():
            (self.cameras / f"{name}.yaml").write_text(yaml.safe_dump(self.camera_file(device)))

    def write_settings(self, log: str) -> None:
        self.settings.write_text(
            f"listen: {self.page}\nlog: {log}\n{SETTINGS}"
            "credentials: {district: {username: viewer, password_env: CANARY}}\n"
        )

    def camera_file(self, device: EchoDevice) -> dict[str, object]:
        return {
            "site": "S",
            "address": device.host,
            "rtsp_port": device.rtsp_port,
            "rtsp_path": "/live/{password}/user={username}&password={password}",
            "onvif": "http",
            "onvif_port": device.onvif_port,
            "credentials": "district",
        }

    @contextlib.asynccontextmanager
    async def daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        with self.log.open("w") as stream:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "xueliang_monitor", "run", "--config", str(self.settings),
                env=self.environment, stderr=stream,
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def read_routes(self, *, live: bool = True) -> None:
        """Read every page, every route of the API, the metrics, and some seconds of every live stream."""
        async with aiohttp.ClientSession(f"http://{self.page}") as session:
            paths = [
                re.sub(r"\{number:.*\}$", "1", route.path).replace("{camera}", name)
                for route in _routes(PAGES)
                if route.method == "GET" and route.path not in NOT_READ and (live or not route.path.endswith("/live"))
                for name in (self.devices if "{camera}" in route.path else [""])
            ]
            assert not any("{" in path for path in paths)
            month = time.strftime("%Y-%m", time.gmtime())
            paths += [f"/report?month={month}&format={form}" for form in ("csv", "xlsx")]
            paths += ["/?lang=zh", "/events?lang=zh"]
            texts = await asyncio.gather(*(self._read(session, path) for path in paths))
            self.seen |= {f"GET {path}": text for path, text in zip(paths, texts, strict=True)}

    @staticmethod
    async def _read(session: aiohttp.ClientSession, path: str) -> str:
        received = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAM_SECONDS if "live" in path else AT_MOST_SECONDS):
                async with session.get(path) as response:
                    assert response.status < 500, path
                    received += f"{response.url} {dict(response.headers)}\n".encode()
                    async for chunk in response.content.iter_any():
                        received += chunk
        return received.decode("utf-8", "replace")

    async def run(self, *arguments: str) -> None:
        """Run a command in this process, as its start takes seconds; its devices are served meanwhile."""
        result = await asyncio.to_thread(
            CliRunner().invoke, app, arguments, env={"CANARY": LOGIN.password, "COLUMNS": "1000", "NO_COLOR": "1",
                                                     "XUELIANG_CONFIG": str(self.settings)},
        )  # fmt: skip
        assert result.exception is None or isinstance(result.exception, SystemExit), arguments
        assert result.exit_code in (0, 1), (arguments, result.output)
        self.seen["xueliang " + " ".join(word for word in arguments if "@" not in word)] = result.output + result.stderr

    def read_files(self) -> None:
        """Read every file of the installation, every row of the database, and every part of a workbook."""
        for file in self.folder.rglob("*"):
            if not file.is_file() or file == self.settings:
                continue
            self.seen[f"file {file.name}"] = file.read_bytes().decode("utf-8", "replace")
            if file.suffix == ".xlsx":
                with zipfile.ZipFile(file) as book:
                    self.seen |= {f"{file.name} {name}": book.read(name).decode() for name in book.namelist()}
        with contextlib.closing(sqlite3.connect(next(self.folder.rglob(FILE)))) as database:
            self.seen["database"] = "\n".join(database.iterdump())

    def read_processes(self, daemon: int) -> None:
        own = psutil.Process(daemon)
        for process in (own, *own.children(recursive=True)):
            self.seen[f"process {process.pid}"] = " ".join(process.cmdline())


@pytest.fixture
async def canary(tmp_path: Path) -> AsyncIterator[Canary]:
    async with contextlib.AsyncExitStack() as stack:
        devices = {}
        for row, kind in zip(rows(len(RTSP_KINDS)), RTSP_KINDS, strict=True):
            devices[kind] = await stack.enter_async_context(EchoDevice(row.data.address, kind).running())
        yield Canary(tmp_path, devices)


def _commands(canary: Canary, folder: Path) -> list[tuple[str, ...]]:
    """Return every command to run, with its arguments; fails if a command is neither run nor skipped."""
    setup, month = canary.devices["setup"], time.strftime("%Y-%m", time.gmtime())
    url = f"rtsp://{LOGIN.username}:{quote(LOGIN.password, safe='')}@{setup.host}:{setup.rtsp_port}/live"
    sheet = folder / "fleet.csv"
    with sheet.open("w", newline="", encoding="utf-8") as stream:
        data = {**canary.camera_file(canary.devices["reason"]), "id": "imported", "rtsp_path": "/{password}"}
        del data["onvif"]
        writer = csv.DictWriter(stream, list(data))
        writer.writeheader()
        writer.writerow(data)
    chosen: list[tuple[str, ...]] = [
        ("check", "setup", "--json"),
        ("check", "redirection"),
        ("check", url, "--json"),
        ("capture", url),
        *(("capture", name) for name in canary.devices),
        ("discover", "--subnet", f"{setup.host}/32", "--timeout", "0.3"),
        ("discover", "--subnet", f"{setup.host}/32", "--timeout", "0.3", "--json"),
        ("events",),
        ("events", "--json"),
        ("faults",),
        ("report", month),
        *(
            ("report", month, "--format", form, "--output", str(folder / f"r.{form}"))
            for form in ("csv", "xlsx", "html")
        ),
        ("camera", "add", setup.host, "--onvif-port", str(setup.onvif_port), "--rtsp-port", str(setup.rtsp_port + 1),
         "--site", "S", "--id", "added", "--credentials", "district", "--as", "commissioning"),
        ("camera", "list"),
        ("camera", "list", "--json"),
        *(("camera", "show", name) for name in canary.devices),
        ("camera", "show", "setup", "--json"),
        ("camera", "check", "setup"),
        ("camera", "accept-change", "setup", "reason", "redirection", "codec"),
        ("camera", "import", str(sheet), "--check"),
        ("camera", "export", str(folder / "exported.csv")),
        ("camera", "export", str(folder / "exported.xlsx"), "--chinese"),
        ("camera", "retire", "length"),
        ("config", "check"),
        ("maintenance", "start", "--camera", "header", "--for", "1h"),
        ("maintenance", "list", "--all"),
        ("maintenance", "stop", "1"),
        ("picture", "history", "setup"),
        ("picture", "evidence"),
        ("picture", "relearn", "setup"),
        ("uplink", "list"),
        ("uplink", "list", "--json"),
        ("uplink", "show", "S"),
        ("uplink", "show", "S", "--json"),
    ]  # fmt: skip
    missing = {path for path in _leaves(typer.main.get_command(app)) if path not in SKIPPED} - {
        command[: len(path)] for command in chosen for path in [command[:1], command[:2]]
    }
    assert missing == set()
    return chosen


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    children = getattr(command, "commands", {})
    return [leaf for name, child in children.items() for leaf in _leaves(child, (*path, name))] if children else [path]


async def test_a_secret_that_devices_send_back_appears_nowhere(canary: Canary) -> None:
    assert len(SPELLINGS) >= 15
    async with canary.daemon() as daemon:

        def enough_was_sent() -> bool:
            sent = [device.sent.keys() for device in canary.devices.values()]
            return set().union(*sent) == SPELLINGS.keys() and min(map(len, sent)) >= LEAST_SPELLINGS_OF_A_DEVICE

        await until(enough_was_sent, what=lambda: {name: len(it.sent) for name, it in canary.devices.items()})
        await canary.read_routes()
        canary.read_processes(daemon.pid)
        canary.write_settings("json")
        daemon.send_signal(signal.SIGHUP)
        for device in canary.devices.values():
            device.kind = "reason" if device.kind != "reason" else "redirection"
        await until(lambda: '<4>{"event"' in canary.log.read_text() or '<3>{"event"' in canary.log.read_text())
        exported = canary.folder / "exports"
        exported.mkdir()
        for command in _commands(canary, exported):
            await canary.run(*command)
        await canary.read_routes(live=False)
    assert daemon.returncode == 0
    canary.read_files()
    hits = [name for name, text in canary.seen.items() if echo_device.tells(text)]
    shown = {name: text for name, text in canary.seen.items() if not name.startswith("file ") or name == "file log"}
    forged = [name for name, text in shown.items() if "xlsx" not in name and FORBIDDEN & set(text)]
    print(f"{len(canary.seen)} surfaces, {sum(map(len, canary.seen.values()))} characters, {len(SPELLINGS)} spellings")
    assert hits == []
    assert forged == []
    assert not re.search(r"^(?:<\d>)?\s*event=forged", canary.seen["file log"], re.MULTILINE)
    assert all(re.match(r"<\d>", line) for line in canary.seen["file log"].splitlines())
    assert len(canary.seen) >= LEAST_SURFACES
    assert any(json.dumps("***") in text or "***" in text for text in canary.seen.values())
