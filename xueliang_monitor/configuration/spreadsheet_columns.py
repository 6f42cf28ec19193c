"""The columns of a fleet's table, the names that people give them, and the header that has them. Pure."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from xueliang_monitor.configuration.spreadsheet_streams import (
    MAIN_STREAM,
    STREAM,
    STREAM_COLUMNS,
    stream_column,
    stream_rank,
)

COLUMNS = (
    "id", "name", "site", "programme", "uplink", "address", "rtsp_port", "rtsp_path", "credentials", "onvif_port",
    "gb_code", "latitude", "longitude", "contractor", "installed",
)  # fmt: skip
NEEDED = ("id", "site", "address")

CHINESE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": (
            "编号", "摄像机编号", "设备编号", "相机编号", "摄像头编号", "监控编号", "监控点编号", "点位编号",
            "前端编号", "摄像机ID", "设备ID", "相机ID", "摄像头ID",
        ),
        "name": (
            "名称", "摄像机名称", "点位名称", "设备名称", "相机名称", "摄像头名称", "监控点名称", "监控点位名称",
            "监控名称", "通道名称", "点位", "监控点", "监控点位", "摄像机名", "设备名",
        ),
        "site": (
            "地点", "站点", "社区", "安装地点", "安装位置", "安装地址", "安装区域", "小区", "村", "村庄", "村社区",
            "学校", "所属社区", "所属站点", "所属村", "所属小区", "单位", "所属单位", "使用单位", "区域", "所属区域",
            "位置", "地点名称", "站点名称", "社区名称", "小区名称", "场所", "场所名称",
        ),
        "programme": (
            "项目批次", "项目", "批次", "项目名称", "所属项目", "建设项目", "工程", "工程名称", "建设批次", "期次",
        ),
        "uplink": (
            "上联", "上联设备", "交换机", "上联交换机", "接入交换机", "所属交换机", "交换机名称", "上联链路", "链路",
            "上行设备",
        ),
        "address": (
            "地址", "IP地址", "IP", "摄像机IP", "摄像机IP地址", "设备IP", "设备IP地址", "相机IP", "相机IP地址",
            "摄像头IP", "摄像头IP地址", "前端IP", "前端IP地址", "摄像机地址", "设备地址", "网络地址", "主机地址",
            "IPv4", "IPv4地址", "IPv6", "IPv6地址", "内网IP", "内网地址",
        ),
        "rtsp_port": (
            "RTSP端口", "RTSP端口号", "端口", "端口号", "端口RTSP", "取流端口", "码流端口", "流媒体端口", "视频端口",
        ),
        "rtsp_path": ("RTSP路径", "码流路径", "取流路径", "流路径", "视频流路径", "路径", "路径RTSP"),
        "credentials": ("凭据", "登录凭据", "凭证", "登录凭证", "凭据名称", "凭证名称"),
        "onvif_port": ("ONVIF端口", "ONVIF端口号", "端口ONVIF", "端口号ONVIF"),
        "gb_code": (
            "国标编码", "国标编号", "国标码", "国标ID", "国标号", "国标设备编码", "国标设备ID", "国标通道编码",
            "国标通道ID", "设备国标编码", "设备国标ID", "摄像机国标编码", "通道国标编码", "国标28181编码", "28181编码",
            "GB编码", "GB28181编码", "GB28181编号", "GB28181ID", "GBT28181编码",
        ),
        "latitude": ("纬度", "纬度坐标", "北纬", "坐标纬度", "GPS纬度", "WGS84纬度"),
        "longitude": ("经度", "经度坐标", "东经", "坐标经度", "GPS经度", "WGS84经度"),
        "contractor": (
            "施工单位", "承建单位", "承建商", "安装单位", "施工方", "施工队", "施工公司", "安装公司", "集成商",
            "承包商",
        ),
        "installed": (
            "安装日期", "安装时间", "安装完成日期", "安装完成时间", "竣工日期", "完工日期", "投运日期", "上线日期",
            "启用日期", "建成日期", "建成时间",
        ),
    }
)  # fmt: skip
"""The accepted Chinese headers of each column; the first one is written."""

ENGLISH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "id": ("id", "camera id", "device id", "camera no", "camera number", "camera"),
        "name": ("name", "camera name", "device name", "display name", "title"),
        "site": ("site", "site name", "location", "place", "community", "installation site"),
        "programme": ("programme", "program", "project", "batch", "rollout"),
        "uplink": ("uplink", "switch", "uplink switch"),
        "address": (
            "address", "ip", "ip address", "ip addr", "ipv4", "ipv4 address", "ipv6", "ipv6 address", "host",
            "hostname", "host name", "camera ip", "device ip", "camera address", "device address",
        ),
        "rtsp_port": ("rtsp port", "port", "stream port"),
        "rtsp_path": ("rtsp path", "path", "stream path"),
        "credentials": ("credentials", "credential", "credentials name", "credential name"),
        "onvif_port": ("onvif port",),
        "gb_code": (
            "gb code", "gb id", "gb28181", "gb28181 id", "gb28181 code", "gbt28181", "gbt28181 id", "gbt28181 code",
        ),
        "latitude": ("latitude", "lat", "gps latitude"),
        "longitude": ("longitude", "lon", "lng", "long", "gps longitude"),
        "contractor": ("contractor", "installer", "integrator", "installation company"),
        "installed": (
            "installed", "installed on", "installed at", "install date", "installation date", "date of installation",
            "date installed",
        ),
    }
)  # fmt: skip
"""The accepted English headers of each column."""

EITHER = ("设备编码", "摄像机编码", "通道编码", "通道编号", "通道ID", "编码", "device code", "camera code")
"""Headers of the id, or of the code of GB/T 28181 if another column has the id."""

BOTH: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "longitude and latitude": (
            "经纬度",
            "经纬度坐标",
            "经度纬度",
            "GPS经纬度",
            "lon lat",
            "longitude latitude",
            "lnglat",
        ),
        "coordinates": (
            "坐标",
            "GPS坐标",
            "位置坐标",
            "GPS",
            "coordinates",
            "lat lon",
            "latitude longitude",
            "lat lng",
        ),
    }
)
"""Headers of one column with both coordinates, where the longitude is first, or where it can be told by its size."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]")
_BRACKETS = re.compile(r"[(\[{<【〔〈《「].*?[)\]}>】〕〉》」]")
_ANOTHER = re.compile("http|web|sdk|ssh|telnet|snmp|gcj|bd-?09|火星|高德|百度|腾讯|nvr|录像机|网关|服务器|平台")
"""What makes a header another one although its first word is known: other ports, devices and systems of coordinates."""

