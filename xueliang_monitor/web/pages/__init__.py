"""The pages: one module each, registered in `PAGES` in the order of the header's navigation."""

from __future__ import annotations

from xueliang_monitor.web.page import Page
from xueliang_monitor.web.pages import (
    about,
    camera,
    camera_pictures,
    documentation,
    events,
    problems,
    report,
    sites,
    wall,
)

PAGES: tuple[Page, ...] = (
    wall.PAGE,
    camera.PAGE,
    camera_pictures.PAGE,
    problems.PAGE,
    events.PAGE,
    sites.PAGE,
    report.PAGE,
    about.PAGE,
    documentation.PAGE,
)
