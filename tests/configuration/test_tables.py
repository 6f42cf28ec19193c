"""Tables as people make them are read: any separator, encoding, width, title, merged cells; what is lost is refused."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.configuration.tables import CODE, FIRST, HEADER, SECOND, read, text, told, values, workbook
from xueliang_monitor.configuration import spreadsheet
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.camera_sections import PositionSection
from xueliang_monitor.configuration.spreadsheet import Row
from xueliang_monitor.configuration.spreadsheet_columns import column_of

PLAIN = (HEADER, FIRST, SECOND)
WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


def _wide(word: str) -> str:
    return word.translate(WIDE)


@pytest.mark.parametrize("by", [",", ";", "\t", "|", "；"])
@pytest.mark.parametrize("named", [False, True])
def test_every_separator(tmp_path: Path, by: str, named: bool) -> None:
    said = f"sep={by}\r\n" if named else ""
    table = read(tmp_path, said + text(*PLAIN, by=by))
    assert (values(table), table.problems) == ([FIRST, SECOND], ())
    assert [row.line for row in table.rows] == ([3, 4] if named else [2, 3])


def test_the_line_of_a_separator_may_be_wrong(tmp_path: Path) -> None:
    assert values(read(tmp_path, "sep=,\n" + text(*PLAIN, by=";"))) == [FIRST, SECOND]
    assert values(read(tmp_path, '"sep=;"\n' + text(*PLAIN, by=";"))) == [FIRST, SECOND]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"],
)
@pytest.mark.parametrize("by", [",", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_every_encoding(tmp_path: Path, encoding: str, by: str, end: str) -> None:
    content = text(*PLAIN, by=by).replace("\r\n", end)
    assert values(read(tmp_path, content.encode(encoding))) == [FIRST, SECOND]
    marked = ("\ufeff" + content).encode("utf-16-be")
    assert values(read(tmp_path, marked)) == [FIRST, SECOND]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_broken_byte_costs_one_row(tmp_path: Path, encoding: str) -> None:
    content = text(*PLAIN, *((f"x-{number}", "南门", "社区", f"192.0.2.{number + 10}") for number in range(9)))
    broken = content.encode(encoding).replace("西门".encode(encoding.removesuffix("-sig")), b"\xff\xff", 1)
    table = read(tmp_path, broken)
    assert [row.id for row in table.rows] == ["sv-1", *(f"x-{number}" for number in range(9))]
    assert "名称: has a character that cannot be read; write it again (cell B3)" in str(table.problems[0])


def test_full_width_and_invisible_characters(tmp_path: Path) -> None:
    header = [f"\u3000{_wide(name)}\u200b " for name in HEADER]
    row = [
        "\u200b" + _wide("SV-1"),
        "\ufeff东门, 北\xa0",
        "\u3000柳林社区",
        "１９２。０.2．１\u200b",
        "\xa0８５５４",
        _wide(CODE),
    ]
    assert values(read(tmp_path, text(header, row, by="\t"))) == [FIRST]
    assert values(read(tmp_path, workbook(header, row))) == [FIRST]
    marks = [f"\u202a{cell}\u202c" for cell in FIRST]
    assert values(read(tmp_path, text([f"\u2060{name}\u200e" for name in HEADER], marks, by="\t"))) == [FIRST]


def test_a_name_keeps_the_width_that_a_person_gave_it(tmp_path: Path) -> None:
    row = read(tmp_path, "id,name,site,address\na,３号楼（东）,柳林Ａ区,192.0.2.1\n").rows[0]
    assert (row.data.name, row.data.site) == ("３号楼（东）", "柳林Ａ区")


def test_titles_notes_and_headings_around_the_table(tmp_path: Path) -> None:
    title = ("雪亮工程摄像机台账（2024年）",)
    lines = [
        title, (), ("单位：XX区", "", "", "日期：2024-03-05"), HEADER, ("必填", "选填", "必填", "必填", "选填", "选填"),
        ("一、柳林社区",), FIRST, HEADER, ("",), SECOND, ("合计", "2台"), ("填表说明：端口默认554",), ("备注：无",),
    ]  # fmt: skip
    for content in (text(*lines, by="\t"), workbook(*lines, merged=("A1:F1", "A6:F6", "A12:F12"))):
        table = read(tmp_path, content)
        assert (values(table), table.problems) == ([FIRST, SECOND], ())
        assert len(table.notices) == 4
    assert "is no camera but a note, and is left out: 一…" in str(table.notices[0])


def test_a_row_is_no_note(tmp_path: Path) -> None:
    rows = "编号,地点,地址,名称\nnote-1,S,gate.example,\ntotal,S,east.example,\n,S,192.0.2.3,合计\nsum-2,,,\nsv-9,,,\n"
    table = read(tmp_path, rows)
    assert [row.id for row in table.rows] == ["note-1", "total"]
    assert (sorted({problem.line for problem in table.problems}), table.notices) == ([4, 5, 6], ())
    english = read(tmp_path, "id,site,address\na,S,192.0.2.1\nTotal,,1\nNote: ask the office,,\nRemarks,none,\n")
    assert ([row.id for row in english.rows], len(english.notices)) == (["a"], 2)


def test_headers_as_people_word_them(tmp_path: Path) -> None:
    header = ["设备编号*", "点位\n名称", "所属社区（必填）", "IP 地址(必填)", "RTSP端口【默认554】", "国标编码（20位）"]
    assert values(read(tmp_path, workbook(header, FIRST))) == [FIRST]
    english = ["Camera ID", "camera_name", "Site *", "IP-Address (required)", "RTSP Port", "GB/T 28181 code"]
    assert values(read(tmp_path, text(english, FIRST))) == [FIRST]
    beside = [*HEADER[:2], "安装地点", *HEADER[2:]]
    table = read(tmp_path, text(beside, [*FIRST[:2], "北墙", *FIRST[2:]]))
    assert values(table) == [FIRST]
    assert "unknown column '安装地点' is left out" in str(table.notices[0])
    codes = ["设备编码" if name == "国标编码" else name for name in HEADER]
    assert values(read(tmp_path, text(codes, FIRST))) == [FIRST]
    assert read(tmp_path, text(["设备编码", "社区", "IP"], [CODE, "S", "192.0.2.1"])).rows[0].id == CODE
    assert "端口（HTTP）" in told(tmp_path, text([*HEADER[:4], "端口（HTTP）"], FIRST[:4]))


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("IP地址/域名", "address"), ("编号/ID", "id"), ("名称 Name", "name"), ("摄像机编号\nCamera ID", "id"),
        ("Site 社区", "site"), ("＊设备编号：", "id"), ("经度（E）", "longitude"), ("端口 (RTSP)", "rtsp_port"),
        ("端口（ONVIF）", "onvif_port"), ("纬度（WGS-84）", "latitude"), ("纬度（GCJ-02）", ""), ("百度经度", ""),
        ("NVR IP", ""),
        ("录像机IP地址", ""), ("网关", ""), ("IP地址/端口", ""), ("HTTP端口", ""), ("备注", ""), ("", ""),
        ("国标编码(20位)", "gb_code"), ("安装时间（年月日）", "installed"), ("施工单位\n（全称）", "contractor"),
    ],
)  # fmt: skip
def test_what_a_header_names(title: str, column: str) -> None:
    assert column_of(title) == column


def test_cells_as_other_programs_write_them(tmp_path: Path) -> None:
    head = "id,site,address,rtsp_port\n"
    table = read(tmp_path, head + '"sv\u20131" , "S" ,"192.0.2.1","8,554"\n12.0,S,192.0.2.2,554.0\n')
    assert [(row.id, row.data.rtsp_port) for row in table.rows] == [("sv-1", 8554), ("12", 554)]
    assert "(cell A2)" in told(tmp_path, head + "4.2010e19,S,192.0.2.1,\n")
    side = workbook(("id", "site", "address"), ("a", "S", "192.0.2.1", None, "see plan"))
    table = read(tmp_path, side)
    assert ([row.id for row in table.rows], table.problems) == (["a"], ())
    assert "column E has no title and is left out" in str(table.notices[0])
    assert "more values than columns" in told(tmp_path, "id,site,address\na,S,192.0.2.1,,see plan\n")


def test_a_header_of_two_lines(tmp_path: Path) -> None:
    lines = [
        ("编号", "社区", "IP地址", "位置", ""), ("", "", "", "经度", "纬度"),
        ("sv-1", "柳林", "192.0.2.1", "114.3", "30.5"),
    ]  # fmt: skip
    for content in (text(*lines), workbook(*lines, merged=("A1:A2", "B1:B2", "C1:C2", "D1:E1"))):
        row = read(tmp_path, content).rows[0]
        assert (row.data.site, row.data.position) == ("柳林", PositionSection(latitude=30.5, longitude=114.3))
    both = [("id", "site", "address"), ("编号", "地点", "地址"), ("a", "S", "192.0.2.1")]
    assert [row.id for row in read(tmp_path, text(*both)).rows] == ["a"]


def test_merged_cells_are_filled(tmp_path: Path) -> None:
    lines = [
        ("编号", "社区", "地址", "上联", "施工单位"),
        ("a", "柳林", "192.0.2.1", "sw1", "建工"), ("b", None, "192.0.2.2", None, None),
        ("c", "河湾", "192.0.2.3", None, None), ("d", None, "192.0.2.4", None, None),
    ]  # fmt: skip
    merged = ("B2:B3", "B4:B90", "D2:D3", "E2:E5")
    table = read(tmp_path, workbook(*lines, merged=merged))
    assert [row.data.site for row in table.rows] == ["柳林", "柳林", "河湾", "河湾"]
    assert [row.data.uplink for row in table.rows] == ["sw1", "sw1", "", ""]
    assert [row.data.contractor for row in table.rows] == ["建工"] * 4
    assert (table.problems, table.notices) == ((), ())
    saved = text(*([cell or "" for cell in line] for line in lines))
    table = read(tmp_path, saved)
    assert [(row.data.site, row.data.uplink) for row in table.rows] == [
        ("柳林", "sw1"), ("柳林", "sw1"), ("河湾", ""), ("河湾", ""),
    ]  # fmt: skip
    assert "社区, 上联, 施工单位: blank in 2 rows, and taken from the row above" in str(table.notices[0])
    wide = workbook(("编号", "社区", "IP地址", None), ("a", "柳林", "192.0.2.1"), merged=("C1:D1",))
    assert [row.id for row in read(tmp_path, wide).rows] == ["a"]
    few = (
        "编号,社区,地址\n"
        + "".join(f"c{number},S{number or ''},192.0.2.{number}\n" for number in range(1, 9))
        + "x,,192.0.2.9\n"
    )
    assert "社区: missing (cell B10)" in told(tmp_path, few)
    forgotten = "编号,社区,地址\na,柳林,192.0.2.1\nb,柳林,192.0.2.2\nc,,192.0.2.3\n"
    assert "社区: missing (cell B4)" in told(tmp_path, forgotten)
    ditto = "编号,社区,地址\na,柳林,192.0.2.1\nb,同上,192.0.2.2\nc,〃,192.0.2.3\n"
    assert {row.data.site for row in read(tmp_path, ditto).rows} == {"柳林"}


@pytest.mark.parametrize(
    "cell",
    [4.2010600001320003e19, 42010600001320000001, 420106000013200000, 1234567890123456, "4.20106E+19", "４．2E+19"],
)
@pytest.mark.parametrize("column", ["编号", "国标编码"])
def test_a_code_that_excel_rounded_is_refused_with_its_cell(tmp_path: Path, cell: object, column: str) -> None:
    lines = [HEADER, FIRST, [cell if name == column else value for name, value in zip(HEADER, SECOND, strict=True)]]
    place = "A3" if column == "编号" else "F3"
    table = read(tmp_path, workbook(*lines))
    assert values(table) == [FIRST]
    assert [f"{column}: is a number of which" in str(table.problems[0]), place in str(table.problems[0])] == [True] * 2
    assert "format the column as text" in str(table.problems[0])
    if isinstance(cell, str) or not str(cell).endswith(("1", "6")):
        assert place in told(tmp_path, text(*lines, by="\t"))


def test_a_code_that_is_text_is_right(tmp_path: Path) -> None:
    ending = "42010600001320000000"
    for code in (CODE, ending, CODE[:18]):
        row = read(tmp_path, workbook(("id", "site", "address", "gb_code"), (code, "S", "192.0.2.1", code))).rows[0]
        assert (row.id, row.data.gb_code) == (code, code)
    for said in (f"'{ending}", f'="{ending}"', f"\t{ending}", f"{ending}\t", f"‘{ending}"):
        row = read(tmp_path, f"id;site;address;gb_code\n{said};S;192.0.2.1;{said}\n").rows[0]
        assert (row.id, row.data.gb_code) == (ending, ending)
    assert "(cell A2)" in told(tmp_path, f"id,site,address\n{ending},S,192.0.2.1\n")


def test_cells_of_a_workbook_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    header = ("id", "site", "address", "rtsp_port", "installed", "latitude", "longitude", "contractor")
    day = datetime.datetime(2024, 3, 5, 9, 30)
    cells = (7, "S", "192.0.2.1", 8554.0, day, 30.592831, 114.305542, 3)
    row = read(tmp_path, workbook(header, cells, formats={"A2": "0000"})).rows[0]
    assert (row.id, row.data.rtsp_port, row.data.installed) == ("0007", 8554, "2024-03-05")
    assert (row.data.position, row.data.contractor) == (PositionSection(latitude=30.592831, longitude=114.305542), "3")
    assert read(tmp_path, workbook(header, cells, formats={"A2": '"sv-"000'})).rows[0].id == "sv-007"
    assert "is a date in the spreadsheet" in told(tmp_path, workbook(header, (day, *cells[1:])))
    assert read(tmp_path, workbook(header[:5], (*cells[:4], 45356))).rows[0].data.installed == "2024-03-05"


def test_formulas_and_errors_are_refused_with_their_cells(tmp_path: Path) -> None:
    header = ("id", "site", "address")
    bad = workbook(header, ("a", "S", "=CONCAT(1)"), ("b", "#N/A", "192.0.2.2"), ("c", "S", "192.0.2.3"))
    table = read(tmp_path, bad)
    assert [row.id for row in table.rows] == ["c"]
    assert "address: is a formula without a result in the file" in str(table.problems[0])
    assert "(cell C2)" in str(table.problems[0])
    assert "site: is an error of the spreadsheet (#N/A); correct the formula or write the value (cell B3)" in str(
        table.problems[1]
    )


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024-03-05", "2024-03-05"), ("2024/3/5", "2024-03-05"), ("2024.3.5", "2024-03-05"),
        ("2024年3月5日", "2024-03-05"), ("20240305", "2024-03-05"), ("45356", "2024-03-05"),
        ("２０２４－０３－０５", "2024-03-05"), ("2024-03-05 09:30:00", "2024-03-05"), ("无", None), ("", None),
        ("05/03/2024", ""), ("2024-02-30", ""), ("去年", ""),
    ],
)  # fmt: skip
def test_dates(tmp_path: Path, written: str, day: str | None) -> None:
    table = read(tmp_path, f"编号,地点,地址,安装日期\na,S,192.0.2.1,{written}\n")
    if day == "":
        assert "安装日期: " in str(table.problems[0])
        assert "such as 2024-03-05 (cell D2)" in str(table.problems[0])
    else:
        assert table.rows[0].data.installed == day


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("30.5", "114.25"), ("30.5°", "114.25°"), ("N30.5", "114.25E"), ("北纬30.5", "东经114.25度"),
        ("30°30'0\"N", "114°15′0″"), ("30,5", "114,25"), ("３０．５", " 114.25 "),
    ],
)  # fmt: skip
def test_coordinates(tmp_path: Path, latitude: str, longitude: str) -> None:
    row = read(
        tmp_path, text(("编号", "地点", "IP", "纬度", "经度"), ("a", "S", "192.0.2.1", latitude, longitude), by="\t")
    )
    assert row.rows[0].data.position == PositionSection(latitude=30.5, longitude=114.25)


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("经纬度", "114.25,30.5"), ("经纬度", "30.5，114.25"), ("坐标", "114.25 30.5"), ("GPS 坐标", "30.5, 114.25"),
        ("经纬度（WGS84）", "东经114.25°、北纬30.5°"), ("lat, lon", "30.5;114.25"),
    ],
)  # fmt: skip
def test_both_coordinates_in_one_column(tmp_path: Path, title: str, cell: str) -> None:
    row = read(tmp_path, text(("编号", "地点", "IP", title), ("a", "S", "192.0.2.1", cell), by="\t")).rows[0]
    assert row.data.position == PositionSection(latitude=30.5, longitude=114.25)


def test_coordinates_that_cannot_be_told_apart(tmp_path: Path) -> None:
    lines = [("编号", "地点", "IP", "坐标"), ("a", "S", "192.0.2.1", "43.8,87.6"), ("b", "S", "192.0.2.2", "43.8")]
    found = told(tmp_path, text(*lines, by="\t"))
    assert "坐标: cannot tell latitude from longitude; give each a column of its own (cell D2)" in found
    assert "坐标: write two decimal numbers, such as 114.3055,30.5928 (cell D3)" in found
    west = read(tmp_path, "编号\t地点\tIP\t经纬度\na\tS\t192.0.2.1\t87.6,43.8\n").rows[0]
    assert west.data.position == PositionSection(latitude=43.8, longitude=87.6)
    lines[0] = ("编号", "地点", "IP", "施工单位名")
    assert "unknown column '施工单位名' is left out; did you mean \"施工单位\"?" in told(tmp_path, text(*lines))


def test_coordinates_that_are_none(tmp_path: Path) -> None:
    head = "编号;地点;IP;纬度;经度\na;S;192.0.2.1;"
    assert "纬度: is above 90 degrees, so it is a longitude" in told(tmp_path, f"{head}114.3;30.5\n")
    assert "经度: missing (cell E2)" in told(tmp_path, f"{head}30.5;\n")
    assert "纬度: write degrees as a decimal number" in told(tmp_path, f"{head}北边;114\n")
    assert read(tmp_path, f"{head}-;无\n").rows[0].data.position is None


def test_errors_name_the_columns_as_the_table_does(tmp_path: Path) -> None:
    table = read(
        tmp_path, "设备编号,所属社区,设备IP,端口号\nsv 1,S,192.0.2.1,\nsv-2,,192.0.2.300,0\nsv-3,S,192.0.2.3,x\n"
    )
    assert [problem.message.partition(";")[0] for problem in table.problems] == [
        "设备编号: contains other characters than lower-case letters, digits, dot, dash, underscore (cell A2)",
        "端口号: write a number from 1 to 65535 (cell D3)",
        "设备IP: 192.0.2.300 is not an IPv4 address: 300 is above 255",
        "端口号: write a number from 1 to 65535 (cell D4)",
    ]
    assert "设备IP: 192.0.2.300 is not an IPv4 address" in told(tmp_path, "编号,社区,设备IP\na,S,192.0.2.300\n")
    assert "column '地点' is missing" in told(tmp_path, "编号,IP地址\na,192.0.2.1\n")


def test_unknown_columns_are_left_out_unless_strict(tmp_path: Path) -> None:
    content = text(("序号", *HEADER, "备注", "用户名", "密码"), ("1", *FIRST, "x", "admin", "S3cret!pw"))
    table = read(tmp_path, content)
    assert values(table) == [FIRST]
    assert [notice.message.partition(";")[0] for notice in table.notices] == [
        "unknown column '序号' is left out",
        "unknown column '备注' is left out",
        "column '用户名' is not read: user names and passwords do not belong in a table",
        "column '密码' is not read: user names and passwords do not belong in a table",
    ]
    assert "S3cret" not in told(tmp_path, content)
    strict = told(tmp_path, content, strict=True)
    assert "unknown column '序号'" in strict
    assert read(tmp_path, text(*PLAIN), strict=True).notices == ()
    without_header = text((*FIRST, "S3cret!pw"))
    assert "has no header" in told(tmp_path, without_header)
    note = ("备注：密码 S3cret!pw",)
    for lines in ((FIRST, (*SECOND, "S3cret!pw")), (("学校", *FIRST, "S3cret!pw"),), (HEADER, FIRST, note)):
        assert "S3cret" not in told(tmp_path, text(*lines))


def test_a_bad_row_costs_one_row(tmp_path: Path) -> None:
    rows = (
        '编号,地点,地址\na,"S,192.0.2.1\nb,S,192.0.2.2\nc,"S,192.0.2.3\nd,S,192.0.2.4\n'
        "e,S,192.0.2.5,x\nf,S,192.0.2.6,,,\n"
    )
    table = read(tmp_path, rows)
    assert [row.id for row in table.rows] == ["b", "d", "f"]
    assert [problem.line for problem in table.problems] == [2, 4, 6]
    assert "aa appears twice in the file, first in line 2 (cell A3)" in told(
        tmp_path, "编号,地点,地址\naa,S,192.0.2.1\nAA,S,192.0.2.2\n"
    )


def test_the_first_sheet_with_a_header_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "说明"
    book.active.append(["填表说明"])
    for title, line in (("隐藏", SECOND), ("一期", FIRST), ("二期", SECOND)):
        sheet = book.create_sheet(title)
        sheet.append(HEADER)
        sheet.append(line)
        sheet.sheet_state = "hidden" if title == "隐藏" else "visible"
    book.save(tmp_path / "book.xlsx")
    table = read(tmp_path, (tmp_path / "book.xlsx").read_bytes())
    assert values(table) == [FIRST]
    assert [notice.message.partition(";")[0] for notice in table.notices] == [
        "sheet '一期' is read, the first one that has the columns",
        "sheet '二期' is not read",
        "sheet '隐藏' is not read",
    ]


def test_a_workbook_that_says_it_ends_at_its_first_cell(tmp_path: Path) -> None:
    plain, made = io.BytesIO(workbook(*PLAIN)), io.BytesIO()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'<dimension ref="A1:F3"', b'<dimension ref="A1"'))
    assert values(read(tmp_path, made.getvalue())) == [FIRST, SECOND]


def _archive(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
NO_TABLES: dict[str, tuple[Callable[[], bytes], str]] = {
    "xls": (lambda: OLE + "Workbook".encode("utf-16-le"), "is a workbook of the old format (.xls or .et); save"),
    "locked": (lambda: OLE + "EncryptedPackage".encode("utf-16-le"), "is protected by a password"),
    "doc": (lambda: OLE, "is an old Office document"),
    "ods": (lambda: _archive("mimetype", "content.xml"), "is an OpenDocument file (.ods); save it as .xlsx"),
    "zip": (lambda: _archive("cameras.csv"), "is a ZIP archive and no workbook"),
    "xlsb": (lambda: _archive("[Content_Types].xml", "xl/workbook.bin"), "is a binary workbook (.xlsb)"),
    "docx": (lambda: _archive("[Content_Types].xml", "word/document.xml"), "is a text document (.docx)"),
    "numbers": (lambda: _archive("Index/Document.iwa"), "is a document of Numbers"),
    "html": (lambda: b"\xef\xbb\xbf <html xmlns:x='x'><table><tr><td>id</td></tr></table>", "is a web page (HTML)"),
    "utf-16 html": (lambda: "<table><tr><td>编号".encode("utf-16"), "is a web page (HTML)"),
    "xml": (lambda: b"<?xml version='1.0'?><Workbook/>", "is an XML document"),
    "pdf": (lambda: b"%PDF-1.7", "is a PDF document"),
    "cut off": (lambda: workbook(*PLAIN)[:2000], "is not a readable XLSX workbook"),
    "empty": (lambda: b"", "is empty"),
    "blank": (lambda: b"\xef\xbb\xbf \r\n,,\r\n", "is empty"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_TABLES)
def test_files_that_are_no_tables_are_named(tmp_path: Path, kind: str) -> None:
    made, said = NO_TABLES[kind]
    assert said in told(tmp_path, made())


@pytest.mark.parametrize("xlsx", [False, True])
@pytest.mark.parametrize("chinese", [False, True])
def test_every_column_is_the_same_after_export_and_import(tmp_path: Path, xlsx: bool, chinese: bool) -> None:
    whole = CameraFile(
        name="东门", site="S", address="192.0.2.1", rtsp_port=8554, rtsp_path="/live?a=1;b=-2", credentials="district",
        onvif_port=80, gb_code="42010600001320000000", installed="2024-03-05", contractor="-建工",
        uplink="12345678901234567890",
        position=PositionSection(latitude=-30.123456789012345, longitude=114.0), programme="N/A",
    )  # fmt: skip
    small = CameraFile(site="S", address="2001:db8::1")
    rows = [Row("42010600001320000000", whole), Row("b", small)]
    stream = io.BytesIO()
    spreadsheet.write(stream, rows, xlsx=xlsx, chinese=chinese)
    table = read(tmp_path, stream.getvalue(), strict=True)
    assert (table.problems, table.notices) == ((), ())
    assert [(row.id, row.data.model_copy(update={"programme": "N/A"})) for row in table.rows[:1]] == [
        (rows[0].id, whole)
    ]
    assert table.rows[1].data == small


def test_formatted_cells_far_below_are_no_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(HEADER))
    book.active.append(list(FIRST))
    book.active["A1048576"].number_format = "@"
    file = tmp_path / "fleet.xlsx"
    book.save(file)
    assert [row.id for row in spreadsheet.read_table(file).rows] == ["sv-1"]
