"""Turns in order of rank."""

from __future__ import annotations

import asyncio

from xueliang_monitor.process.ranked_turns import Rank, RankedTurns


async def test_the_smallest_rank_comes_first_and_equal_ones_in_order() -> None:
    turns, order, gate = RankedTurns(1), list[str](), asyncio.Event()

    async def one(name: str, rank: Rank) -> None:
        async with turns.turn(rank):
            order.append(name)
            await gate.wait()

    async with asyncio.TaskGroup() as group:
        for name, rank in (
            ("first", (9.0,)),
            ("c", (1.0, 5.0)),
            ("a", (0.0, 9.0)),
            ("d", (1.0, 5.0)),
            ("b", (1.0, 4.0)),
        ):
            group.create_task(one(name, rank))
            await asyncio.sleep(0)
        assert turns.waiting == 4
        gate.set()
    assert order == ["first", "a", "b", "c", "d"]


async def test_no_place_is_lost_with_a_waiter_that_is_cancelled() -> None:
    turns = RankedTurns(1)
    async with turns.turn():
        waiting = [asyncio.create_task(_once(turns)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
    waiting[1].cancel()  # in the moment in which it is given the place
    await asyncio.wait(waiting)
    assert waiting[2].exception() is None
    assert turns.waiting == 0
    await _once(turns)


async def _once(turns: RankedTurns) -> None:
    async with turns.turn():
        pass
