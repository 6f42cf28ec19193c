"""An acknowledgement silences the alerts of its problem and no others, in the real Alertmanager."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.notification.fleet import Site
from tests.notification.test_webhooks import FAULT, OUTAGE
from tests.real.alerting import MISSING, alerting
from tests.waiting import until
from tests.web.served import served
from xueliang_monitor.notification import alertmanager
from xueliang_monitor.storage.outbox import Outbox

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)"),
]

WANTED = {("CameraOffline", "cam-1"), ("CameraOffline", "cam-3"), ("ClockDrift", "cam-2")}


async def states(session: aiohttp.ClientSession, address: str) -> dict[tuple[str, str], str]:
    """Return whether each alert of a camera is active or suppressed."""
    try:
        async with session.get(f"{address}/api/v2/alerts") as answer:
            found = await answer.json()
    except aiohttp.ClientConnectorError:  # it still starts
        return {}
    alerts = ((each["labels"], each["status"]["state"]) for each in found)
    return {(labels["alertname"], labels["camera"]): state for labels, state in alerts if "camera" in labels}


async def test_an_acknowledgement_silences_exactly_the_alerts_of_its_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alertmanager, "TURN_SECONDS", 0.2)
    site = Site(tmp_path, "")
    site.lose("cam-3")
    (tmp_path / "programs").mkdir()
    async with (
        served(tmp_path, fleet=site.fleet) as page,
        alerting(tmp_path / "programs", str(page._base_url), every="1s", patient=False) as running,
        aiohttp.ClientSession() as session,
    ):
        site.set(f"alertmanager_url: {running.alertmanager}\n")

        def become(state: str, *silent: tuple[str, str]) -> Callable[[], Awaitable[bool]]:
            async def are() -> bool:
                found = await states(session, running.alertmanager)
                return found.keys() >= WANTED and {key for key in WANTED if found[key] == state} == set(silent)

            return are

        await until(become("suppressed"))
        async with site.alertmanager():
            site.acknowledge(OUTAGE)
            await until(become("suppressed", ("CameraOffline", "cam-1")))
            site.acknowledge(FAULT, note="battery")
            await until(become("suppressed", ("CameraOffline", "cam-1"), ("ClockDrift", "cam-2")))
            site.release(OUTAGE)
            await until(become("suppressed", ("ClockDrift", "cam-2")))
        (placed,) = Outbox(tmp_path / "state").silences().values()
        async with session.get(f"{running.alertmanager}/api/v2/silence/{placed.silence}") as answer:
            silence = json.loads(await answer.text())
        assert silence["createdBy"] == "li"
        assert silence["comment"].startswith("battery")
        site.release(FAULT)
        async with site.alertmanager():  # another run lifts what the first one placed
            await until(become("suppressed"))
            await until(lambda: Outbox(tmp_path / "state").silences() == {})
