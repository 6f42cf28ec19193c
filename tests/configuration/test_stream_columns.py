"""Tables with whole addresses of streams: what is taken from them, and that no login is."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.configuration.tables import read, told, workbook
from xueliang_monitor.configuration.spreadsheet_columns import column_of
from xueliang_monitor.configuration.spreadsheet_streams import MAIN_STREAM, STREAM

CANARY = "CanaryPw7"
Place = tuple[str, int, str, str]


def places(folder: Path, content: bytes | str) -> list[Place]:
    """Return host, port, path and TLS of each row; no row may have a problem or a login."""
    table = read(folder, content)
    assert not table.problems
    assert CANARY not in repr(table)
    return [(row.data.address, row.data.rtsp_port, row.data.rtsp_path, row.data.rtsp) for row in table.rows]


@pytest.mark.parametrize(
    "title",
    ["RTSP地址", "RTSP URL", "rtsp_url", "RTSP流地址", "码流地址", "视频流地址", "取流地址", "子码流", "子码流地址",
     "子码流RTSP", "RTSP链接",
     "视频地址", "Stream URL", "RTSP", "ＲＴＳＰ地址（必填）", "RTSP地址(子码流)", "sub stream url",
     "RTSP 地址\n子码流", "RTSP取流URL", "播放地址", "辅码流地址", "摄像机RTSP地址"],
)  # fmt: skip
def test_headers_of_stream_addresses(title: str) -> None:
    assert column_of(title) == STREAM


@pytest.mark.parametrize("title", ["主码流", "主码流地址", "RTSP地址（主码流）", "主码流RTSP地址", "Main stream URL"])
def test_headers_of_main_streams(title: str) -> None:
    assert column_of(title) == MAIN_STREAM


@pytest.mark.parametrize(
    ("title", "column"),
    [("RTSP端口", "rtsp_port"), ("RTSP路径", "rtsp_path"), ("IP地址", "address"), ("安装地址", "site"),
     ("码流类型", ""), ("流量", ""), ("HTTP地址", ""),
     ("上联链路", "uplink"), ("视频编码", ""), ("码流路径", "rtsp_path")],
)  # fmt: skip
def test_headers_of_other_things(title: str, column: str) -> None:
    assert column_of(title) == column


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        (f"rtsp://admin:{CANARY}@192.0.2.1:8554/live/main", ("192.0.2.1", 8554, "/live/main", "plain")),
        (f"RTSP://admin:{CANARY}@#/x@192.0.2.1/Streaming/102", ("192.0.2.1", 554, "/Streaming/102", "plain")),
        (f"ｒｔｓｐ：／／admin：{CANARY}＠192.0.2.1：554／ch1", ("192.0.2.1", 554, "/ch1", "plain")),
        (f"rtsps://admin:{CANARY}@192.0.2.1/a?b=1&c=2", ("192.0.2.1", 322, "/a?b=1&c=2", "tls")),
        (f"admin:{CANARY}@192.0.2.1:554/a", ("192.0.2.1", 554, "/a", "plain")),
        ("192.0.2.1:8554/a", ("192.0.2.1", 8554, "/a", "plain")),
        ("rtspt://192.0.2.1/a", ("192.0.2.1", 554, "/a", "plain")),
        ("rtsp://[2001:db8::1]:8554/a", ("2001:db8::1", 8554, "/a", "plain")),
        ("rtsp://{username}:{password}@cam.local/a", ("cam.local", 554, "/a", "plain")),
        ("/live/main", ("192.0.2.1", 554, "/live/main", "plain")),
        ("Streaming/Channels/101", ("192.0.2.1", 554, "/Streaming/Channels/101", "plain")),
    ],
)  # fmt: skip
def test_an_address_gives_host_port_path_and_tls(tmp_path: Path, cell: str, place: Place) -> None:
    header = ["编号", "社区", "RTSP地址"]
    if place[0] != "192.0.2.1" or "192" in cell:
        assert places(tmp_path, workbook(header, ["a", "S", cell])) == [place]
    else:
        assert "missing" in told(tmp_path, workbook(header, ["a", "S", cell]))
    assert places(tmp_path, workbook([*header, "IP"], ["a", "S", cell, place[0]])) == [place]


@pytest.mark.parametrize("title", ["IP地址", "RTSP路径"])
def test_an_address_in_another_column(tmp_path: Path, title: str) -> None:
    rows = workbook(["编号", "社区", title, "名称"], ["a", "S", f"rtsp://u:{CANARY}@192.0.2.1:8554/x", "n"])
    if title == "RTSP路径":
        assert "'地址' is missing" in told(tmp_path, rows)
        rows = workbook(["编号", "社区", title, "IP"], ["a", "S", f"rtsp://u:{CANARY}@192.0.2.1:8554/x", "192.0.2.1"])
    assert places(tmp_path, rows) == [("192.0.2.1", 8554, "/x", "plain")]


def test_the_sub_stream_is_watched_and_the_main_stream_where_there_is_none(tmp_path: Path) -> None:
    main, sub = "rtsp://192.0.2.1/main", "rtsp://192.0.2.1/sub"
    table = workbook(["编号", "社区", "主码流", "子码流"], ["a", "S", main, sub], ["b", "S", main], ["c", "S", "", sub])
    assert [path for _, _, path, _ in places(tmp_path, table)] == ["/sub", "/main", "/sub"]
    codecs = workbook(["编号", "社区", "IP", "主码流", "子码流"], ["a", "S", "192.0.2.1", "H.265 4Mbps", "D1/25"])
    assert places(tmp_path, codecs) == [("192.0.2.1", 554, "/", "plain")]


def test_other_columns_must_not_say_otherwise(tmp_path: Path) -> None:
    url = "rtsp://192.0.2.1:8554/a"
    text = told(
        tmp_path,
        workbook(
            ["编号", "社区", "IP地址", "RTSP端口", "路径", "RTSP地址"],
            ["a", "S", "192.0.2.2", 554, "/b", url],
            ["b", "S", "192.0.2.1", 8554, "/a", url],
        ),
    )
    assert "RTSP地址: says otherwise than column 'IP地址'; correct one of the two (cell F2)" in text
    assert "'RTSP端口'" in text
    assert "'路径'" in text
    assert "F3" not in text
    other = workbook(["编号", "社区", "IP", "端口", "RTSP地址"], ["a", "S", "192.0.2.1", 8000, url])
    assert places(tmp_path, other) == [("192.0.2.1", 8554, "/a", "plain")]
    portless = workbook(["编号", "社区", "RTSP端口", "RTSP地址"], ["a", "S", 8554, "rtsp://192.0.2.1/a"])
    assert places(tmp_path, portless) == [("192.0.2.1", 8554, "/a", "plain")]


def test_a_login_in_the_path(tmp_path: Path) -> None:
    url = f"rtsp://192.0.2.1/user=admin&password={CANARY}&channel=1&stream=1.sdp"
    header = ["编号", "社区", "RTSP地址", "凭据"]
    assert places(tmp_path, workbook(header, ["a", "S", url, "district"])) == [
        ("192.0.2.1", 554, "/user={username}&password={password}&channel=1&stream=1.sdp", "plain")
    ]
    encoded = base64.b64encode(f"admin:{CANARY}".encode()).decode()
    refused = told(
        tmp_path,
        workbook(
            header,
            ["a", "S", url],
            ["b", "S", f"rtsp://192.0.2.2/live?auth={encoded}", "district"],
            ["c", "S", f"rtsp://admin:{CANARY}@192.0.2.3/admin/{CANARY}/ch1", "district"],
        ),
    )
    assert refused.count("write {username} and {password} in its place") == 3
    assert CANARY not in refused
    assert encoded not in refused


@pytest.mark.parametrize("cell", ["http://192.0.2.1/x", f"u:{CANARY}@", "rtsp://", "待定", "rtsp://192.0.2.300/a"])
def test_what_is_no_address_is_refused_without_showing_it(tmp_path: Path, cell: str) -> None:
    text = told(tmp_path, workbook(["编号", "社区", "IP", "RTSP地址"], ["a", "S", "192.0.2.1", cell]))
    assert "RTSP地址: is" in text
    assert CANARY not in text


def test_a_notice_says_that_logins_are_not_read(tmp_path: Path) -> None:
    text = told(tmp_path, workbook(["编号", "社区", "RTSP地址"], ["a", "S", f"rtsp://u:{CANARY}@192.0.2.1/a"]))
    assert "the user names and passwords in the stream addresses of 1 rows are not read" in text
    assert "the column '凭据'" in text


def test_a_question_names_the_header_that_is_written(tmp_path: Path) -> None:
    text = told(tmp_path, workbook(["编号", "社区", "IP", "路径RTS"], ["a", "S", "192.0.2.1", "/a"]))
    assert 'did you mean "RTSP路径"?' in text


def test_every_error_of_a_row_is_told_at_once(tmp_path: Path) -> None:
    text = told(
        tmp_path,
        "编号,社区,IP地址,RTSP路径,国标编码,安装日期\nx y,S,192.0.2.1/24,/a b,123,soon\n",
    )
    for title in ("编号", "IP地址", "RTSP路径", "国标编码", "安装日期"):
        assert f"{title}: " in text
    assert "missing" not in text
