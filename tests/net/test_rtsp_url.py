"""RTSP URLs with any password are read as meant, or refused without a word of the password."""

from __future__ import annotations

import random
import subprocess
import sys
from urllib.parse import quote, unquote

import pytest

from tests.conftest import ROOT
from xueliang_monitor.__main__ import PASSWORD_ENV, USERNAME_ENV, without_secrets
from xueliang_monitor.net.rtsp_url import RtspUrlError, read_rtsp_url

SECRET = "/?#@:%é密+ "
"""Every character that a URL treats specially, and some that it does not have."""


@pytest.mark.parametrize(
    ("written", "login", "place"),
    [
        ("rtsp://viewer:a/b@host/x", ("viewer", "a/b"), ("host", 554, "/x")),
        ("rtsp://viewer:a?b@10.0.0.1:8554/x?y=1", ("viewer", "a?b"), ("10.0.0.1", 8554, "/x?y=1")),
        ("rtsp://viewer:a#b@[2001:db8::1]:8554/x", ("viewer", "a#b"), ("2001:db8::1", 8554, "/x")),
        ("rtsp://viewer:a@b@host/x", ("viewer", "a@b"), ("host", 554, "/x")),
        ("rtsp://viewer:a:b@host/x", ("viewer", "a:b"), ("host", 554, "/x")),
        ("rtsp://viewer:a%2Fb%40@host/x", ("viewer", "a/b@"), ("host", 554, "/x")),
        ("rtsp://viewer:100%@host/x", ("viewer", "100%"), ("host", 554, "/x")),
        ("rtsp://viewer:密码/é@host/x", ("viewer", "密码/é"), ("host", 554, "/x")),
        ("rtsp://viewer:@host/x", ("viewer", ""), ("host", 554, "/x")),
        ("rtsp://viewer@host/x", ("viewer", None), ("host", 554, "/x")),
        ("rtsp://viewer:pw@10.0.0.1/live@main", ("viewer", "pw"), ("10.0.0.1", 554, "/live@main")),
        ("rtsp://viewer:a/b@10.0.0.1/live@main", ("viewer", "a/b"), ("10.0.0.1", 554, "/live@main")),
        ("rtsp://viewer:pw@cam.example/live@main", ("viewer", "pw"), ("cam.example", 554, "/live@main")),
        ("rtsp://cam.example:554/a@b/c", (None, None), ("cam.example", 554, "/a@b/c")),
        ("rtsp://host/live@main", (None, None), ("host", 554, "/live@main")),
        ("rtsp://host/live?user=a@b", (None, None), ("host", 554, "/live?user=a@b")),
        ("rtsp://10.0.0.1:8554/live@main", (None, None), ("10.0.0.1", 8554, "/live@main")),
        ("RTSPS://Host", (None, None), ("host", 322, "/")),
        ("rtsp://host?channel=1", (None, None), ("host", 554, "/?channel=1")),
        ("rtsp://host/主 流", (None, None), ("host", 554, "/%E4%B8%BB%20%E6%B5%81")),
        (" rtsp://host:1/ ", (None, None), ("host", 1, "/")),
    ],
)
def test_a_url_is_read_as_meant(
    written: str, login: tuple[str | None, str | None], place: tuple[str, int, str]
) -> None:
    url = read_rtsp_url(written)
    assert (url.username, url.password) == login
    assert (url.host, url.port, url.path) == place


@pytest.mark.parametrize(
    "written",
    [
        "rtsp://viewer:12/s3cret@10.0.0.1/x",
        "rtsp://viewer:12?s3cret@cam-1/x",
        "rtsp://viewer:s3cret@b/s3cret@10.0.0.1/x",
        "rtsp://viewer:s3cret@b/s3cret@host/x",
        "rtsp://viewer:s3cret/a@host/s3cret@other",
        "rtsp://viewer:s3cret/x",
        "rtsp://viewer:a/s3cret@cam/u@1.2.3.4",
        "rtsp://viewer:s3cret@b.c/@cam/live",
        "rtsp://viewer:s3cret@10.0.0.2/live@10.0.0.1/x",
        "rtsp://viewer:s3cret@",
        "rtsp://viewer:s3cret@/x",
        "rtsp://viewer:s3cret@host:port/x",
        "rtsp://viewer:s3cret@host:70000/x",
        "rtsp://viewer:s3cret@host/x#s3cret",
        "rtsp://viewer:s3cret%E9@host/x",
        "rtsp://viewer:s3cret%0a@host/x",
        "rtsp://viewer:s3\ncret@host/x",
        "rtsp://viewer:s3cret\udce9@host/x",
        "rtsp://:s3cret@host/x",
        "rtsp://s3cret/1:s3cret@10.0.0.1/x",
        "http://viewer:s3cret@host/x",
        f"rtsp://viewer:s3cret{'@' * 100_000}host/x",
        "rtsp://",
    ],
)
def test_what_has_more_than_one_reading_is_refused_without_the_password(written: str) -> None:
    with pytest.raises(RtspUrlError) as refused:
        read_rtsp_url(written)
    assert "s3cret" not in str(refused.value)
    assert str(refused.value)


