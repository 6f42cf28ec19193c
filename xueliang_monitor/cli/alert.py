"""`xueliang alert`: tries the receivers of alerts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import out, refuse
from xueliang_monitor.cli.relay import DEFAULT_SETTINGS, RelayOption, loaded_relay

if TYPE_CHECKING:
    from xueliang_monitor.relay.settings import Receiver

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `test` a command of its own while it is the only one."""


@app.command("test")
def try_receiver(
    receiver: Annotated[str, typer.Argument(metavar="RECEIVER", help="Name of a receiver in the relay's settings.")],
    config: RelayOption = DEFAULT_SETTINGS,
) -> None:
    """Send a test alert and its end to a receiver, and tell whether it took them."""
    from xueliang_monitor.relay.senders import NotSentError

    loaded = loaded_relay(config)
    found = loaded.receivers.get(receiver)
    if found is None:
        refuse([f"there is no receiver {receiver} in {config}; there are: {', '.join(loaded.receivers)}"])
    try:
        asyncio.run(_send_test(found))
    except NotSentError as error:
        refuse([f"{receiver}: not sent: {error}"], 1)
    out.print(f"{receiver}: took the test alert and its end; look whether both are to be seen", markup=False)


async def _send_test(receiver: Receiver) -> None:
    import aiohttp

    from xueliang_monitor.clock import SystemClock
    from xueliang_monitor.relay.alerts import trial_alert
    from xueliang_monitor.relay.messages import message
    from xueliang_monitor.relay.senders import form_of, send

    clock = SystemClock()
    began = clock.now() - 60
    async with aiohttp.ClientSession(trust_env=True) as session:
        for ended in (None, clock.now()):
            text = message([trial_alert(began, ended)], receiver.language, form_of(receiver))
            await send(receiver, text, session, clock)
