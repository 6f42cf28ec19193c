"""From a fault to the person who is told, through the deployed files of Prometheus and Alertmanager."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import ROOT, rows
from tests.real.alerting import DEPLOY, MISSING, Alert, Told, alerting
from tests.test_daemon import all_up, running, until

pytestmark = pytest.mark.real
needs_programs = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)")
DEFAULT = os.environ.get("XUELIANG_ALERT_INTERVALS") == "default"
"""With the intervals as they are deployed, to measure; else shortened."""

SHORT = "intervals: {reach: 5s, rtsp: 5s, stream: 10s, picture: 10s}\nrechecks: {reach: 1s, picture: 2s}"


@needs_programs
def test_rules_load_and_every_alert_fires_holds_and_recovers() -> None:
    folder = DEPLOY / "prometheus"
    for command in ("check rules alerts.rules.yml availability.rules.yml", "check config prometheus.yml",
                    "test rules alerts.test.yml"):  # fmt: skip
        done = subprocess.run(["promtool", *command.split()], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    text = (folder / "alerts.test.yml").read_text()
    rules = (folder / "alerts.rules.yml").read_text()
    for line in rules.splitlines():
        name = line.partition("- alert: ")[2]
        assert not name or f"alertname: {name}" in text, f"{name} has no test"


@needs_programs
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=CameraOffline severity=critical site=沙湖社区", "on-call"),
        ("alertname=CameraFault severity=warning site=沙湖社区", "control-room"),
        ("alertname=CameraOffline severity=critical site=柳林社区", "site-liulin,on-call"),
        ("alertname=UplinkDown severity=critical uplink=x", "on-call"),
        ("alertname=MonitorDown severity=critical", "on-call"),
        ("alertname=Watchdog severity=none", "watchdog"),
        ("alertname=New severity=info", "control-room"),
    ],
)
def test_alerts_are_routed_by_severity_and_site(labels: str, receivers: str) -> None:
    file = DEPLOY / "alertmanager/alertmanager.yml"
    checked = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={file}", *labels.split()], capture_output=True, text=True
    )
    assert done.stdout.strip() == receivers


def test_the_wecom_secret_comes_from_a_file(tmp_path: Path) -> None:
    script, source = DEPLOY / "alertmanager/render.sh", DEPLOY / "alertmanager/alertmanager.yml"
    secret, target = tmp_path / "secret", tmp_path / "target.yml"
    environment = {**os.environ, "XUELIANG_WECOM_SECRET_FILE": str(secret)}
    command = ["sh", script, source, target]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "cannot be read" in refused.stderr
    secret.write_text("Ab-9_z\n")
    subprocess.run(command, env=environment, check=True)
    assert target.read_text() == source.read_text().replace("@WECOM_SECRET@", "Ab-9_z")
    assert target.stat().st_mode & 0o777 == 0o640
    if shutil.which("amtool"):
        shutil.copy(DEPLOY / "alertmanager/xueliang.tmpl", tmp_path)
        subprocess.run(["amtool", "check-config", target], check=True, capture_output=True)


async def _until_told(told: Told, wanted: set[Alert], seconds: float, *, resolved: bool = False) -> None:
    started = time.monotonic()
    while wanted - (told.resolved if resolved else told.firing).keys() and time.monotonic() - started < seconds:
        await asyncio.sleep(0.1)
    seen = set(told.resolved if resolved else told.firing)
    assert seen == wanted, f"within {seconds} s: missing {wanted - seen}, and nobody expected {seen - wanted}"


@needs_programs
@pytest.mark.timeout(900 if DEFAULT else 480)
async def test_faults_reach_the_webhook_once_and_are_resolved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """147 cameras: one dies, a switch with twelve dies, a lens is covered."""
    fleet = tuple(
        replace(row, data=row.data.model_copy(update={"uplink": f"switch-{number // 12}"}))
        for number, row in enumerate(rows(147))
    )
    behind = [row.id for row in fleet if row.data.uplink == "switch-3"]
    dead, covered = fleet[2].id, fleet[100].id
    own_people = fleet[2].data.model_copy(update={"site": "柳林社区"})  # a site that is told by e-mail too
    fleet = tuple(replace(row, data=own_people) if row.id == dead else row for row in fleet)
    assert len(behind) == 12
    limit = 660.0 if DEFAULT else 60.0
    async with (
        running(tmp_path, 147, "" if DEFAULT else SHORT, fleet) as rig,
        alerting(tmp_path, rig.page, every=None if DEFAULT else "1s") as (told, _),
    ):
        await until(rig, all_up, 60)
        await asyncio.sleep(330 if DEFAULT else 40)  # every camera's own reference is learned
        assert not told.alerts, "a fleet in peace was alerted"
        assert told.watchdogs
        started = time.monotonic()
        await rig.fault(dead, "black-hole")
        for camera in behind:
            await rig.fault(camera, "black-hole")
        await rig.fault(covered, "covered")
        expected = {
            ("CameraOffline", dead, ""),
            ("UplinkDown", "switch-3", ""),
            ("CameraFault", covered, "picture_covered"),
        }
        await _until_told(told, expected, limit)
        await asyncio.sleep(10)
        assert set(told.firing) == expected
        with capsys.disabled():
            for alert in sorted(expected):
                print(f"\nfault to webhook: {alert[0]} {told.firing[alert] - started:.1f} s", end="")
        _check_texts(told)
        cleared = time.monotonic()
        for camera in (dead, covered, *behind):
            await rig.fault(camera, None)
        await _until_told(told, expected, limit + 60, resolved=True)
        assert set(told.firing) == expected
        with capsys.disabled():
            print(f"\nrecovery to webhook: at most {max(told.resolved.values()) - cleared:.1f} s")


def _check_texts(told: Told) -> None:
    annotations = {alert["labels"]["alertname"]: alert["annotations"] for alert in told.alerts}
    assert annotations["CameraOffline"]["cause"] == "Nothing answers at the camera's address: power, cable or network."
    assert annotations["CameraOffline"]["summary_zh"].endswith("离线，无响应")
    assert "12 cameras behind it" in annotations["UplinkDown"]["summary"]
    for texts in annotations.values():
        assert texts["page"].startswith("http://127.0.0.1:")
        assert all(texts.values()), texts
    mail = next(mail for mail in told.mails if mail["To"] == "liulin@example.org")
    assert "离线，无响应" in str(mail["Subject"])
    body = mail.get_body(("html",))
    assert body is not None
    assert "Nothing answers at the camera" in body.get_content()
    assert any("离线" in call["text"]["content"] for call in told.wecom)


def test_no_file_of_the_deployment_holds_a_secret() -> None:
    for file in (ROOT / "deploy").rglob("*"):
        if file.is_file() and file.suffix in {".yml", ".yaml", ".json", ".service", ".conf"}:
            text = file.read_text(encoding="utf-8").lower()
            for word in ("password:", "api_secret: ", "token:"):
                assert word not in text.replace('api_secret: "@wecom_secret@"', ""), f"{file} holds a {word}"
