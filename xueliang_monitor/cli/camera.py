"""`xueliang camera`: import a fleet's spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xueliang_monitor.cli.output import err, out, refuse

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `import` a command of its own."""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with the columns of config/fleet.csv.")],
    into: Annotated[Path, typer.Option("--into", help="Folder for the camera files.")] = Path(
        "/etc/xueliang-monitor/cameras.d"
    ),
) -> None:
    """Write one camera file a row; bad rows are named and skipped."""
    from rich.progress import track

    from xueliang_monitor import inventory
    from xueliang_monitor.documents import DocumentError

    try:
        rows, problems = inventory.read_csv(file)
        into.mkdir(parents=True, exist_ok=True)
        for row in track(rows, "writing", console=err, transient=True, disable=not err.is_terminal):
            inventory.write_camera(into, row)
    except DocumentError as error:
        refuse(error.problems)
    except OSError as error:
        refuse([f"{into}: cannot be written: {error.strerror}"], 1)
    out.print(f"{len(rows)} cameras written to {into}", highlight=False)
    if problems:
        refuse((*problems, f"{len(problems)} rows skipped"), 1)
