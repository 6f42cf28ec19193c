"""Decodes XML from cameras, whatever they declare (XML 1.0, section 4.3.3 and appendix F).

The name of an encoding comes from the camera. Python has codecs that take quadratic time (`punycode`, `idna`) or are
no encodings of text (`zip`, `unicode_escape`), so a name is looked up in a table and never given to Python.

Cameras declare one encoding and send another, cut names in the middle of a character, and put names in GBK into
documents in UTF-8. So what is not valid is decoded text by text, each in the encoding in which it has the fewest
errors, and a broken byte costs one character.
"""

from __future__ import annotations

import codecs
import re

from xueliang_monitor.wire.errors import MalformedResponseError

_SPELLINGS = {
    "utf-8": ("utf8", "unicode11utf8"),
    "utf-16": ("utf16", "utf16le", "utf16be", "unicode", "ucs2", "iso10646ucs2"),
    "gb18030": (
        *("gb18030", "gb180302000", "gb180302005", "gbk", "xgbk", "cp936", "ms936", "936", "windows936"),
        *("gb2312", "gb231280", "csgb2312", "euccn", "xeuccn", "chinese"),
    ),
    "big5hkscs": ("big5", "big5hkscs", "csbig5", "cnbig5", "cp950", "ms950", "950", "windows950", "xxbig5"),
    "cp949": ("euckr", "ksc56011987", "ksc5601", "cp949", "ms949", "949", "windows949", "korean", "cseuckr"),
    "cp932": ("shiftjis", "sjis", "xsjis", "cp932", "ms932", "932", "windows31j", "mskanji", "csshiftjis"),
    "euc_jp": ("eucjp", "xeucjp", "ujis"),
    "latin-1": ("iso88591", "88591", "latin1", "l1", "cp819", "ibm819", "csisolatin1"),
    "ascii": ("usascii", "ascii", "iso646us", "ansix341968", "ansix341986", "646", "csascii"),
    "koi8-r": ("koi8r", "cskoi8r"),
    "koi8-u": ("koi8u",),
    "cp874": ("tis620", "windows874", "cp874", "iso885911"),
    **{f"cp125{digit}": (f"windows125{digit}", f"cp125{digit}", f"125{digit}") for digit in range(9)},
    **{f"iso8859-{part}": (f"iso8859{part}", f"8859{part}") for part in (2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)},
}
_CODECS = {spelling: codec for codec, spellings in _SPELLINGS.items() for spelling in spellings}
_OF_PAIRS = frozenset({"gb18030", "big5hkscs", "cp949", "cp932", "euc_jp"})
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF_16_WITHOUT_MARK = {b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
_DECLARATION_BYTES = 300
_DECLARED = re.compile(rb"""<\?xml\s[^>]{0,200}?\bencoding\s{0,20}=\s{0,20}["']([^"'<>]{0,120})""")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A name by the standard (EncName), or with a digit first. Anything else may be a piece of a secret."""

_CHARSET = re.compile(r"\bcharset\s{0,20}=\s{0,20}[\"']?([A-Za-z0-9._-]{1,100})", re.IGNORECASE)
_TEXT = re.compile(rb"[^<>]*[\x80-\xff][^<>]*")
"""A text or a tag with bytes that are not ASCII. No pair of bytes of these encodings has `<` or `>` in it."""

_MAX_TEXTS = 1500
"""How many texts are decoded one by one. Real documents have under a hundred; any more are decoded as one."""

_OF_THREE_BYTES = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
_CUT = re.compile(rb"(?:[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")
"""The beginning of a character in UTF-8 at the end of a text, where cameras cut it."""

_REPLACED = "\ufffd"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]0{0,20}([0-9A-Fa-f]{1,8})|0{0,20}([0-9]{1,10}));")
_ALLOWED = (range(9, 11), range(13, 14), range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
_LOOKED_AHEAD_BYTES = 32
_MAX_MENDED = 200
"""How many errors of one text are looked at closely."""


def _codec_of(name: str) -> str | None:
    return _CODECS.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def _declared(content: bytes, content_type: str = "") -> str:
    """Return the codec that the XML declaration names, otherwise the one of HTTP, otherwise UTF-8."""
    found = _DECLARED.match(content[:_DECLARATION_BYTES])
    if found is None:
        charset = _CHARSET.search(content_type)
        return (_codec_of(charset[1]) if charset is not None else None) or "utf-8"
    name = found[1].decode("latin-1").strip()
    codec = _codec_of(name)
    if codec is None:
        named = f": {name}" if _NAME.fullmatch(name) else ""
        raise MalformedResponseError(f"the response declares an encoding that is not supported{named}")
    return codec


def _well_read(data: bytes) -> tuple[int, int]:
    """Return how many pairs of data are frequent characters of GBK, and whether its bytes beyond ASCII go in pairs."""
    pairs = range(0, len(data) - 1, 2)
    frequent = sum(0xB0 <= data[place] <= 0xD7 and data[place + 1] >= 0xA1 for place in pairs)
    beyond = next((place for place, byte in enumerate(data) if byte < 0x80), len(data))
    return frequent, 1 - beyond % 2


def _replace_and_go_on(error: UnicodeError) -> tuple[str, int]:
    """Replace a broken byte or pair of an encoding of pairs, whichever leaves the rest readable."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    one, two = (error.object[start : start + _LOOKED_AHEAD_BYTES] for start in (error.start + 1, error.start + 2))
    skipped = 2 if _well_read(two) > _well_read(one) else 1
    return _REPLACED, min(error.start + skipped, len(error.object))


_ONE_CHARACTER = "xueliang-one-character"
codecs.register_error(_ONE_CHARACTER, _replace_and_go_on)


def _in(data: bytes, codec: str) -> str:
    text = data.decode(codec, "replace")
    if codec in _OF_PAIRS and 0 < text.count(_REPLACED) <= _MAX_MENDED:
        return data.decode(codec, _ONE_CHARACTER)
    return text


def _valid(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _evidence(data: bytes) -> tuple[int, int]:
    """Return how many characters of data beyond ASCII are valid UTF-8, and how many are not."""
    text = data.decode("utf-8", "replace")
    broken = text.count(_REPLACED)
    return len(text) - len(text.encode("ascii", "ignore")) - broken, broken


def _text(data: bytes, other: str, *, mostly_utf_8: bool) -> str:
    """Decode one text: in UTF-8 if more of it is valid than not, otherwise in the other encoding."""
    good, broken = _evidence(data)
    likely = good > broken or (good == broken and _OF_THREE_BYTES.search(data) is not None)
    if not broken or likely or (broken == 1 and (mostly_utf_8 or _CUT.search(data) is not None)):
        return _in(data, "utf-8")
    return _in(data, other)


def _mixed(content: bytes, codec: str) -> str:
    """Decode a document in which something is not valid in the codec that it declares."""
    other = codec if codec not in ("utf-8", "ascii") else "gb18030"
    texts = _TEXT.findall(content)
    good, broken = _evidence(b"<".join(texts))
    if len(texts) > _MAX_TEXTS:
        return _in(content, "utf-8" if good > broken else other)
    parts: list[str] = []
    position = 0
    for found in _TEXT.finditer(content):
        parts.append(content[position : found.start()].decode("ascii"))
        parts.append(_text(found[0], other, mostly_utf_8=good > broken))
        position = found.end()
    return "".join([*parts, content[position:].decode("ascii")])


def _decoded(content: bytes, codec: str) -> str:
    text = _valid(content, "utf-8")
    if text is not None and (codec not in _OF_PAIRS or _OF_THREE_BYTES.search(content) or content.isascii()):
        return text  # no text in another encoding happens to be valid UTF-8, but for a few pairs of bytes
    if codec not in ("utf-8", "ascii"):
        valid = _valid(content, codec)
        if valid is not None and (codec in _OF_PAIRS or not _looks_like_utf_8(content)):
            return valid
    return _mixed(content, codec)


def _looks_like_utf_8(content: bytes) -> bool:
    """Return whether a document that declares an encoding of single bytes has mostly UTF-8 in it."""
    good, broken = _evidence(content)
    return good > 4 * broken and _OF_THREE_BYTES.search(content) is not None


def _reference(found: re.Match[str]) -> str:
    number = int(found[1], 16) if found[1] else int(found[2])
    allowed = (
        number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0xFFFE or 0x10000 <= number < 0x110000
    )
    return found[0] if allowed else _REPLACED


def to_utf8(content: bytes, content_type: str = "") -> bytes:
    """Return XML as UTF-8 without a byte order mark and leading white space; `content_type` is that of HTTP.

    Bytes that are not valid, and characters that XML forbids (2.2), are replaced one by one.

    Raises:
        MalformedResponseError: the declared encoding is not supported.

    """
    wide = _UTF_16.get(content[:2]) or _UTF_16_WITHOUT_MARK.get(content[:2])
    if wide is not None:
        text = content.decode(wide, "replace").removeprefix("\ufeff")
        _declared(text[:_DECLARATION_BYTES].encode("utf-8", "replace"))
    else:
        marked = content.startswith(codecs.BOM_UTF8)
        content = content.removeprefix(codecs.BOM_UTF8).lstrip()
        codec = _declared(content, content_type)
        if marked or codec == "utf-16":  # the declaration was read as single bytes, so this is a wrong label
            codec = "utf-8"
        text = _decoded(content, codec)
    text = _FORBIDDEN.sub(_REPLACED, text.rstrip("\x00"))
    if "&#" in text:
        text = _REFERENCE.sub(_reference, text)
    return text.encode("utf-8", "replace")
