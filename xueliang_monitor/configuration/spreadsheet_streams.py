"""Columns of a table with whole addresses of streams, such as `RTSP地址`: their headers, and what a cell says. Pure.

The login in an address is never part of a value. It is used only to find the same login in the path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from xueliang_monitor.model import PATH_PASSWORD, PATH_USERNAME, Credentials, redact_path
from xueliang_monitor.net.rtsp_url import RtspUrl, RtspUrlError, read_rtsp_url
from xueliang_monitor.wire.device_address import holds_encoded_login, holds_known_login
from xueliang_monitor.wire.device_text import Gate

STREAM = "stream address"
MAIN_STREAM = "main stream address"
STREAM_COLUMNS = (STREAM, MAIN_STREAM)
"""The columns with addresses of streams, the one that is watched first."""

STREAM_TITLES = MappingProxyType(
    {
        STREAM: ("RTSP地址", "RTSP URL", "取流地址", "码流地址", "视频流地址", "子码流", "子码流地址", "stream URL"),
        MAIN_STREAM: ("主码流", "主码流地址", "主码流RTSP地址", "main stream", "main stream URL"),
    }
)
"""Examples of their headers, for people."""

_WORDS = (
    "rtsps?|主|子|辅|副|次|码流|视频|实时|直播|监控|摄像机|摄像头|相机|设备|取流|拉流|播放|流媒体|流|地址|链接|网址|"
    "路径|完整|url|uri|link|address|addr|path|stream|video|live|main|sub|primary|secondary|camera|full"
)
_TITLE = re.compile(f"(?:{_WORDS}){{1,12}}+")
_OF_STREAMS = re.compile(
    "rtsp|流|stream|(?:视频|直播|播放).*(?:地址|链接|网址|url)|(?:video|live|camera).*ur[li]|^ur[li]$"
)
_MAIN = re.compile("主|main|primary")
_SUB = re.compile("子|辅|副|次|sub|secondary")
_NAMES_AN_ADDRESS = re.compile("地址|链接|网址|路径|ur[li]|link|addr|path")

_SCHEME = re.compile(r"(rtsp[stu]?)\s*:\s*[\\/]{1,3}(.*)", re.IGNORECASE | re.DOTALL)
_OTHER_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{1,11}:[\\/]{1,2}", re.IGNORECASE)
_HOST_FIRST = re.compile(
    r"(?:[^\s/]*@)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?(?:[/?]|$)|[^\s/:@]+:[^\s/@]*@\S",
    re.IGNORECASE,
)
_USER = re.compile(
    r"((?:^|[/?&;_])-?(?:user(?:_?name)?|usr|loginuse|account)=)(?!\{)[^&;_/?#]+(?=[&;_/?#]|$)", re.IGNORECASE
)
_PASSWORD = re.compile(
    r"((?:^|[/?&;_])-?(?:password|passwd|pass|pwd|psw|loginpas)=)(?!\{)[^&;/?#]+?(?=_channel=|_stream=|[&;/?#]|$)",
    re.IGNORECASE,
)

_WRITE = "write rtsp://address:port/path"
_LOGIN_IN_PATH = (
    "the path has a login, which is not written to a file; write {username} and {password} in its place, "
    "and name the login of the settings in the column credentials (凭据)"
)


@dataclass(frozen=True, slots=True)
class StreamValue:
    """What a cell says of a stream: values by the key of the camera's file, and whether a login was left out."""

    values: MappingProxyType[str, str]
    login: bool = False
    port_named: bool = False


def stream_column(key: str) -> str:
    """Return the column with addresses of streams that the letters of a header name, empty if they name none."""
    if not _TITLE.fullmatch(key) or not _OF_STREAMS.search(key):
        return ""
    return MAIN_STREAM if _MAIN.search(key) else STREAM


def stream_rank(key: str) -> int:
    """Return how well a header names the stream that is watched, the best one lowest: a sub-stream first."""
    return 0 if _SUB.search(key) else 1


def may_be_other(key: str) -> bool:
    """Return whether a column with this header may as well hold something else.

    `主码流` alone may say a codec or a size, and `URL` alone a web page.
    """
    return not _NAMES_AN_ADDRESS.search(key) or not re.search("rtsp|流|stream", key)


def is_url(text: str) -> bool:
    """Return whether a text is the whole address of a stream."""
    return _SCHEME.match(text.strip()) is not None


def is_address(text: str) -> bool:
    """Return whether a text is an address of a stream or a path, and no other word."""
    return text.startswith("/") or is_url(text) or _HOST_FIRST.match(text) is not None


def read_stream(text: str, *, named_login: bool) -> StreamValue:
    """Read the address of a stream, or a path alone. `named_login` says that the row names a login of the settings.

    Raises:
        ValueError: it is none; the message shows no part of it.

    """
    found = _SCHEME.fullmatch(text)
    if found is None and not _HOST_FIRST.match(text):
        if _OTHER_SCHEME.match(text):
            raise ValueError(f"is not an address of RTSP; {_WRITE}")
        if not text.isascii() or re.search(r"\s", text) or ("/" not in text and "=" not in text):
            raise ValueError(f"is neither an address of RTSP nor a path; {_WRITE}, or the path alone")
        path = text if text.startswith("/") else f"/{text}"
        return StreamValue(MappingProxyType({"rtsp_path": _without_login(path, None, named_login=named_login)}))
    scheme, rest = (found[1].lower(), found[2]) if found else ("rtsp", text)
    try:
        url = read_rtsp_url(f"{'rtsps' if scheme == 'rtsps' else 'rtsp'}://{rest}")
    except RtspUrlError as error:
        raise ValueError(f"is not a readable address: {error}") from error
    values = {
        "address": url.host,
        "rtsp_port": str(url.port),
        "rtsp_path": _without_login(url.path, url, named_login=named_login),
        "rtsp": "tls" if url.secure else "plain",
    }
    port_named = re.match(r"(?:\[[^\]]*\]|[^/?\[\]:]*):\d", rest.rpartition("@")[2]) is not None
    return StreamValue(MappingProxyType(values), login=url.username is not None, port_named=port_named)


def path_without_login(path: str, *, named_login: bool) -> str:
    """Return a path of a table with placeholders for the login in it.

    Raises:
        ValueError: it has a login, and the row names none in its place.

    """
    return _without_login(path, None, named_login=named_login)


def _without_login(path: str, url: RtspUrl | None, *, named_login: bool) -> str:
    """Return a path with placeholders for the login that its parameters have.

    Raises:
        ValueError: the row names no login for them, or the path has a login in another form.

    """
    if _PASSWORD.search(path) and named_login:
        path = _PASSWORD.sub(rf"\1{PATH_PASSWORD}", _USER.sub(rf"\1{PATH_USERNAME}", path))
    login = Credentials(url.username or "", url.password) if url is not None and url.password else None
    gate = Gate.of(login)
    if redact_path(path) != path or holds_known_login(path, gate) or holds_encoded_login(path):
        raise ValueError(_LOGIN_IN_PATH)
    return path
