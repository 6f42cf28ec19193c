"""From a fault to the person who is told, through the deployed files of Prometheus and Alertmanager."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.conftest import ROOT, rows
from tests.real.alerting import DEPLOY, MISSING, Alert, Told, alert_of, alerting
from tests.real.odd_names import ODD, with_odd_names
from tests.real.two_monitors import COVERED, NAMES, RECORDER, SWITCH, two_monitors, with_two_monitors
from tests.test_daemon import all_up, running, until_learned
from tests.test_daemon import until as until_states
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.real
needs_programs = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)")
DEFAULT = os.environ.get("XUELIANG_ALERT_INTERVALS") == "default"
"""With the intervals as they are deployed, to measure; else shortened."""

OF_TWO_MONITORS = (
    ("CameraOffline", "lost", ""),
    *(("CameraFault", name, "picture_covered") for name in COVERED),
    ("ClockDrift", "drifting", "clock_drift"),
    ("CameraStale", "new", ""),
    ("UplinkDown", SWITCH, ""),
    ("HostDown", RECORDER, ""),
    *((name, "", "") for name in ("SiteDegraded", "FleetAvailabilityLow", "MonitorLate", "MonitorReloadFailed",
                                  "InventoryInvalid", "HistoryDown", "CertificateExpiring")),
)  # fmt: skip
"""What fires for each of the two, by alert, camera or uplink, and fault."""

CATALOGUED = {"CameraOffline", "CameraFault", "ClockDrift", "UplinkDown", "HostDown"}
"""Alerts whose cause and advice are the catalogue's, which the monitor exports."""

TEXTS = ("summary", "summary_zh", "where", "where_zh", "since", "cause", "cause_zh", "advice", "advice_zh", "page")
ODD_NAME = """"东门" '{{ .x }}' \\ <b>& %s`"""

SHORT = "intervals: {reach: 5s, rtsp: 5s, stream: 10s, picture: 10s}\nrechecks: {reach: 1s, picture: 2s}\n" + PATIENCE


