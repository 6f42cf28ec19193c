"""`xueliang config`: check the settings and the inventory."""

from __future__ import annotations

import typer

from xueliang_monitor.cli.output import ConfigOption, out, refuse, settings_file

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own."""


@app.command("check")
def check(config: ConfigOption = None) -> None:
    """Validate settings, passwords and every camera file; print every error with file and line."""
    from xueliang_monitor import installation
    from xueliang_monitor.documents import DocumentError

    try:
        loaded = installation.load(settings_file(config))
    except DocumentError as error:
        refuse(error.problems, 1)
    problems = (*loaded.problems, *loaded.inventory.problems)
    if problems:
        refuse((*problems, f"{len(problems)} errors; {len(loaded.inventory.cameras)} cameras are good"), 1)
    out.print(f"{settings_file(config)}: good; {len(loaded.inventory.cameras)} cameras", highlight=False)
