"""Stored pictures are judged by a manifest, through the command line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from tests.picture import made
from xueliang_monitor.cli import app
from xueliang_monitor.picture import PICTURE_CHECKS
from xueliang_monitor.picture.verdict import Judged, View

RUNNER = CliRunner()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a manifest of one camera: a healthy case, a black one, and a file that is not a picture."""
    chance = np.random.default_rng(1)
    scene = cv2.resize(
        chance.integers(40, 220, (36, 64, 3)).astype(np.uint8), (640, 360), interpolation=cv2.INTER_CUBIC
    )

    def write(name: str, picture: Any) -> dict[str, Any]:
        noisy = np.clip(picture + chance.normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / name), noisy)
        return {"file": name, "t": 0, "hour": None}

    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8 torn")
    manifest = {
        "cameras": {"gate": {"baseline": [write(f"b{n}.jpg", scene) for n in range(8)], "width": 640, "height": 360}},
        "cases": [
            {"case_id": "good", "camera": "gate", "dt": 0.2, "frames": [write(f"g{n}.jpg", scene) for n in range(2)],
             "label": {"fault": None, "kind": "plain"}},
            {"case_id": "dark", "camera": "gate", "dt": 0.2, "frames": [write("d.jpg", scene * 0)],
             "label": {"fault": "picture_black", "severity": "severe"}},
            {"case_id": "torn", "camera": "gate", "dt": 0.2, "frames": [{"file": "torn.jpg", "t": 0, "hour": 3.0}]},
        ],
    }  # fmt: skip
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest))
    return file


def test_a_corpus_is_judged_and_scored(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = RUNNER.invoke(app, ["picture", "judge", str(corpus), "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text()) == {"good": [], "dark": ["picture_black"], "torn": ["decode_failed"]}
    scored = RUNNER.invoke(app, ["picture", "score", str(corpus), str(out), "--json"])
    told = json.loads(scored.stdout)
    assert (told["macro_f1"], told["false_alarms"], told["recall"]) == (1.0, {"plain": 0.0}, {"severe": 1.0})
    table = RUNNER.invoke(app, ["picture", "score", str(corpus), str(out)])
    assert "picture_black" in table.stdout


def test_a_camera_with_infrared_nights_is_judged(tmp_path: Path) -> None:
    scene = made.MadeCamera()

    def write(name: str, picture: Any, hour: float | None) -> dict[str, Any]:
        cv2.imwrite(str(tmp_path / name), picture)
        return {"file": name, "t": 0, "hour": hour}

    def bleached(hour: float) -> Any:
        return cv2.cvtColor(cv2.cvtColor(scene.shot(hour), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)

    hours = [*np.arange(7.0, 18.0), *np.arange(20.0, 24.0), *np.arange(0.0, 5.0)]
    shown = {
        "noon": (scene.shot(12.0), 12.0),
        "morning": (scene.shot(7.2), 7.2),
        "night": (scene.shot(1.0), 1.0),
        "evening": (scene.shot(22.0), 18.0),
        "some-time": (scene.shot(22.0), None),
        "lost": (bleached(12.0), 12.0),
    }
    manifest = {
        "cameras": {"gate": {"baseline": [write(f"b{n}.png", scene.shot(h), h) for n, h in enumerate(hours)]}},
        "cases": [
            {"case_id": name, "camera": "gate", "frames": [write(f"{name}.png", picture, hour)]}
            for name, (picture, hour) in shown.items()
        ],
    }
    file, out = tmp_path / "manifest.json", tmp_path / "out.json"
    file.write_text(json.dumps(manifest))
    done = RUNNER.invoke(app, ["picture", "judge", str(file), "--json", str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text()) == {**{key: [] for key in shown}, "lost": ["picture_colourless"]}


def test_a_failing_case_is_named_and_sets_the_exit_status(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check or step fails in one case. It is judged in this process: worker processes would not see the patch."""

    class Here:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, work: Any, *items: Any, chunksize: int = 1) -> Any:
            return map(work, *items)

    def judge(view: View) -> Judged:
        return Judged(1 / int(view.measures.luma_mean_levels > 60), "")

    broken = tuple(
        replace(each, judge=judge) if each.fault.code == "picture_noisy" else each for each in PICTURE_CHECKS
    )
    monkeypatch.setattr("xueliang_monitor.picture.corpus.ProcessPoolExecutor", Here)
    monkeypatch.setattr(
        "xueliang_monitor.picture.judge.PICTURE_CHECKS", broken[3:]
    )  # noisy runs before black can hide it
    out = tmp_path / "out.json"
    done = RUNNER.invoke(app, ["picture", "judge", str(corpus), "--json", str(out)])
    assert done.exit_code == 1
    assert "dark: not judged: picture_noisy failed (ZeroDivisionError)" in done.stderr
    assert set(json.loads(out.read_text())) == {"good", "torn"}
    monkeypatch.setattr("xueliang_monitor.picture.measuring.measure", lambda *_: 1 / 0)
    done = RUNNER.invoke(app, ["picture", "judge", str(corpus)])
    assert done.exit_code == 1
    assert "good: not judged: the camera's baseline could not be learned (ZeroDivisionError)" in done.stderr


def _dies(*_: object) -> None:
    os._exit(1)


def test_a_dead_worker_process_costs_only_its_cases(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xueliang_monitor.picture.corpus._judge", _dies)
    done = RUNNER.invoke(app, ["picture", "judge", str(corpus)])
    assert done.exit_code == 1
    assert done.stderr.count("not judged: the worker process died") == 3


def _manifest(cases: str) -> str:
    return f'{{"cameras": {{"b": {{"baseline": []}}}}, "cases": [{cases}]}}'


def _case(name: str, frame: str) -> str:
    return f'{{"case_id": "{name}", "camera": "b", "frames": [{{{frame}}}]}}'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "invalid json"),
        ('{"cameras": {}, "cases": [{"case_id": "a", "camera": "b"}]}', "case a: cases.0.frames: field required"),
        ('{"cameras": {}, "cases": [{"camera": "b"}]}', "manifest.json: cases.0.case_id: field required"),
        ('{"cameras": {}, "cases": 3}', "manifest.json: cases: input should be a valid array"),
        ('{"cameras": {}, "cases": [{"case_id": "a", "camera": "b", "frames": [{"file": "x"}]}]}', "has no baseline"),
        (
            _manifest(_case("a", '"file": "x\\u0000.jpg"')),
            "case a: cases.0.frames.0.file: a file name cannot hold a null",
        ),
        (_manifest(_case("a", '"file": "x", "hour": NaN')), "case a: cases.0.frames.0.hour: input should be a finite"),
        (_manifest(_case("a", '"file": "x", "hour": 1e999')), "cases.0.frames.0.hour: input should be a finite"),
        (_manifest(_case("a", '"file": "x", "t": Infinity')), "cases.0.frames.0.t: input should be a finite"),
        (
            '{"cameras": {"b": {"baseline": [{"file": "x", "hour": NaN}]}}, "cases": []}',
            "manifest.json: cameras.b.baseline.0.hour: input should be a finite number",
        ),
        (_manifest(", ".join([_case("a", '"file": "x"')] * 3)), "case a is there 3 times; give each case an id of its"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    done = RUNNER.invoke(app, ["picture", "judge", str(file)])
    assert done.exit_code == 2
    assert reason in done.stderr


def test_a_bad_manifest_cannot_be_scored(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text("no json")
    done = RUNNER.invoke(app, ["picture", "score", str(file), str(file)])
    assert done.exit_code == 2
    assert "invalid json" in done.stderr