def test_every_password_is_read_as_meant_or_refused() -> None:
    chance = random.Random(16)
    read = 0
    for host in ("10.0.0.1", "host", "cam.example", "[2001:db8::1]:8554"):
        for _ in range(2000):
            password = "s" + "".join(chance.choices(f"{SECRET}ab17", k=chance.randint(0, 6)))
            path = chance.choice(("", "/", "/live", "/live@main", "/a?b=c@d"))
            quoted = read_rtsp_url(f"rtsp://viewer:{quote(password, safe='')}@{host}/live")
            assert (quoted.username, quoted.password) == ("viewer", password)
            try:
                url = read_rtsp_url(f"rtsp://viewer:{password}@{host}{path}")
            except RtspUrlError:
                continue
            read += 1
            assert url.password == unquote(password)  # % and two hexadecimal digits stand for a byte
            assert (url.username, url.path) == ("viewer", path or "/")
            again = read_rtsp_url(url.without_login())
            assert (again.username, again.host, again.port, again.path) == (None, url.host, url.port, url.path)
    assert read > 4000


@pytest.mark.parametrize(
    "address", ["rtsp://viewer:a/b@host/x", "rtsp://host/live@main", "rtsp://viewer:a%40@10.0.0.1/x@y"]
)
def test_arguments_are_cleaned_once(address: str) -> None:
    """A command line that was cleaned has nothing left to clean, so that it is never replaced again."""
    cleaned, moved = without_secrets(["check", address])
    assert without_secrets(cleaned) == (cleaned, {})
    assert moved.get(USERNAME_ENV) == ("viewer" if "viewer" in address else None)
    assert all(value not in argument for value in moved.values() for argument in cleaned)


def test_a_name_alone_leaves_the_password_of_the_environment() -> None:
    assert without_secrets(["check", "rtsp://viewer@host/x"]) == (["check", "rtsp://host/x"], {USERNAME_ENV: "viewer"})
    assert without_secrets(["check", "--password", "a/b@c", "cam"]) == (["check", "cam"], {PASSWORD_ENV: "a/b@c"})


@pytest.mark.parametrize(
    "arguments",
    [["camera", "add", "rtsp://viewer:s3cret@host/x"], ["check", "cam", "--tls=rtsp://viewer:s3cret@host/x"]],
)
def test_a_login_where_none_is_read_is_refused(arguments: list[str]) -> None:
    with pytest.raises(RtspUrlError) as refused:
        without_secrets(arguments)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "viewer:s3cret@host/x"],
        ["check", "viewer:s3 cret@host"],
        ["check", "rtsp:/viewer:s3cret@host/x"],
        ["check", "//viewer:s3cret@host/x"],
        ["check", "http://viewer:s3cret@host/x"],
        ["camera", "show", "viewer:s3cret@host"],
        ["camera", "add", "viewer:s3cret/1@host", "--site", "S"],
        ["camera", "add", "--id=viewer:s3cret@host"],
    ],
)
def test_a_login_outside_a_url_is_refused_at_once_without_the_password(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "xueliang_monitor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    loaded, _, said = done.stderr.rpartition("|")
    said = said.partition("\n")[2]
    assert (done.returncode, done.stdout) == (2, "")
    assert "looks like a login" in said
    assert "cret" not in said
    assert "typer" not in loaded, "nothing slow comes before the refusal"


def test_other_arguments_with_an_at_sign_are_no_logins() -> None:
    for argument in ("/live:1@main", "--rtsp-path=/live:1@main", "cam@gate", "12:30", "see you at 12:30 @ the gate"):
        assert without_secrets(["camera", argument]) == (["camera", argument], {})
