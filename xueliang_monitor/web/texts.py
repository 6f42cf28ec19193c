"""The page's words: English in the templates, other languages in Babel catalogues beside them."""

from __future__ import annotations

import functools
import io
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import web

from xueliang_monitor.time_format import localized

if TYPE_CHECKING:
    from babel.support import Translations

LANGUAGES = {"en": "English", "zh": "中文"}
"""Languages that the page speaks, by code, each under its own name."""

LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
COOKIE = "lang"


@functools.cache
def catalogue(language: str) -> Translations:
    """Return a language's words; the templates' own are English."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    source = resources.files("xueliang_monitor.web") / "locales" / f"{language}.po"
    if not source.is_file():
        return Translations()
    with source.open("rb") as stream:
        read = read_po(stream, locale=LOCALES[language])
    compiled = io.BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


def preferred(request: web.Request) -> str:
    """Return the language that a reader chose, else the one that the browser asks for, else English."""
    from babel import negotiate_locale

    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    asked = [part.split(";")[0].strip().split("-")[0] for part in request.headers.get("Accept-Language", "").split(",")]
    return negotiate_locale(asked[:20], list(LANGUAGES)) or "en"


def when(seconds: float, language: str) -> str:
    """Return a local moment as that language writes it."""
    return localized(seconds, LOCALES[language])
