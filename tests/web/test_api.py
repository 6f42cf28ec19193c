"""The API: its filters and pages, its errors, and its answers against the OpenAPI document that it serves."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.simulated_time import START
from tests.web.api_fleet import LOST, made
from tests.web.served import served
from tests.web.test_strangers import LOGGED_IN, NAMED
from xueliang_monitor.fleet.monitor_status import MonitorFault
from xueliang_monitor.fleet.snapshot import CredentialsTrouble
from xueliang_monitor.web import views
from xueliang_monitor.web.api import ENDPOINTS, past
from xueliang_monitor.web.api.openapi import document

jsonschema = pytest.importorskip("jsonschema", reason="the development environment is older than requirements-dev.lock")

PATHS = {
    "/api/v1/cameras/{camera}": ("/api/v1/cameras/door", "/api/v1/cameras/off", "/api/v1/cameras/new"),
    "/api/v1/cameras": ("/api/v1/cameras", "/api/v1/cameras?limit=3"),
    "/api/v1/outages": ("/api/v1/outages?days=400",),
    "/api/v1/events": ("/api/v1/events?limit=1000",),
}
"""What is asked for at an address, if that is not the address itself."""


def closed(schema: Any) -> Any:
    """Return a schema that allows only the properties that it lists."""
    if isinstance(schema, dict):
        found = {key: closed(value) for key, value in schema.items()}
        return {**found, "additionalProperties": False} if isinstance(found.get("properties"), dict) else found
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


def check(answer: Any, schema: Any, described: Any) -> None:
    """Hold an answer to a schema of the document."""
    rules = {"components": closed(copy.deepcopy(described["components"])), **schema}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(rules, format_checker=checker).validate(answer)


async def ask(session: aiohttp.ClientSession, path: str, status: int = 200, **headers: str) -> Any:
    async with session.get(path, headers=headers) as answer:
        assert answer.status == status, path
        return await answer.json(content_type=None)


async def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        described = await ask(session, "/api/v1/openapi.json")
        assert described["openapi"] == "3.1.0"
        for path, operations in described["paths"].items():
            if path == past.LIVE.path:
                continue
            for asked in PATHS.get(path, (path,)):
                answer = await ask(session, asked)
                check(answer, operations["get"]["responses"]["200"]["content"]["application/json"]["schema"], described)
                listed = answer if isinstance(answer, list) else answer.get(path.rpartition("/")[2], answer)
                assert listed, "an empty list shows nothing"
    everything = {each.path for each in ENDPOINTS}
    assert set(described["paths"]) == everything


def test_troubles_of_logins_and_of_the_monitor_are_as_the_document_says() -> None:
    described = document(ENDPOINTS)
    for name, answer in (
        ("CredentialsAnswer", views.credentials(CredentialsTrouble("shared", START, 7, "refused"))),
        ("MonitorFaultAnswer", views.monitor_fault(MonitorFault("monitor_isolated", START, "no route"))),
    ):
        check(answer, {"$ref": f"#/components/schemas/{name}"}, described)


FILTERS = {
    "state=down": ["off"],
    "state=degraded": ["slow"],
    "state=maintenance": ["kept"],
    "site=East+gate": ["door", "slow"],
    "fault=picture_black": ["slow"],
    "programme=none": [],
    "text=EAST+slow": ["slow"],
    "text=fibre&limit=2": ["line-0", "line-1"],
    "text=fibre&limit=2&after=line-5": ["line-6", "line-7"],
    "after=off&limit=10": ["slow"],
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.items())
async def test_cameras_are_filtered(tmp_path: Path, query: str, expected: list[str]) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        found = await ask(session, f"/api/v1/cameras?{query}")
    assert [each["id"] for each in found["cameras"]] == expected


async def test_pages_have_every_camera_once(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        every = [each["id"] for each in (await ask(session, "/api/v1/cameras"))["cameras"]]
        assert every[0] == "door"
        assert (await ask(session, "/api/v1/cameras"))["next"] is None
        found, after, pages = list[str](), "", 0
        while pages == 0 or after:
            page = await ask(session, f"/api/v1/cameras?limit=4&after={after}")
            found, after, pages = [*found, *(each["id"] for each in page["cameras"])], page["next"], pages + 1
    assert found == sorted(every)
    assert pages == -(-len(every) // 4)


async def test_lists_tell_sites_windows_and_targets(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        sites = {each["name"]: each for each in (await ask(session, "/api/v1/sites"))["sites"]}
        windows = (await ask(session, "/api/v1/maintenance"))["maintenance"]
        targets = await ask(session, "/api/v1/sd?site=East+gate")
        uplinks = {each["name"]: each for each in (await ask(session, "/api/v1/uplinks"))["uplinks"]}
    assert sites["Far"]["cameras"] == len(LOST)
    assert sites["East gate"]["states"] == {"up": 1, "degraded": 1, "down": 0, "unknown": 0, "maintenance": 0}
    assert sites["East gate"]["availability_ratio"] == 0.5
    assert [(each["name"], each["active"]) for each in windows] == [("kept", True), ("Far", False)]
    assert [each["targets"] for each in targets] == [["door.example:554"], ["slow.example:554"]]
    assert targets[0]["labels"]["__meta_xueliang_camera"] == "door"
    assert (uplinks["line"]["up"], uplinks["line"]["lost"]) == (False, list(LOST))


REFUSED = {
    "/api/v1/cameras?stat=down": "stat: not a parameter of this address, which takes after, fault, limit, programme,",
    "/api/v1/cameras?state=lost": "state: Input should be 'up', 'degraded'",
    "/api/v1/cameras?fault=fire": "fault: no fault has this code; /api/v1/faults lists them",
    "/api/v1/cameras?limit=0": "limit: Input should be greater than or equal to 1",
    "/api/v1/cameras?limit=1&limit=2": "limit: given more than once",
    "/api/v1/cameras/door?full=1": "full: not a parameter of this address, which takes none",
    "/api/v1/events?limit=x": "limit: must be a number",
    "/api/v1/events?limit=1001": "limit: Input should be less than or equal to 1000",
    "/api/v1/events?from=yesterday": "from: 'yesterday' is not a moment; write it as 2026-10-01",
    "/api/v1/events/live?kind=raised": "kind: not a parameter",
    "/api/v1/outages?days=": "days: must be a number",
    "/api/v1/faults?a=b": "a: not a parameter",
}


async def test_what_is_wrong_with_a_query_is_told(tmp_path: Path) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        for path, told in REFUSED.items():
            async with session.get(path) as answer:
                found = await answer.json(content_type="application/problem+json")
            check(found, problem, document(ENDPOINTS))
            assert (answer.status, found["status"], found["title"]) == (400, 400, "Bad Request")
            assert found["detail"].startswith(told), found["detail"]
            assert found["errors"][0]["parameter"] == told.partition(":")[0]


async def test_every_error_is_a_problem_document(tmp_path: Path) -> None:
    logged_in = dict(LOGGED_IN)
    cases: list[tuple[str, str, dict[str, str], int, str]] = [
        ("GET", "/api/v1/cameras/nobody", logged_in, 404, "there is no camera with the id nobody"),
        ("GET", "/api/v2/cameras", logged_in, 404, "there is nothing at this address"),
        ("POST", "/api/v1/cameras", logged_in, 405, "this address does not take this method"),
        ("GET", "/api/v1/events", logged_in, 503, "there is no history to read"),
        ("GET", "/api/v1/cameras", {}, 401, "Login required."),
        ("GET", "/api/v1/cameras", {**logged_in, "Host": "evil.example"}, 421, "Host name not allowed"),
        ("GET", "/api/v1/cameras", {**logged_in, "Sec-Fetch-Site": "cross-site"}, 403, "Request from another site"),
    ]
    async with served(tmp_path, NAMED) as session:
        for method, path, headers, status, told in cases:
            async with session.request(method, path, headers=headers) as answer:
                found = await answer.json(content_type="application/problem+json")
                check(found, {"$ref": "#/components/schemas/Problem"}, document(ENDPOINTS))
                assert (answer.status, found["status"]) == (status, status)
                assert found["detail"].startswith(told)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert ("WWW-Authenticate" in answer.headers) == (status == 401)
                assert ("Allow" in answer.headers) == (status == 405)
        async with session.get("/cameras/nobody", headers=logged_in) as answer:
            assert answer.content_type == "text/html"
