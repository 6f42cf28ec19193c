"""An address of the API, declared once: its parameters, its answer, and what answers. The OpenAPI document lists it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from xueliang_monitor.judgement.catalogue import FAULTS
from xueliang_monitor.web.answers import ParameterError
from xueliang_monitor.web.event_query import moment_of
from xueliang_monitor.web.problem_documents import refused

MOST_DIGITS = 17


def _number(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise ValueError(f"must be a number of at most {MOST_DIGITS} digits")
    return text


def _known_fault(code: str) -> str:
    if code not in FAULTS:
        raise ValueError("no fault has this code; /api/v1/faults lists them")
    return code


def _moment(text: object) -> object:
    return moment_of(text) if isinstance(text, str) else text


def _end(text: object) -> object:
    return moment_of(text, end=True) if isinstance(text, str) else text


_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
Digits = BeforeValidator(_number)
"""Reads a whole number that is written in digits alone."""

FaultCode = Annotated[str, AfterValidator(_known_fault), Field(json_schema_extra={"enum": sorted(FAULTS)})]
Since = Annotated[float, BeforeValidator(_moment), WithJsonSchema(_MOMENT)]
Until = Annotated[float, BeforeValidator(_end), WithJsonSchema(_MOMENT)]
Text = Annotated[str, Field(max_length=120)]


class Query(BaseModel):
    """The parameters of an address; it takes no others, and each only once."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @classmethod
    def parse(cls, request: web.Request) -> Self | web.Response:
        """Return the parameters of a request, or the answer that says what is wrong with them."""
        given = request.query
        errors: list[ParameterError] = [
            {"parameter": name, "detail": "given more than once"} for name in set(given) if len(given.getall(name)) > 1
        ]
        try:
            read = cls.model_validate(dict(given))
        except ValidationError as found:
            names = ", ".join(sorted(field.alias or name for name, field in cls.model_fields.items()))
            unknown = f"not a parameter of this address, which takes {names or 'none'}"
            for error in found.errors(include_url=False, include_context=False, include_input=False):
                said = error["msg"].removeprefix("Value error, ")
                detail = unknown if error["type"] == "extra_forbidden" else said
                errors.append({"parameter": str(error["loc"][0])[:80], "detail": detail})
        else:
            if not errors:
                return read
        return refused(400, "; ".join(f"{each['parameter']}: {each['detail']}" for each in errors), errors=errors)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the API.

    Attributes:
        path: the address, with names of its variable parts in braces.
        summary: what it answers, in one sentence.
        answer: the type of the answer.
        handle: answers a request with these parameters.
        query: its parameters.
        media_type: the type of the content.
        codes: further statuses, with what each means.

    """

    path: str
    summary: str
    answer: Any
    handle: Callable[[web.Request, Any], Awaitable[web.StreamResponse]]
    query: type[Query] = Query
    media_type: str = "application/json"
    codes: tuple[tuple[int, str], ...] = ()

    @property
    def handler(self) -> Handler:
        """The handler of its route."""

        async def handler(request: web.Request) -> web.StreamResponse:
            query = self.query.parse(request)
            return query if isinstance(query, web.Response) else await self.handle(request, query)

        return handler

    @property
    def route(self) -> web.RouteDef:
        """Its route."""
        return web.get(self.path, self.handler)
