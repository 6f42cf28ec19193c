"""The threads that work for pages, apart from those in which the daemon writes its history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

THREADS = 4
POOL = ThreadPoolExecutor(THREADS, thread_name_prefix="page")


async def in_thread(work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """Return what a function that blocks returns, without holding the event loop."""
    return await asyncio.get_running_loop().run_in_executor(POOL, lambda: work(*arguments, **named))
