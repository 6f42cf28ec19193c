"""Every error under `/api/` is a problem document (RFC 9457): `application/problem+json`."""

from __future__ import annotations

import http
import json
import logging
from collections.abc import Iterable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from xueliang_monitor.web.answers import ParameterError, Problem
from xueliang_monitor.web.shared_work import BusyError

log = logging.getLogger(__name__)

API = "/api/"
CONTENT_TYPE = "application/problem+json"
BUSY_SECONDS = 5
_OWN_HEADERS = frozenset({"content-type", "content-length", "content-encoding"})
_USUAL = {
    404: "there is nothing at this address; /api/v1/openapi.json lists what there is",
    405: "this address does not take this method",
}
"""What is wrong, where aiohttp repeats only the name of the status."""


def refused(
    status: int, detail: str, *, errors: Iterable[ParameterError] = (), headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with a problem document. `detail` says what is wrong, `errors` of which parameters."""
    body: Problem = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "error": detail,
    }
    if listed := list(errors):
        body["errors"] = listed
    return web.Response(
        body=json.dumps(body, ensure_ascii=False).encode(), status=status, content_type=CONTENT_TYPE, headers=headers
    )


def _as_problem(answer: web.Response) -> web.Response:
    text = (answer.text or "").strip()
    usual = not text or text == f"{answer.status}: {answer.reason}"
    detail = _USUAL.get(answer.status, answer.reason or "") if usual else text
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
    return refused(answer.status, detail, headers=kept)


@web.middleware
async def problem_documents(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error under `/api/` into a problem document. An exception of ours is logged and answered with 500."""
    if not request.path.startswith(API):
        return await handler(request)
    try:
        answer = await handler(request)
    except web.HTTPException as error:
        answer = error
    except BusyError:
        headers = {"Retry-After": str(BUSY_SECONDS)}
        return refused(503, "too many different answers are being made; try again", headers=headers)
    if answer.status < 400 or answer.prepared or not isinstance(answer, web.Response):
        return answer
    return answer if answer.content_type == CONTENT_TYPE else _as_problem(answer)
