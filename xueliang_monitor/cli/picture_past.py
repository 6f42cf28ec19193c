"""`xueliang picture history` and `evidence`: past scores, for setting limits, and stored fault pictures."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli.output import (
    CameraArgument,
    ConfigOption,
    JsonOption,
    camera_of,
    installation_of,
    out,
    print_json,
    refuse,
)

if TYPE_CHECKING:
    from rich.table import Table

    from xueliang_monitor.configuration.inventory import Camera
    from xueliang_monitor.fleet.changes import PictureSample

STEPS = "▁▂▃▄▅▆▇█"
COLUMNS = 60
"""Largest width of a course."""

COURSE_TITLE = "over time"
NUMBER_TITLES = ("limit", "median", "95 %", "highest", "over it")
BORDER = 3
"""Characters that a column of a table takes beside its text."""

DAY_SECONDS = 86_400.0


def course(values: Sequence[tuple[float, float]], columns: int = COLUMNS, full: float = 1.0) -> str:
    """Return the maximum of each time slot as a row of bars.

    `values` are pairs of moment and value; `full` is the value of the highest bar.
    """
    if not values:
        return ""
    first, last = values[0][0], values[-1][0]
    highest: list[float | None] = [None] * columns
    for at, value in values:
        place = min(columns - 1, int((at - first) / ((last - first) or 1) * columns))
        before = highest[place]
        highest[place] = value if before is None else max(before, value)
    scale = len(STEPS) - 1
    return "".join(" " if value is None else STEPS[min(scale, round(value / full * scale))] for value in highest)


def history(
    camera: CameraArgument,
    days: Annotated[float, typer.Option(min=0.01, max=400, help="How many days back.")] = 7.0,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the scores of the picture checks over the last days, to set limits that avoid false alarms."""
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError

    loaded = installation_of(config, passwords=False)
    known = camera_of(loaded, camera)
    try:
        with contextlib.closing(History(loaded.settings.state, read_only=True)) as past:
            looks = past.looks(known.id, time.time() - days * DAY_SECONDS)
    except HistoryError as error:
        refuse([error], 1)
    if as_json:
        print_json([{"at": look.at, "measures": dict(look.measures), "scores": dict(look.scores)} for look in looks])
        return
    if not looks:
        out.print(f"{known.id}: there are no picture scores from the last {days:g} days", markup=False)
        return
    _print(known, looks)


def scores_table(looks: Sequence[PictureSample], limits: Mapping[str, float], width: int) -> Table:
    """Return the scores of each check against its limit, with their course in what is left of `width` characters."""
    from rich.console import Console

    table = _scores_table(looks, limits, 0)
    left = width - Console(width=width).measure(table).maximum - BORDER
    return table if left < len(COURSE_TITLE) else _scores_table(looks, limits, min(left, COLUMNS))


def _scores_table(looks: Sequence[PictureSample], limits: Mapping[str, float], columns: int) -> Table:
    """Return the scores of each check, with their course in so many characters, or without it."""
    from rich.table import Column, Table

    from xueliang_monitor.picture import PICTURE_CHECKS
    from xueliang_monitor.picture.verdict import LIMIT, OFF

    numbers = [Column(title, justify="right", no_wrap=True) for title in NUMBER_TITLES]
    table = Table(
        Column("fault", overflow="fold"), *numbers, *([Column(COURSE_TITLE, no_wrap=True)] if columns else [])
    )
    for code in (check.fault.code for check in PICTURE_CHECKS):
        scores = [look.scores.get(code, 0.0) for look in looks]
        limit = limits.get(code, LIMIT)
        over = sum(score >= limit for score in scores)
        ordered = sorted(scores)
        shown = (statistics.median(scores), ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])
        moments = [look.at for look in looks]
        table.add_row(
            code,
            "off" if limit >= OFF else f"{limit:.2f}",
            *(f"{value:.2f}" for value in shown),
            str(over) if over else "",
            *([course(list(zip(moments, scores, strict=True)), columns)] if columns else []),
            style="yellow" if over else None,
        )
    return table


def _print(camera: Camera, looks: list[PictureSample]) -> None:
    from rich.table import Column, Table

    from xueliang_monitor.availability_report.tables import moment
    from xueliang_monitor.picture.measures import MEASURES

    out.print(
        f"{camera.id} {camera.name}: {len(looks)} pictures from {moment(looks[0].at)} to {moment(looks[-1].at)}",
        markup=False,
        highlight=False,
    )
    out.print(scores_table(looks, camera.target.picture.limits, out.width))
    measured = Table("measure", *(Column(title, justify="right") for title in ("lowest", "median", "highest")))
    for name in MEASURES:
        values = [look.measures.get(name, 0.0) for look in looks]
        measured.add_row(name, *(f"{value:.3g}" for value in (min(values), statistics.median(values), max(values))))
    out.print(measured)
    out.print(
        f"Set a limit in {camera.id}.yaml, for example  picture: {{limits: {{picture_dirty: 0.7}}}}",
        markup=False,
        highlight=False,
    )


def evidence(
    camera: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only pictures of this camera.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the stored fault pictures and their files.

    The audit log records who opens one on the page; it does not record who opens a file.
    """
    from rich.table import Table

    from xueliang_monitor.availability_report.tables import moment
    from xueliang_monitor.storage import evidence as pictures

    loaded = installation_of(config, passwords=False)
    names = [camera_of(loaded, camera).id] if camera else [known.id for known in loaded.inventory.known]
    folder = loaded.settings.state / pictures.FOLDER
    found = [item for name in names for item in pictures.kept(loaded.settings.state, name)]
    if as_json:
        print_json(
            [
                {
                    "camera": item.camera,
                    "at": item.at,
                    "fault": item.fault,
                    "file": str(folder / item.camera / item.name),
                }
                for item in found
            ]
        )
        return
    table = Table("camera", "when", "fault", "file")
    for item in found:
        table.add_row(item.camera, moment(item.at), item.fault, str(folder / item.camera / item.name))
    out.print(table if found else "no fault pictures are stored")
