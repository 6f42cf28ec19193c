"""`xueliang picture`: judge stored pictures, score the results, relearn the view of a camera, show its history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xueliang_monitor.cli import picture_past
from xueliang_monitor.cli.output import (
    ConfigOption,
    JsonOption,
    camera_of,
    err,
    installation_of,
    out,
    print_json,
    refuse,
)
from xueliang_monitor.time_format import iso_local

if TYPE_CHECKING:
    from xueliang_monitor.picture.corpus import Score

app = typer.Typer(no_args_is_help=True)
app.command()(picture_past.history)
app.command()(picture_past.evidence)
ManifestArgument = Annotated[Path, typer.Argument(metavar="MANIFEST", help="JSON: cameras with baselines, and cases.")]


@app.command()
def judge(
    manifest: ManifestArgument,
    to: Annotated[
        Path | None, typer.Option("--json", metavar="OUT", help="Write {case: [fault codes]} to this file.")
    ] = None,
) -> None:
    """Judge stored pictures, each against the baseline of its camera.

    Exit status 1 if a case cannot be judged, 2 if the manifest cannot be used.
    """
    from rich.progress import track

    from xueliang_monitor.picture import corpus

    try:
        loaded = corpus.load(manifest)
        done = list(
            track(corpus.judge(manifest, loaded), "judging", total=len(loaded.cases), console=err, transient=True)
        )
    except corpus.ManifestError as error:
        refuse([str(error)])
    failed = [each for each in done if each.failure]
    judged = {each.case: list(each.codes) for each in done if not each.failure}
    if to is not None:
        try:
            to.write_text(json.dumps(judged, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            refuse([f"{to}: cannot be written: {error.strerror}"], 1)
        err.print(f"{len(judged)} cases judged, {sum(map(bool, judged.values()))} with faults", highlight=False)
    else:
        for case, codes in judged.items():
            out.print(f"{case}: {', '.join(codes) or 'healthy'}", markup=False, highlight=False)
    if failed:
        refuse([f"{each.case}: not judged: {each.failure}" for each in failed], 1)


@app.command()
def score(
    manifest: ManifestArgument,
    predictions: Annotated[Path, typer.Argument(help="Output of judge --json.")],
    as_json: JsonOption = False,
) -> None:
    """Compare judgements with the labels of a manifest: precision, recall and F1 per fault, false alarms per kind."""
    from xueliang_monitor.picture import corpus

    try:
        scored = corpus.score(corpus.load(manifest), corpus.read_predictions(predictions))
    except corpus.ManifestError as error:
        refuse([str(error)])
    if as_json:
        print_json(
            {
                "macro_f1": round(scored.macro_f1, 4),
                "recall": {key: round(value, 4) for key, value in scored.recall.items()},
                "false_alarms": {key: round(value, 4) for key, value in scored.false_alarms.items()},
                "faults": {
                    fault.code: {
                        "precision": round(fault.precision, 4),
                        "recall": round(fault.recall, 4),
                        "f1": round(fault.f1, 4),
                        "found": dict(fault.found),
                        "shown": dict(fault.shown),
                        "false": fault.false,
                    }
                    for fault in scored.faults
                },
            }
        )
        return
    _print(scored)


@app.command()
def relearn(
    cameras: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of the cameras.")],
    config: ConfigOption = None,
) -> None:
    """Relearn the view of cameras that were moved on purpose. A running daemon starts within two seconds."""
    from xueliang_monitor.cli.camera_edit import change

    loaded = installation_of(config)
    import time

    since = iso_local(time.time())
    for camera in [camera_of(loaded, name) for name in cameras]:
        change(loaded, camera.id, {"view_since": since})
        out.print(f"{camera.id}: relearning the view 重新学习正常画面", style="green", markup=False, highlight=False)


def _print(scored: Score) -> None:
    from rich.table import Column, Table

    severities = list(dict.fromkeys(name for fault in scored.faults for name in fault.shown))
    table = Table(Column("fault", no_wrap=True), *severities, "precision", "recall", "F1", "false")
    for fault in scored.faults:
        found = [f"{fault.found.get(name, 0)}/{fault.shown.get(name, 0)}" for name in severities]
        numbers = [f"{value:.2f}" for value in (fault.precision, fault.recall, fault.f1)]
        table.add_row(fault.code, *found, *numbers, str(fault.false))
    out.print(table)
    out.print(f"macro F1 {scored.macro_f1:.3f}", highlight=False)
    for name, value in scored.recall.items():
        out.print(f"recall, {name}: {value:.3f}", highlight=False)
    for name, value in scored.false_alarms.items():
        out.print(f"false alarms, {name}: {value:.1%}", highlight=False)
