"""Runs one call in a process of its own, which is bounded in processor time and memory and can be killed.

It is for data from devices that are too large to be parsed on the event loop. Such data are rare, so each call has a
new process: nothing of one device's data is left for the next, and its exit status tells why it ended.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import anyio
from anyio.lowlevel import RunVar

from xueliang_monitor.process.shortage import Resource, ShortageError, shortage_of

AT_ONCE = 2
"""Processes at once for one event loop."""

WAIT_SECONDS = 2.0
"""How long a call waits for one of them."""

CPU_SECONDS = 1.0
"""Processor time of one call. Any response of 1 MiB takes less than a third of it."""

MEMORY_BYTES = 512 * 1024**2
"""Address space of the process."""

RUN_SECONDS = 5.0
"""Wall time of one call, its start included. On a machine that is not overloaded, the processor time ends first."""

_CHILD = str(Path(__file__).with_name("apart_child.py"))
_turns: RunVar[anyio.CapacityLimiter] = RunVar("turns of processes apart")

Result = TypeVar("Result")


class TooMuchWorkError(Exception):
    """The call took more processor time than it may. Its data are at fault, not this machine."""


def _limiter() -> anyio.CapacityLimiter:
    try:
        return _turns.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(AT_ONCE)
        _turns.set(limiter)
        return limiter


async def call_apart(call: Callable[[], Result], *, cpu_seconds: float | None = None) -> Result:
    """Return what `call` returns in a process of its own, or raise what it raises there.

    `call` must be picklable: a function of a module, or a `functools.partial` of one. What it imports is imported
    there, beside its processor time.

    Raises:
        TooMuchWorkError: it took more than `cpu_seconds` of processor time, by default `CPU_SECONDS`.
        ShortageError: no process was free or could be started, or it died for a reason of this machine.

    """
    cpu_seconds = cpu_seconds or CPU_SECONDS
    request = pickle.dumps((sys.path, cpu_seconds, MEMORY_BYTES)) + pickle.dumps(call)
    limiter = _limiter()
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await limiter.acquire()
    except TimeoutError as error:
        detail = f"large responses of other devices were being read for {WAIT_SECONDS:.0f} s"
        raise ShortageError(Resource.PROCESSOR, detail) from error
    try:
        status, output = await _run(request)
    finally:
        limiter.release()
    return cast("Result", _result(status, output, cpu_seconds))


async def _run(request: bytes) -> tuple[int, bytes]:
    """Start the process, give it the request, and return its exit status and its output."""
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", _CHILD,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, RuntimeError) as error:
        if short := shortage_of(error, starting=True):
            raise short from error
        raise
    try:
        async with asyncio.timeout(RUN_SECONDS):
            output, _ = await process.communicate(request)
    except TimeoutError as error:
        detail = f"a large response could not be read within {RUN_SECONDS:.0f} s; the machine is too busy"
        raise ShortageError(Resource.PROCESSOR, detail) from error
    finally:
        if process.returncode is None:
            process.kill()
            with anyio.CancelScope(shield=True):
                await process.wait()
    return process.returncode or 0, output


def _result(status: int, output: bytes, cpu_seconds: float) -> object:
    if status == -signal.SIGPROF:
        raise TooMuchWorkError(f"it took more than {cpu_seconds:g} s of processor time to read")
    if status != os.EX_OK or not output:
        detail = f"the process that reads large responses died (status {status})"
        raise ShortageError(Resource.OTHER, detail)
    failed, result = pickle.loads(output)  # noqa: S301 - from our own process  # nosec B301
    if not failed:
        return result
    raise shortage_of(result) or result
