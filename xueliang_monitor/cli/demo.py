"""`xueliang demo`: see it work, with cameras that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xueliang_monitor.cli.output import log_to_stderr, out, refuse


def demo(
    fleet: Annotated[
        Path | None, typer.Option(help="CSV of the fleet to simulate; else the packaged one of 147 cameras.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Stop after so many seconds.")] = None,
    incidents: Annotated[bool, typer.Option(help="Let things go wrong, and recover.")] = True,
    listen: Annotated[str, typer.Option(help="Address of page and metrics.")] = "127.0.0.1:9147",
) -> None:
    """Watch a simulated fleet: the daemon, its page and metrics, and incidents on a loop."""
    import asyncio
    import logging

    from xueliang_monitor.configuration.strict_yaml import DocumentError
    from xueliang_monitor.simulator import demo as play
    from xueliang_monitor.simulator.sample import sample_fleet

    log_to_stderr(logging.ERROR)
    logging.getLogger("xueliang_monitor.events").disabled = True  # the demo says these itself
    try:
        asyncio.run(
            play.run(
                fleet or sample_fleet(),
                listen,
                seconds,
                incidents=incidents,
                say=lambda text: out.print(text, highlight=False),
            )
        )
    except DocumentError as error:
        refuse(error.problems)
    except OSError as error:
        refuse([f"cannot listen: {error.strerror}; is another demo running?"], 1)
