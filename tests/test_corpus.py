"""Stored pictures judged by a manifest, through the command that anyone runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from xueliang_monitor.cli import app

RUNNER = CliRunner()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a manifest of one camera: a healthy case, a black one, a file that is no picture."""
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


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "invalid json"),
        ('{"cameras": {}, "cases": [{"case_id": "a", "camera": "b"}]}', "cases.0.frames: field required"),
        ('{"cameras": {}, "cases": [{"case_id": "a", "camera": "b", "frames": [{"file": "x"}]}]}', "has no baseline"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(text)
    done = RUNNER.invoke(app, ["picture", "judge", str(file)])
    assert done.exit_code == 1
    assert reason in done.stderr
