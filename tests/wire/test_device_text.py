"""The gate for texts of devices: nothing that is not printable passes, and no spelling of a known secret."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xueliang_monitor.model import Credentials, OnvifTarget, Target
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.foreign_bytes import ForeignBytes
from xueliang_monitor.wire.printable import CUT, MAX_EXAMINED_CHARACTERS, clean, escaped
from xueliang_monitor.wire.secret_forms import MASK

PASSWORD = 'Kn4b/e "x&<é?>'
LOGIN = Credentials("viewer", PASSWORD)
RAW = PASSWORD.encode()
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _base64_at(offset: int) -> str:
    return base64.b64encode(b"abc"[:offset] + RAW + b"tail").decode()


def _base64(raw: bytes) -> bytes:
    return base64.b64encode(raw)


def _every_byte(form: str) -> str:
    return "".join(form.format(byte) for byte in RAW)


SPELLINGS: dict[str, str] = {
    "plain": PASSWORD,
    "upper case": PASSWORD.upper(),
    "percent": quote(PASSWORD, safe=""),
    "percent, lower case": quote(PASSWORD, safe="").lower(),
    "percent, every byte": _every_byte("%{:02x}"),
    "percent, partly": PASSWORD.replace("/", "%2F"),
    "percent, twice": quote(quote(PASSWORD, safe=""), safe=""),
    "form": quote_plus(PASSWORD),
    "HTML": html.escape(PASSWORD),
    "HTML, numeric": "".join(f"&#x{ord(letter):x};" for letter in PASSWORD),
    "HTML of percent": html.escape(quote(PASSWORD)),
    "JSON": json.dumps(PASSWORD)[1:-1],
    "JSON, every character": "".join(f"\\u{ord(letter):04x}" for letter in PASSWORD),
    "Python bytes": _every_byte("\\x{:02x}"),
    "Basic": base64.b64encode(f"viewer:{PASSWORD}".encode()).decode(),
    "Base64": base64.b64encode(RAW).decode(),
    "Base64, moved by 1": _base64_at(1),
    "Base64, moved by 2": _base64_at(2),
    "Base64, URL-safe": base64.urlsafe_b64encode(f"viewer:{PASSWORD}".encode()).decode(),
    "Base64 in percent": quote(base64.b64encode(f"viewer:{PASSWORD}".encode()).decode(), safe=""),
    "Base64 in two words": base64.b64encode(RAW).decode()[:9] + " " + base64.b64encode(RAW).decode()[9:],
    "hexadecimal": RAW.hex(),
    "hexadecimal, upper case": RAW.hex().upper(),
    "hexadecimal with colons": RAW.hex(":"),
    "full width": "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in PASSWORD),
    "Base64 of Base64": _base64(_base64(RAW)).decode(),
    "Base64 of Basic": _base64(_base64(f"viewer:{PASSWORD}".encode())).decode(),
    "Base64 of Base64 of Base64": _base64(_base64(_base64(RAW))).decode(),
    "hexadecimal of Base64": _base64(RAW).hex(),
    "hexadecimal of Base64, with colons": _base64(RAW).hex(":"),
    "Base64 of hexadecimal": _base64(RAW.hex().encode()).decode(),
    "hexadecimal of hexadecimal": RAW.hex().encode().hex(),
    "Base64 of percent": _base64(quote(PASSWORD, safe="").encode()).decode(),
    "Base64 of JSON": _base64("".join(f"\\u{ord(letter):04x}" for letter in PASSWORD).encode()).decode(),
    "percent of Base64 of percent": quote(_base64(quote(PASSWORD, safe="").encode()), safe=""),
    "percent of UTF-16": "".join(f"%u{ord(letter):04x}" for letter in PASSWORD),
    "octal": _every_byte("\\{:03o}"),
    "JavaScript": "".join(f"\\u{{{ord(letter):x}}}" for letter in PASSWORD),
    "Python, long": "".join(f"\\U{ord(letter):08x}" for letter in PASSWORD),
    "C": _every_byte("0x{:02x}, "),
    **{
        f"{form} of {encoding}": spelled(PASSWORD.encode(encoding))
        for encoding in ("gb18030", "latin-1", "utf-16-le", "utf-16-be")
        for form, spelled in {
            "Base64": lambda raw: _base64(raw).decode(),
            "hexadecimal": bytes.hex,
            "Base64 of Base64": lambda raw: _base64(_base64(raw)).decode(),
        }.items()
    },
    **{f"percent of {name}": quote(PASSWORD, safe="", encoding=name) for name in ("gb18030", "latin-1")},
    "read as Latin-1": RAW.decode("latin-1"),
    "zero width between": "\u200b".join(PASSWORD),
    "NUL between": "\0".join(PASSWORD),
}
AROUND: dict[str, Callable[[str], str]] = {
    "alone": str,
    "reason": "Not Found: {} was refused".format,
    "user information": "rtsp://viewer:{}@192.0.2.1/live".format,
    "path": "rtsp://192.0.2.1:554/user=viewer/{}/live".format,
    "query": "http://192.0.2.1/onvif?x=1&password={}&y=2".format,
    "glued": "model{}model".format,
}


def tells(text: str) -> bool:
    """Return whether a text shows at least four characters in a row of the password, or of its encoded forms."""
    folded = text.casefold()
    forms = [PASSWORD.casefold(), RAW.hex(), quote(PASSWORD, safe="").casefold(), html.escape(PASSWORD).casefold()]
    cores = [base64.b64encode(bytes(skipped) + RAW).decode()[start:-4] for skipped, start in ((0, 0), (1, 2), (2, 3))]
    return any(form[at : at + 6] in folded for form in forms for at in range(len(form) - 5)) or any(
        core[at : at + 6] in text for core in cores for at in range(len(core) - 5)
    )


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_password_is_taken_out(spelling: str, around: str) -> None:
    told = AROUND[around](SPELLINGS[spelling])
    gate = Gate.of(LOGIN)
    for shown in (gate.text(told), gate.message(f"DESCRIBE: {told}"), gate.lines(told), gate.address(told)):
        assert not tells(shown)
        assert SPELLINGS[spelling] not in shown


def test_what_stands_around_a_secret_stays() -> None:
    gate = Gate.of(LOGIN)
    assert gate.text(f"model {PASSWORD} of 2024") == f"model {MASK} of 2024"
    assert (
        gate.text(f"see http://192.0.2.1/x?y={quote(PASSWORD, safe='')}&z=1") == f"see http://192.0.2.1/x?y={MASK}&z=1"
    )
    assert gate.text("Basic authentication required") == "Basic authentication required"
    assert gate.text("海康威视 DS-2CD3T47 V5.5.0 build 190516") == "海康威视 DS-2CD3T47 V5.5.0 build 190516"


@pytest.mark.parametrize("spelling", ["plain", "percent", "Base64", "hexadecimal", "HTML", "Basic"])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(spelling: str) -> None:
    gate, secret = Gate.of(LOGIN), SPELLINGS[spelling]
    for kept in range(8, len(secret)):
        told = "x" * (MAX_EXAMINED_CHARACTERS - 1 - kept) + " " + secret + "y" * 40
        assert not tells(gate.text(told, MAX_EXAMINED_CHARACTERS + 9))
        assert not tells(gate.text(clean(f"no {secret} here", 3 + kept)))


def test_a_text_full_of_secrets_does_not_shrink_until_a_cut_one_shows() -> None:
    assert not tells(Gate.of(LOGIN).text((PASSWORD + " ") * 1000))


@pytest.mark.parametrize(
    "password", ["Geheim-4711!", "Q7z", "passw0rd x", "密码很长的", "\U00020000\U00020001\U00020002"]
)
@pytest.mark.parametrize("between", ["", " ", ":", "\0"])
def test_not_one_letter_of_a_repeated_secret_is_left_where_a_text_is_cut(password: str, between: str) -> None:
    gate, unit = Gate.of(Credentials("viewer", password)), password + between
    repeated = unit * (4 * MAX_EXAMINED_CHARACTERS // len(unit) + 1)
    for before in range(len(unit)):
        told = "x" * before + " " + repeated
        errors = [str(ForeignBytes().not_rtsp(told[:kept].encode())) for kept in (100 + before, 600, len(told))]
        for shown in (
            gate.text(told),
            gate.message(f"DESCRIBE: {told}"),
            *(gate.message(each, 160) for each in errors),
        ):
            theirs = shown.removeprefix("DESCRIBE: ").removeprefix("the bytes are not ").removeprefix("RTSP: ")
            assert not set(theirs) & set(password) - set(" x"), shown


@pytest.mark.parametrize("password", ["camera", "password", "login", "frame"])
def test_a_password_that_is_a_word_of_our_own_is_not_told_by_its_absence(password: str) -> None:
    gate = Gate.of(Credentials("viewer", password))
    ours = "DESCRIBE: the camera refused the user name or the password (login, frame)"
    assert gate.message(ours) == ours
    assert gate.text(f"no {password} here") == f"no {MASK} here"


def test_a_short_password_is_hidden_where_it_stands_as_a_password() -> None:
    gate = Gate.of(Credentials("viewer", "x"))
    assert gate.text("extra text") == "extra text"
    assert gate.text("rtsp://viewer:x@192.0.2.1/?password=x") == f"rtsp://192.0.2.1/?password={MASK}"
    assert gate.text(base64.b64encode(b"viewer:x").decode()).rstrip("=") == MASK


def test_the_gate_of_a_camera_knows_both_logins_and_the_password_in_a_path() -> None:
    onvif = OnvifTarget(credentials=Credentials("service", "0nvif-secret"))
    target = Target("yard", "192.0.2.1", path="/user=admin_password=in%2Dpath_x", credentials=LOGIN, onvif=onvif)
    gate = Gate.of_target(target)
    for secret in (PASSWORD, "0nvif-secret", "in-path", "in%2Dpath"):
        assert gate.text(f"a {secret} b") == f"a {MASK} b"
    assert PASSWORD not in repr(gate)
    assert "0nvif" not in repr(gate)


def test_the_values_of_a_login_are_taken_out() -> None:
    told = 'Digest username="viewer", nonce="0a1b", response="0123456789abcdef0123456789abcdef"'
    assert NO_SECRETS.text(told) == f'Digest username="viewer", nonce={MASK}, response={MASK}'


@given(st.text(st.characters(), max_size=300), st.integers(2, 120))
@example("a\x1b[31mb\x85c\u2028d\u2029e\u202ef\u2066g\u200bh\x00i\ud800j\U000e0001k\ue000l", 120)
def test_nothing_that_is_not_printable_passes(text: str, limit: int) -> None:
    for shown in (clean(text, limit), NO_SECRETS.text(text, limit), NO_SECRETS.message(text, limit)):
        assert not {unicodedata.category(letter) for letter in shown} & FORBIDDEN
        assert len(shown) <= limit
        assert shown == " ".join(shown.split())
        assert clean(shown, limit) == shown


@given(st.text(max_size=40), st.text(min_size=4, max_size=12), st.text(max_size=40))
def test_any_password_is_taken_out_of_any_text(before: str, password: str, after: str) -> None:
    shown = Gate.of(Credentials("viewer", password)).text(f"{before}{password}{after}", 500)
    secret = clean(password).casefold()
    if len(secret) >= 4 and "*" not in secret:
        assert secret not in shown.casefold()


@given(st.text())
def test_escaped_text_is_the_same_in_json(text: str) -> None:
    shown = escaped(json.dumps(text, ensure_ascii=False))
    assert not {unicodedata.category(letter) for letter in shown} & FORBIDDEN
    assert json.loads(shown) == text


def test_spaces_of_other_scripts_are_not_escaped() -> None:
    assert escaped("柳林\u3000社区\xa0\t\u2028") == "柳林\u3000社区\xa0\\u0009\\u2028"


def test_marks_and_length_are_bounded() -> None:
    assert clean("e" + "\u0301" * 50) == "e\u0301\u0301"
    assert clean("word " * 1000, 12) == f"word word w{CUT}"
    assert clean("a\r\n\t b\u3000c") == "a b c"
