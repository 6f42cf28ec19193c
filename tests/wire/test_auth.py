from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.model import Credentials
from xueliang_monitor.wire.auth import Challenge, authorize, choose, names, parse_challenges, verify
from xueliang_monitor.wire.device_text import NO_SECRETS

MUFASA = Credentials("Mufasa", "Circle of Life")


def _rfc7616(algorithm: str) -> Challenge:
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    return Challenge(
        "digest",
        {"realm": "http-auth@example.org", "nonce": nonce, "qop": "auth, auth-int", "algorithm": algorithm},
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_section_3_9_1(algorithm: str, response: str) -> None:
    value = authorize(
        _rfc7616(algorithm),
        MUFASA,
        "GET",
        "/dir/index.html",
        count=1,
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    # The RFC's example is for user "Mufasa" with this password.
    assert f'response="{response}"' in value


def test_the_strongest_digest_is_chosen_and_basic_only_alone() -> None:
    offered = parse_challenges(
        [
            'Basic realm="a", Digest realm="a", nonce="n1", algorithm=MD5',
            'Digest realm="a", nonce="n2", algorithm=SHA-256',
        ]
    )
    assert [item.scheme for item in offered] == ["basic", "digest", "digest"]
    strongest = choose(offered)
    assert strongest is not None
    assert strongest.parameters["nonce"] == "n2"
    assert choose(offered[:1]) == offered[0]


@pytest.mark.parametrize("offer", ["NTLM", 'Basic realm="a", Digest realm="a", nonce="n", algorithm=NEW-1'])
def test_an_unsupported_digest_is_not_replaced_by_basic(offer: str) -> None:
    assert choose(parse_challenges([offer])) is None
    assert names([offer], NO_SECRETS) in {"ntlm", "basic, digest NEW-1"}


def test_a_server_cannot_downgrade_from_digest_to_basic() -> None:
    digest, basic = parse_challenges(['Digest realm="a", nonce="n"']), parse_challenges(['Basic realm="a"'])
    assert choose(basic, digest[0]) is None


_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x4FFF, exclude_categories=("Cs",)), max_size=20)


@given(_TEXT, _TEXT, st.sampled_from(["MD5", "SHA-256", "MD5-sess", "SHA-256-sess", ""]), st.booleans())
def test_a_server_accepts_what_a_client_answers(username: str, password: str, algorithm: str, qop: bool) -> None:
    parameters = {"realm": 'a "quoted" realm', "nonce": "n0nce"}
    if algorithm:
        parameters["algorithm"] = algorithm
    if qop:
        parameters["qop"] = "auth"
    credentials = Credentials(username, password)
    value = authorize(Challenge("digest", parameters), credentials, "DESCRIBE", "rtsp://h/p", count=3, cnonce="c")
    realm, nonce = parameters["realm"], parameters["nonce"]
    assert verify(value, credentials, method="DESCRIBE", realm=realm, nonce=nonce)
    assert not verify(value, Credentials(username, password + "x"), method="DESCRIBE", realm=realm, nonce=nonce)
    assert not verify(value, credentials, method="PLAY", realm=realm, nonce=nonce)


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_text_can_be_parsed(values: list[str]) -> None:
    parse_challenges(values)


def test_credentials_never_show_the_password() -> None:
    assert "Circle" not in repr(MUFASA)
