"""Logins over ONVIF as devices demand them: nonces that are good once, both logins at once, refusals of all kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.conftest import LOGIN
from tests.net.raw_device import IDENTITY, Request, raw_device, response
from tests.net.test_onvif import WRONG, talk_to
from xueliang_monitor.net.errors import LoginError
from xueliang_monitor.net.onvif import OnvifClient
from xueliang_monitor.net.onvif_hints import LoginKind
from xueliang_monitor.simulator import soap_messages
from xueliang_monitor.wire import auth
from xueliang_monitor.wire.errors import MalformedResponseError

FAULT = soap_messages.fault("Sender", "NotAuthorized", "Sender not authorized")
HOSTNAME = soap_messages.envelope(
    "<tds:GetHostnameResponse><tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP><tt:Name>cam</tt:Name>"
    "</tds:HostnameInformation></tds:GetHostnameResponse>"
)
CHALLENGE = 'Digest realm="cam", qop="auth", nonce="{nonce}"'


@dataclass
class DigestDevice:
    """A device that wants HTTP Digest; `fits` says whether a nonce may be used, and `refusal` refuses one that may not.

    `refused` counts the logins that were refused for their password, `outdated` those for their nonce.
    """

    fits: Callable[[DigestDevice, str, str], bool] = lambda device, nonce, _count: nonce in device.fresh
    refusal: Callable[[DigestDevice], bytes] = lambda device: device.challenge()
    offer: str = CHALLENGE
    headers: Callable[[DigestDevice], str] = lambda _: ""
    forbidden: str = ""
    token_too: bool = False
    sends_fresh: bool = True
    fresh: set[str] = field(default_factory=set)
    refused: int = 0
    outdated: int = 0
    untold: int = 0
    nonces: int = 0

    def nonce(self) -> str:
        self.nonces += 1
        self.fresh.add(f"n{self.nonces}")
        return f"n{self.nonces}"

    def challenge(self, more: str = "", status: str = "401 Unauthorized") -> bytes:
        offers = self.offer.format(nonce=self.nonce()).split("\n")
        return response(b"", status, "".join(f"WWW-Authenticate: {each}{more}\r\n" for each in offers))

    def __call__(self, request: Request) -> bytes:
        written = request.header("Authorization")
        if not written:
            self.untold += 1
            return self.challenge()
        (given,) = auth.parse_challenges([written])
        nonce = given.parameters["nonce"]
        realm = given.parameters["realm"]
        if not auth.verify(written, LOGIN, method="POST", realm=realm, nonce=nonce):
            self.refused += 1
            return self.challenge()
        if not self.fits(self, nonce, given.parameters.get("nc", "")):
            self.outdated += 1
            return self.refusal(self)
        if self.forbidden and self.forbidden.encode() in request.body:
            return self.challenge() if self.sends_fresh else response(b"", "403 Forbidden")
        if self.token_too and b"UsernameToken" not in request.body:
            return response(FAULT, "400 Bad Request")
        return response(HOSTNAME if b"GetHostname" in request.body else IDENTITY, headers=self.headers(self))


def once(device: DigestDevice, nonce: str, _count: str) -> bool:
    if nonce not in device.fresh:
        return False
    device.fresh.discard(nonce)
    return True


def only_first(device: DigestDevice, nonce: str, count: str) -> bool:
    return nonce in device.fresh and count == "00000001"


def three_times(device: DigestDevice, nonce: str, count: str) -> bool:
    return nonce in device.fresh and int(count, 16) <= 3


def next_nonce(device: DigestDevice) -> str:
    return f'Authentication-Info: qop=auth, nextnonce="{device.nonce()}"\r\n'


def page_400(_: DigestDevice) -> bytes:
    return response(b"<html>Bad Request</html>", "400 Bad Request")


RENEWING: dict[str, Callable[[], DigestDevice]] = {
    "good once": lambda: DigestDevice(once),
    "good once, 403 without a challenge": lambda: DigestDevice(once, lambda _: response(b"", "403 Forbidden")),
    "good once, 401 without a challenge": lambda: DigestDevice(once, lambda _: response(b"", "401 Unauthorized")),
    "good once, 400 without a reason": lambda: DigestDevice(once, lambda _: response(b"", "400 Bad Request")),
    "good once, a page of 400": lambda: DigestDevice(once, page_400),
    "good once, 403 with a challenge": lambda: DigestDevice(once, lambda it: it.challenge(status="403 Forbidden")),
    "good once, stale": lambda: DigestDevice(once, lambda it: it.challenge(", stale=true")),
    "good once, STALE": lambda: DigestDevice(once, lambda it: it.challenge(', stale="TRUE"')),
    "good once, with the next one told": lambda: DigestDevice(once, headers=next_nonce),
    "the count stays 1": lambda: DigestDevice(only_first),
    "good three times": lambda: DigestDevice(three_times),
}


async def three_calls(talk: OnvifClient) -> None:
    for _ in range(2):
        assert (await talk.identity()).serial == "42"
    assert await talk.hostname() == "cam"


@pytest.mark.parametrize("name", RENEWING)
@pytest.mark.parametrize("closes", [False, True])
async def test_a_login_is_made_anew_where_a_nonce_is_used_up(name: str, closes: bool) -> None:
    answer = RENEWING[name]()
    async with raw_device(answer, closes=closes) as device:
        async with talk_to(device.port) as talk:
            await three_calls(talk)
            assert talk.hints.login is LoginKind.DIGEST
        assert (answer.refused, answer.outdated <= 2) == (0, True)
        answer.outdated = 0
        async with talk_to(device.port, hints=talk.hints) as talk:
            await three_calls(talk)
        expected = 2 if "stale" in name.lower() else 0
        assert answer.outdated <= expected, "what was learned is remembered"
        async with talk_to(device.port, WRONG) as talk:
            for _ in range(2):
                with pytest.raises(LoginError):
                    await talk.identity()
        assert answer.refused == 1, "a wrong password is sent once"


async def test_the_channels_of_a_recorder_learn_from_one_refused_login() -> None:
    answer = DigestDevice(once)
    async with raw_device(answer) as device:
        for _ in range(5):
            async with talk_to(device.port) as talk:
                await three_calls(talk)
    assert answer.outdated == 1


async def test_the_next_nonce_that_a_camera_tells_saves_asking() -> None:
    answer = DigestDevice(once, headers=next_nonce)
    async with raw_device(answer) as device, talk_to(device.port) as talk:
        await three_calls(talk)
    assert (answer.untold, answer.outdated) == (1, 0)


OFFERS = {
    "Basic first": 'Basic realm="cam"\n' + CHALLENGE,
    "Digest first": CHALLENGE + '\nBasic realm="cam"',
    "in one line": 'Basic realm="cam", ' + CHALLENGE,
    "SHA-256 and MD5": CHALLENGE + ", algorithm=SHA-256\n" + CHALLENGE + ", algorithm=MD5",
    "SHA-256 and MD5 in one line": f"{CHALLENGE}, algorithm=SHA-256, {CHALLENGE}, algorithm=MD5",
    "MD5-sess": CHALLENGE + ", algorithm=MD5-sess",
    "quoted algorithm": CHALLENGE + ', algorithm="MD5"',
    "two qualities": 'Digest qop="auth,auth-int",realm="cam",nonce="{nonce}",opaque="5ccc",domain="/"',
    "no quality": 'Digest realm="cam", nonce="{nonce}"',
    "an empty quality": 'Digest realm="cam", nonce="{nonce}", qop=""',
    "bare values": "Digest realm=cam, nonce={nonce}, qop=auth, opaque=x",
    "quotes in the realm": 'Digest realm="a \\"cam\\" here", nonce="{nonce}", qop="auth"',
    "an empty realm": 'Digest realm="", nonce="{nonce}", qop="auth"',
    "upper case": 'DIGEST REALM="cam", NONCE="{nonce}", QOP="auth"',
    "a comma first": 'Digest , realm="cam", nonce="{nonce}",, qop="auth",',
    "not ASCII": 'Digest realm="摄像机", nonce="{nonce}", qop="auth"',
    "twice": CHALLENGE + "\n" + CHALLENGE,
}


@pytest.mark.parametrize("name", OFFERS)
async def test_a_challenge_is_answered_however_it_is_written(name: str) -> None:
    answer = DigestDevice(offer=OFFERS[name])
    async with raw_device(answer) as device, talk_to(device.port) as talk:
        await three_calls(talk)
    assert (answer.refused, answer.outdated, answer.untold) == (0, 0, 1)


async def test_both_logins_are_sent_where_digest_passes_and_soap_refuses() -> None:
    answer = DigestDevice(token_too=True)
    async with raw_device(answer) as device:
        async with talk_to(device.port) as talk:
            await three_calls(talk)
            assert talk.hints.login is LoginKind.BOTH
        before = len(device.requests)
        async with talk_to(device.port, hints=talk.hints) as talk:
            await three_calls(talk)
        assert len(device.requests) - before == 4, "remembered: one request without a login, for the challenge"
        async with talk_to(device.port, spare_logins=0) as talk:
            assert (await talk.identity()).serial == "42"
            assert talk.refused_logins == 0, "a login that lacks its second half is no wrong password"
        async with talk_to(device.port, WRONG) as talk:
            with pytest.raises(LoginError, match="HTTP Digest"):
                await talk.identity()
    assert answer.refused == 1


@pytest.mark.parametrize("sends_fresh", [True, False])
async def test_a_lacking_permission_costs_one_more_login_at_most(sends_fresh: bool) -> None:
    answer = DigestDevice(forbidden="GetHostname", sends_fresh=sends_fresh)
    async with raw_device(answer) as device, talk_to(device.port) as talk:
        await talk.identity()
        for _ in range(3):
            with pytest.raises(MalformedResponseError, match="lacks the permission"):
                await talk.hostname()
        assert (await talk.identity()).serial == "42"
        hostnames = [item for item in device.requests if b"GetHostname" in item.body and item.header("Authorization")]
        assert len(hostnames) == 2
        assert not talk.hints.nonce_is_good_once


async def test_a_camera_that_calls_each_nonce_stale_is_not_asked_for_ever() -> None:
    answer = DigestDevice(lambda *_: False, lambda it: it.challenge(", stale=true"))
    async with raw_device(answer) as device, talk_to(device.port) as talk:
        with pytest.raises(LoginError, match="calls each new nonce stale"):
            await talk.identity()
        assert len(device.requests) == 3


async def test_a_camera_that_changed_from_a_token_to_digest_is_logged_into() -> None:
    answer = DigestDevice()
    async with raw_device(answer) as device:
        async with talk_to(device.port) as talk:
            await talk.identity()
        hints = dataclasses.replace(talk.hints, login=LoginKind.TOKEN)
        async with talk_to(device.port, hints=hints) as talk:
            await talk.identity()
            assert talk.hints.login is LoginKind.DIGEST
    assert answer.refused == 0


async def test_a_camera_that_does_not_know_tokens_any_more_is_asked_without() -> None:
    unknown = soap_messages.envelope(
        "<soap-env:Fault><soap-env:Code><soap-env:Value>soap-env:MustUnderstand</soap-env:Value></soap-env:Code></soap-env:Fault>"
    )

    def answer(request: Request) -> bytes:
        return response(unknown, "500 No") if b"UsernameToken" in request.body else response()

    async with raw_device(answer) as device, talk_to(device.port) as talk:
        talk.hints = dataclasses.replace(talk.hints, login=LoginKind.TOKEN)
    async with raw_device(answer) as device, talk_to(device.port, hints=talk.hints) as talk:
        assert (await talk.identity()).serial == "42"
        assert not talk.login_accepted