_PARTS = re.compile(r"[/\\|\r\n、]+")
_SCRIPTS = re.compile("([^\x00-\x7f].*?)\\s*([\x21-\x7e][\x20-\x7e]*)|([\x21-\x7e][\x20-\x7e]*?)\\s*([^\x00-\x7f].*)")
_SECRET = re.compile("密码|口令|密钥|password|passwd|pwd|passphrase|secret")
_USER = re.compile("用户|账号|帐号|账户|帐户|登录|登陆|user|account|login")
_MARK = re.compile(
    "(?:必填|选填|非必填|可选|可不填|可空|自动|文本|数字|text|number|required|optional|mandatory|示例.*|例如.*|如.*)"
)


def without_invisible(text: str) -> str:
    """Return a text without characters that nobody sees: joiners, marks of order and direction, soft hyphens."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def title_key(text: str) -> str:
    """Return the letters and digits of a header, in one form for full-width, upper-case and spaced ones."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", without_invisible(text)).casefold()))


_COLUMN_OF = {
    title_key(name): column for column in COLUMNS for names in (CHINESE, ENGLISH) for name in (column, *names[column])
}
_COLUMN_OF |= {title_key(name): column for column, names in BOTH.items() for name in names}
_EITHER_KEYS = frozenset(title_key(name) for name in EITHER)


_RANKS = {key: rank for rank, key in enumerate(_COLUMN_OF)}


def _rank(column: str, key: str) -> int:
    """Return how well a header names a column, the best one lowest: 社区 is the site rather than 安装地点 beside it."""
    if column in STREAM_COLUMNS:
        return stream_rank(key)
    return -1 if column == "address" and "ip" in key else _RANKS.get(key, len(_RANKS))


def _column(key: str) -> str:
    return _COLUMN_OF.get(key) or ("id or gb_code" if key in _EITHER_KEYS else stream_column(key))


def canonical(title: str) -> str:
    """Return the name of a column that is written for a known title, in the title's language; else the title."""
    column = _COLUMN_OF.get(title_key(title))
    if column not in COLUMNS:
        return title
    return column if title.isascii() else CHINESE[column][0]


def _common_column(parts: Iterable[str], *, all_known: bool) -> str:
    """Return the one column that parts of a header name, empty if they name none or several."""
    named = [_column(title_key(part)) for part in parts]
    known = set(named) - {""}
    return known.pop() if len(known) == 1 and (not all_known or all(named)) else ""


