"""Decodes XML from cameras. Only encodings that cameras use are accepted (XML 1.0, section 4.3.3 and appendix F).

The name of an encoding comes from the camera. Python has codecs that take quadratic time (`punycode`, `idna`) or are
no encodings of text (`zip`, `unicode_escape`), so a name is looked up in a table and never given to Python.
"""

from __future__ import annotations

import codecs
import re

from xueliang_monitor.wire.errors import MalformedResponseError

_SPELLINGS = {
    "utf-8": ("utf-8", "utf8", "unicode-1-1-utf-8"),
    "utf-16": ("utf-16", "utf16", "utf-16le", "utf-16be", "unicode", "ucs-2", "iso-10646-ucs-2"),
    "gb18030": ("gb18030", "gb-18030", "gb18030-2000", "gb18030-2005"),
    "gbk": ("gbk", "x-gbk", "cp936", "ms936", "936", "windows-936"),
    "gb2312": ("gb2312", "gb-2312", "gb2312-80", "gb-2312-80", "csgb2312", "euc-cn", "euccn", "x-euc-cn", "chinese"),
    "latin-1": ("iso-8859-1", "iso8859-1", "8859-1", "latin1", "latin-1", "l1", "cp819", "ibm819", "csisolatin1"),
    "ascii": ("us-ascii", "usascii", "ascii", "iso646-us", "ansi-x3.4-1968", "ansi-x3.4-1986", "646", "csascii"),
}
_CODECS = {spelling: codec for codec, spellings in _SPELLINGS.items() for spelling in spellings}
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF_16_WITHOUT_MARK = {b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_DECLARATION_BYTES = 300
_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?\bencoding\s{0,20}=\s{0,20}["']([^"'<>]{0,120})""")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A name by the standard (EncName), or with a digit first. Anything else may be a piece of a secret."""


def _declared(content: bytes) -> str:
    """Return the codec that the XML declaration names, UTF-8 without a declaration."""
    found = _DECLARED.match(content[:_DECLARATION_BYTES])
    name = found[1].decode("latin-1").strip() if found is not None else "utf-8"
    codec = _CODECS.get(name.lower().replace("_", "-"))
    if codec is None:
        named = f": {name}" if _NAME.fullmatch(name) else ""
        raise MalformedResponseError(f"the response declares an encoding that is not supported{named}")
    return codec


def to_utf8(content: bytes) -> bytes:
    """Return XML as UTF-8 without a byte order mark and leading white space.

    The declared encoding is tried first, then UTF-8 and GB 18030, because cameras declare UTF-8 and send GBK. Bytes
    that are not valid are replaced.

    Raises:
        MalformedResponseError: the declared encoding is not supported.

    """
    wide = _UTF_16.get(content[:2]) or _UTF_16_WITHOUT_MARK.get(content[:2])
    if wide is not None:
        plain = content.decode(wide, "replace").removeprefix("\ufeff").encode("utf-8", "replace")
        _declared(plain)
        return plain
    content = content.removeprefix(codecs.BOM_UTF8).lstrip()
    codec = _declared(content)
    if codec == "utf-16":  # the declaration was read as single bytes, so this is a wrong label
        codec = "utf-8"
    for tried in (codec, "utf-8"):
        try:
            return content.decode(tried).encode("utf-8")
        except UnicodeDecodeError:
            continue
    return content.decode("gb18030", "replace").encode("utf-8")
