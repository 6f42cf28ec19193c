"""Requests of strangers: other sites' pages, redirects, and values that no browser sends."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from yarl import URL

from tests.web.served import served
from tests.web.test_access import HASH, PASSWORD, login
from xueliang_monitor.clock import SystemClock
from xueliang_monitor.fleet.fleet import Fleet
from xueliang_monitor.judgement.health import Policy
from xueliang_monitor.metrics import render
from xueliang_monitor.storage.history import History
from xueliang_monitor.web import form_body
from xueliang_monitor.web.addresses import local_address
from xueliang_monitor.web.monitoring import negotiated
from xueliang_monitor.web.renderer import Renderer
from xueliang_monitor.web.web_config import Protection

NAMED = Protection({"wall": HASH})
LOGGED_IN = {"Authorization": login("wall", PASSWORD)}
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ODD = ["é", "\udcff", "\x00", "\u2028", "9" * 400, "٣", "²", "-1", "[", "%", "\t", "A" * 3000]


ELSEWHERE = (
    *(
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
    ),
    *("\t//evil.example", "https://evil.example/", "javascript:alert(1)", "evil.example", "", "/ /evil", "/\x00/evil"),
    *("/\x7f", "/é", "/" + "a" * 3000),
)
HERE = ("/", "/cameras/a-1", "/?site=%E6%9D%91&q=a+b", "/events?before=7", "/report?month=2026-10")


async def test_no_redirect_leads_to_another_host(tmp_path: Path) -> None:
    async with served(tmp_path) as session:
        for address, wanted in [*((each, "/") for each in ELSEWHERE), *((each, each) for each in HERE)]:
            assert local_address(address) == wanted
            path = "/prefer?theme=dark&back=" + quote(address, safe="")
            async with session.get(path, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, wanted)
                assert answer.cookies["theme"].value == "dark"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "of the future", "é"])
async def test_pages_of_other_sites_may_link_and_nothing_else(tmp_path: Path, site: str) -> None:
    async def status(path: str, method: str = "GET", **headers: str) -> int:
        sent = {**LOGGED_IN, "Sec-Fetch-Site": site, **headers}
        async with session.request(method, path, headers=sent, allow_redirects=False) as answer:
            return answer.status

    async with served(tmp_path, NAMED) as session:
        for path in ("/", "/problems", "/events", "/sites", "/about", "/metrics"):
            assert await status(path, **NAVIGATION) == 200
            assert await status(path) == 403
            for mode, target in (
                ("no-cors", "image"),
                ("cors", "empty"),
                ("navigate", "iframe"),
                ("navigate", "embed"),
            ):
                assert await status(path, **{"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": target}) == 403
            assert await status(path, "POST", **NAVIGATION) in {403, 405}
        assert await status("/cameras/gone", **NAVIGATION) == 404
        for path in (
            "/prefer?lang=zh",
            "/live",
            "/api/v1/cameras",
            "/static/page.css",
            "/cameras/x/evidence/y.jpg",
            "/no",
        ):
            assert await status(path, **NAVIGATION) == 403, path
        assert await status("/maintenance/start", "POST", **NAVIGATION) == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_own_pages_and_typed_addresses_are_answered(tmp_path: Path, site: str) -> None:
    async with served(tmp_path) as session:
        for path in ("/", "/api/v1/cameras", "/static/page.css", "/prefer"):
            async with session.get(path, headers={"Sec-Fetch-Site": site}) as answer:
                assert answer.status == 200


def test_a_token_that_is_not_ascii_is_a_wrong_token() -> None:
    renderer = Renderer()
    assert renderer.is_own_form("wall", {"token": renderer.token("wall")})
    for token in ODD:
        assert not renderer.is_own_form("wall", {"token": token})


async def test_no_value_of_a_form_is_an_error_of_the_server(tmp_path: Path) -> None:
    headers = {**LOGGED_IN, "Content-Type": "application/x-www-form-urlencoded"}
    async with served(tmp_path, NAMED) as session:
        for path in ("/maintenance/start", "/maintenance/stop", "/cameras/x/check", "/cameras/x/accept-change"):
            for field, odd in itertools.product(("token", "kind"), ODD):
                body = f"{field}={quote(odd, errors='surrogateescape')}"
                async with session.post(path, data=body, headers=headers) as answer:
                    assert answer.status == 403, (path, body)


FORM = "application/x-www-form-urlencoded"
BODIES: tuple[tuple[dict[str, str], bytes, int], ...] = (
    ({"Content-Type": f"{FORM}; charset=bogus"}, b"token=x", 403),
    ({"Content-Type": "multipart/form-data"}, b"token=x", 415),
    ({"Content-Type": "multipart/form-data; boundary=\xff"}, b"--", 415),
    ({"Content-Type": "application/json"}, b"{}", 415),
    ({"Content-Type": FORM, "Content-Encoding": "deflate"}, b"x", 415),
    ({"Content-Type": FORM}, b"a=1&" * 100, 400),
    ({"Content-Type": FORM}, b"a" * 100_000, 413),
    ({"Origin": "http://["}, b"", 403),
)


async def test_no_body_is_an_error_of_the_server(tmp_path: Path) -> None:
    async with served(tmp_path, NAMED) as session:
        for headers, body, status in BODIES:
            async with session.post("/maintenance/start", data=body, headers={**LOGGED_IN, **headers}) as answer:
                assert answer.status == status, headers


async def test_a_form_that_comes_too_slowly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_body, "READ_SECONDS", 0.2)

    async def trickle() -> AsyncIterator[bytes]:
        yield b"token="
        await asyncio.Event().wait()

    headers = {**LOGGED_IN, "Content-Type": FORM}
    async with (
        served(tmp_path, NAMED) as session,
        session.post("/maintenance/start", data=trickle(), headers=headers) as answer,
    ):
        assert answer.status == 408


PATHS = (
    *("/?q=", "/?site=", "/events?before=", "/events?camera=", "/report?month=", "/api/v1/events?limit="),
    *("/api/v1/outages?days=", "/api/v1/outages?camera=", "/api/v1/cameras/", "/cameras/", "/docs/", "/prefer?lang="),
    *("/static/", "/cameras/x/evidence/"),
)


async def test_no_query_is_an_error_of_the_server(tmp_path: Path) -> None:
    async with served(tmp_path) as session:
        for path, odd in itertools.product(PATHS, ODD):
            address = URL(path + quote(odd, errors="surrogateescape"), encoded=True)
            async with session.get(address, allow_redirects=False) as answer:
                assert answer.status in {200, 303, 400, 404, 503}, (address, answer.status)


async def test_a_report_covers_what_is_kept_and_no_more(tmp_path: Path) -> None:
    this_year = datetime.datetime.now(tz=datetime.UTC).year
    async with served(tmp_path) as session:
        History(tmp_path / "state").close()
        for month, status, told in (
            ("", 200, "<h1>Report"),
            (f"{this_year}-01..{this_year}-02", 400, "Enter a month"),
            ("0002-01-01..9998-12-31", 400, "Enter a month"),
            ("1971-01-01..1980-12-31", 400, "Nothing is kept"),
            ("9999-12", 400, "Enter a month"),
            ("9998-12", 400, "Nothing is kept"),
            ("0001-01", 400, "Enter a month"),
            (f"{this_year - 5}-01-01..{this_year + 4}-01-01", 400, "at most 92 days"),
            ("٢٠٢٦-١٠", 400, "Enter a month"),
        ):
            async with session.get("/report", params={"month": month}) as answer:
                text = await answer.text()
                assert (answer.status, told in text) == (status, True), month


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain", "escaping=allow-utf-8"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0"),
        ("application/openmetrics-text;version=a.b", "application/openmetrics-text; version=1.0.0"),
        ("text/plain;version=9.é", "text/plain; version=0.0.4"),
        ("text/plain;version=1.0.0;escaping=x\x7f", "text/plain; version=1.0.0"),
    ],
)
def test_metrics_have_a_few_formats_whatever_is_accepted(accept: str, content_type: str) -> None:
    assert content_type in render(Fleet(SystemClock(), Policy({}, frozenset()), ()).snapshot(), negotiated(accept))[1]
