"""The running relay: from Alertmanager's call to stand-ins of each service, in both languages."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.relay.calls import call, told
from tests.relay.stand_ins import DINGTALK_SECRET, FEISHU_SECRET, TOKEN, Robots, robots
from tests.waiting import until
from xueliang_monitor.relay import queue, server
from xueliang_monitor.relay.messages import Language
from xueliang_monitor.relay.queue import Pace
from xueliang_monitor.relay.server import STATE_FILE, Service
from xueliang_monitor.relay.settings import Receiver, Relay

SECRETS = {"dingtalk": DINGTALK_SECRET, "feishu": FEISHU_SECRET, "wecom": ""}
QUICK = Pace(0.0, 1000)
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise imports it


@pytest.fixture
async def stand_ins() -> AsyncIterator[Robots]:
    async with robots() as told_:
        yield told_


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(queue, "LONGEST_PAUSE_SECONDS", 0.05)


def receiver(stand_ins: Robots, kind: str, language: Language = "zh") -> Receiver:
    return Receiver(kind, kind, language, QUICK, url=stand_ins.address(kind), secret=SECRETS[kind])


@contextlib.asynccontextmanager
async def relaying(folder: Path, *receivers: Receiver, token: str = "") -> AsyncIterator[str]:
    relay = Relay("127.0.0.1", 0, folder / "state", {each.name: each for each in receivers}, token)
    async with Service(relay).serving() as address:
        yield address


async def post(address: str, name: str, body: bytes, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{address}/{name}", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def text_of(kind: str, said: dict[str, Any]) -> str:
    if kind == "feishu":
        return f"{said['card']['header']['title']['content']}\n{said['card']['elements'][0]['content']}"
    markdown = said["markdown"]
    return str(markdown["text"] if kind == "dingtalk" else markdown["content"])


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", ["dingtalk", "feishu", "wecom"])
async def test_robots_take_alerts_and_their_ends(
    kind: str, language: Language, stand_ins: Robots, tmp_path: Path
) -> None:
    arrived = getattr(stand_ins, kind)
    async with relaying(tmp_path, receiver(stand_ins, kind, language)) as address:
        assert await post(address, kind, call(told())) == (200, '{"new": 1}')
        await until(lambda: len(arrived) == 1)
        assert await post(address, kind, call(told(), told())) == (200, '{"new": 0}')
        assert await post(address, kind, call(told(over=True))) == (200, '{"new": 1}')
        await until(lambda: len(arrived) == 2)
    assert stand_ins.refused == []
    first, second = (text_of(kind, said) for said in arrived)
    wanted = {
        "zh": (("告警 严重", "离线，无响应", "处理建议：检查供电与网线。", "打开页面"), ("恢复", "恢复时间：")),
        "en": (("Alert critical", "offline, no answer", "What to do: Check power", "open the page"), ("Resolved:",)),
    }[language]
    assert all(part in first for part in (*wanted[0], "https://cameras.example.org:9147/cameras/liulin-1"))
    assert all(part in second for part in wanted[1])


@pytest.mark.parametrize("kind", ["dingtalk", "feishu", "wecom"])
async def test_a_thousand_alerts_are_one_message_that_fits(kind: str, stand_ins: Robots, tmp_path: Path) -> None:
    arrived = getattr(stand_ins, kind)
    async with relaying(tmp_path, receiver(stand_ins, kind, "both")) as address:
        await post(address, kind, call(*(told(number) for number in range(1000))))
        await until(lambda: bool(arrived or stand_ins.refused))
    assert stand_ins.refused == []
    assert len(arrived) == 1


@pytest.mark.usefixtures("quick_retries")
async def test_a_refused_message_is_tried_again_and_arrives_once(
    stand_ins: Robots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stand_ins.ill = 3
    with caplog.at_level(logging.INFO):
        async with relaying(tmp_path, receiver(stand_ins, "dingtalk")) as address:
            await post(address, "dingtalk", call(told()))
            await until(lambda: len(stand_ins.dingtalk) == 1)
    assert stand_ins.refused == ["dingtalk 130101"] * 3
    assert "not sent, next attempt in" in caplog.text
    assert "code 130101: send too fast" in caplog.text


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("url", ["http://127.0.0.1:9/robot/send?access_token=" + TOKEN, "http://x.invalid/" + TOKEN])
async def test_no_secret_is_logged(
    url: str, stand_ins: Robots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = dataclasses.replace(receiver(stand_ins, "dingtalk"), secret="SECwrong")
    lost = dataclasses.replace(receiver(stand_ins, "wecom"), url=url)
    with caplog.at_level(logging.DEBUG):
        async with relaying(tmp_path, wrong, lost) as address:
            await post(address, "dingtalk", call(told()))
            await post(address, "wecom", call(told()))
            await until(lambda: "wecom: not sent" in caplog.text and "dingtalk: not sent" in caplog.text)
    assert "code 310000: sign not match" in caplog.text
    assert "cannot be reached" in caplog.text
    for secret in (TOKEN, "SECwrong"):
        assert secret not in caplog.text
        assert secret not in (tmp_path / "state" / STATE_FILE).read_text()


async def test_what_was_not_sent_is_sent_after_a_restart(stand_ins: Robots, tmp_path: Path) -> None:
    stand_ins.ill = 1
    async with relaying(tmp_path, receiver(stand_ins, "wecom")) as address:
        await post(address, "wecom", call(told()))
        await until(lambda: bool(stand_ins.refused))
    assert stand_ins.wecom == []
    assert (tmp_path / "state" / STATE_FILE).stat().st_mode & 0o077 == 0
    async with relaying(tmp_path, receiver(stand_ins, "wecom")) as address:
        await until(lambda: len(stand_ins.wecom) == 1)
        assert await post(address, "wecom", call(told())) == (200, '{"new": 0}')
        assert len(stand_ins.wecom) == 1


async def test_a_state_that_is_rubbish_costs_no_alert(stand_ins: Robots, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / STATE_FILE).write_text('{"wecom": 1}')
    async with relaying(tmp_path, receiver(stand_ins, "wecom")) as address:
        await post(address, "wecom", call(told()))
        await until(lambda: len(stand_ins.wecom) == 1)


async def test_other_calls_are_refused(stand_ins: Robots, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_BODY_BYTES", 4096)
    async with relaying(tmp_path, receiver(stand_ins, "wecom"), token="a-token-of-callers") as address:
        allowed = {"Authorization": "Bearer a-token-of-callers"}
        assert (await post(address, "wecom", call(told())))[0] == 401
        assert (await post(address, "wecom", call(told()), Authorization="Bearer é"))[0] == 401
        assert (await post(address, "nobody", call(told()), **allowed))[0] == 404
        assert (await post(address, "wecom", b"{}", **allowed))[0] == 400
        assert (await post(address, "wecom", b" " * 4097, **allowed))[0] == 413
        assert (await post(address, "wecom", call(told()), **allowed))[0] == 200
        await until(lambda: len(stand_ins.wecom) == 1)
        async with aiohttp.ClientSession() as session, session.get(f"{address}/healthz", headers=allowed) as answer:
            health = json.loads(await answer.text())
    assert health == {"receivers": {"wecom": {"waiting": 0, "failures": 0}}}


@pytest.fixture
def with_apprise() -> None:
    pytest.importorskip("apprise", reason="needs the extra relay")


@pytest.mark.usefixtures("with_apprise")
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_gateway_of_text_messages(language: Language, tmp_path: Path) -> None:
    from aiohttp import web

    arrived: list[dict[str, Any]] = []

    async def sms(request: web.Request) -> web.Response:
        arrived.append(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/sms", sms)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"json://127.0.0.1:{runner.addresses[0][1]}/sms"
        gateway = Receiver("sms", "apprise", language, QUICK, short=True, url=url)
        async with relaying(tmp_path, gateway) as address:
            await post(address, "sms", call(told()))
            await until(lambda: len(arrived) == 1)
    finally:
        await runner.cleanup()
    assert arrived[0]["title"].startswith("[告警]" if language == "zh" else "[Alert]")
    assert "\n" not in arrived[0]["message"]


@pytest.mark.usefixtures("with_apprise", "quick_retries")
async def test_the_reason_of_apprise_has_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lost = Receiver("sms", "apprise", "zh", QUICK, url=f"dingtalk://no-{TOKEN}/")
    with caplog.at_level(logging.DEBUG):
        async with relaying(tmp_path, lost) as address:
            await post(address, "sms", call(told()))
            await until(lambda: "sms: not sent" in caplog.text)
    assert "apprise cannot use its address" in caplog.text
    assert not any(TOKEN in record.getMessage() for record in caplog.records if record.name != "apprise")
    assert not logging.getLogger("apprise").propagate
    assert logging.getLogger("apprise").handlers, "without any, Python prints warnings to standard error"


@pytest.mark.usefixtures("quick_retries")
async def test_a_receiver_that_cannot_be_reached_is_ill(stand_ins: Robots, tmp_path: Path) -> None:
    lost = dataclasses.replace(receiver(stand_ins, "wecom"), url="http://127.0.0.1:9/")
    async with relaying(tmp_path, lost) as address, aiohttp.ClientSession() as session:

        async def health() -> int:
            async with session.get(f"{address}/healthz") as answer:
                return answer.status

        assert await health() == 200
        await post(address, "wecom", call(told()))

        async def ill() -> bool:
            return await health() == 503

        await until(ill)


async def test_sending_waits_for_nobody(stand_ins: Robots, tmp_path: Path) -> None:
    """A receiver that does not answer delays no other one."""
    held = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    slow = dataclasses.replace(receiver(stand_ins, "dingtalk"), url=f"http://127.0.0.1:{port}/")
    try:
        async with relaying(tmp_path, slow, receiver(stand_ins, "wecom")) as address:
            await post(address, "dingtalk", call(told()))
            await post(address, "wecom", call(told()))
            await until(lambda: len(stand_ins.wecom) == 1)
    finally:
        held.set()
        listening.close()
