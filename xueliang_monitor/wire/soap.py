"""A tolerant and bounded parser for SOAP responses of cameras (SOAP 1.2 part 1, section 5; SOAP 1.1, section 4).

Elements are found by local name, because cameras send wrong prefixes, namespaces and orders of elements.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from lxml import etree

from xueliang_monitor.wire.errors import (
    EmptyResponseError,
    MalformedResponseError,
    SoapFault,
    SoapFaultError,
    WebPageError,
)
from xueliang_monitor.wire.printable import clean

MAX_RESPONSE_BYTES = 1024 * 1024
MAX_DEPTH = 64
Element: TypeAlias = etree._Element

_START = re.compile(rb"<\?xml|<(?:[A-Za-z_][\w.-]*:)?Envelope[\s>]")
_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?Envelope\s*>")
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE)
_DTD = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARED = re.compile(rb"""^<\?xml[^>]*encoding\s*=\s*["']([\w.-]{1,40})["']""")


def local(element: Element) -> str:
    """Return the local name of an element, without a namespace or an undeclared prefix."""
    tag = element.tag
    return str(tag).rpartition("}")[2].rpartition(":")[2]


def child(element: Element | None, *names: str) -> Element | None:
    """Return the element at a path of local names, or None."""
    for name in names:
        if element is None:
            return None
        element = next((item for item in element if local(item) == name), None)
    return element


def children(element: Element | None, name: str) -> list[Element]:
    """Return the children with a local name."""
    return [] if element is None else [item for item in element if local(item) == name]


def text(element: Element | None, *names: str, limit: int = 200) -> str:
    """Return the text at a path of local names, clean and shortened for display, or an empty string."""
    found = child(element, *names)
    return clean(found.text or "", limit) if found is not None else ""


def address(element: Element | None, *names: str, limit: int = 1000) -> str:
    """Return the address at a path of local names, or several with spaces between; an empty string if over-long."""
    found = child(element, *names)
    raw = (found.text or "") if found is not None else ""
    return clean(raw, limit) if len(raw) <= limit else ""


def _unwrap(content: bytes) -> bytes:
    """Return the envelope without its surroundings: multipart boundaries, byte order marks, padding."""
    start = _START.search(content)
    ends = list(_END.finditer(content))
    if start is None or not ends or ends[-1].end() <= start.start():
        raise MalformedResponseError("the response has no complete SOAP envelope")
    return content[start.start() : ends[-1].end()]


def _utf8(content: bytes) -> bytes:
    """Return the response as UTF-8. The declared encoding is tried first; invalid bytes are replaced."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace").encode()
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    declared = _DECLARED.match(content)
    encoding = declared[1].decode("ascii") if declared else "utf-8"
    try:
        decoded = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        try:
            decoded = content.decode("utf-8")
        except UnicodeDecodeError:
            decoded = content.decode("gb18030", "replace")
    return decoded.encode("utf-8", "replace")


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


def _parse(content: bytes) -> Element:
    for recover in (False, True):  # the second attempt tolerates undeclared prefixes and stray characters
        try:
            root = etree.fromstring(content, _parser(recover=recover))
        except etree.XMLSyntaxError as error:
            if recover:
                raise MalformedResponseError(f"the response is not XML: {str(error)[:120]}") from error
        else:
            if root is None:
                raise MalformedResponseError("the response is not XML")
            return root
    raise AssertionError


def _check_depth(root: Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise MalformedResponseError(f"the response is nested deeper than {MAX_DEPTH} elements")
        level = [item for element in level for item in element]


def _fault(element: Element) -> SoapFault:
    codes: list[str] = []
    code = child(element, "Code")
    while code is not None and len(codes) < 8:
        codes.append(text(code, "Value").rpartition(":")[2])
        code = child(code, "Subcode")
    if not codes:
        codes.append(text(element, "faultcode").rpartition(":")[2])
    reason = text(element, "Reason", "Text") or text(element, "faultstring") or text(element, "Detail", "Text")
    return SoapFault(tuple(filter(None, codes)), reason)


def read(content: bytes, status: int = 200) -> Element:
    """Return the first element of the Body; `status` is the HTTP status, for messages.

    Raises:
        EmptyResponseError: there is no content.
        WebPageError: the content is an HTML page.
        SoapFaultError: the content is a SOAP fault.
        MalformedResponseError: the content is not SOAP, is too large or too deep, or declares a DTD or entities.

    """
    if len(content) > MAX_RESPONSE_BYTES:
        raise MalformedResponseError(f"the response is larger than {MAX_RESPONSE_BYTES} bytes")
    if not content.strip(b"\x00 \t\r\n"):
        raise EmptyResponseError(f"the response is empty (HTTP {status})")
    plain = _utf8(content)
    if _DTD.search(plain.decode("utf-8", "replace")) and not _PAGE.search(plain[:4096]):
        raise MalformedResponseError("the response declares a document type or entities, which SOAP forbids")
    if not _END.search(plain) and _PAGE.search(plain[:4096]):
        raise WebPageError(f"the response is a web page in place of SOAP (HTTP {status})")
    envelope = re.sub(rb"^<\?xml[^>]*\?>", b"", _unwrap(plain)).lstrip()
    root = _parse(envelope)
    _check_depth(root)
    body = child(root, "Body") if local(root) == "Envelope" else None
    first = next((item for item in body if local(item)), None) if body is not None else None
    if first is None:
        raise MalformedResponseError("the SOAP envelope has no body, or an empty one")
    if local(first) == "Fault":
        raise SoapFaultError(_fault(first))
    return first
