"""Calls in a process of their own: results, errors, limits, and shortages that are not the data's fault."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.waiting import AT_MOST_SECONDS, until
from xueliang_monitor.process import apart
from xueliang_monitor.process.apart import TooMuchWorkError, call_apart
from xueliang_monitor.process.shortage import Resource, ShortageError
from xueliang_monitor.wire.errors import SoapFault, SoapFaultError

SLOW = r"(a+)+$", "a" * 60 + "b"
"""A search that never ends, within one call of C code."""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a process time to start on a busy machine."""
    monkeypatch.setattr(apart, "RUN_SECONDS", 4 * AT_MOST_SECONDS)


async def test_a_result_and_an_error_come_back() -> None:
    assert await call_apart(functools.partial(divmod, 7, 2)) == (3, 1)
    assert await call_apart(os.getpid) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        await call_apart(functools.partial(divmod, 7, 0))


async def test_a_soap_fault_comes_back_whole() -> None:
    with pytest.raises(SoapFaultError, match="answered with a SOAP fault: Sender: no") as caught:
        await call_apart(functools.partial(_refuse, SoapFault(("Sender",), "no")))
    assert caught.value.fault == SoapFault(("Sender",), "no")


def _refuse(fault: SoapFault) -> None:
    raise SoapFaultError(fault)


async def test_work_without_end_is_ended_and_is_the_fault_of_its_data() -> None:
    with pytest.raises(TooMuchWorkError, match=r"more than 0\.2 s of processor time"):
        await call_apart(functools.partial(re.search, *SLOW), cpu_seconds=0.2)


async def test_a_process_that_dies_or_lacks_memory_is_our_own_shortage() -> None:
    with pytest.raises(ShortageError) as died:
        await call_apart(functools.partial(signal.raise_signal, signal.SIGKILL))
    assert died.value.resource is Resource.OTHER
    with pytest.raises(ShortageError) as lacked:
        await call_apart(functools.partial(bytes, apart.MEMORY_BYTES))
    assert lacked.value.resource is Resource.MEMORY


def _write_pid_and_sleep(file: Path) -> None:
    file.write_text(str(os.getpid()))
    time.sleep(600)


async def test_few_processes_run_at_once_and_a_cancelled_one_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "WAIT_SECONDS", 0.1)
    files = [tmp_path / str(number) for number in range(apart.AT_ONCE)]
    tasks = [asyncio.create_task(call_apart(functools.partial(_write_pid_and_sleep, file))) for file in files]
    await until(lambda: all(file.exists() and file.read_text() for file in files))
    with pytest.raises(ShortageError, match="other devices") as busy:
        await call_apart(os.getpid)
    assert busy.value.resource is Resource.PROCESSOR
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert not any(Path("/proc", file.read_text()).exists() for file in files)
    assert await call_apart(os.getpid)


async def test_a_process_that_takes_too_long_without_working_is_our_own_shortage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "RUN_SECONDS", 1.0)
    with pytest.raises(ShortageError, match="too busy"):
        await call_apart(functools.partial(_write_pid_and_sleep, tmp_path / "pid"))
