"""Addresses as devices write them, and the logins that must not be taken from them."""

from __future__ import annotations

import base64
import hashlib

import pytest

from xueliang_monitor.model import Credentials
from xueliang_monitor.wire.device_address import (
    HTTP,
    RTSP,
    holds_known_login,
    holds_login,
    parse_address,
    path_of,
    service_path,
    snapshot_path,
)
from xueliang_monitor.wire.device_text import NO_SECRETS, Gate
from xueliang_monitor.wire.login_digests import xiongmai_hash

LOGIN = Credentials("admin", "S3cret!pw")
GATE = Gate.of(LOGIN)


@pytest.mark.parametrize(
    ("raw", "port", "path"),
    [
        ("http://192.168.1.10/onvif/media", None, "/onvif/media"),
        ("HTTP://192.168.1.10:8080/onvif/media?x=1&y=2", 8080, "/onvif/media?x=1&y=2"),
        ("http://cam.local:80/onvif/media", 80, "/onvif/media"),
        ("http://[2001:db8::7]:8000/onvif/media", 8000, "/onvif/media"),
        ("http://[2001:db8::7]/onvif/media", None, "/onvif/media"),
        ("http://admin:S3cret!pw@192.168.1.10/onvif/media", None, "/onvif/media"),
        ("http://admin:a/b?c#d@192.168.1.10:81/onvif/media", 81, "/onvif/media"),
        ("http://admin:pass@cam.local/onvif/media", None, "/onvif/media"),
        ("\r\n\t http://192.168.1.10/onvif/media \r\n", None, "/onvif/media"),
        ('"http://192.168.1.10/onvif/media"', None, "/onvif/media"),
        ("http://192.168.1.10/a?b=1&amp;c=2", None, "/a?b=1&c=2"),
        ("http://192.168.1.10/a http://10.0.0.1/b", None, "/a"),
        ("http://192.168.1.10/a, http://10.0.0.1/b", None, "/a"),
        ("http:\\\\192.168.1.10\\onvif\\media", None, "/onvif/media"),
        ("192.168.1.10/onvif/media", None, "/onvif/media"),
        ("192.168.1.10:8080/onvif/media", 8080, "/onvif/media"),
        ("cam.local:8080/onvif/media", 8080, "/onvif/media"),
        ("//192.168.1.10/onvif/media", None, "/onvif/media"),
        ("/onvif/media", None, "/onvif/media"),
        ("onvif/media", None, "/onvif/media"),
        ("http:///onvif/media", None, "/onvif/media"),
        ("http:/192.168.1.10/onvif/media", None, "/onvif/media"),
        ("http://192.168.1.10", None, "/"),
        ("http://192.168.1.10:/x", None, "/x"),
        ("http://192.168.1.10/a{b}", None, "/a%7Bb%7D"),
    ],
)
def test_an_address_of_a_service(raw: str, port: int | None, path: str) -> None:
    found = parse_address(raw, HTTP)
    assert found is not None
    assert (found.port, found.path) == (port, path)


@pytest.mark.parametrize(
    "raw",
    ["", " ", "(null)", "null", "NULL", "N/A", "none", "undefined", "http://", "http:///", "/", "http://(null)/x y",
     "http://192.168.1.10/(null)", "rtsp://192.168.1.10/x", "ftp://192.168.1.10/x", "javascript:alert(1)",
     "uuid:5f5a69c2-0000-504f-829b-0000f804ccfc", "urn:uuid:5f5a69c2", "http://192.168.1.10:99999/x", "http://[::1/x",
     "http://192.168.1.10/a\x00b", "http://192.168.1.10/\x1b[31m", "http://h/" + "a" * 2000, "not an address"],
)  # fmt: skip
def test_no_address(raw: str) -> None:
    assert parse_address(raw, HTTP) is None


def test_the_scheme_is_the_one_that_is_expected() -> None:
    stream = parse_address("rtsps://192.168.1.10:322/live", RTSP)
    assert stream is not None
    assert stream.secure
    assert parse_address("rtspu://192.168.1.10/live", RTSP) is not None
    assert parse_address("http://192.168.1.10/live", RTSP) is None
    assert path_of("rtsp://192.168.1.10/live") == "/live"


