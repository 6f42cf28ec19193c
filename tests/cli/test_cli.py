"""The commands, each run in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from tests.conftest import LOGIN, ROOT
from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.cli import app, output
from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.simulator.faults import BY_NAME
from xueliang_monitor.simulator.fleet import SimulatedFleet

Start = Callable[[int], Awaitable[SimulatedFleet]]
XUELIANG = [sys.executable, "-m", "xueliang_monitor"]


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *XUELIANG,
        *arguments,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 2 * AT_MOST_SECONDS)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("command", ["check", "capture"])
@pytest.mark.parametrize(("name", "said"), [("PASSWORD", "XUELIANG_PASSWORD is not UTF-8"), ("USERNAME", "not UTF-8")])
async def test_a_login_that_is_not_utf8_is_refused_with_a_sentence(command: str, name: str, said: str) -> None:
    login = {"XUELIANG_USERNAME": "viewer", "XUELIANG_PASSWORD": "secret", f"XUELIANG_{name}": "Kept\udcffSecret"}
    code, out, err = await run(command, "rtsp://127.0.0.1:1/live", **login)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert "Kept" not in err


async def checked_until(faults: list[str], *arguments: str, **environment: str) -> dict[str, Any]:
    """Check until just these faults are found: on a busy machine a rung may miss its limit of seconds at first."""
    answer: dict[str, Any] = {}

    async def found() -> bool:
        nonlocal answer
        code, out, _ = await run(*arguments, **environment)
        answer = json.loads(out)
        return (code, answer["faults"]) == (int(bool(faults)), faults)

    await until(found, what=lambda: answer)
    return answer


async def test_check_says_healthy_in_a_table_and_in_json(simulated: Start) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    login = {"XUELIANG_USERNAME": LOGIN.username, "XUELIANG_PASSWORD": LOGIN.password}
    code, out, _ = await run("check", camera.target.url, **login)
    assert code == 0
    assert "healthy" in out
    code, out, _ = await run("check", camera.target.url, "--json", **login)
    answer = json.loads(out)
    assert code == 0
    assert list(answer) == ["target", "online", "faults", "rungs", "readings"]
    assert list(answer["rungs"][0]) == ["rung", "ok", "seconds", "fault", "detail"]
    assert (answer["online"], answer["faults"]) == (True, [])


async def test_check_names_the_fault_its_cause_and_what_to_do(simulated: Start) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    await camera.set_fault(BY_NAME["not-found"]())
    code, out, _ = await run("check", camera.target.url, XUELIANG_USERNAME="viewer", XUELIANG_PASSWORD=LOGIN.password)
    assert code == 1
    declared = FAULTS["stream_not_found"]
    for text in (declared.code, declared.cause.en, declared.cause.zh, declared.advice.en):
        assert text in out


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "nobody"], ["check", "http://127.0.0.1/"], ["check", "rtsp://"]]
)
async def test_usage_errors_end_with_2(arguments: list[str]) -> None:
    code, _, err = await run(*arguments, XUELIANG_CONFIG=str(ROOT / "config" / "xueliang.yaml"))
    assert code == 2
    assert err
    assert "Traceback" not in err


@pytest.mark.parametrize("password", ["tell-nobody", "tell-nobody/2", "a%2Ftell-nobody"])
async def test_a_password_in_the_address_leaves_the_process_list(simulated: Start, password: str) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    await camera.set_fault(BY_NAME["silent"]())
    url = camera.target.url.replace("rtsp://", f"rtsp://viewer:{password}@")
    process = await asyncio.create_subprocess_exec(
        *XUELIANG, "check", url, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    # It is there while Python starts; `silent` gives the time to see that it goes.
    await until(lambda: camera.target.url in psutil.Process(process.pid).cmdline())
    assert "tell-nobody" not in " ".join(psutil.Process(process.pid).cmdline())
    out, err = await process.communicate()
    assert b"tell-nobody" not in out + err
    assert json.loads(out)["faults"] == ["rtsp_timeout"]


@pytest.mark.parametrize(
    ("address", "status"), [("rtsp://127.0.0.1:{port}/live@main", 1), ("rtsp://viewer:1/tell-nobody@cam/live", 2)]
)
async def test_an_at_sign_that_ends_no_login_ends_the_command(address: str, status: int) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        code, out, err = await run("check", address.format(port=closed.getsockname()[1]), "--json")
    assert code == status
    assert "tell-nobody" not in out + err


async def test_check_says_what_a_camera_offers_and_sends_it_no_password_by_basic(simulated: Start) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    camera.login_kind = "basic"
    login = {"XUELIANG_USERNAME": LOGIN.username, "XUELIANG_PASSWORD": LOGIN.password}
    _, out, _ = await run("check", camera.target.url, "--json", **login)
    answer = json.loads(out)
    assert (answer["faults"], answer["readings"]["login_offered"]) == (["auth_insecure"], "Basic")
    assert "auth: basic" in answer["rungs"][-1]["detail"]
    _, out, _ = await run("check", camera.target.url, "--json", "--auth", "basic", **login)
    assert json.loads(out)["online"]


@pytest.mark.parametrize("name", ["black-hole", "silent", "slow", "no-media", "no-keyframe"])
async def test_check_ends_within_15_seconds_whatever_the_peer_does(simulated: Start, name: str) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    await camera.set_fault(BY_NAME[name]())
    login = {"XUELIANG_USERNAME": "viewer", "XUELIANG_PASSWORD": LOGIN.password}
    answer = await checked_until([BY_NAME[name].code], "check", camera.target.url, "--json", **login)
    assert sum(rung["seconds"] for rung in answer["rungs"]) < 15


async def test_check_names_the_fault_even_when_every_step_is_slow(simulated: Start) -> None:
    camera = next(iter((await simulated(1)).cameras.values()))
    await camera.set_fault(BY_NAME["slow"](answer_delay=1.3))  # type: ignore[call-arg]
    await camera.set_fault(BY_NAME["no-keyframe"]())
    login = {"XUELIANG_USERNAME": "viewer", "XUELIANG_PASSWORD": LOGIN.password}
    answer = await checked_until(["no_keyframe"], "check", camera.target.url, "--json", **login)
    assert sum(rung["seconds"] for rung in answer["rungs"]) < 15


def test_faults_lists_the_catalogue() -> None:
    done = CliRunner().invoke(app, ["faults", "--json"])
    assert [row["code"] for row in json.loads(done.stdout)] == list(FAULTS)


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_of_faults_is_readable_and_lists_the_reasons(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output.out, "width", width)
    done = CliRunner().invoke(app, ["faults"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(cell_len, lines)) <= width
    words = {word for line in lines for word in line.replace("│", " ").split()}
    reasons = [reason for fault in FAULTS.values() for reason in fault.reasons]
    assert reasons
    assert {*FAULTS, *(reason.key for reason in reasons)} <= words
    told = "".join("".join(column.split()) for column in columns_of(lines))
    for each in (*FAULTS.values(), *reasons):
        for text in (each.cause.en, each.cause.zh, each.advice.en, each.advice.zh):
            assert "".join(text.split()) in told


def columns_of(lines: list[str]) -> list[str]:
    """Return the text of each column of a printed table, read from top to bottom."""
    rows = [line.strip("│").split("│") for line in lines if line.startswith("│")]
    return ["".join(cells) for cells in zip(*rows, strict=True)]


@pytest.mark.parametrize("index", range(9))
async def test_an_independent_client_plays_the_simulator(simulated: Start, index: int) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed (apt-get install ffmpeg)")
    camera = list((await simulated(9)).cameras.values())[index]
    camera.login_kind = "digest"  # FFmpeg's client knows MD5 only
    url = camera.target.url.replace("rtsp://", f"rtsp://viewer:{LOGIN.password.replace(' ', '%20')}@")
    process = await asyncio.create_subprocess_exec(
        "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-read_intervals", "%+5", "-count_frames",
        "-show_entries", "stream=codec_name,width,height,nb_read_frames", "-of", "json", url,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 2 * AT_MOST_SECONDS)
    (stream,) = json.loads(out)["streams"]
    assert stream["codec_name"] == camera.codec.value.replace("h265", "hevc")
    assert (stream["width"], stream["height"]) == (640, 360)
    assert int(stream["nb_read_frames"]) >= 10


@pytest.mark.timed
@pytest.mark.usefixtures("control_port")
async def test_the_demo_runs_and_stops_by_itself(tmp_path: Path) -> None:
    command = ("demo", "--no-incidents", "--listen", "127.0.0.1:0", "--fleet", str(ROOT / "config/fleet.csv"))
    demo = await asyncio.create_subprocess_exec(*XUELIANG, *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert demo.stdout is not None
    said = ""
    async with asyncio.timeout(3 * AT_MOST_SECONDS):
        while "all 147 cameras have their first state" not in said:
            said += (line := await demo.stdout.readline()).decode()
            assert line, said
    assert "/metrics" in said
    demo.send_signal(signal.SIGTERM)
    rest, err = await asyncio.wait_for(demo.communicate(), AT_MOST_SECONDS)
    assert (demo.returncode, err) == (0, b"")
    assert rest.decode().endswith("stopped\n")
    code, out, err_text = await run(*command, "--seconds", "1")
    assert (code, err_text) == (0, "")
    assert out.endswith("stopped\n")
