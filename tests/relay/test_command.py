"""`xueliang relay` as a process, and `xueliang alert test`."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.relay.calls import call, told
from tests.relay.stand_ins import DINGTALK_SECRET, TOKEN, Robots, robots
from tests.relay.test_service import post
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.cli import app


@pytest.fixture
async def stand_ins() -> AsyncIterator[Robots]:
    async with robots() as told_:
        yield told_


def written(folder: Path, stand_ins: Robots, secret: str = DINGTALK_SECRET) -> Path:
    for name, text in (("robot.url", stand_ins.address("dingtalk")), ("robot.secret", secret)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    file = folder / "relay.yaml"
    file.write_text(
        "listen: 127.0.0.1:0\nreceivers:\n  on-call: {kind: dingtalk, url_file: robot.url, secret_file: robot.secret}\n"
    )
    return file


async def run(*arguments: str | Path) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [str(each) for each in arguments])


async def test_a_receiver_is_tried(stand_ins: Robots, tmp_path: Path) -> None:
    done = await run("alert", "test", "on-call", "--config", written(tmp_path, stand_ins))
    assert done.exit_code == 0, done.output
    titles = [said["markdown"]["title"] for said in stand_ins.dingtalk]
    assert titles == ["［告警］ xueliang_monitor 告警测试", "［恢复］ xueliang_monitor 告警测试"]


async def test_the_reason_of_a_refusal_is_printed(stand_ins: Robots, tmp_path: Path) -> None:
    done = await run("alert", "test", "on-call", "--config", written(tmp_path, stand_ins, "SECwrong"))
    assert done.exit_code == 1
    assert "on-call: not sent: 127.0.0.1 refused it: code 310000: sign not match" in done.output
    assert TOKEN not in done.output


async def test_an_unknown_receiver_is_named_with_the_known_ones(stand_ins: Robots, tmp_path: Path) -> None:
    done = await run("alert", "test", "oncall", "--config", written(tmp_path, stand_ins))
    assert done.exit_code == 2
    assert "there is no receiver oncall" in done.output
    assert "there are: on-call" in done.output


async def test_unusable_settings_end_it_with_2(stand_ins: Robots, tmp_path: Path) -> None:
    file = written(tmp_path, stand_ins)
    (tmp_path / "robot.url").chmod(0o644)
    done = await run("relay", "--config", file)
    assert done.exit_code == 2
    assert "other users can read" in done.output


async def test_the_process_sends_and_ends_on_a_signal(stand_ins: Robots, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "xueliang_monitor",
        "relay",
        "--config",
        written(tmp_path, stand_ins),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(AT_MOST_SECONDS):
            first = (await process.stderr.readline()).decode()
        address = re.search(r"http://\S+(?=/NAME)", first)
        assert address is not None, first
        assert (await post(address[0], "on-call", call(told())))[0] == 200
        await until(lambda: len(stand_ins.dingtalk) == 1)
        listed = Path(f"/proc/{process.pid}/cmdline").read_bytes() + Path(f"/proc/{process.pid}/environ").read_bytes()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(AT_MOST_SECONDS):
            rest = (await process.stderr.read()).decode()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for secret in (TOKEN, DINGTALK_SECRET):
        assert secret not in first + rest
        assert secret.encode() not in listed
