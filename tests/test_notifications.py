"""The daemon tells others of problems by its settings, and its page says how that goes."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

from tests.notification.receiver import SECRET
from tests.real.gstreamer import free_port
from tests.recording import hurry
from tests.test_settings_reload import Place, running
from tests.waiting import until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    hurry(monkeypatch)
    return Place(tmp_path)


async def about(address: str, language: str) -> str:
    async with (
        aiohttp.ClientSession(headers={"Accept-Language": language}) as session,
        session.get(f"{address}/about") as response,
    ):
        return re.sub("<[^>]+>", " ", await response.text())


async def test_the_page_tells_of_a_dead_alertmanager_and_hides_addresses_of_webhooks(place: Place) -> None:
    async with running(place) as (monitor, address):
        assert "Alertmanager" not in await about(address, "en")
        (place.file.parent / "tickets").write_text(SECRET)
        (place.file.parent / "tickets").chmod(0o600)
        place.set(
            f"alertmanager_url: http://127.0.0.1:{free_port()}\n"
            'webhooks: {tickets: {url: "https://tickets.example.org/?token=t0ken", secret_file: tickets}}\n'
        )
        await monitor.reload()
        known = monitor.fleet.monitor.notifications
        await until(lambda: known.alertmanager is not None and known.alertmanager.trouble is not None)
        await until(lambda: "tickets" in known.webhooks)
        page, chinese = await about(address, "en"), await about(address, "zh")
    assert "cannot be reached, or the connection fails" in page
    assert "Webhook tickets" in page
    assert "无法连接，或连接中断" in chinese
    assert "t0ken" not in page
