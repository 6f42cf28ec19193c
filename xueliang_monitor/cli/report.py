"""`xueliang report`: the availability report of a month, a day or a range of days."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from xueliang_monitor.cli.output import ConfigOption, err, installation_of, refuse
from xueliang_monitor.time_format import to_the_minute


def report(
    period: Annotated[str, typer.Argument(help="Month, day or range: 2026-10, 2026-10-05 or 2026-10-01..2026-10-15.")],
    *,
    site: Annotated[str | None, typer.Option(help="Only cameras of this site.")] = None,
    programme: Annotated[str | None, typer.Option(help="Only cameras of this programme.")] = None,
    form: Annotated[str, typer.Option("--format", help="html, csv or xlsx.")] = "html",
    language: Annotated[str, typer.Option("--lang", help="zh or en.")] = "zh",
    target: Annotated[float, typer.Option(min=0, max=100, help="Required online rate in percent.")] = 98.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Output file; default: standard output.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the availability report of a period: online and healthy rates, outages and faults."""
    from xueliang_monitor.availability_report import figures, forms
    from xueliang_monitor.availability_report.tables import tables
    from xueliang_monitor.storage.history import History
    from xueliang_monitor.storage.history_error import HistoryError
    from xueliang_monitor.topology import Topology

    if form not in {"html", "csv", "xlsx"} or language not in {"zh", "en"}:
        refuse(["--format takes html, csv or xlsx; --lang takes zh or en"])
    try:
        stretch = figures.Period.parse(period)
    except ValueError as error:
        refuse([error])
    loaded, now = installation_of(config, passwords=False), time.time()
    cameras = loaded.inventory.known
    for option, given, known in (
        ("--site", site, {camera.site for camera in cameras}),
        ("--programme", programme, {camera.programme for camera in cameras}),
    ):
        if given is not None and given not in known:
            refuse([f"{option}: there is no camera with {given}"])
    try:
        history = History(loaded.settings.state, read_only=True)
        built = figures.build(
            stretch,
            cameras,
            history.seconds(stretch.first.isoformat(), stretch.last.isoformat()),
            episodes=history.episodes(stretch.start, stretch.end),
            outages=history.outages(stretch.start, stretch.end),
            root_seconds=history.root_seconds(stretch.first.isoformat(), stretch.last.isoformat()),
            topology=Topology.of(loaded.topology_nodes, cameras),
            now=now,
            target=target / 100,
            site=site,
            programme=programme,
        )
    except HistoryError as error:
        refuse([error], 1)
    made = tables(built, {camera.id: camera for camera in cameras}, language)
    if form == "html":
        title = "摄像机运行报告" if language == "zh" else "Camera network report"
        named = " · ".join(filter(None, (title, site, programme)))
        at = to_the_minute(now)
        content = forms.html(built, made, language, title=named, made_at=at)
    else:
        content = forms.comma_separated(made, language) if form == "csv" else forms.workbook(made, language)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    try:
        output.write_bytes(content)
    except OSError as error:
        refuse([f"{output}: cannot be written: {error.strerror}"], 1)
    err.print(f"wrote {output}", markup=False, highlight=False)
