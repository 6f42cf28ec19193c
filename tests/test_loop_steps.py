"""The measure of the event loop's steps names a callback without reading what it is bound to."""

from __future__ import annotations

import asyncio
import time

from tests.loop_steps import measured_steps


class Answer:
    """Keeps what it was asked for first, as aiohttp's responses keep their headers."""

    read = False

    def __repr__(self) -> str:
        self.read = True
        return "an answer"

    def take(self) -> None:
        """Take some processor time."""
        until = time.thread_time() + 0.02
        while time.thread_time() < until:
            pass


async def test_a_callback_is_named_and_what_it_is_bound_to_is_left_as_it_is() -> None:
    answer = Answer()
    with measured_steps() as steps:
        asyncio.get_running_loop().call_soon(answer.take)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert (steps.callback, answer.read) == ("Answer.take", False)
