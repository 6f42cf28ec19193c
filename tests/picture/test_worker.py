"""A picture worker that is killed or hangs costs only its own look."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.waiting import PATIENT, until
from xueliang_monitor.picture.look import Material
from xueliang_monitor.picture.worker import WorkerError, Workers
from xueliang_monitor.simulator import clips
from xueliang_monitor.wire.media import Codec
from xueliang_monitor.wire.mjpeg import MjpegDepacketizer
from xueliang_monitor.wire.rtp import RtpPacket


def keyframe() -> Material:
    picture = clips.load("hall", Codec.MJPEG, "live").pictures[0]
    depacketizer = MjpegDepacketizer()
    last = len(picture.payloads) - 1
    units = [
        unit
        for index, payload in enumerate(picture.payloads)
        for unit in depacketizer.push(
            RtpPacket(26, index, 0, ssrc=1, marker=index == last, payload=payload), lost=False
        )
    ]
    return Material(Codec.MJPEG, units[0].data)


def processes() -> list[psutil.Process]:
    gc.collect()  # workers of earlier tests end with their pool
    living = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in living if "worker_child.py" in " ".join(child.cmdline())]


def stands_still(child: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(child.is_running() and child.status() == psutil.STATUS_STOPPED)
    return False


async def test_a_killed_worker_is_replaced_and_its_look_tried_again() -> None:
    workers, unit = Workers(2), keyframe()
    assert await workers.look(unit, None, seconds=PATIENT.seconds["picture"]) is not None
    for child in processes():
        os.kill(child.pid, signal.SIGKILL)
    looks = await asyncio.gather(*(workers.look(unit, None, seconds=PATIENT.seconds["picture"]) for _ in range(6)))
    assert all(look is not None and look.seen == () for look in looks)


async def test_a_hung_worker_costs_only_its_own_look() -> None:
    workers, unit = Workers(2), keyframe()
    await asyncio.gather(*(workers.look(unit, None, seconds=PATIENT.seconds["picture"]) for _ in range(2)))
    hung = processes()
    for child in hung:
        os.kill(child.pid, signal.SIGSTOP)
    # Half of the time is spent on the hung workers; the other half lets new ones start, even on a busy machine.
    results = await asyncio.gather(*(workers.look(unit, None, seconds=20) for _ in range(4)), return_exceptions=True)
    assert workers.restarts >= 1
    assert all(not isinstance(result, BaseException) for result in results)
    await until(lambda: not any(stands_still(child) for child in hung))


async def test_a_look_that_never_ends_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.worker._limited_look", _sleep)
    with pytest.raises(WorkerError, match="did not finish"):
        await Workers(1).look(keyframe(), None, seconds=1.0)


def _sleep(*_: object) -> None:
    time.sleep(60)


async def test_workers_are_ready_before_the_first_look_and_are_used_for_it() -> None:
    workers = Workers(2)
    await workers.warm()
    warm = {child.pid for child in processes()}
    assert await workers.look(keyframe(), None, seconds=PATIENT.seconds["picture"]) is not None
    assert len(warm) == 2
    assert {child.pid for child in processes()} == warm


async def test_the_start_of_a_worker_takes_no_time_of_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.worker._load", _load_slowly)
    workers = Workers(1)
    monkeypatch.setattr("xueliang_monitor.picture.worker._limited_look", _nothing)
    assert await workers.look(keyframe(), None, seconds=3.0) is None


def _load_slowly() -> None:
    time.sleep(2.5)


def _nothing(*_: object) -> None:
    return None


async def test_a_worker_that_only_waits_for_a_processor_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.worker._limited_look", _nap)
    monkeypatch.setattr("xueliang_monitor.picture.worker_process.WorkerProcess.runnable", True)
    workers = Workers(1)
    assert await workers.look(keyframe(), None, seconds=2.0) is None
    assert workers.restarts == 0


def _nap(*_: object) -> None:
    time.sleep(1.5)


async def test_a_keyframe_arrives_as_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.worker._limited_look", _lengths)
    material = Material(Codec.MJPEG, os.urandom(900_000), (b"", b"b" * 70_000))
    found: object = await Workers(1).look(material, None, seconds=PATIENT.seconds["picture"])
    assert found == (900_000, material.keyframe[-8:], 0, 70_000, True)


def _lengths(material: Material, _reference: object) -> object:
    kinds = all(isinstance(data, bytes) for data in (material.keyframe, *material.following))
    return (len(material.keyframe), material.keyframe[-8:], *map(len, material.following), kinds)


async def test_data_that_is_no_picture_gives_none() -> None:
    broken = Material(Codec.MJPEG, b"\xff\xd8 no picture")
    assert await Workers(1).look(broken, None, seconds=PATIENT.seconds["picture"]) is None


def test_the_kernel_ends_a_look_that_uses_too_much_processor_time() -> None:
    code = (
        "import xueliang_monitor.picture.worker as worker\n"
        "worker.CPU_SECONDS = 1\n"
        "def spin(*_):\n"
        "    while True: pass\n"
        "worker.look = spin\n"
        "worker._limited_look(None, None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=240, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_a_look_that_takes_too_much_memory_costs_only_itself() -> None:
    code = (
        "import xueliang_monitor.picture.worker as worker\n"
        "import numpy\n"
        "def grow(*_): return numpy.ones(worker.MEMORY_BYTES, numpy.uint8)\n"
        "worker.look = grow\n"
        "try:\n    worker._limited_look(None, None)\nexcept MemoryError:\n    print('refused')\n"
        "worker.look = lambda *_: 'seen'\n"
        "print(worker._limited_look(None, None))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=240, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["refused", "seen"]
