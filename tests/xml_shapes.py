"""Shapes of XML that cost a parser more than their size suggests, each as a function of the size in bytes."""

from __future__ import annotations

from collections.abc import Callable

HEAD = b'<?xml version="1.0" encoding="%s"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><a>'
TAIL = b"</a></s:Body></s:Envelope>"


def envelope(content: bytes, encoding: bytes = b"UTF-8") -> bytes:
    return HEAD % encoding + content + TAIL


def repeated(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


def numbered(part: bytes, size: int) -> bytes:
    """Repeat a part with a new number in place of each `%d`."""
    parts, length, number, fields = [], 0, 0, part.count(b"%d")
    while length < size:
        parts.append(part % ((number,) * fields))
        length += len(parts[-1])
        number += 1
    return b"".join(parts)


def _in_tag(part: bytes) -> Callable[[int], bytes]:
    return lambda size: envelope(b"<b " + numbered(part, size) + b"/>")


def _inside(part: bytes) -> Callable[[int], bytes]:
    return lambda size: envelope(numbered(part, size) if b"%d" in part else repeated(part, size))


def _raw(start: bytes, part: bytes, end: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: start + repeated(part, size) + end


SHAPES: dict[str, Callable[[int], bytes]] = {
    "siblings": _inside(b"<b/>"),
    "siblings-with-space": _inside(b"<b> </b>"),
    "siblings-of-other-names": _inside(b"<n%d/>"),
    "undeclared-prefixes": _inside(b"<x:b/>"),
    "two-colons": _inside(b"<a:b:c/>"),
    "colons": lambda size: envelope(b"<" + repeated(b"a:", size) + b"b/>"),
    "text": _inside(b"x"),
    "depth": lambda size: envelope(repeated(b"<b>" * 55 + b"</b>" * 55, size)),
    "too-deep": lambda size: envelope(b"<b>" * (size // 7) + b"</b>" * (size // 7)),
    "unclosed": _inside(b"<b>"),
    "mismatched": _inside(b"<b></c>"),
    "only-ends": _inside(b"</c>"),
    "attributes": _in_tag(b'a%d="" '),
    "same-attributes": _in_tag(b'a="" '),
    "prefixed-attributes": _in_tag(b'x:a%d="" '),
    "attributes-of-many-namespaces": _in_tag(b'xmlns:p%d="u%d" p%d:a="" '),
    "attributes-of-one-namespace": lambda size: envelope(
        b"<b " + numbered(b'xmlns:p%d="u" ', size // 2) + numbered(b'p%d:a="" ', size // 2) + b"/>"
    ),
    "attributes-without-quotes": _inside(b"<b a=1 c=2>"),
    "attributes-with-tags": _in_tag(b'a="<" '),
    "namespaces": _in_tag(b'xmlns:p%d="u%d" '),
    "namespaces-used": lambda size: envelope(
        b"<b " + numbered(b'xmlns:p%d="u%d" ', size // 2) + b">" + numbered(b"<p%d:c/>", size // 2) + b"</b>"
    ),
    "namespaces-not-found": lambda size: envelope(
        b"<b " + numbered(b'xmlns:p%d="u%d" ', size // 2) + b">" + numbered(b"<z%d:c/>", size // 2) + b"</b>"
    ),
    "namespaces-again": _inside(b'<b xmlns:p="u%d"/>'),
    "entities": _inside(b"&amp;"),
    "undefined-entities": _inside(b"&zz;"),
    "undefined-entities-in-attribute": lambda size: envelope(b'<b c="' + repeated(b"&zz;", size) + b'"/>'),
    "ampersands": _inside(b"&"),
    "character-references": _inside(b"&#65;"),
    "character-references-in-attribute": lambda size: envelope(b'<b c="' + repeated(b"&#65;", size) + b'"/>'),
    "long-character-reference": lambda size: envelope(b"&#" + b"0" * size + b"65;"),
    "invalid-character-references": _inside(b"&#0;"),
    "entity-declarations": lambda size: b"<!DOCTYPE a [" + numbered(b'<!ENTITY e%d "e">', size) + b"]>" + envelope(b""),
    "long-name": lambda size: envelope(b"<" + b"n" * size + b"/>"),
    "long-attribute-name": lambda size: envelope(b"<b " + b"n" * size + b'="1"/>'),
    "long-attribute": lambda size: envelope(b'<b c="' + b"v" * size + b'"/>'),
    "comments": _inside(b"<!---->"),
    "long-comment": lambda size: envelope(b"<!--" + repeated(b"-a", size) + b"-->"),
    "dashes": lambda size: envelope(b"<!--" + b"-" * size + b"-->"),
    "comments-without-end": _inside(b"<!--"),
    "instructions": _inside(b"<?a b?>"),
    "question-marks": lambda size: envelope(b"<?a " + b"?" * size + b"?>"),
    "instructions-without-end": _inside(b"<?x"),
    "sections": _inside(b"<![CDATA[]]>"),
    "sections-with-text": _inside(b"<![CDATA[x]]>"),
    "brackets": lambda size: envelope(b"<![CDATA[" + b"]" * size + b"]]>"),
    "sections-without-end": _inside(b"<![CDATA["),
    "less-than": _inside(b"<"),
    "less-than-space": _inside(b"< "),
    "exclamation": _inside(b"<!"),
    "control-characters": _inside(b"\x01"),
    "invalid-utf-8": _inside(b"\xff"),
    "half-utf-8": _inside(b"\xe4\xb8"),
    "gb18030": lambda size: envelope(repeated(b"\x81\x30\x81\x30", size), b"GB18030"),
    "half-gb18030": lambda size: envelope(repeated(b"\x81\x30\xff", size), b"GB18030"),
    "utf-16": lambda size: envelope(repeated(b"<b/>", size // 2)).decode().encode("utf-16"),
    "utf-16-text": lambda size: envelope("中".encode() * (size // 2)).decode().encode("utf-16"),
    "half-utf-16": _raw(b"\xff\xfe", b"\x00\xd8"),
    "envelopes": lambda size: repeated(envelope(b""), size),
    "envelope-starts": _raw(b"", b"<s:Envelope "),
    "envelope-ends": _raw(b"", b"</s:Envelope>"),
    "envelope-and-ends": _raw(envelope(b""), b"</s:Envelope>"),
    "ends-with-space": _raw(b"", b"</Envelope" + b" " * 50),
    "end-with-space": _raw(b"</Envelope", b" "),
    "end-of-one-name": _raw(b"</", b"a"),
    "end-of-dots": _raw(b"</", b"a.", b":"),
    "ends-of-names": _raw(b"", b"</a"),
    "start-of-one-name": _raw(b"<", b"a"),
    "declarations": _raw(b"", b"<?xml ", b"</Envelope>"),
    "declaration-of-encodings": lambda size: b"<?xml " + repeated(b"encoding=", size) + envelope(b""),
    "declaration-with-space": lambda size: b"<?xml encoding" + b" " * size + envelope(b""),
    "page": _raw(b"<html>", b"<"),
    "document-type-with-space": _raw(b"<!", b" "),
    "document-types-with-space": _raw(b"", b"<!" + b" " * 1000),
    "space": _raw(b"", b" ", b"x"),
    "nothing": _raw(b"", b"\0", b"x"),
    "fault-codes": lambda size: envelope(b"").replace(
        b"<a></a>", b"<s:Fault>" + repeated(b"<s:Code><s:Subcode>", size) + b"</s:Fault>"
    ),
    "punycode": lambda size: envelope(b"", b"punycode") + b"-" + b"a" * size,
}


def document(name: str, size: int) -> bytes:
    """Return a shape of at most `size` bytes."""
    made = SHAPES[name](size - 400)
    assert len(made) <= size, name
    return made
