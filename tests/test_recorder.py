"""A recorder with many channels that hangs, dies, refuses sessions and returns, seen by the daemon."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOGIN
from tests.loopback import own_address
from tests.recorder import Condition, Recorder
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.model import VisitResult

pytestmark = pytest.mark.timed

CHANNELS = 70
SETTINGS = (
    "listen: 127.0.0.1:0\nvisits_at_once: 8\n"
    "intervals: {reach: 3s, rtsp: 3s, stream: 60s, picture: 1h}\nrechecks: {reach: 1s}\n"
    "stream_listen: 0s\n"
    "credentials:\n  district: {username: viewer, password_file: district.password}\n"
)
_hosts = itertools.count(1)


class Seen:
    """What the daemon's visits found: by channel the results in a row, and all codes."""

    def __init__(self) -> None:
        self.offline: Counter[str] = Counter()
        self.online: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.details: set[str] = set()
        self.visits: Counter[str] = Counter()

    def take(self, visited: VisitResult) -> None:
        name = visited.camera
        self.visits[name] += 1
        self.codes.update(finding.code for finding in visited.seen)
        self.details.update(finding.detail for finding in visited.seen)
        if visited.online is False:
            self.offline[name], self.online[name] = self.offline[name] + 1, 0
        elif visited.online:
            self.offline[name], self.online[name] = 0, self.online[name] + 1

    def lost(self) -> bool:
        return sum(times >= 3 for times in self.offline.values()) == CHANNELS

    def back(self) -> bool:
        return sum(times >= 2 for times in self.online.values()) == CHANNELS


@contextlib.asynccontextmanager
async def recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settings: str = SETTINGS, channels: int = CHANNELS
) -> AsyncIterator[tuple[Recorder, Seen, Monitor]]:
    address = own_address(201, next(_hosts))
    (folder / "cameras.d").mkdir()
    (folder / "xueliang.yaml").write_text(settings)
    password = folder / "district.password"
    password.touch(0o600)
    password.write_text(LOGIN.password)
    seen, apply = Seen(), Fleet.apply

    def recorded(fleet: Fleet, visited: VisitResult, memory: object, lateness: float, **more: Any) -> object:
        seen.take(visited)
        return apply(fleet, visited, memory, lateness, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Fleet, "apply", recorded)
    async with Recorder(address, 8554, channels, LOGIN).running() as recorder:
        for target in recorder.targets:
            (folder / "cameras.d" / f"ch-{target.path[3:]}.yaml").write_text(
                f"site: S\naddress: {address}\nrtsp_port: 8554\nrtsp_path: {target.path}\nonvif: none\n"
                "credentials: district\n"
            )
        monitor = Monitor(folder / "xueliang.yaml")
        async with monitor.running():
            yield recorder, seen, monitor


async def test_all_channels_are_seen_lost_and_back_with_few_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorded(tmp_path, monkeypatch) as (recorder, seen, _):
        await until(seen.back)
        assert recorder.most_connections <= 4
        for condition, code in ((Condition.HUNG, "rtsp_timeout"), (Condition.DEAD, "connect_timeout")):
            before, accepted = seen.codes[code], recorder.accepted
            await recorder.become(condition)
            await until(seen.lost, 2 * AT_MOST_SECONDS)
            assert seen.codes[code] - before >= 2 * CHANNELS
            # Each channel is asked itself, and perhaps again after a minute. Without sharing it would be three times.
            assert recorder.accepted - accepted <= 2 * CHANNELS, "the channels share what they found"
            await recorder.become(Condition.HEALTHY)
            await until(seen.back, 2 * AT_MOST_SECONDS)
        assert recorder.most_connections <= 4


async def test_a_recorder_that_takes_two_sessions_is_learned_without_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS.replace("stream: 60s", "stream: 3s").replace("stream_listen: 0s", "stream_listen: 500ms")
    async with recorded(tmp_path, monkeypatch, settings, channels=12) as (recorder, seen, monitor):
        recorder.sessions.most = 2
        await until(lambda: recorder.sessions.refused > 0)
        queue = monitor._turns.queue(recorder.targets[0])
        await until(lambda: queue.sessions == 2)
        refused, visits = recorder.sessions.refused, seen.visits.total()
        await until(lambda: seen.visits.total() > visits + 24)
        assert recorder.sessions.refused <= refused + 2
        assert "session_limit" not in seen.codes
        recorder.sessions.most = 0
        await until(lambda: seen.codes["session_limit"] > 0)
        assert queue.sessions == 1
