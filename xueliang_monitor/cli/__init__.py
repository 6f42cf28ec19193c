"""The command line, with one module per command or group of commands."""

from __future__ import annotations

import typer

from xueliang_monitor.cli import (
    alert,
    camera,
    capture,
    check,
    config,
    demo,
    discover,
    events,
    faults,
    maintenance,
    picture,
    relay,
    report,
    run,
    simulate,
    uplink,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    pretty_exceptions_enable=False,
    help="Monitor the cameras of a network: which are offline or blind, and why.",
)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("capture")(capture.capture)
app.command("demo")(demo.demo)
app.command("discover")(discover.discover)
app.command("events")(events.events)
app.command("report")(report.report)
app.command("faults")(faults.faults)
app.command("relay")(relay.relay)
app.add_typer(alert.app, name="alert", help="Try the receivers of alerts.")
app.add_typer(camera.app, name="camera", help="Register, list, test and change cameras.")
app.add_typer(config.app, name="config", help="Check the settings, and hash passwords.")
app.add_typer(maintenance.app, name="maintenance", help="Maintenance: cameras are visited but not judged.")
app.add_typer(
    picture.app, name="picture", help="Picture history, fault pictures, relearning, and tests on stored pictures."
)
app.add_typer(uplink.app, name="uplink", help="What cameras hang on: switches, lines, routers and recorders.")
app.add_typer(simulate.app, name="simulate", help="Run a fleet of simulated cameras, and set faults on it.")


@app.callback(invoke_without_command=True)
def _main(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from xueliang_monitor import __version__

        typer.echo(f"xueliang_monitor {__version__}")
        raise typer.Exit
