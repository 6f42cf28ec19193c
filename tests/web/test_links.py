"""Follows the links in alerts, on the pages and to the dashboards."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

import aiohttp
import pytest
import yaml

from tests.conftest import ROOT
from tests.real.two_monitors import two_monitors
from xueliang_monitor.web import tree

CASES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.test.yml").read_text())["tests"]
EXPECTED = {
    (alert["exp_labels"].get("camera", ""), alert["exp_annotations"]["page"])
    for case in CASES
    for rule in case.get("alert_rule_test", ())
    for alert in rule["exp_alerts"]
    if "page" in alert["exp_annotations"]
}
"""Cameras and links that the alert rules must produce, from the cases of promtool."""


@pytest.mark.parametrize(("camera", "link"), sorted(EXPECTED))
async def test_an_alerts_link_leads_to_what_it_is_of(camera: str, link: str, tmp_path: Path) -> None:
    node = unquote(urlsplit(link).fragment)
    if node:
        assert link == f"http://monitor:9147{tree.link(node)}", "the page has another anchor"
    async with two_monitors(tmp_path) as (one, _):
        text = await one.read(link.removeprefix("http://monitor:9147").replace("gate-1", "well.1"))
        assert not camera or f"<h1>{camera.replace('gate-1', 'well.1')}" in text


async def test_what_is_down_can_be_led_to_on_the_tree(tmp_path: Path) -> None:
    async with two_monitors(tmp_path) as (one, _):
        text = unescape(await one.read("/sites"))
        down = [uplink.name for uplink in one.fleet.snapshot().uplinks if uplink.down]
    assert down
    for name in down:
        assert f'id="{unquote(urlsplit(tree.link(name)).fragment)}"' in text


async def test_every_link_of_the_page_leads_somewhere(tmp_path: Path) -> None:
    followed = set[str]()
    async with two_monitors(tmp_path) as (one, _), aiohttp.ClientSession() as session:
        waiting = [one.page + "/"]
        while waiting:
            link = waiting.pop()
            if not link.startswith(one.page + "/") or link in followed:
                continue
            followed.add(link)
            async with session.get(link) as response:
                assert response.status == 200, link
                if response.content_type == "text/html" and "?" not in link:  # the months of reports have no end
                    found = re.findall(r'(?:href|src)="([^"#]+)"', await response.text())
                    waiting += (urljoin(link, unescape(address)) for address in found)
    paths = {urlsplit(link).path for link in followed}
    assert paths >= {"/", "/cameras/lost", "/cameras/well_2", "/sites", "/problems", "/events", "/report", "/about"}


async def test_the_pages_link_to_grafana_names_a_dashboard_and_its_variable(tmp_path: Path) -> None:
    async with two_monitors(tmp_path, more="grafana_url: http://127.0.0.1:3000") as (one, _):
        text = await one.read("/cameras/well.1")
        (link,) = re.findall(r'href="(http://127\.0\.0\.1:3000[^"]*)"', text)
    address = urlsplit(unescape(link))
    dashboards = {data["uid"]: data for file in (ROOT / "deploy/grafana/dashboards").iterdir()
                  for data in [json.loads(file.read_text())]}  # fmt: skip
    variables = {variable["name"] for variable in dashboards[address.path.split("/")[2]]["templating"]["list"]}
    assert {f"var-{name}" for name in variables} >= parse_qs(address.query).keys()
    assert parse_qs(address.query)["var-camera"] == ["well.1"]
