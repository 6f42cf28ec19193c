"""The benchmark of long runs: looks in the daemon's rhythm, faults confirmed as by the daemon, and its table."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import long_run
from benchmarks.still_run import Still, StillRun
from tests.picture import made

MINUTE = 60.0
BLACK = range(12, 16)
"""The stills on which the camera is black."""


def _stills(folder: Path, every_seconds: float, count: int) -> list[Still]:
    scene, stills = made.MadeCamera(), []
    for number in range(count):
        picture = np.zeros_like(scene.shot(12.0)) if number in BLACK else scene.shot(12.0)
        file = folder / f"{number:03d}.jpg"
        cv2.imwrite(str(file), picture)
        stills.append(Still(file, number * every_seconds, 12.0))
    return stills


def test_a_fault_is_confirmed_and_ends_as_by_the_daemon(tmp_path: Path) -> None:
    run = StillRun(_stills(tmp_path, 5 * MINUTE, 24))
    moments = list(run.run())
    result = run.result()
    assert [fault.code for fault in result.standing] == ["picture_black"]
    fault = result.standing[0]
    assert fault.since == BLACK[0] * 5 * MINUTE
    assert fault.confirmed_at == fault.since + 20, "a second look follows after 20 s"
    assert fault.ended_at == BLACK.stop * 5 * MINUTE + 20, "two looks clear it"
    assert fault.hours == pytest.approx((fault.ended_at - fault.confirmed_at) / 3600, abs=0.01)
    assert moments == sorted(set(moments))
    assert result.watched_hours == pytest.approx(24 * 5 / 60, abs=0.1)
    assert 0 < result.reference_bytes < 64 * 1024


def test_stills_further_apart_than_the_looks_are_looked_at_again_and_not_in_a_pause(tmp_path: Path) -> None:
    stills = _stills(tmp_path, 20 * MINUTE, 4)
    later = [Still(each.file, each.at + 86_400, each.hour) for each in stills]
    run = StillRun([*stills, *later])
    for _ in run.run():
        pass
    result = run.result()
    assert result.standing == (), "the same still twice is not frozen"
    assert 2 * 60 / 5 <= result.looks <= 2 * 90 / 5 + 8
    assert result.watched_hours == pytest.approx(2 * 75 / 60, abs=0.6)


def test_the_table_tells_false_from_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stills = _stills(tmp_path, 5 * MINUTE, 18)
    entries = [{"file": each.file.name, "at": each.at, "hour": each.hour} for each in stills]
    (tmp_path / "long.json").write_text(json.dumps({"gate": entries}))
    cases = [
        {"case_id": str(number), "camera": "gate", "frames": [{"file": stills[number].file.name}],
         "label": {"fault": "picture_covered"}, "accept": ["picture_black"]}
        for number in BLACK
    ]  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps({"cameras": {}, "cases": cases}))
    out = tmp_path / "out.json"
    long_run.main([str(tmp_path / "long.json"), "--json", str(out)])
    assert "1 confirmed, 1 false (1 critical)" in capsys.readouterr().out
    found = json.loads(out.read_text())
    assert found["by_code"]["picture_black"]["confirmed"] == 1
    assert [fault["judged"] for fault in found["faults"]] == ["false"]
    labelled = ["--manifest", str(tmp_path / "manifest.json"), "--camera", "gate"]
    long_run.main([str(tmp_path / "long.json"), *labelled])
    told = capsys.readouterr()
    assert "1 confirmed, 0 false (0 critical)" in told.out
    assert "gate: done" in told.err
    with pytest.raises(SystemExit):
        long_run.main([str(tmp_path / "long.json"), "--camera", "door"])


def test_runs_begin_at_other_hours_of_the_first_days(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stills = tuple(Still(tmp_path / "a.jpg", 1000.0 + 3600 * each, (20.0 + each) % 24) for each in range(12))
    camera = long_run.Camera("gate", stills)
    begun = long_run.started(camera, 30.0)
    assert begun is not None
    assert (begun.name, begun.stills[0].hour, len(begun.stills)) == ("gate+30h", 6.0, 2)
    assert long_run.started(camera, 32.0) is None
    (tmp_path / "long.json").write_text(json.dumps({"gate": [{"file": "a.jpg", "at": 1000.0, "hour": 20.0}]}))
    with pytest.raises(SystemExit):
        long_run.main([str(tmp_path / "long.json"), "--start", "32"])
    assert "give fewer hours" in capsys.readouterr().err
