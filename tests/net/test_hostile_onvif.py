"""Hostile ONVIF servers: the answers at the size limits are read or refused without holding the event loop."""

from __future__ import annotations

import contextlib
import html
import time

import pytest
from aiohttp import web

from tests.conftest import LOGIN
from tests.hostile_http import FLOODS, sending
from tests.loop_steps import measured_steps
from tests.net.test_onvif import serving
from tests.xml_shapes import document, envelope, numbered
from xueliang_monitor.model import OnvifTarget
from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.http import HttpConnection
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_wsdl import definitions
from xueliang_monitor.process import apart
from xueliang_monitor.wire import auth, onvif, soap
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.media_profiles import MAX_PROFILES

MAX_SECONDS = 0.05


def client(port: int) -> OnvifClient:
    return OnvifClient("127.0.0.1", OnvifTarget(port, credentials=LOGIN), time.time)


@pytest.mark.timed
@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ("punycode", "not supported: punycode"),
        ("siblings", "more than 30000 tags"),
        ("same-attributes", "no valid time"),
        ("half-utf-16", "no complete SOAP envelope"),
    ],
)
async def test_the_largest_answer_is_malformed_and_does_not_hold_the_loop(shape: str, reason: str) -> None:
    content = document(shape, soap.MAX_RESPONSE_BYTES)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=content)

    definitions()
    async with serving(serve) as port, client(port) as talk:
        with measured_steps() as steps, pytest.raises(MalformedResponseError, match=reason):
            await talk.time()
    assert steps.longest_seconds < MAX_SECONDS, steps.callback


async def test_a_large_answer_of_a_healthy_camera_is_read() -> None:
    profile = b'<Profiles token="t%d"><Name>n%d</Name><VideoSourceConfiguration/><!--' + b"x" * 2000 + b"--></Profiles>"
    content = envelope(numbered(profile, 60 * 2000))
    assert len(content) > soap.MAX_BYTES_AT_ONCE

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=content)

    async with serving(serve) as port, client(port) as talk:
        assert [item.name for item in await talk.profiles()][:2] == ["n0", "n1"]


async def test_an_answer_over_its_processor_time_is_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "CPU_SECONDS", 0.01)
    content = document("same-attributes", soap.MAX_RESPONSE_BYTES)

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(body=content)

    async with serving(serve) as port, client(port) as talk:
        with pytest.raises(MalformedResponseError, match=r"more than 0\.01 s of processor time"):
            await talk.time()


def _spelled(secret: str, separator: str, size: int) -> bytes:
    """Return a secret, letter by letter, between escapes: what takes longest to be found."""
    return html.escape((separator.join([*secret, ""]) + f"%&\\{separator}" * size)[:size]).encode()


@pytest.mark.timed
@pytest.mark.parametrize("secret", [LOGIN.password.encode().hex(), "other"])
async def test_many_services_and_profiles_with_costly_texts_do_not_hold_the_loop(secret: str) -> None:
    path, name, token = _spelled(secret, "/", 930), _spelled(secret, " ", 118), _spelled(secret, "/", 118)
    names = [onvif.DEVICE.encode(), onvif.MEDIA.encode(), *(b"http://e/%d" % number for number in range(198))]
    services = b"".join(
        b"<Service><Namespace>%s</Namespace><XAddr>http://h/%s</XAddr></Service>" % (name, path if number else b"d")
        for number, name in enumerate(names)
    )
    profiles = b"".join(
        b'<Profiles token="%s"><Name>%s</Name><VideoSourceConfiguration/><VideoEncoderConfiguration><Encoding>%s'
        b"</Encoding></VideoEncoderConfiguration></Profiles>" % (token[:100] + b"%d" % number, name, name)
        for number in range(MAX_PROFILES)
    )
    answers = {
        b"GetServices": envelope(services),
        b"GetProfiles": envelope(profiles),
    }

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        asked = await request.read()
        return web.Response(body=next((body for call, body in answers.items() if call in asked), b""))

    definitions()
    async with serving(serve) as port, client(port) as talk:
        with measured_steps() as steps:
            found = await talk.services()
            shown = await talk.profiles()
    assert steps.longest_seconds < MAX_SECONDS, steps.callback
    assert {name: where.path for name, where in found.items()} == {onvif.DEVICE: "/d"}
    assert len(shown) == (MAX_PROFILES if secret == "other" else 0)


@pytest.mark.timed
@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_over_http_does_not_hold_the_loop(name: str) -> None:
    async with sending(FLOODS[name]) as port, HttpConnection("127.0.0.1", port, addresses=("127.0.0.1",)) as http:
        with measured_steps() as steps, contextlib.suppress(NetError):
            response = await http.request("POST", "/x", headers={}, content=b"", limit=soap.MAX_RESPONSE_BYTES)
            auth.choose(auth.parse_challenges(response.headers.getall("WWW-Authenticate", ())))
    assert steps.longest_seconds < MAX_SECONDS, steps.callback
