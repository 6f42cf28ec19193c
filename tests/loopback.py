"""Loopback addresses that no other test on this machine uses at the same time: a block 127.N.0.0/16 a process."""

from __future__ import annotations

import functools
import itertools
import os
import socket

BLOCKS = range(200, 250)
_GUARDED = "255.254"
_GUARD_PORT = 20147
"""A process owns the block in which it has bound this UDP port. The kernel gives it back when the process ends."""


def claim_block(first: int, blocks: range = BLOCKS) -> tuple[int, socket.socket]:
    """Claim a block: the number of the first free one from `first` on, and the socket that holds it.

    Raises:
        OSError: all blocks are in use.

    """
    start = first % len(blocks)
    for block in itertools.islice(itertools.cycle(blocks), start, start + len(blocks)):
        guard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            guard.bind((f"127.{block}.{_GUARDED}", _GUARD_PORT))
        except OSError:
            guard.close()
            continue
        return block, guard
    raise OSError(f"all {len(blocks)} blocks of loopback addresses are in use by other tests")


@functools.cache
def _own() -> tuple[int, socket.socket]:
    return claim_block(os.getpid())


def own_block() -> int:
    """Return the second number of the addresses of this process."""
    return _own()[0]


def own_address(third: int, fourth: int) -> str:
    """Return an address in the block of this process."""
    return f"127.{own_block()}.{third}.{fourth}"