def promtool(*command: str | Path, folder: Path = DEPLOY / "prometheus") -> None:
    """Run it as in UTC, as the cases expect, and show what it says where it fails."""
    environment = {**os.environ, "TZ": "UTC"}
    done = subprocess.run(["promtool", *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_programs
def test_rules_load_and_every_alert_fires_holds_and_recovers() -> None:
    promtool("check", "rules", "alerts.rules.yml", "availability.rules.yml")
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts.test.yml", "availability.test.yml")
    for name in ("alerts", "availability"):
        cases = (DEPLOY / f"prometheus/{name}.test.yml").read_text()
        for line in (DEPLOY / f"prometheus/{name}.rules.yml").read_text().splitlines():
            alert, record = (line.partition(f"- {kind}: ")[2] for kind in ("alert", "record"))
            assert not alert or f"alertname: {alert}" in cases, f"{alert} has no test"
            assert not record or f"{record}" in cases, f"{record} has no test"


@needs_programs
def test_every_alert_holds_with_two_monitors(tmp_path: Path) -> None:
    """Of two versions, with cameras and uplinks of the same names: two alerts, each in its own monitor's words."""
    shutil.copy(DEPLOY / "prometheus/alerts.rules.yml", tmp_path)
    cases = yaml.safe_load((DEPLOY / "prometheus/alerts.test.yml").read_text())
    (tmp_path / "two.test.yml").write_text(yaml.safe_dump(with_two_monitors(cases), allow_unicode=True))
    promtool("test", "rules", "two.test.yml", folder=tmp_path)


@needs_programs
def test_every_alert_holds_whatever_cameras_sites_and_uplinks_are_called(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "prometheus/alerts.rules.yml", tmp_path)
    cases = yaml.safe_load((DEPLOY / "prometheus/alerts.test.yml").read_text())
    (tmp_path / "odd.test.yml").write_text(yaml.safe_dump(with_odd_names(cases)))
    promtool("test", "rules", "odd.test.yml", folder=tmp_path)


def test_every_query_in_an_alert_text_quotes_its_values() -> None:
    """By `%q`, which PromQL reads back as the same text. `%s` would end at the first quote in a name."""
    rules = (DEPLOY / "prometheus/alerts.rules.yml").read_text()
    queries = re.findall(r"\bprintf `([^`]*)`[^|}]*\| query", rules)
    assert len(queries) == len(re.findall(r"\| query\b", rules))
    assert {verb for query in queries for verb in re.findall(r"%.", query)} == {"%q"}


@needs_programs
@pytest.mark.parametrize("template", ["title", "text", "html"])
def test_every_message_holds_whatever_a_camera_is_called(tmp_path: Path, template: str) -> None:
    alerts = [
        {"status": "firing", "labels": {"severity": "critical"}, "annotations": dict.fromkeys(TEXTS, name)}
        for name in ODD
    ]
    (tmp_path / "data.json").write_text(json.dumps({"status": "firing", "alerts": alerts}))
    kind = ["--template.type=html"] if template == "html" else []
    done = subprocess.run(
        ["amtool", "template", "render", f"--template.glob={DEPLOY / 'alertmanager/xueliang.tmpl'}",
         f'--template.text={{{{ template "xueliang.{template}" . }}}}', "--template.data=data.json", *kind],
        cwd=tmp_path, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = done.stdout.decode()
    shown = html.unescape(written) if template == "html" else written
    assert [name for name in (ODD if template != "title" else ODD[:1]) if name not in shown] == []
    assert template != "html" or "<b>x</b>" not in written


@needs_programs
def test_times_are_in_the_zone_of_prometheus_and_say_so() -> None:
    environment = {**os.environ, "TZ": "Asia/Shanghai"}
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts.test.yml"], cwd=DEPLOY / "prometheus", env=environment,
        capture_output=True, text=True,
    )  # fmt: skip
    assert 'since="1970-01-01 08:01:30 UTC+08:00"' in done.stdout + done.stderr


@needs_programs
@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=CameraOffline severity=critical site=沙湖社区", "on-call"),
        ("alertname=CameraFault severity=warning site=沙湖社区", "control-room"),
        ("alertname=CameraOffline severity=critical site=柳林社区", "site-liulin,on-call"),
        ("alertname=UplinkDown severity=critical uplink=x", "on-call"),
        ("alertname=HostDown severity=critical uplink=x", "on-call"),
        ("alertname=CredentialsRefused severity=critical credentials=x", "on-call"),
        ("alertname=CameraHidden severity=none site=柳林社区", "nobody"),
        ("alertname=MonitorDown severity=critical instance=m", "on-call"),
        ("alertname=MonitorAbsent severity=critical", "on-call"),
        ("alertname=MonitorIsolated severity=critical instance=m", "on-call"),
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


async def _until_told(
    told: Told, wanted: set[Alert], seconds: float, withdrawn: set[Alert], *, resolved: bool = False
) -> None:
    """Wait for alerts, and for the end of those that are withdrawn if they were told at all."""
    seen = told.resolved if resolved else told.firing
    await until(lambda: wanted <= seen.keys(), seconds, lambda: f"missing {wanted - seen.keys()}")
    assert set(seen) <= wanted | withdrawn, f"nobody expected {seen.keys() - wanted}"
    await until(
        lambda: (told.firing.keys() & withdrawn) == (told.resolved.keys() & withdrawn),
        what=lambda: f"not withdrawn: {(told.firing.keys() - told.resolved.keys()) & withdrawn}",
    )


@needs_programs
@pytest.mark.timed
@pytest.mark.timeout(1800)
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
    # A site that is told by e-mail too, and a name with every kind of quote.
    own_people = fleet[2].data.model_copy(update={"site": "柳林社区", "name": ODD_NAME})
    fleet = tuple(replace(row, data=own_people) if row.id == dead else row for row in fleet)
    assert len(behind) == 12
    limit = 660.0 if DEFAULT else 180.0
    async with (
        running(tmp_path, 147, "" if DEFAULT else SHORT, fleet) as rig,
        alerting(tmp_path, rig.page, every=None if DEFAULT else "1s") as (told, _, _),
    ):
        await until_states(rig, all_up, 180)
        await until_learned(rig, [covered])
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
        # The cameras do not die at once, so some may be told of before their switch is known to be dead.
        early = {("CameraOffline", camera, "") for camera in behind}
        await _until_told(told, expected, limit, early)
        await asyncio.sleep(10)
        assert set(told.firing) <= expected | early
        with capsys.disabled():
            for alert in sorted(expected):
                print(f"\nfault to webhook: {alert[0]} {told.firing[alert] - started:.1f} s", end="")
        _check_texts(told)
        cleared = time.monotonic()
        for camera in (dead, covered, *behind):
            await rig.fault(camera, None)
        await _until_told(told, expected, limit + 60, early, resolved=True)
        assert set(told.firing) <= expected | early
        with capsys.disabled():
            print(f"\nrecovery to webhook: at most {max(told.resolved.values()) - cleared:.1f} s")


def _check_texts(told: Told) -> None:
    annotations = {alert["labels"]["alertname"]: alert["annotations"] for alert in told.alerts}
    assert annotations["CameraOffline"]["cause"] == (
        "No device answers at the camera's address: no power, a broken cable, or a network fault."
    )
    assert annotations["CameraOffline"]["summary_zh"].endswith("离线，无响应")
    assert annotations["CameraOffline"]["summary"].startswith(f"{ODD_NAME} ")
    assert "12 cameras behind it" in annotations["UplinkDown"]["summary"]
    for texts in annotations.values():
        assert texts["page"].startswith("http://127.0.0.1:")
        assert all(text for name, text in texts.items() if not name.startswith("where")), texts
    mail = next(mail for mail in told.mails if mail["To"] == "liulin@example.org")
    assert "离线，无响应" in str(mail["Subject"])
    assert ODD_NAME in str(mail["Subject"])
    body = mail.get_body(("html",))
    assert body is not None
    assert "No device answers at the camera" in body.get_content()
    assert ODD_NAME in html.unescape(body.get_content())
    assert any("离线" in call["text"]["content"] for call in told.wecom)


@needs_programs
@pytest.mark.timeout(240)
async def test_two_monitors_are_told_of_apart(tmp_path: Path) -> None:
    """Each rule fires for both, with words and links of its own monitor; a dead one holds back its own alerts alone."""
    async with (
        two_monitors(tmp_path) as (one, other),
        alerting(tmp_path, one.scraped, other.scraped, every="1s", patient=False) as (told, prometheus, _),
        aiohttp.ClientSession() as session,
    ):
        wanted = {(*alert, monitor.scraped) for alert in OF_TWO_MONITORS for monitor in (one, other)}

        def firing() -> set[tuple[str, ...]]:
            alerts = [alert["labels"] for alert in told.alerts if alert["status"] == "firing"]
            return {(*alert_of(labels), labels["instance"]) for labels in alerts}

        await until(lambda: wanted <= firing(), what=lambda: f"missing {wanted - firing()}")
        assert firing() == wanted
        for monitor in (one, other):
            alerts = [alert for alert in told.alerts if alert["labels"]["instance"] == monitor.scraped]
            for alert in alerts:
                texts = alert["annotations"]
                of_old = monitor is other and alert["labels"]["alertname"] in CATALOGUED
                assert texts["cause"].startswith("Of old: ") == of_old, alert
                # There is no `since` of a camera that was never seen.
                assert texts.get("since", "")[-9:] in ("", "UTC+08:00"), alert
                assert texts["page"].startswith(monitor.page)
                async with session.get(texts["page"]) as response:
                    assert response.status == 200, texts["page"]
        async with session.get(f"{prometheus}/metrics") as response:
            failures = re.findall(r"^prometheus_rule_evaluation_failures_total.* (\d+)$", await response.text(), re.M)
        assert failures
        assert set(failures) == {"0"}

        await one.runner.cleanup()
        down = ("MonitorDown", "", "", one.scraped)
        await until(lambda: down in firing(), what="no MonitorDown")
        other.lose("later")
        later = ("CameraOffline", "later", "", other.scraped)
        await until(lambda: later in firing(), what="the other monitor's alert is held back")
        assert firing() == {*wanted, down, later}
        other.find(*("later",) * 2)
        over = re.compile(r"later .*\n发生时间 since .* UTC\+08:00\n恢复时间 resolved 20\d\d-.* UTC\+08:00\n")
        await until(
            lambda: any(over.search(call["text"]["content"]) for call in told.wecom),
            what=lambda: [call["text"]["content"] for call in told.wecom],
        )
        known = firing()
        other.fleet.take_own_network("the monitor's interface eth0 has no carrier")
        other.lose(*NAMES)
        isolated = ("MonitorIsolated", "", "monitor_isolated", other.scraped)
        await until(lambda: isolated in firing(), what="no MonitorIsolated")
        await asyncio.sleep(5)  # longer than a scrape, an evaluation and group_wait: nothing else may come
        assert firing() == {*known, isolated}


@needs_programs
async def test_a_monitor_holds_back_its_own_alerts_alone(tmp_path: Path) -> None:
    """Asked of a real Alertmanager: what is suppressed, of monitors whose cameras and uplinks have the same names."""
    sources = (
        {"alertname": "MonitorDown", "instance": "dead"},
        # Whatever level of the topology hides the camera.
        {"alertname": "CameraHidden", "instance": "cut-off", "camera": "a", "site": "s", "cause": "uplink_down"},
        {"alertname": "CameraOffline", "instance": "third", "camera": "a", "site": "s", "uplink": "v"},
        {"alertname": "MonitorIsolated", "instance": "isolated", "fault": "monitor_isolated"},
        {"alertname": "MonitorIsolated", "instance": "dead", "fault": "monitor_isolated"},
        # Some names cannot be looked up; the other cameras are judged as ever.
        {"alertname": "MonitorFault", "instance": "nameless", "fault": "monitor_isolated"},
    )
    targets = (
        {"alertname": "CameraFault", "camera": "a", "site": "s", "uplink": "u", "fault": "picture_black"},
        {"alertname": "ClockDrift", "camera": "a", "site": "s", "uplink": "u", "fault": "clock_drift"},
        {"alertname": "CameraStale", "camera": "a", "site": "s"},
        {"alertname": "CameraOffline", "camera": "b", "site": "s", "uplink": "u"},
        {"alertname": "SiteDegraded", "site": "s"},
        {"alertname": "FleetAvailabilityLow", "window": "1d"},
        {"alertname": "UplinkDown", "uplink": "u"},
        {"alertname": "HostDown", "uplink": "192.0.2.9"},
        {"alertname": "CredentialsRefused", "credentials": "c"},
    )
    # An alert that a cause further up makes end: whoever was told of it must be told its end.
    withdrawn = {"CameraOffline", "UplinkDown", "HostDown"}
    of_camera = ("CameraFault", "ClockDrift", "CameraStale")
    shortages = (
        {"alertname": "MonitorShort", "resource": "name_server"},
        {"alertname": "MonitorShort", "resource": "memory"},
    )
    instances = ("dead", "cut-off", "third", "isolated", "nameless", "well")
    everything = [
        *sources, *({**target, "instance": instance} for target in (*targets, *shortages) for instance in instances)
    ]  # fmt: skip
    held = {
        *((target["alertname"], "dead") for target in targets),
        *((target["alertname"], "isolated") for target in targets if target["alertname"] not in withdrawn),
        ("MonitorIsolated", "dead"),
        *(("MonitorShort", instance) for instance in ("dead", "isolated", "nameless")),
        *((name, instance) for name in of_camera for instance in ("cut-off", "third")),
    }
    async with (
        alerting(tmp_path, every="1s") as (_, _, alertmanager),
        aiohttp.ClientSession() as session,
    ):
        told: list[dict[str, Any]] = []

        async def all_are_known() -> bool:
            nonlocal told
            with contextlib.suppress(aiohttp.ClientError):
                await session.post(f"{alertmanager}/api/v2/alerts", json=[{"labels": each} for each in everything])
                async with session.get(f"{alertmanager}/api/v2/alerts") as response:
                    told = [each for each in await response.json() if each["labels"]["alertname"] != "Watchdog"]
            return len([each for each in told if each["status"]["state"] != "unprocessed"]) >= len(everything)

        async def the_right_ones_are_held_back() -> bool:
            """An alert is active until Alertmanager has looked at what holds it back."""
            nonlocal labels
            known = await all_are_known()
            labels = [each["labels"] for each in told if each["status"]["state"] == "suppressed"]
            return known and {(each["alertname"], each["instance"]) for each in labels} == held

        labels: list[dict[str, str]] = []
        await until(the_right_ones_are_held_back, what=lambda: f"held back: {labels}")
        await asyncio.sleep(3)
        assert await the_right_ones_are_held_back()
        assert {each["resource"] for each in labels if each["alertname"] == "MonitorShort"} == {"name_server"}


def test_no_file_of_the_deployment_holds_a_secret() -> None:
    for file in (ROOT / "deploy").rglob("*"):
        if file.is_file() and file.suffix in {".yml", ".yaml", ".json", ".service", ".conf"}:
            text = file.read_text(encoding="utf-8").lower()
            for word in ("password:", "api_secret: ", "token:"):
                assert word not in text.replace('api_secret: "@wecom_secret@"', ""), f"{file} holds a {word}"
