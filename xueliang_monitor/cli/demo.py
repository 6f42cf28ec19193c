"""`xueliang demo`: the monitor with simulated cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xueliang_monitor.cli.output import log_to_stderr, out, refuse


def demo(
    *,
    fleet: Annotated[
        Path | None, typer.Option(help="CSV file of the fleet; default: the packaged one with 147 cameras.")
    ] = None,
    topology: Annotated[
        Path | None,
        typer.Option(help="What the cameras hang on, as uplinks.yaml; default: that of the packaged fleet."),
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="Stop after this many seconds.")] = None,
    incidents: Annotated[bool, typer.Option(help="Play incidents in a loop.")] = True,
    listen: Annotated[str, typer.Option(help="Address of the pages and metrics.")] = "127.0.0.1:9147",
    day: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Play days that last so long, such as 10m: the light of the scenes, the cameras' clocks and that of "
            "the monitor run with them, and so do its intervals.",
        ),
    ] = None,
) -> None:
    """Monitor a simulated fleet: the daemon, its pages and metrics, and incidents in a loop."""
    import asyncio
    import logging

    from xueliang_monitor.cli.simulate import simulated_day
    from xueliang_monitor.configuration.strict_yaml import DocumentError
    from xueliang_monitor.simulator import demo as play
    from xueliang_monitor.simulator.sample import sample_fleet, sample_topology

    played = simulated_day(day)
    log_to_stderr(logging.ERROR)
    logging.getLogger("xueliang_monitor.events").disabled = True  # the demo prints them itself
    try:
        asyncio.run(
            play.run(
                play.Scenery(
                    fleet or sample_fleet(),
                    topology or (sample_topology() if fleet is None else None),
                    None if played is None else played.seconds,
                ),
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
