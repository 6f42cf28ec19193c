"""Languages of the pages. The templates hold the English texts, Babel catalogues in `locales/` the others."""

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
"""Languages of the pages by code, each with its own name for itself."""

LOCALES = {"en": "en_GB", "zh": "zh_Hans_CN"}
COOKIE = "lang"


@functools.cache
def catalogue(language: str) -> Translations:
    """Return the translations of a language; empty for English."""
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
    """Return the language that the reader chose, else the best match of Accept-Language, else English."""
    from babel import negotiate_locale

    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    asked = [part.split(";")[0].strip().split("-")[0] for part in request.headers.get("Accept-Language", "").split(",")]
    return negotiate_locale(asked[:20], list(LANGUAGES)) or "en"


def when(seconds: float, language: str, *, exact: bool = False) -> str:
    """Return a moment in local time in the notation of a language, to the second if `exact`."""
    return localized(seconds, LOCALES[language], exact=exact)
