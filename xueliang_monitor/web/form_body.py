"""Reads the form that a page sends, within limits of size, number of fields and time."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web

READ_SECONDS = 10.0
MAX_FIELDS = 20
FORM = "application/x-www-form-urlencoded"


async def read_form(request: web.Request) -> dict[str, str]:
    """Return the fields of a form. Bytes that are not UTF-8 are replaced; of fields with one name the last one counts.

    Raises:
        web.HTTPException: the body is no form (415), too large (413), too slow (408) or malformed (400).

    """
    if request.content_type != FORM or "Content-Encoding" in request.headers:
        raise web.HTTPUnsupportedMediaType(text=f"Send a form as {FORM}.\n")
    try:
        async with asyncio.timeout(READ_SECONDS):
            body = await request.read()
        pairs = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, web.RequestPayloadError):
        raise web.HTTPBadRequest(text="The form is malformed.\n") from None
    return dict(pairs)
