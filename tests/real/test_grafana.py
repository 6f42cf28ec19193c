"""Grafana's files: current, valid by its own models, and every expression of them answered by a real Prometheus."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import pytest
import yaml
from grafana_foundation_sdk.models.alerting import ContactPoint, NotificationPolicy, Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests import waiting
from tests.conftest import ROOT, rows
from tests.real.alerting import DEPLOY, MISSING, alerting, metrics_in
from tests.real.two_monitors import two_monitors
from tests.test_daemon import all_up, running, until
from tests.waiting import PATIENCE

pytestmark = pytest.mark.real
DASHBOARDS = sorted((DEPLOY / "grafana/dashboards").glob("*.json"))
PROVISIONED = DEPLOY / "grafana/provisioning"


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            yield file.stem, panel


def rules() -> list[dict[str, Any]]:
    return yaml.safe_load((PROVISIONED / "alerting/rules.yaml").read_text())["groups"][0]["rules"]


def test_dashboards_are_as_their_source_says() -> None:
    done = subprocess.run(
        [sys.executable, "tools/make_dashboards.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_dashboards_are_valid_by_grafanas_models(file: Path) -> None:
    data = json.loads(file.read_text())
    read = Dashboard.from_json(data)
    assert read.uid == f"xueliang-{file.stem}"
    for panel in data["panels"]:
        assert panel["title"], file
        assert any("一" <= letter <= "鿿" for letter in panel["title"]) or panel["title"] == "CPU"
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in [panel, *panel["targets"]]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_provisioned_alerting_is_valid_by_grafanas_models() -> None:
    for rule in rules():
        read = Rule.from_json({**rule, "orgID": 1, "folderUID": "x", "ruleGroup": "xueliang"})
        assert read.title
        assert rule["condition"] in {query["refId"] for query in rule["data"]}
        assert {"summary", "summary_zh"} <= rule["annotations"].keys()
        assert rule["data"][0]["datasourceUid"] == "${XUELIANG_DATASOURCE_UID}"
        assert rule["isPaused"], "Prometheus has the same alerts, and nobody is to be told twice"
    points = yaml.safe_load((PROVISIONED / "alerting/contact-points.yaml").read_text())["contactPoints"]
    for point in points:
        for receiver in point["receivers"]:
            assert ContactPoint.from_json({"name": point["name"], **receiver}).type_val
    (policy,) = yaml.safe_load((PROVISIONED / "alerting/policies.yaml").read_text())["policies"]
    assert NotificationPolicy.from_json(policy).receiver in {point["name"] for point in points}
    templates = yaml.safe_load((PROVISIONED / "alerting/templates.yaml").read_text())["templates"][0]["template"]
    for name in ("xueliang.title", "xueliang.text"):
        assert f'define "{name}"' in templates


def test_a_plain_dollar_is_escaped_from_the_environment() -> None:
    for file in (PROVISIONED / "alerting").glob("*.yaml"):
        for part in file.read_text().replace("$$", "").split("$")[1:]:
            assert part.startswith(("{XUELIANG_", " names", ";", " is", ".")), f"{file}: ${part[:20]}"


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)")
async def test_every_expression_is_answered_by_prometheus(tmp_path: Path) -> None:
    """Over a small fleet with a dead camera, a dead switch and a black picture."""
    settings = (
        "intervals: {reach: 4s, rtsp: 4s, stream: 6s, picture: 6s, onvif: 6s}\nrechecks: {reach: 1s, picture: 2s}\n"
    ) + PATIENCE
    fleet = rows(24, onvif_port=8000)
    async with (
        running(tmp_path, 24, settings, fleet) as rig,
        alerting(tmp_path, rig.page, every="1s") as (_, prometheus, _),
    ):
        await until(rig, all_up)
        for row in rig.cameras[:9]:  # one switch of eight, and one camera more
            await rig.fault(row.id, "black-hole")
        await rig.fault(rig.cameras[20].id, "black")
        wanted = {"up", "degraded", "down", "unknown"}
        await until(rig, lambda states: {state for state, _ in states.values()} == wanted)
        recorded, names = "xueliang:fleet_availability_ratio:avg", f"{prometheus}/api/v1/label/__name__/values"
        known: set[str] = set()

        async def availability_is_recorded() -> bool:
            known.update(await _ask(rig.session, names))
            return recorded in known

        await waiting.until(availability_is_recorded, 180)  # it is added up and looked at about once a minute
        dead = rig.cameras[8].id
        for dashboard, panel in panels():
            for target in panel["targets"]:
                camera = dead if "fault" in target["expr"] else rig.cameras[-1].id
                expression = _filled(target["expr"], camera, rig.page.removeprefix("http://"))
                assert metrics_in(expression) <= known, f"{dashboard}: {panel['title']}"
                found = (await _ask(rig.session, f"{prometheus}/api/v1/query", query=expression))["result"]
                assert found, f"{dashboard}: {panel['title']}: {expression} returns nothing"
        for rule in rules():
            expression = rule["data"][0]["model"]["expr"]
            assert (await _ask(rig.session, f"{prometheus}/api/v1/query", query=expression))["result"], rule["title"]


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian packages)")
async def test_every_expression_holds_with_two_monitors(tmp_path: Path) -> None:
    """With cameras of the same names: no query fails, a camera is of one monitor, and alerts link to their own."""
    async with (
        two_monitors(tmp_path) as (one, other),
        alerting(tmp_path, one.scraped, other.scraped, every="1s") as (_, prometheus, _),
        aiohttp.ClientSession() as session,
    ):
        query = f"{prometheus}/api/v1/query"

        async def recorded() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                names = "xueliang:(fleet_availability_ratio:avg|camera_fault:explained)"
                counted = f'count(count by (__name__, instance) ({{__name__=~"{names}"}}))'
                return [each["value"][1] for each in (await _ask(session, query, query=counted))["result"]] == ["4"]
            return False

        await waiting.until(recorded)
        for dashboard, panel in panels():
            for target in panel["targets"]:
                expression = _filled(target["expr"], "lost", one.scraped)
                found = (await _ask(session, query, query=expression))["result"]
                if '$monitor"' in target["expr"]:
                    assert {each["metric"].get("instance", one.scraped) for each in found} <= {one.scraped}, dashboard
                elif dashboard == "monitor" and "[" not in expression:  # what changes takes two scrapes
                    told = {each["metric"]["instance"] for each in found}
                    assert told == {one.scraped, other.scraped}, panel["title"]
        for rule in rules():
            found = (await _ask(session, query, query=rule["data"][0]["model"]["expr"]))["result"]
            assert {each["metric"]["instance"] for each in found} == {one.scraped, other.scraped}, rule["title"]
            page = rule["annotations"].get("page")
            for each in found if page else ():
                link = _expanded(page, each["metric"])
                assert link.startswith((one if each["metric"]["instance"] == one.scraped else other).page)
                async with session.get(link) as response:
                    assert response.status == 200, link


def _expanded(template: str, labels: dict[str, str]) -> str:
    """Fill labels in as Grafana does."""

    def value(found: re.Match[str]) -> str:
        quoted = quote_plus(labels[found[1]]) if found[2] else labels[found[1]]
        return quoted.replace("+", "%20") if found[3] else quoted

    plain = re.escape(' | reReplaceAll "[+]" "%20"')
    made = re.sub(rf"\{{\{{ \$\$labels\.(\w+)( \| urlquery)?({plain})? \}}\}}", value, template)
    assert "{{" not in made
    return made


def _filled(expression: str, camera: str, monitor: str) -> str:
    values = {"$__rate_interval": "30s", "$programme": ".*", "$site": ".*", "$camera": camera, "$monitors": ".*",
              "$monitor": monitor}  # fmt: skip
    for variable, value in values.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    return expression


async def _ask(session: aiohttp.ClientSession, url: str, **query: str) -> Any:
    async with session.get(url, params=query) as response:
        told = await response.json()
    assert told["status"] == "success", told
    return told["data"]
