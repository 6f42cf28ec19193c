"""Renders pages: one environment a language, and what every page knows of its reader."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlencode

import jinja2
from aiohttp import web

from xueliang_monitor import __version__
from xueliang_monitor.availability_report.forms import duration
from xueliang_monitor.model import Text
from xueliang_monitor.time_format import iso_utc
from xueliang_monitor.web.access import USER
from xueliang_monitor.web.texts import LANGUAGES, catalogue, preferred, when

STATIC = {"page.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}
THEMES = ("auto", "light", "dark")
DENSITIES = ("compact", "roomy")
YEAR_SECONDS = 365 * 86_400
COMPRESS_IN_THREAD_BYTES = 32 * 1024
CSRF = "token"
"""Name of the form field that holds what another site's page cannot know."""


def static_file(name: str) -> bytes:
    """Return one of the page's own files."""
    return (resources.files("xueliang_monitor.web") / "static" / name).read_bytes()


@functools.cache
def fingerprint(name: str) -> str:
    """Return what stands in a file's address, so that browsers keep it until it changes."""
    return hashlib.sha256(static_file(name)).hexdigest()[:12]


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

    def moment(seconds: float) -> str:
        return when(seconds, language)

    made.filters |= {"text": text, "iso": iso_utc, "when": moment, "lasted": duration, "percent": _percent}
    made.globals |= {"lang": language, "languages": LANGUAGES, "fingerprint": fingerprint, "version": __version__}
    return made


def _percent(ratio: float | None, digits: int = 1) -> str:
    """Return a share in percent, rounded down: what is not all is never shown as 100 %."""
    if ratio is None:
        return "–"
    scale = 10**digits
    return f"{int(ratio * 100 * scale) / scale:.{digits}f} %"


def prepare() -> None:
    """Read words, formats and templates of every language: the first page would hold the loop up for it."""
    for language in LANGUAGES:
        made = environment(language)
        for name in made.list_templates():
            made.get_template(name)
        when(0.0, language)


class Pages:
    """What renders pages; its key makes and checks the tokens in forms."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token(self, user: str) -> str:
        """Return what a form of this user's pages carries."""
        return hmac.digest(self._key, user.encode(), hashlib.sha256).hex()

    def may_act(self, request: web.Request, form: Mapping[str, Any]) -> bool:
        """Say whether a form was sent by a named user from one of this server's pages."""
        user = request.get(USER)
        given = form.get(CSRF)
        return user is not None and isinstance(given, str) and hmac.compare_digest(given, self.token(user))

    def fragment(self, template: str, language: str, /, **values: Any) -> str:
        """Return a part of a page."""
        return environment(language).get_template(template).render(**values)

    def respond(self, request: web.Request, template: str, /, *, status: int = 200, **values: Any) -> web.Response:
        """Answer with a page in the reader's language and colours."""
        language, user = preferred(request), request.get(USER)
        theme, density = request.cookies.get("theme", ""), request.cookies.get("density", "")
        text = self.fragment(
            template,
            language,
            user=user,
            token=self.token(user) if user is not None else "",
            theme=theme if theme in THEMES else "auto",
            density=density if density in DENSITIES else "compact",
            page=request.path,
            prefer=lambda **changes: "/prefer?" + urlencode({**changes, "back": str(request.rel_url)}),
            **values,
        )
        response = web.Response(
            text=text, content_type="text/html", status=status, zlib_executor_size=COMPRESS_IN_THREAD_BYTES
        )
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Language"] = language
        response.headers["Vary"] = "Accept-Language, Cookie"
        response.enable_compression()
        return response


def data_line(event: str, text: str, identity: str = "") -> bytes:
    """Return one server-sent event."""
    lines = "\n".join(f"data: {line}" for line in text.splitlines() or [""])
    head = f"id: {identity}\n" if identity else ""
    return f"{head}event: {event}\n{lines}\n\n".encode()


async def prefer(request: web.Request) -> web.StreamResponse:
    """Remember a reader's language, colours or density in cookies, and go back."""
    back = request.query.get("back", "/")
    if not back.startswith("/") or back.startswith(("//", "/\\")):
        back = "/"
    response = web.HTTPSeeOther(back)
    for name, known in (("lang", tuple(LANGUAGES)), ("theme", THEMES), ("density", DENSITIES)):
        if request.query.get(name) in known:
            value = request.query[name]
            response.set_cookie(name, value, max_age=YEAR_SECONDS, samesite="Lax", secure=request.secure)
    raise response


async def static(request: web.Request) -> web.Response:
    """Answer with one of the page's own files."""
    name = request.match_info["name"]
    if name not in STATIC:
        raise web.HTTPNotFound
    response = web.Response(body=static_file(name), content_type=STATIC[name], charset="utf-8")
    response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    response.enable_compression()
    return response
