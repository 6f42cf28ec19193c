"""Writes every generated page: python -m tools.docs.references [--check]."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs import (
    command_reference,
    database_reference,
    drawings,
    faults_reference,
    http_reference,
    metrics_reference,
    settings_reference,
    table_reference,
)

DOCS = Path(__file__).parents[2] / "docs"

PAGES: Mapping[str, Callable[[], str]] = {
    "fault-catalogue.md": faults_reference.english,
    "zh/fault-catalogue.md": faults_reference.chinese,
    "reference/configuration.md": settings_reference.settings,
    "reference/camera-file.md": settings_reference.camera_files,
    "reference/import-table.md": table_reference.import_table,
    "reference/topology-file.md": settings_reference.topology_files,
    "reference/metrics.md": metrics_reference.metrics,
    "reference/commands.md": command_reference.commands,
    "reference/http-api.md": http_reference.http,
    "reference/database.md": database_reference.database,
    "../config/cameras.d/README.md": settings_reference.camera_folder,
    "images/data-flow.svg": drawings.data_flow,
    "images/fault-life.svg": drawings.fault_life,
}
"""Every generated file, seen from `docs`, and what writes it."""


def stale() -> list[str]:
    """Return the generated files that are not what they would be now."""
    return [
        name
        for name, write in PAGES.items()
        if not (DOCS / name).exists() or (DOCS / name).read_text(encoding="utf-8") != write()
    ]


def main() -> None:
    """Write the pages, or name those that are out of date and end with 1."""
    if "--check" in sys.argv[1:]:
        old = stale()
        if old:
            sys.exit(f"out of date: {', '.join(old)}; run make references")
        return
    for name, write in PAGES.items():
        place = DOCS / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main()
