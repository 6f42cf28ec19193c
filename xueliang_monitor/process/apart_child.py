"""The process of `apart`: reads one call from its standard input, makes it, and writes the result to its output.

It is run by its path, so that it starts within a tenth of a second. It imports nothing but the standard library and
what the call needs.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import sys


def main() -> None:
    """Make one call within its limits."""
    path, cpu_seconds, memory_bytes = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own process  # nosec B301
    sys.path[:] = path
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with contextlib.suppress(OSError):
        os.nice(5)
    call = pickle.load(sys.stdin.buffer)  # noqa: S301 - imports what the call needs  # nosec B301
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # the kernel ends the process, also within a call of C code
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        outcome: tuple[bool, object] = False, call()
    except Exception as error:  # noqa: BLE001 - it is raised where the call came from
        outcome = True, error
    signal.setitimer(signal.ITIMER_PROF, 0)
    sys.stdout.buffer.write(pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    main()
