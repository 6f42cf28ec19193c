"""Services at other ports than the one that was reached, redirections, and devices that take SOAP 1.1 only."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import pytest

from tests.conftest import LOGIN, Tls
from tests.net.raw_device import IDENTITY, Request, raw_device, response
from tests.net.test_onvif import talk_to
from xueliang_monitor.net.errors import ConnectRefusedError, TlsError
from xueliang_monitor.net.http import HttpResponse
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_wsdl import definitions
from xueliang_monitor.net.service_places import _is_missing as is_missing
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire import onvif
from xueliang_monitor.wire.errors import MalformedResponseError, OnvifResponseError
from xueliang_monitor.wire.service_address import ServiceAddress

MISSING = response(b"<html>404 not found</html>", "404 Not Found")
FAULT = soap_messages.fault("Sender", "NotAuthorized", "Sender not authorized")


async def asked(talk: OnvifClient, where: ServiceAddress) -> str:
    definitions()
    return (await talk.call("devicemgmt", "GetDeviceInformation", where, onvif.read_identity)).serial


@pytest.mark.parametrize("sent", [MISSING, response(b"", "405 No"), response(b"", "501 No"), b"SSH-2.0-x\r\n", b""])
async def test_a_service_is_asked_at_the_port_that_the_camera_names(sent: bytes) -> None:
    """The port that was reached comes first; what worked is remembered, and only one connection is open."""
    async with (
        raw_device(lambda _: sent or None, closes=sent[:4] != b"HTTP") as reached,
        raw_device(lambda _: response()) as media,
    ):
        where = ServiceAddress("/onvif/media", media.port, secure=False)
        async with talk_to(reached.port) as talk:
            for _ in range(2):
                assert await asked(talk, where) == "42"
            before = len(reached.requests)
            assert media.requests[0].path == "/onvif/media"
        async with talk_to(reached.port, hints=talk.hints) as talk:
            assert await asked(talk, where) == "42"
        assert len(reached.requests) == before, "what worked is asked first"


async def test_a_port_behind_nat_is_not_asked_while_the_reached_one_answers() -> None:
    async with raw_device(lambda _: response()) as reached, raw_device(lambda _: response()) as other:
        async with talk_to(reached.port) as talk:
            assert await asked(talk, ServiceAddress("/x", other.port, secure=False)) == "42"
            assert talk.hints.places == {}
        assert other.requests == []


async def test_a_fault_is_an_answer_of_the_service() -> None:
    async with raw_device(lambda _: response(FAULT, "405 No")) as reached, raw_device(lambda _: response()) as other:
        async with talk_to(reached.port, None) as talk:
            with pytest.raises(Exception, match="requires a login"):
                await asked(talk, ServiceAddress("/x", other.port))
        assert other.requests == []


async def test_a_service_that_is_nowhere_is_named_by_the_first_answer() -> None:
    async with raw_device(lambda _: MISSING) as reached, raw_device(lambda _: MISSING) as gone:
        pass
    async with raw_device(lambda _: MISSING) as reached, talk_to(reached.port) as talk:
        with pytest.raises(OnvifResponseError, match="HTTP 404"):
            await asked(talk, ServiceAddress("/x", gone.port, secure=False))
    async with talk_to(gone.port) as talk:
        with pytest.raises(ConnectRefusedError):
            await asked(talk, ServiceAddress("/x", gone.port, secure=False))


async def test_a_remembered_place_that_is_gone_is_forgotten() -> None:
    async with raw_device(lambda _: MISSING) as reached:
        async with raw_device(lambda _: response()) as media, talk_to(reached.port) as talk:
            where = ServiceAddress("/m", media.port, secure=False)
            await asked(talk, where)
        hints = talk.hints
    assert list(hints.places) == [where]
    async with raw_device(lambda _: response()) as reached, talk_to(reached.port, hints=hints) as talk:
        assert await asked(talk, where) == "42"
        assert talk.hints.places == {}


async def test_a_disturbed_secure_connection_never_leads_to_a_plain_one(tls: Tls) -> None:
    async with (
        raw_device(lambda _: response(), context=tls.context) as reached,
        raw_device(lambda _: response()) as plain,
    ):
        async with talk_to(reached.port, secure=True) as talk:  # the authority is not trusted
            with pytest.raises(TlsError):
                await asked(talk, ServiceAddress("/x", plain.port, secure=False))
        assert plain.requests == []


def redirecting(status: int, location: str) -> Callable[[Request], bytes]:
    def answer(request: Request) -> bytes:
        if request.path == "/onvif/device":
            return response()
        return response(b"", f"{status} Moved", f"Location: {location}\r\n")

    return answer


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_to_the_same_host_is_followed_once(status: int) -> None:
    async with raw_device(redirecting(status, "/onvif/device")) as device:
        async with talk_to(device.port) as talk:
            assert (await talk.identity()).serial == "42"
        async with talk_to(device.port, hints=talk.hints) as talk:
            assert (await talk.identity()).serial == "42"
        assert [item.path for item in device.requests] == ["/onvif/device_service", "/onvif/device", "/onvif/device"]


@pytest.mark.parametrize(
    "location",
    ["http://192.0.2.1/", "//192.0.2.1/x", "ftp://127.0.0.1/", "http://[::1", "http://u:p@127.0.0.1/", "/a b"],
)
async def test_a_redirection_elsewhere_is_named_and_not_followed(location: str) -> None:
    async with raw_device(redirecting(302, location)) as device, talk_to(device.port) as talk:
        with pytest.raises(MalformedResponseError, match="HTTP 302"):
            await talk.identity()
        assert len(device.requests) == 1


async def test_a_redirection_in_a_circle_ends() -> None:
    async with (
        raw_device(lambda _: response(b"", "302 No", "Location: /a\r\n")) as device,
        talk_to(device.port) as talk,
    ):
        with pytest.raises(MalformedResponseError, match="HTTP 302"):
            await talk.identity()
        assert len(device.requests) == 2


async def test_a_redirection_to_https_is_followed_if_the_settings_allow_it(tls: Tls) -> None:
    async with raw_device(lambda _: response(), context=tls.context) as secure:
        location = f"https://127.0.0.1:{secure.port}/onvif/device_service"
        async with raw_device(redirecting(301, location)) as plain:
            async with talk_to(plain.port, tls="insecure") as talk:
                assert (await talk.identity()).serial == "42"
            async with talk_to(plain.port) as talk:
                with pytest.raises(TlsError, match="redirects to https"):
                    await talk.identity()


def to_soap_11(body: bytes) -> bytes:
    return body.replace(b"http://www.w3.org/2003/05/soap-envelope", b"http://schemas.xmlsoap.org/soap/envelope/")


MISMATCH = to_soap_11(
    soap_messages.envelope("<soap-env:Fault><faultcode>soap-env:VersionMismatch</faultcode></soap-env:Fault>")
)
DECLINING: dict[str, bytes | None] = {
    "200 and nothing": response(b""),
    "204": response(b"", "204 No Content"),
    "415": response(b"", "415 Unsupported Media Type"),
    "415 and a page": response(b"<html>415</html>", "415 Unsupported Media Type"),
    "405": response(b"", "405 Method Not Allowed"),
    "400": response(b"", "400 Bad Request"),
    "500 and a page": response(b"<html>500</html>", "500 Internal Server Error"),
    "VersionMismatch": response(MISMATCH, "500 Internal Server Error"),
    "VersionMismatch by 200": response(MISMATCH),
    "closed": None,
}


@pytest.mark.parametrize("name", DECLINING)
@pytest.mark.parametrize("login", ["none", "token"])
async def test_a_camera_of_soap_11_is_asked_once_in_12(name: str, login: str) -> None:
    tokens: list[bool] = []

    def answer(request: Request) -> bytes | None:
        if not request.header("Content-Type").startswith("text/xml"):
            return DECLINING[name]
        assert request.header("SOAPAction") == '"http://www.onvif.org/ver10/device/wsdl/GetDeviceInformation"'
        assert b"http://schemas.xmlsoap.org/soap/envelope/" in request.body
        assert b"2003/05/soap-envelope" not in request.body
        if login == "token":
            token = soap_messages.parse(request.body).token
            if not token:
                return response(to_soap_11(FAULT), "500 No")
            tokens.append(soap_messages.verify_token(token, LOGIN, time.time()))
        return response(to_soap_11(IDENTITY))

    async with raw_device(answer) as device:
        async with talk_to(device.port) as talk:
            for _ in range(2):
                assert (await talk.identity()).serial == "42"
            assert talk.hints.speaks_soap_11
        declined = sum(not item.header("Content-Type").startswith("text/xml") for item in device.requests)
        assert declined == 1
        async with talk_to(device.port, hints=talk.hints) as talk:
            assert (await talk.identity()).serial == "42"
    assert tokens == ([True] * 3 if login == "token" else [])
    assert sum(not item.header("Content-Type").startswith("text/xml") for item in device.requests) == 1


async def test_a_camera_that_speaks_12_after_an_update_is_asked_in_12() -> None:
    def answer(request: Request) -> bytes:
        return response() if b"2003/05" in request.body else response(b"", "415 No")

    async with raw_device(answer) as device, talk_to(device.port) as talk:
        pass
    hints = dataclasses.replace(talk.hints, speaks_soap_11=True)
    async with raw_device(answer) as device, talk_to(device.port, hints=hints) as talk:
        assert (await talk.identity()).serial == "42"
        assert not talk.hints.speaks_soap_11


async def test_a_camera_whose_answers_are_empty_is_asked_once_more_only() -> None:
    async with raw_device(lambda _: response(b"")) as device, talk_to(device.port) as talk:
        for _ in range(2):
            with pytest.raises(OnvifResponseError, match="empty"):
                await talk.identity()
        assert len(device.requests) == 3
        assert not talk.hints.speaks_soap_11


async def test_a_camera_that_answers_in_11_what_it_is_asked_in_12_is_read() -> None:
    async with raw_device(lambda _: response(to_soap_11(IDENTITY))) as device, talk_to(device.port) as talk:
        assert (await talk.identity()).serial == "42"
        assert len(device.requests) == 1


@pytest.mark.parametrize(
    ("status", "content", "missing"),
    [
        (404, b"", True),
        (400, b"<s:Envelope><ter:ActionNotSupported/></s:Envelope>", True),
        (400, b"<s:Envelope><ter:NotAuthorized/></s:Envelope>", False),
        (200, b"<s:Envelope>ActionNotSupported</s:Envelope>", False),
    ],
)
def test_what_says_that_a_service_is_elsewhere(status: int, content: bytes, missing: bool) -> None:
    assert is_missing(HttpResponse(status, content)) is missing
