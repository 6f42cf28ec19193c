"""A tolerant and bounded parser for SOAP responses of cameras (SOAP 1.2 part 1, section 5; SOAP 1.1, section 4).

Elements are found by local name, because cameras send wrong prefixes, namespaces and orders of elements. All work is
linear in the size of a response: the parts of a regular expression that repeat cannot match the start of another match.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from html.entities import html5
from typing import TypeAlias

from lxml import etree

from xueliang_monitor.wire.errors import (
    EmptyResponseError,
    MalformedResponseError,
    SoapFault,
    SoapFaultError,
    WebPageError,
)
from xueliang_monitor.wire.printable import MAX_EXAMINED_CHARACTERS, clean
from xueliang_monitor.wire.xml_encoding import to_utf8

MAX_RESPONSE_BYTES = 1024 * 1024
MAX_BYTES_AT_ONCE = 32 * 1024
"""The size up to which a response may be read on the event loop; the worst one takes 12 ms. Real ones have 22 KB."""

MAX_DEPTH = 64
MAX_TAGS = 30_000
MAX_ENTITIES = 10_000
MAX_COPIED_BYTES = 8 * 1024
"""The size of elements that are sent back to the camera."""

MAX_NUMBER = 1e12

Element: TypeAlias = etree._Element

_START = re.compile(rb"<\?xml|<(?:[A-Za-z_][\w.-]*:)?Envelope[\s>]")
_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?Envelope\s*>")
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
_DTD = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,10}|#x[0-9A-Fa-f]{1,8});)([A-Za-z][A-Za-z0-9]{1,30};)?")
_DECLARATION = re.compile(rb"^<\?xml[^>]*\?>")


def local(element: Element) -> str:
    """Return the local name of an element, without a namespace or an undeclared prefix."""
    tag = element.tag
    return str(tag).rpartition("}")[2].rpartition(":")[2]


def child(element: Element | None, *names: str) -> Element | None:
    """Return the element at a path of local names, or None."""
    for name in names:
        if element is None:
            return None
        element = next(element.iterchildren(f"{{*}}{name}"), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """Return the children with a local name."""
    return [] if element is None else list(element.iterchildren(f"{{*}}{name}"))


def text(element: Element | None, *names: str, limit: int = 200) -> str:
    """Return the text at a path of local names, clean and shortened for display, or an empty string."""
    found = child(element, *names)
    return clean(found.text or "", limit) if found is not None else ""


def number(element: Element | None, *names: str) -> float | None:
    """Return the number at a path of local names; None if it is negative, very large or no number."""
    try:
        value = float(text(element, *names))
    except ValueError:
        return None
    return value if 0 <= value < MAX_NUMBER else None


def address(element: Element | None, *names: str, limit: int = 1000) -> str:
    """Return the address at a path of local names, or several with spaces between; an empty string if over-long."""
    found = child(element, *names)
    raw = (found.text or "") if found is not None else ""
    return clean(raw, limit) if len(raw) <= limit else ""


def _unwrap(content: bytes) -> bytes:
    """Return the envelope without its surroundings: multipart boundaries, byte order marks, padding."""
    start = _START.search(content)
    end = 0
    for found in _END.finditer(content):
        end = found.end()
    if start is None or end <= start.start():
        raise MalformedResponseError("the response has no complete SOAP envelope")
    return content[start.start() : end]


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
        encoding="utf-8",
    )


def _entity(found: re.Match[bytes]) -> bytes:
    """Return what a bare ampersand or an entity of HTML means: the parser would drop the text after it."""
    character = html5.get(found[1].decode("ascii")) if found[1] else None
    return character.encode() if character is not None else b"&amp;" + found[0][1:]


def _parse(content: bytes) -> Element:
    for recover in (False, True):  # the second attempt tolerates undeclared prefixes and stray characters
        if recover and b"<![CDATA[" not in content and content.count(b"&") <= MAX_ENTITIES:
            content = _ENTITY.sub(_entity, content)
        try:
            root = etree.fromstring(content, _parser(recover=recover))
        except etree.XMLSyntaxError as error:
            if recover:
                raise MalformedResponseError(
                    f"the response is not XML: {clean(str(error), MAX_EXAMINED_CHARACTERS)}"
                ) from error
        else:
            if root is None:
                raise MalformedResponseError("the response is not XML")
            _check_depth(root)
            if recover:
                _drop_prefixes(root)
            return root
    raise AssertionError


def _check_depth(root: Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise MalformedResponseError(f"the response is nested deeper than {MAX_DEPTH} elements")
        level = [item for element in level for item in element.iterchildren("*")]


def _drop_prefixes(root: Element) -> None:
    """Remove undeclared prefixes, which a recovering parser leaves in the names, so that elements are found by name."""
    for element in root.iter("*"):
        name = str(element.tag)
        if ":" in name and "}" not in name:
            with contextlib.suppress(ValueError):  # what is left is no name, such as `-a`, and is searched for nowhere
                element.tag = name.rpartition(":")[2]


def _fault(element: Element) -> SoapFault:
    codes: list[str] = []
    code = child(element, "Code")
    while code is not None and len(codes) < 8:
        codes.append(text(code, "Value"))
        code = child(code, "Subcode")
    if not codes:
        codes.append(text(element, "faultcode"))
    reason = text(element, "Reason", "Text") or text(element, "faultstring") or text(element, "Detail", "Text")
    return SoapFault(tuple(filter(None, codes)), reason)


def read(content: bytes, status: int = 200, content_type: str = "") -> Element:
    """Return the first element of the Body; `status` is that of HTTP, for messages, and `content_type` too.

    Raises:
        EmptyResponseError: there is no content.
        WebPageError: the content is an HTML page.
        SoapFaultError: the content is a SOAP fault.
        MalformedResponseError: the content is not SOAP, is too large or too deep, declares a DTD or entities, or
            declares an encoding that is not supported.

    """
    if len(content) > MAX_RESPONSE_BYTES:
        raise MalformedResponseError(f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
    if not content.strip(b"\x00 \t\r\n"):
        raise EmptyResponseError(f"the response is empty (HTTP {status})")
    plain = to_utf8(content, content_type)
    if _DTD.search(plain) and not _PAGE.search(plain[:4096]):
        raise MalformedResponseError("the response declares a document type or entities, which SOAP forbids")
    if not _END.search(plain) and _PAGE.search(plain[:4096]):
        raise WebPageError(f"the response is a web page in place of SOAP (HTTP {status})")
    envelope = _DECLARATION.sub(b"", _unwrap(plain)).lstrip()
    if envelope.count(b"<") > MAX_TAGS:
        raise MalformedResponseError(f"the response has more than {MAX_TAGS} tags")
    root = _parse(envelope)
    body = child(root, "Body") if local(root) == "Envelope" else None
    first = next(body.iterchildren("*"), None) if body is not None else None
    if first is None:
        raise MalformedResponseError("the SOAP envelope has no body, or an empty one")
    if local(first) == "Fault":
        raise SoapFaultError(_fault(first))
    return first


def serialize(elements: Iterable[Element]) -> tuple[bytes, ...]:
    """Return elements that are to be sent back as the camera sent them, each as a document of its own.

    Raises:
        MalformedResponseError: they are larger than `MAX_COPIED_BYTES` together.

    """
    copies: list[bytes] = []
    size = 0
    for element in elements:
        copies.append(etree.tostring(element, encoding="utf-8", with_tail=False))
        size += len(copies[-1])
        if size > MAX_COPIED_BYTES:
            raise MalformedResponseError(f"elements of over {MAX_COPIED_BYTES} bytes that are to be sent back")
    return tuple(copies)


def deserialize(copy: bytes) -> Element:
    """Return an element from `serialize`."""
    return _parse(copy)
