"""Evidence pictures: kept for confirmed picture faults only; small, private, temporary, and only if allowed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from tests import waiting
from tests.test_daemon import all_up, running, until
from tests.waiting import PATIENCE
from xueliang_monitor.cli import app
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.daemon import Monitor
from xueliang_monitor.model import PictureRules
from xueliang_monitor.picture.learning import learn
from xueliang_monitor.picture.look import look_at
from xueliang_monitor.picture.measuring import measure
from xueliang_monitor.storage import evidence
from xueliang_monitor.storage.audit_log import Audit
from xueliang_monitor.storage.evidence import Evidence
from xueliang_monitor.storage.history import History

FAST = (
    "intervals: {reach: 500ms, rtsp: 500ms, stream: 1s, picture: 1s}\nrechecks: {reach: 200ms, picture: 300ms}\n"
    "confirm: {picture: 2}\n" + PATIENCE
)


async def kept_count(state: Path, camera: str, count: int) -> None:
    await waiting.until(lambda: len(evidence.kept(state, camera)) == count)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_confirmed_fault_leaves_one_small_private_picture_and_no_more_when_forbidden(tmp_path: Path) -> None:
    async with running(tmp_path, 2, FAST) as rig:
        await until(rig, all_up)
        state, settings = tmp_path / "state", str(tmp_path / "xueliang.yaml")
        names = [row.id for row in rig.cameras]
        assert evidence.kept(state, names[0]) == []
        await rig.fault(names[0], "black")
        await until(rig, lambda states: "picture_black" in states[names[0]][1])
        await kept_count(state, names[0], 1)
        (item,) = evidence.kept(state, names[0])
        assert item.fault == "picture_black"
        assert evidence.kept(state, names[1]) == []
        place = state / evidence.FOLDER / names[0] / item.name
        assert mode(place) == 0o600
        assert mode(place.parent) == mode(place.parent.parent) == 0o700
        picture = cv2.imread(str(place))
        assert picture.shape[1] == 320
        assert place.stat().st_size < 30_000
        listed = CliRunner().invoke(app, ["picture", "evidence", "--json", "-c", settings])
        assert item.name in listed.output.replace("\n", "")

        file = tmp_path / "cameras.d" / f"{names[0]}.yaml"
        file.write_text(file.read_text() + "picture: {evidence: never}\n")
        await kept_count(state, names[0], 0)
    looks = History(state, read_only=True).looks(names[0], 0)
    assert looks
    assert any(look.scores.get("picture_black", 0) >= 0.5 for look in looks)
    assert all(0 <= look.measures.get("brightness_ratio", 0) <= 1 for look in looks)
    told = CliRunner().invoke(app, ["picture", "history", names[0], "-c", settings], env={"COLUMNS": "200"})
    assert told.exit_code == 0
    assert "picture_black" in told.output


def test_pictures_go_after_their_time_and_beyond_their_number(tmp_path: Path) -> None:
    for number in range(evidence.MAX_OF_A_CAMERA + 5):
        evidence.keep(tmp_path, Evidence("gate", 1000.0 + number, "picture_black"), b"x")
    evidence.keep(tmp_path, Evidence("yard", 2000.0, "picture_black"), b"x")
    held = evidence.kept(tmp_path, "gate")
    assert len(held) == evidence.MAX_OF_A_CAMERA
    assert held[0].at == 1000 + evidence.MAX_OF_A_CAMERA + 4
    assert evidence.forget(tmp_path, 1500.0) == evidence.MAX_OF_A_CAMERA
    assert evidence.kept(tmp_path, "gate") == []
    assert len(evidence.kept(tmp_path, "yard")) == 1
    assert evidence.read(tmp_path, "yard", "../yard/0000002000-picture_black.jpg") is None
    assert evidence.read(tmp_path, "yard", "0000002000-picture_black.jpg") == b"x"


async def test_pictures_go_in_time_also_where_the_history_cannot_be_used(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "history.db").mkdir()  # a database cannot be opened there
    (tmp_path / "cameras.d").mkdir()
    settings = tmp_path / "xueliang.yaml"
    settings.write_text("listen: 127.0.0.1:0\n")
    now = SystemClock().now()
    evidence.keep(state, Evidence("gate", now - 8 * 86_400, "picture_black"), b"x")
    evidence.keep(state, Evidence("gate", now - 86_400, "picture_black"), b"x")
    monitor = Monitor(settings)
    async with monitor.running():
        assert not monitor.fleet.monitor.history.ok
        await kept_count(state, "gate", 1)


def test_a_limit_decides_what_is_seen_and_evidence_is_drawn_only_where_allowed() -> None:
    chance = np.random.default_rng(3)
    field = cv2.GaussianBlur(chance.normal(0, 1, (360, 640, 3)).astype(np.float32), (0, 0), 2)
    scene = np.clip(128 + 45 * field / field.std(), 0, 255).astype(np.uint8)
    reference = learn([measure(scene) for _ in range(12)])
    noisy = np.clip(scene + chance.normal(0, 8, scene.shape), 0, 255).astype(np.uint8)

    def told(limit: float, frame: np.ndarray = noisy) -> tuple[bool, bool, bytes]:
        look = look_at([frame], reference, rules=PictureRules({"picture_noisy": limit}))
        return any(each.code == "picture_noisy" for each in look.seen), "picture_noisy" in look.ruled_out, look.evidence

    score = look_at([noisy], reference).scores["picture_noisy"]
    assert 0.5 < score < 1
    assert told(0.5)[0]
    assert told(0.5)[2][:2] == b"\xff\xd8"
    assert told(score + 0.05)[:2] == (False, False)  # within the hysteresis neither seen nor ruled out
    assert told(2.0) == (False, True, b"")
    assert look_at([noisy], reference, rules=PictureRules(evidence=False)).evidence == b""


def test_the_audit_log_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = Audit(tmp_path)
    assert audit.note("anna", "10.0.0.9", "evidence viewed", camera="gate", file="x.jpg")
    file = tmp_path / "audit.log"
    assert mode(file) == 0o600
    assert '"user": "anna"' in file.read_text()
    monkeypatch.setattr("xueliang_monitor.storage.audit_log.MAX_BYTES", 1000)
    for _ in range(100):
        audit.note("anna", "10.0.0.9", "evidence viewed", camera="gate")
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 3000
    assert not Audit(tmp_path / "gone").note("anna", "", "x")


def test_a_picture_dated_in_the_future_does_not_stay_a_year(tmp_path: Path) -> None:
    now = 1_790_000_000.0
    for at in (now - 9 * 86_400, now - 100, now + 3600, now + 365 * 86_400):
        evidence.keep(tmp_path, Evidence("cam", at, "picture_black"), b"jpeg")
    assert evidence.forget(tmp_path, now - 7 * 86_400, after=now + 86_400) == 2
    assert [item.at - now for item in evidence.kept(tmp_path, "cam")] == [3600, -100]