@functools.lru_cache(maxsize=4096)
def column_of(title: str) -> str:
    """Return the column that a header names, `id or gb_code` if it may be either, empty if it names none.

    A header may explain itself in brackets, or have both languages: `地址(IP地址)`, `编号/ID`, `名称 Name`.
    """
    whole = title_key(title)
    if column := _column(whole):
        return column
    plain = unicodedata.normalize("NFKC", without_invisible(title)).strip()
    if not whole or _ANOTHER.search(plain.casefold()):
        return ""
    bare, inside = _BRACKETS.sub("", plain), " ".join(_BRACKETS.findall(plain))
    if column := _column(title_key(bare)) or _column(title_key(inside)):
        return MAIN_STREAM if column == STREAM and stream_column(title_key(inside)) == MAIN_STREAM else column
    if len(parts := [part for part in _PARTS.split(bare) if part.strip()]) > 1:
        return _common_column(parts, all_known=False)
    scripts = _SCRIPTS.fullmatch(bare.strip())
    return _common_column(filter(None, scripts.groups()), all_known=True) if scripts else ""


def is_secret(title: str) -> bool:
    """Return whether a header names passwords or user names, which a table is not read for."""
    key = title_key(title)
    return _SECRET.search(key) is not None or _USER.search(key) is not None


def is_mark(cell: str) -> bool:
    """Return whether a cell below a header only says how to fill its column in, such as 必填."""
    return _MARK.fullmatch(title_key(cell)) is not None


def shown_title(cell: str) -> str:
    """Return the text of a header in one line."""
    return " ".join(without_invisible(cell).split())


def letters(index: int) -> str:
    """Return the letters of a column in a spreadsheet: A for 0, AA for 26."""
    name = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a table by their places, empty for those that are not read, and the titles as they are written."""

    columns: tuple[str, ...]
    titles: tuple[str, ...]

    @classmethod
    def of(cls, cells: Sequence[str]) -> Header:
        """Return the header that cells are. Of two names of one column, the better one is taken."""
        columns = [column_of(cell) for cell in cells]
        other = "gb_code" if "id" in columns else "id"
        columns = [other if column == "id or gb_code" else column for column in columns]
        keys = [title_key(cell) for cell in cells]
        for column in (*COLUMNS, *STREAM_COLUMNS):
            places = [place for place, each in enumerate(columns) if each == column]
            if len({keys[place] for place in places}) == len(places):
                for place in sorted(places, key=lambda place: _rank(column, keys[place]))[1:]:
                    columns[place] = ""
        return cls(tuple(columns), tuple(map(shown_title, cells)))

    @property
    def known(self) -> int:
        """The number of different columns."""
        return len(set(self.columns) - {""})

    @property
    def missing(self) -> tuple[str, ...]:
        """The columns that a table needs and this one does not have."""
        streams = any(column in self.columns for column in STREAM_COLUMNS)
        return tuple(
            column for column in NEEDED if column not in self.columns and not (streams and column == "address")
        )

    @property
    def twice(self) -> tuple[str, ...]:
        """The columns that it has more than once."""
        return tuple(column for column in (*COLUMNS, *STREAM_COLUMNS) if self.columns.count(column) > 1)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The titles that name no column."""
        return tuple(title for title, column in zip(self.titles, self.columns, strict=True) if title and not column)

    @property
    def chinese(self) -> bool:
        """Whether its titles are Chinese."""
        return any(not title.isascii() for title, column in zip(self.titles, self.columns, strict=True) if column)

    def own_name(self, column: str) -> str:
        """Return what the table calls a column, or what a table in its language calls it."""
        if column in self.columns:
            return self.titles[self.columns.index(column)]
        return CHINESE[column][0] if self.chinese and column in CHINESE else column

    def place(self, column: str) -> int | None:
        """Return the place of a column, None if it is not in the table."""
        return self.columns.index(column) if column in self.columns else None

    def with_second_line(self, cells: Sequence[str]) -> Header:
        """Return the header together with the line below it, if that names what this one only groups; else itself."""
        below = Header.of(cells)
        size = max(len(self.columns), len(below.columns))
        upper, lower = self._padded(size), below._padded(size)
        if not below.known or any(
            title and not column for title, column in zip(lower.titles, lower.columns, strict=True)
        ):
            return self
        columns = tuple(under or over for over, under in zip(upper.columns, lower.columns, strict=True))
        titles = tuple(under or over for over, under in zip(upper.titles, lower.titles, strict=True))
        both = Header(columns, titles)
        return both if both.known > self.known else self

    def _padded(self, size: int) -> Header:
        more = ("",) * (size - len(self.columns))
        return Header(self.columns + more, self.titles + more)

    def repeated_by(self, cells: Sequence[str]) -> bool:
        """Return whether a line is this header again, in either language."""
        first = next((cell for cell in cells if cell.strip()), "")
        if not column_of(first):
            return False
        again = Header.of(cells)
        return again.known > 1 and again.columns == self.columns[: len(again.columns)] and again.known == self.known
