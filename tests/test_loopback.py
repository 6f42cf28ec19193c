"""Addresses of tests: no two processes have the same block."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest

from tests.loopback import BLOCKS, claim_block, own_address, own_block

CLAIM = "from tests.loopback import claim_block\nblock, guard = claim_block(0)\nprint(block, flush=True)\ninput()"


def test_two_with_the_same_first_choice_have_different_blocks() -> None:
    first, guard = claim_block(0)
    second, other = claim_block(0)
    with guard, other:
        assert len({first, second, own_block()}) == 3
        assert {first, second} <= set(BLOCKS)


def test_processes_with_the_same_first_choice_have_different_blocks() -> None:
    command = [sys.executable, "-c", CLAIM]
    with contextlib.ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        blocks = [int(process.stdout.readline()) for process in started if process.stdout is not None]
    assert len({*blocks, own_block()}) == len(started) + 1
    assert own_address(3, 4) == f"127.{own_block()}.3.4"


def test_that_all_are_in_use_is_said() -> None:
    with pytest.raises(OSError, match="in use by other tests"):
        claim_block(0, range(own_block(), own_block() + 1))
