"""Two monitors of different versions with cameras of the same names: as cases for promtool, and running."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.simulated_time import camera, visited
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.configuration import settings as config
from xueliang_monitor.configuration.strict_yaml import Problem
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.model import Finding, Rung, RungResult, VisitResult
from xueliang_monitor.probing.memory import Memory
from xueliang_monitor.storage.history import History
from xueliang_monitor.web.server import Server

OTHERS = (
    ("http://monitor:9147", "http://other:9147"),
    ("m:9147", "n:9147"),
    (',cause="C"', ',cause="C of another version"'),
)
"""What the second monitor says otherwise."""

ONE_FOR_ALL = {"MonitorAbsent", "Watchdog"}
"""Alerts that are of no monitor."""


def _of_the_other(text: str) -> str:
    for own, other in OTHERS:
        text = text.replace(own, other)
    return text


def _both(alert: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield alert
    other = {kind: {name: _of_the_other(text) for name, text in values.items()} for kind, values in alert.items()}
    annotations = other.get("exp_annotations", {})
    if annotations.get("cause") == "C":
        annotations["cause"] = "C of another version"
    yield other


def with_two_monitors(cases: dict[str, Any]) -> dict[str, Any]:
    """Return promtool's cases with every series and every expected alert twice, once for each monitor."""
    made = []
    for case in cases["tests"]:
        series = [
            {**each, "series": name}
            for each in case["input_series"]
            for name in dict.fromkeys((each["series"], _of_the_other(each["series"])))
        ]
        rules = [
            {**rule, "exp_alerts": [
                one for alert in rule["exp_alerts"]
                for one in ([alert] if rule["alertname"] in ONE_FOR_ALL else _both(alert))
            ]}
            for rule in case.get("alert_rule_test", ())
        ]  # fmt: skip
        samples = [
            {**each, "exp_samples": [{**sample, "value": 2 * sample["value"]} for sample in each["exp_samples"]]}
            for each in case.get("promql_expr_test", ())
        ]
        made.append({**case, "input_series": series, "alert_rule_test": rules, "promql_expr_test": samples})
    return {**cases, "tests": made}


@dataclass(frozen=True)
class Made:
    """A monitor of made-up cameras behind the real page; Prometheus reads it at `scraped`, people at `page`."""

    fleet: Fleet
    page: str
    scraped: str
    runner: web.AppRunner

    async def read(self, path: str) -> str:
        """Return what the page answers."""
        async with aiohttp.ClientSession() as session, session.get(self.page + path) as response:
            assert response.status == 200, path
            return await response.text()

    def lose(self, *names: str) -> None:
        """Let cameras be found offline, while others answer: no camera is blamed before they were asked."""
        for _ in range(4):
            for name in names:
                self._see(name, "connect_timeout", Rung.REACH, online=False)
            self.find(*(name for name in WELL if name not in names))

    def fault(self, name: str, code: str, rung: Rung) -> None:
        """Let a fault of a camera be confirmed that is online."""
        for _ in range(2):
            self._see(name, code, rung, online=True)

    def find(self, *names: str) -> None:
        """Let cameras be found well."""
        for name in names:
            self.fleet.apply(visited(name, self.fleet.now, None, Rung.RTSP), Memory(), 0.0)

    def _see(self, name: str, code: str, rung: Rung, *, online: bool) -> None:
        failed = RungResult(rung, False, 0.1, code, "why")
        rungs = (*REACHED, failed) if online else (failed,)
        found = VisitResult(name, self.fleet.now, rungs, (Finding(code, "why", rung),), online=online)
        self.fleet.apply(found, Memory(), 0.0)


REACHED = tuple(RungResult(rung, True, 0.01) for rung in (Rung.REACH, Rung.RTSP))
SWITCH = 'switch "1 & 2"'
BEHIND = tuple(f"behind-{number}" for number in range(4))
RECORDER = "192.0.2.9"
CHANNELS = tuple(f"channel-{number}" for number in range(2))
WELL = ("well.1", "well_2", "well-3")
COVERED = ("covered-1", "covered-2", "covered-3")
NAMES = ("lost", "drifting", "new", "later", *COVERED, *WELL, *BEHIND, *CHANNELS)


def _of_old(line: str) -> str:
    """Return a line of the metrics as an older version says it, if it does."""
    if line.startswith("xueliang_fault_info{"):
        return line.replace('cause="', 'cause="Of old: ')
    newer = ("xueliang_unknown_cause_info", "xueliang_uplink_cameras")
    return "" if any(name in line for name in newer) else line


@contextlib.asynccontextmanager
async def _monitor(folder: Path, more: str, *, older: bool) -> AsyncIterator[Made]:
    """Run one; the `older` says some things in other words, and does not say others."""
    cameras = tuple(
        camera(name, SWITCH if name in BEHIND else name, "柳林 & Farm", host=RECORDER if name in CHANNELS else "")
        for name in NAMES
    )
    fleet = Fleet(SystemClock(), Policy(stale_after=3600.0), cameras)
    fleet.availability = {"lost": {"1d": 0.5}}
    fleet.monitor.history.ok = fleet.monitor.reload.succeeded = False
    fleet.monitor.loop_lag_seconds = 2.0
    fleet.monitor.reload.problems = (Problem(Path("broken.yaml"), "", "not YAML"),)
    folder.mkdir()
    (folder / "xueliang.yaml").write_text(f"listen: 127.0.0.1:0\n{more}\n")
    settings = config.load(folder / "xueliang.yaml")[0]
    settings.state.mkdir()
    History(settings.state).close()

    async def metrics(_request: web.Request) -> web.Response:
        text = render(fleet.snapshot(), "")[0].decode()
        return web.Response(text="".join(map(_of_old, text.splitlines(keepends=True))) if older else text)

    scraped = web.Application()
    scraped.router.add_get("/metrics", metrics)
    runner = web.AppRunner(scraped, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with Server(fleet, settings, folder).serving("127.0.0.1", 0) as page:
            fleet.monitor.certificate_ends_at = fleet.now + 86_400
            made = Made(fleet, page, f"127.0.0.1:{runner.addresses[0][1]}", runner)
            made.find(*(name for name in NAMES if name != "new"))
            made.lose("lost", *BEHIND, *CHANNELS)
            for name in COVERED:
                made.fault(name, "picture_covered", Rung.PICTURE)
            made.fault("drifting", "clock_drift", Rung.ONVIF)
            yield made
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def two_monitors(folder: Path, more: str = "") -> AsyncIterator[tuple[Made, Made]]:
    """Run two of different versions over cameras of the same names, with the same troubles."""
    async with (
        _monitor(folder / "one", more, older=False) as one,
        _monitor(folder / "other", more, older=True) as other,
    ):
        yield one, other