MD5 = hashlib.md5(b"S3cret!pw", usedforsecurity=False).hexdigest()
LOGINS = [
    "/snap.jpg?user=admin&password=S3cret!pw",
    "/snap.jpg?user=admin&password=S3cret%21pw",
    "/snap.jpg?user=admin&password=%53%33%63%72%65%74%21%70%77",
    "/snap.jpg?USR=admin&PWD=other",
    "/snap.jpg?-usr=admin&-pwd=other&",
    "/snap.jpg?loginuse=admin&loginpas=other",
    "/snap.jpg?username=x&passwd=y",
    "/snap.jpg?account=x;pass=y",
    "/snap.jpg?a=1,pwd=y",
    "/snap.jpg?auth=" + base64.b64encode(b"admin:S3cret!pw").decode(),
    "/snap.jpg?a=" + base64.b64encode(b"S3cret!pw").decode(),
    "/snap.jpg?q=" + MD5.upper(),
    "/snap.jpg?session_id=abcdef",
    "/snap.jpg?sessionid=abcdef",
    "/snap.jpg?sid=42",
    "/snap.jpg?access_token=abc",
    "/snap.jpg?a=1&amp;password=y",
    "/snap.jpg?a=1%26password%3Dy",
    "/user=admin_password=tlJwpbo6_channel=1_stream=0.sdp?real_stream",
    "/user=admin&password=&channel=1&key=" + xiongmai_hash(LOGIN.password),
    "/admin/S3cret!pw/snap.jpg",
    "/cgi/admin:S3cret!pw/snap.jpg",
    "/snap.jpg?auth=" + base64.b64encode(b"admin:CanaryC3").decode(),
    "/snap.jpg?a=" + base64.urlsafe_b64encode(b"guest:\xc3\xbf\xc3\xbe\xc3\xbf").decode().rstrip("="),
    "/snap.jpg?a=YWRtaW46Q2FuYXJ5QzM%3D",
    "/YWRtaW46Q2FuYXJ5QzM=/snap.jpg",
    "/snap/admin/CanaryC1/1.jpg",
    "/root/CanaryC1",
    "/snap.jpg?u=admin&p=CanaryG1",
    "/snap.jpg?pw=CanaryG7",
    "/admin:CanaryG4/stream",
    "/user/admin/pwd/CanaryG8/s",
    "/snap.jpg?admin/CanaryH4",
]


@pytest.mark.parametrize("path", LOGINS)
def test_a_path_with_a_login_is_kept_nowhere(path: str) -> None:
    assert holds_login(path, GATE)
    assert snapshot_path(f"http://192.168.1.10{path}", GATE) is None
    kept = service_path(path, GATE)
    assert kept in {"", "/snap.jpg"}


def test_a_password_behind_a_known_user_name() -> None:
    gate = Gate.of(Credentials("district", "S3cret!pw"))
    assert holds_login("/snap/district/another/1.jpg", gate)
    assert not holds_login("/snap/district/1/1.jpg", gate)


def test_a_short_or_common_password_in_a_path() -> None:
    for password in ("12", "camera"):
        gate = Gate.of(Credentials("admin", password))
        assert holds_known_login(f"/admin/{password}/ch0.jpg", gate)
        assert not holds_known_login("/camera/12/ch0.jpg", gate)


@pytest.mark.parametrize(
    "path",
    ["/snapshot?c1sub", "/onvif/snapshot?token=Profile_1", "/onvif-http/snapshot?Profile_1",
     "/ISAPI/Streaming/channels/101/picture",
     "/cgi-bin/snapshot.cgi?channel=1&subtype=0", "/webcapture.jpg?command=snap&channel=1",
     "/axis-cgi/jpg/image.cgi?resolution=320x68",
     "/snap.jpg?JpegCam=1", "/passage/login.jpg", "/snap?user=&password=", "/admin/1/snapshot.jpg",
     "/user/cam2/snap.jpg", "/admin/snap.cgi", "/mediaprofile_Channel1_SubStream1_snapshot",
     "/onvif/media_service/snapshot?channel=1&subtype=1", "/cgi-bin/hi3510/snap.cgi?chn=2",
     "/admin?channel=1", "/snap?p=1", "/snap?u=1"],
)  # fmt: skip
def test_a_path_without_a_login_is_kept(path: str) -> None:
    assert snapshot_path(f"http://192.168.1.10{path} ", GATE, profile="Profile_1") == path
    assert service_path(path, GATE) in {path, path.partition("?")[0]}


def test_placeholders_for_the_login_are_none() -> None:
    assert not holds_login("/user={username}&password={password}&channel=1", NO_SECRETS)


def test_a_snapshot_address_is_of_http_and_names_something() -> None:
    for address in (
        "rtsp://192.168.1.10:554/user=admin_password=tlJwpbo6_channel=0",
        "http://192.168.1.10/",
        "(null)",
        "",
    ):
        assert snapshot_path(address, GATE) is None


def test_the_hash_of_xiongmai() -> None:
    assert (xiongmai_hash(""), xiongmai_hash("admin")) == ("tlJwpbo6", "6QNMIQGe")
