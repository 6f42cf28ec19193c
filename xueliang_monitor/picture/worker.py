"""Runs looks in worker processes, which may crash, hang or be killed without harm to the daemon."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import cast

from xueliang_monitor.picture.look import Look, LookError, Material, look
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.picture.worker_process import WorkerDiedError, WorkerProcess
from xueliang_monitor.process.ranked_turns import Rank, RankedTurns
from xueliang_monitor.process.shortage import shortage_of

ATTEMPTS = 2
"""Attempts at one look; the second runs in a fresh process."""

START_SECONDS = 60.0
"""Wall time in which a worker must be ready, even on a busy machine. No look waits for it within its own time."""

PATIENCE = 5
"""How many times the time of a look is given once more to a worker that only waits for a processor."""

MEMORY_BYTES = 3 * 1024**3
"""Address space of a worker; a 64-megapixel picture with all its copies needs far less."""

CPU_SECONDS = 20
"""Processor time of one look, after which the kernel ends the worker, even if nobody waits for it any more."""

NICE = 5
"""The niceness of workers: the event loop comes first, so that no visit is late for a picture."""

MAX_WORKERS = 8
"""Largest default number of worker processes; the settings may give another."""


class WorkerError(Exception):
    """A look ended without a result because its worker failed; nothing is known about the picture."""


def _limited_look(material: Material, reference: Reference | None) -> Look | None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.nice(NICE)
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    return look(material, reference)


class Workers:
    """A pool of `count` worker processes; `restarts` counts those that crashed or were killed."""

    def __init__(self, count: int | None = None) -> None:
        """Set the number of processes; by default one for each usable core, at most eight."""
        # NumPy starts a thread for each core in each worker, and needs none of them; 64 cores would exceed TasksMax=.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        self.count = count or min(MAX_WORKERS, len(os.sched_getaffinity(0)))
        self.restarts = 0
        self._turns = RankedTurns(self.count)
        self._idle: list[WorkerProcess] = []
        self._warming = asyncio.Lock()

    def turn(self, rank: Rank = ()) -> AbstractAsyncContextManager[None]:
        """Wait until a worker is free, and keep it for as long as the context lasts; the smallest rank comes first."""
        return self._turns.turn(rank)

    async def look(self, material: Material, reference: Reference | None, *, seconds: float) -> Look | None:
        """Wait for a worker, and look as `look_in_turn` does."""
        async with self.turn():
            return await self.look_in_turn(material, reference, seconds=seconds)

    async def look_in_turn(self, material: Material, reference: Reference | None, *, seconds: float) -> Look | None:
        """Look at a keyframe within `seconds`, with a second attempt in a fresh process; None if it cannot be decoded.

        The caller has a turn. The start of a process takes none of the time, and a worker that gets no processor
        is waited for longer.

        Raises:
            WorkerError: both attempts crashed, hung or failed.
            ShortageError: no process could be started.
            LookError: the picture could not be measured.

        """
        reason = ""
        for attempt in range(ATTEMPTS):
            worker = await self._ready(fresh=attempt > 0)
            done = False
            try:
                result = await _within(seconds / ATTEMPTS, worker, material, reference)
                done = True
            except LookError:
                done = True
                raise
            except TimeoutError:
                reason = f"the picture worker did not finish within {seconds / ATTEMPTS:.1f} s"
            except WorkerDiedError:
                reason = "the picture worker died"
            except (MemoryError, pickle.PickleError, EOFError) as error:
                reason = f"the picture worker failed: {type(error).__name__}"
            else:
                return result
            finally:
                if done:
                    self._idle.append(worker)
                else:
                    worker.kill()
            self.restarts += 1
        raise WorkerError(f"{reason}, in both attempts")

    async def warm(self) -> None:
        """Start the workers before the first picture."""
        async with self._warming:
            async with asyncio.TaskGroup() as group:
                started = [group.create_task(_started()) for _ in range(self.count - len(self._idle))]
            self._idle += (task.result() for task in started)

    async def _ready(self, *, fresh: bool) -> WorkerProcess:
        """Return a worker that has nothing to do.

        Raises:
            WorkerError: it was not ready in time.
            ShortageError: no process could be started.

        """
        async with self._warming:
            pass  # so that no look starts a process beside those
        while self._idle and not fresh:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            worker.kill()
            self.restarts += 1
        try:
            return await _started()
        except (TimeoutError, WorkerDiedError) as error:
            raise WorkerError(f"no picture worker was ready within {START_SECONDS:.0f} s") from error
        except (OSError, RuntimeError) as error:
            if short := shortage_of(error, starting=True):
                raise short from error
            raise


async def _started() -> WorkerProcess:
    worker = WorkerProcess()
    try:
        async with asyncio.timeout(START_SECONDS):
            await worker.prepare(_load)
    except BaseException:
        worker.kill()
        raise
    return worker


async def _within(
    seconds: float, worker: WorkerProcess, material: Material, reference: Reference | None
) -> Look | None:
    """Return a look that a worker makes within so many seconds of its own; waiting for a processor counts little.

    Raises:
        TimeoutError: it hangs, or has taken its time.

    """
    beside = replace(
        material,
        keyframe=cast("bytes", pickle.PickleBuffer(material.keyframe)),
        following=tuple(cast("bytes", pickle.PickleBuffer(data)) for data in material.following),
    )
    spent = worker.processor_seconds
    look = asyncio.ensure_future(worker.call(_limited_look, (beside, reference)))
    try:
        for _ in range(1 + PATIENCE):
            await asyncio.wait([look], timeout=seconds)
            if look.done():
                return cast("Look | None", look.result())
            if not worker.runnable or worker.processor_seconds - spent >= seconds / 2:
                break
        raise TimeoutError
    finally:
        if not look.done():
            look.cancel()
            await asyncio.wait([look])


def _load() -> None:
    import xueliang_monitor.picture.remembering  # noqa: F401
