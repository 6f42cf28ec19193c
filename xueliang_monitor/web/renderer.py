"""Renders templates, one environment per language, and makes the tokens that protect forms."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import jinja2

from xueliang_monitor import __version__
from xueliang_monitor.availability_report.forms import duration
from xueliang_monitor.model import Text
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.web.static_files import fingerprint
from xueliang_monitor.web.texts import LANGUAGES, catalogue, when

CSRF = "token"
"""Name of the form field with the token against cross-site request forgery."""


@functools.cache
def environment(language: str) -> jinja2.Environment:
    """Return the templates in a language."""
    loader = jinja2.PackageLoader("xueliang_monitor.web", "templates")
    made = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.i18n"]
    )
    words = catalogue(language)
    made.install_gettext_callables(words.ugettext, words.ungettext, newstyle=True)  # type: ignore[attr-defined]

    def text(value: Text) -> str:
        return value.zh if language == "zh" else value.en

    def moment(seconds: float, exact: bool = False) -> str:
        return when(seconds, language, exact=exact)

    def lasted(seconds: float) -> str:
        return duration(seconds, language)

    made.filters |= {"text": text, "iso": iso_utc, "when": moment, "lasted": lasted, "percent": _percent}
    made.globals |= {"lang": language, "languages": LANGUAGES, "fingerprint": fingerprint, "version": __version__}
    return made


def _percent(ratio: float | None, digits: int = 1) -> str:
    """Return a ratio in percent, rounded down, so that only a full share shows as 100 %."""
    if ratio is None:
        return "–"
    scale = 10**digits
    return f"{int(ratio * 100 * scale) / scale:.{digits}f} %"


def prepare() -> None:
    """Load the texts, formats and templates of every language, which would block the loop at the first page."""
    for language in LANGUAGES:
        made = environment(language)
        for name in made.list_templates():
            made.get_template(name)
        when(0.0, language)


class Renderer:
    """Renders templates; its key signs the tokens in forms and lasts until the next start."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, user: str) -> str:
        """Return the token for the forms of a user."""
        return hmac.digest(self._key, user.encode(), hashlib.sha256).hex()

    def is_own_form(self, user: str, form: Mapping[str, Any]) -> bool:
        """Return whether a form was sent from a page that this server rendered for the user."""
        given = form.get(CSRF)
        # compare_digest takes no text outside ASCII.
        return isinstance(given, str) and hmac.compare_digest(given.encode(errors="replace"), self.token(user).encode())

    def fragment(self, template: str, language: str, /, **values: Any) -> str:
        """Return a rendered template."""
        return environment(language).get_template(template).render(**values)
