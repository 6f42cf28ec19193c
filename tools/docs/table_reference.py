"""The reference of the table that `xueliang camera import` reads."""

from __future__ import annotations

from tools.docs.markdown import page, table
from tools.docs.settings_reference import described
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.spreadsheet import MAX_BYTES, MAX_ROWS
from xueliang_monitor.configuration.spreadsheet_columns import CHINESE, COLUMNS, EITHER, ENGLISH, NEEDED
from xueliang_monitor.configuration.spreadsheet_header import HEADER_LINES
from xueliang_monitor.configuration.spreadsheet_streams import MAIN_STREAM, STREAM, STREAM_TITLES

_KEYS = {"latitude": "position.latitude", "longitude": "position.longitude"}


def import_table() -> str:
    """Return the page of the table."""
    texts = described(CameraFile) | {"id": "Id of the camera, which is the name of its file without `.yaml`."}
    rows = [
        (
            f"`{column}`",
            "yes" if column in NEEDED else "",
            texts[_KEYS.get(column, column)].partition(". ")[0].removesuffix(".") + ".",
            ", ".join(name for name in ENGLISH[column] if name != column),
            "、".join(CHINESE[column]),
        )
        for column in COLUMNS
    ]
    return page(
        "Import table reference",
        "`xueliang camera import` reads a table with one camera per row: an Excel workbook (`.xlsx`) or separated"
        f" values. It may have {MAX_BYTES // 1024 // 1024} MiB and {MAX_ROWS:,} cameras."
        " [Connecting cameras](../connecting-cameras.md#import) says how it is used.",
        "## Columns",
        "Case, spaces, punctuation, line breaks and words in brackets make no difference in a header: `IP"
        " 地址（必填）` is"
        " `IP地址`. A header may have both languages, such as `编号/ID`. The order of the columns is free.",
        table(("column", "needed", "meaning", "other English headers", "Chinese headers"), rows),
        f"{'、'.join(name for name in EITHER if not name.isascii())} are the id, or the code of GB/T 28181 if another"
        " column has the id. If two columns have the same meaning, the name that stands first here is taken."
        " One column 经纬度 or 坐标 may have both coordinates, such as `114.3055,30.5928`."
        " Coordinates of GCJ-02 or BD-09 are not read, as a position is in WGS 84.",
        "A column with whole addresses of streams, such as "
        f"{'、'.join(STREAM_TITLES[STREAM])}, gives the port, the path, `rtsp: tls` for `rtsps://`, and the address if"
        f" no other column does. Where there are both, it is taken before {'、'.join(STREAM_TITLES[MAIN_STREAM])}. The"
        " user name and the password in an address are not read. Those in parameters of a path become `{username}` and"
        " `{password}` if the row names a login; a path with a login in another form is refused.",
        "Other columns are left out, and the command says so; with `--strict` they are errors. User names and"
        " passwords are"
        " never read from a table: the column `credentials` names a login of the settings.",
        "## What is read",
        table(
            ("what", "how"),
            (
                ("separator", "`,`, `;`, tab, `|` and the full-width `，` and `；`, with or without a line `sep=;`."),
                ("encoding", "UTF-8, UTF-16 and UTF-32 with or without a byte order mark, and GB 18030 (GBK)."),
                (
                    "place",
                    (
                        f"The header may stand below titles, within the first {HEADER_LINES} lines that are not empty,"
                        " and have two lines. Of several sheets, the first visible one with a header is read."
                    ),
                ),
                (
                    "notes",
                    (
                        "Notes, sums and headings of groups are left out with a notice. A repeated header and a line"
                        " that says which columns are needed (必填) are left out."
                    ),
                ),
                (
                    "merged cells",
                    (
                        "Each cell has what the merged one shows. In CSV, where only the first of them has a value, a"
                        " blank site is taken from the row above, if at least a third is blank and none repeats. 同上"
                        " and 〃 are read."
                    ),
                ),
                (
                    "characters",
                    (
                        "Blanks at the ends and invisible characters are ignored. In ids, addresses, ports, codes,"
                        " coordinates and dates, full-width characters are read as half-width ones, and ids as lower"
                        " case. Names keep their full-width characters."
                    ),
                ),
                ("empty cell", "It changes nothing. So do `-`, 无 and N/A outside of names."),
                ("dates", "Dates of a workbook, `2024-03-05`, `2024/3/5`, `2024.3.5`, `2024年3月5日`, `20240305`."),
                ("coordinates", "Degrees such as `30.5928`, `N30.5928`, `东经114.3055`, or `30°35'34\"N`."),
                ("formulas", "Their results, as the spreadsheet program saved them."),
            ),
        ),
        "## What is refused",
        "A spreadsheet program keeps 15 digits of a number. Ids and codes of 16 and more digits that are numbers in a"
        " workbook are therefore refused, and so are `4.20106E+19` in any file and codes of 18 and more digits in text"
        " files of which all digits after the 15th are zeros. The message names the cell. Format the column as"
        " text (文本)"
        " before you enter codes. In a text file, an apostrophe before a code (`'42010600001320000000`) or"
        ' `="…"` around it says that it is right.',
        "A row is also refused if a cell is an error or a formula without a result, if a value is not valid, if the"
        " settings have no such login or its password cannot be read, or if another camera has the same"
        " address, port and"
        " path. All other rows are read. Old workbooks (`.xls`), protected ones, OpenDocument files (`.ods`)"
        " and web pages"
        " called `.xls` are not read; save them as `.xlsx` or CSV.",
    )
