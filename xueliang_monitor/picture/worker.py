"""Runs looks in worker processes, which may crash, hang or be killed without harm to the daemon."""

from __future__ import annotations

import os
import pickle
import resource

import anyio
import anyio.to_process
from anyio import BrokenWorkerProcess, CapacityLimiter

from xueliang_monitor.picture.look import Look, Material, look
from xueliang_monitor.picture.reference import Reference
from xueliang_monitor.process.shortage import shortage_of

ATTEMPTS = 2
"""Attempts at one look; the second runs in a fresh process."""

MEMORY_BYTES = 3 * 1024**3
"""Address space of a worker; a 64-megapixel picture with all its copies needs far less."""

CPU_SECONDS = 20
"""Processor time of one look, after which the kernel ends the worker, even if nobody waits for it any more."""

MAX_WORKERS = 8
"""Largest default number of worker processes; the settings may give another."""


class WorkerError(Exception):
    """A look ended without a result because its worker failed; nothing is known about the picture."""


def _limited_look(material: Material, reference: Reference | None) -> Look | None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.nice(5)
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
        self._limiter: CapacityLimiter | None = None
        self.count = count or min(MAX_WORKERS, len(os.sched_getaffinity(0)))
        self.restarts = 0

    async def look(self, material: Material, reference: Reference | None, *, seconds: float) -> Look | None:
        """Look at a keyframe within `seconds`, with a second attempt in a fresh process; None if it cannot be decoded.

        Raises:
            WorkerError: both attempts crashed, hung or failed.
            ShortageError: no process could be started.
            LookError: the picture could not be measured.

        """
        limiter = self._limiter = self._limiter or CapacityLimiter(self.count)
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                async with limiter:
                    with anyio.fail_after(seconds / ATTEMPTS):
                        return await anyio.to_process.run_sync(
                            _limited_look,
                            material,
                            reference,
                            cancellable=True,
                            limiter=CapacityLimiter(1),
                        )
            except TimeoutError:
                reason = f"the picture worker did not finish within {seconds / ATTEMPTS:.1f} s"
            except BrokenWorkerProcess:
                reason = "the picture worker died"
            except (MemoryError, pickle.PickleError, EOFError) as error:
                reason = f"the picture worker failed: {type(error).__name__}"
            except (OSError, RuntimeError) as error:
                if short := shortage_of(error, starting=True):
                    raise short from error
                raise
            self.restarts += 1
        raise WorkerError(f"{reason}, in both attempts")

    async def warm(self) -> None:
        """Start the workers before the first picture."""
        async with anyio.create_task_group() as group:
            for _ in range(self.count):
                group.start_soon(self._warm_one)

    async def _warm_one(self) -> None:
        await anyio.to_process.run_sync(_load, cancellable=True, limiter=CapacityLimiter(1))


def _load() -> None:
    import xueliang_monitor.picture.comparing  # noqa: F401
    import xueliang_monitor.picture.decode  # noqa: F401
    import xueliang_monitor.picture.measuring  # noqa: F401
    import xueliang_monitor.picture.measuring_motion  # noqa: F401
    import xueliang_monitor.picture.remembering  # noqa: F401
