"""`xueliang camera add --channels` and `--profile list`: the channels of a recorder."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xueliang_monitor.cli import questions
from xueliang_monitor.cli.output import err, out, print_json, refuse

if TYPE_CHECKING:
    from xueliang_monitor.commissioning.channel_registration import ChannelOutcome, ChannelRegistration
    from xueliang_monitor.commissioning.conflicts import SerialTakenError
    from xueliang_monitor.commissioning.registration_request import RegistrationRequest
    from xueliang_monitor.configuration.installation import Installation

RESULTS = {
    "registered": ("green", "registered 已登记"),
    "in commissioning": ("yellow", "in commissioning 调试中"),
    "already registered": ("dim", "already registered 已登记过"),
    "not passed": ("red", "not passed 不合格"),
    "not tried": ("red", "not tried 未检测"),
    "no such channel": ("red", "no such channel 无此通道"),
    "not written": ("red", "not written 未写入"),
}
Confirm = Callable[["SerialTakenError"], bool]


def add_channels(
    wish: RegistrationRequest, loaded: Installation, written: str, confirm: Confirm, *, as_json: bool
) -> bool:
    """Register channels of a recorder and print the results; return whether all of them are monitored."""
    from xueliang_monitor.commissioning.channel_choice import read_choice
    from xueliang_monitor.commissioning.registration_error import RegistrationError

    try:
        chosen = read_choice(written)
        outcomes = questions.of_one_device(
            wish, lambda meant: asyncio.run(_register(meant, loaded, chosen, confirm, quiet=as_json))
        )
    except RegistrationError as error:
        refuse(error.messages, 2 if error.usage else 1)
    if as_json:
        print_json([_plain(outcome) for outcome in outcomes])
    else:
        _show(outcomes)
    return bool(outcomes) and all(outcome.good for outcome in outcomes)


async def _register(
    wish: RegistrationRequest,
    loaded: Installation,
    chosen: tuple[int, ...] | None,
    confirm: Confirm,
    *,
    quiet: bool,
) -> list[ChannelOutcome]:
    from xueliang_monitor.commissioning.channel_registration import ChannelRegistration, find_channels

    def say(text: str) -> None:
        if not quiet:
            err.print(text, style="dim", markup=False, highlight=False)

    logging.disable(logging.WARNING)
    found = await find_channels(wish, loaded, chosen, say)
    task = ChannelRegistration(wish, loaded, found)
    task.check_device(confirm)
    task.note_missing(chosen or ())
    await _test(task, len(found.details) + len(task.outcomes))
    return task.outcomes


async def _test(task: ChannelRegistration, total: int) -> None:
    """Test every channel, with a progress bar on a terminal, else a line every ten channels."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from xueliang_monitor.cli.check import tell_waiting
    from xueliang_monitor.picture.worker import Workers

    columns = (TextColumn("testing 验收"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    workers = Workers(1)
    warming = asyncio.create_task(workers.warm())
    try:
        note = TextColumn("{task.fields[note]}")
        with Progress(*columns, note, console=err, disable=not err.is_terminal) as progress:
            done = len(task.outcomes)
            bar = progress.add_task("", total=total, completed=done, note="")

            def settled(outcome: ChannelOutcome) -> None:
                nonlocal done
                done += 1  # several outcomes may be there before the first of them is told
                progress.update(bar, completed=done, note=outcome.id)
                if not err.is_terminal and (done % 10 == 0 or done == total):
                    err.print(f"{done} of {total} channels done", highlight=False)

            await task.test_all(workers, tell_waiting, settled)
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)


def _plain(outcome: ChannelOutcome) -> dict[str, Any]:
    return {
        "channel": outcome.number,
        "id": outcome.id,
        "name": outcome.name,
        "result": outcome.result.value,
        "detail": outcome.detail,
        "file": str(outcome.file) if outcome.file is not None else None,
    }


def _show(outcomes: list[ChannelOutcome]) -> None:
    from rich.markup import escape
    from rich.table import Column, Table

    heads = ("Channel", "Camera", "Name", "Result", "Detail")
    table = Table(*(Column(head, overflow="fold") for head in heads))
    for outcome in outcomes:
        style, result = RESULTS[outcome.result.value]
        cells = (str(outcome.number), escape(outcome.id), escape(outcome.name))
        table.add_row(*cells, f"[{style}]{result}[/]", escape(outcome.detail))
    out.print(table)
    good = sum(outcome.good for outcome in outcomes)
    out.print(f"{good} of {len(outcomes)} channels are monitored", highlight=False)


def show_profiles(wish: RegistrationRequest, loaded: Installation) -> None:
    """Print the profiles of a device by channel, one a line."""
    from xueliang_monitor.commissioning.channel_registration import find_channels
    from xueliang_monitor.commissioning.profile_table import profile_lines
    from xueliang_monitor.commissioning.registration_error import RegistrationError

    try:
        found = questions.of_one_device(
            wish, lambda meant: asyncio.run(find_channels(meant, loaded, (), lambda _text: None))
        )
    except RegistrationError as error:
        refuse(error.messages, 2 if error.usage else 1)
    for line in profile_lines(found.channels):
        out.print(line, markup=False, highlight=False)
