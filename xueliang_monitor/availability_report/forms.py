"""Output formats of the report: a self-contained HTML page, CSV, or a workbook with one sheet per table."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from importlib import resources

import jinja2

from xueliang_monitor.availability_report.figures import Figures
from xueliang_monitor.availability_report.tables import Cell, Table
from xueliang_monitor.configuration import spreadsheet_cells
from xueliang_monitor.configuration.spreadsheet_cells import xlsx_value

WIDTH, HEIGHT = 720, 160
LOWEST = 0.80
"""Online rate at the bottom of the daily chart. Lower rates show as the smallest bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart, in the coordinates of the SVG. `good` says whether the target was met."""

    x: float
    y: float
    width: float
    height: float
    good: bool
    title: str


def duration(seconds: float, language: str = "en") -> str:
    """Return a duration as text for people, such as `3:05:12` or, in days, `2 d 03:05`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} {'天' if language == 'zh' else 'd'} {hours:02d}:{minutes:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}"


def show(value: Cell, kind: str, language: str = "en") -> str:
    """Return a table cell as text. `kind` is the kind of its column."""
    if value is None:
        return "–"
    if kind == "ratio" and isinstance(value, float):
        return f"{value:.2%}"
    if kind == "duration" and isinstance(value, int | float):
        return duration(value, language)
    return str(value)


def daily_bars(figures: Figures) -> list[Bar]:
    """Return one bar per day with the online rate; days without monitoring have none."""
    step = WIDTH / max(1, len(figures.days))
    bars = []
    for number, rate in enumerate(figures.days):
        ratio = rate.seconds.online_ratio
        if ratio is None:
            continue
        height = max(2.0, HEIGHT * (ratio - LOWEST) / (1 - LOWEST))
        title = f"{rate.name}: {ratio:.2%}"
        bars.append(
            Bar(
                x=number * step + 1,
                y=HEIGHT - height,
                width=max(1.0, step - 2),
                height=height,
                good=ratio >= figures.target,
                title=title,
            )
        )
    return bars


def _site_bars(figures: Figures) -> list[tuple[str, Bar]]:
    bars = []
    ranked = sorted(figures.sites, key=lambda rate: rate.seconds.online_ratio or 0.0)
    for number, rate in enumerate(ranked[:30]):
        ratio = rate.seconds.online_ratio
        if ratio is not None:
            bar = Bar(
                x=150,
                y=number * 18,
                width=(WIDTH - 220) * ratio,
                height=13,
                good=ratio >= figures.target,
                title=f"{ratio:.2%}",
            )
            bars.append((rate.name, bar))
    return bars


def html(figures: Figures, tables: tuple[Table, ...], language: str, *, title: str, made_at: str) -> bytes:
    """Return the report as one HTML page that loads nothing else."""
    source = (resources.files("xueliang_monitor.availability_report") / "report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["show"] = functools.partial(show, language=language)
    sites = _site_bars(figures)
    page = environment.from_string(source).render(
        figures=figures,
        tables=tables,
        lang=language,
        title=title,
        made_at=made_at,
        width=WIDTH,
        height=HEIGHT,
        lowest=LOWEST,
        target_y=HEIGHT - HEIGHT * (figures.target - LOWEST) / (1 - LOWEST),
        daily=daily_bars(figures),
        sites=sites,
        sites_height=max([18.0, *(bar.y + 18 for _, bar in sites)]),
    )
    return page.encode()


def comma_separated(tables: tuple[Table, ...], language: str) -> bytes:
    """Return all tables one below the other, with the title of the table in the first column."""
    lines: list[list[Cell]] = []
    for table in tables:
        name = getattr(table.title, language)
        lines.append([name, *(getattr(column.name, language) for column in table.columns)])
        lines += [[name, *row] for row in table.rows]
    return ("\ufeff" + spreadsheet_cells.comma_separated(lines)).encode()


def workbook(tables: tuple[Table, ...], language: str) -> bytes:
    """Return an Excel workbook with one sheet per table."""
    import openpyxl
    from openpyxl.styles import Font

    made = openpyxl.Workbook()
    made.remove(made.active)
    for table in tables:
        sheet = made.create_sheet(getattr(table.title, language)[:31])
        sheet.append([getattr(column.name, language) for column in table.columns])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for line, row in enumerate(table.rows, start=2):
            for number, value in enumerate(row, start=1):
                cell = sheet.cell(row=line, column=number, value=xlsx_value(value))
                if isinstance(value, str):
                    cell.data_type = "s"  # text that starts with = must not become a formula
        for number, column in enumerate(table.columns, start=1):
            letter = sheet.cell(row=1, column=number).column_letter
            sheet.column_dimensions[letter].width = 22 if column.kind == "text" else 14
            if column.kind == "ratio":
                for cell in sheet[letter][1:]:
                    cell.number_format = "0.00%"
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()
