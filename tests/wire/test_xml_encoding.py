"""Text of any charset: what is declared and what is sent differ, and a broken byte costs one character."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xueliang_monitor.wire import onvif, soap
from xueliang_monitor.wire.xml_encoding import to_utf8

MAKER, PLACE = "海康威视", "北门球机高清网络摄像机"


def document(maker: bytes, model: bytes = b"P-100", declared: str = 'encoding="UTF-8"') -> bytes:
    return (
        f'<?xml version="1.0" {declared}?><s:Envelope xmlns:s="x"><s:Body><GetDeviceInformationResponse>'.encode()
        + b"<Manufacturer>" + maker + b"</Manufacturer><Model>" + model + b"</Model><SerialNumber>7</SerialNumber>"
        + b"</GetDeviceInformationResponse></s:Body></s:Envelope>"
    )  # fmt: skip


def read(content: bytes, content_type: str = "") -> tuple[str, str]:
    identity = onvif.read_identity(soap.read(content, 200, content_type))
    assert identity.serial == "7"
    return identity.manufacturer, identity.model


@pytest.mark.parametrize("size", range(1, len(PLACE.encode())))
def test_a_name_in_utf_8_that_is_cut_anywhere_costs_one_character(size: int) -> None:
    cut = PLACE.encode()[:size]
    maker, model = read(document(MAKER.encode(), cut))
    assert maker == MAKER
    assert model == PLACE[: size // 3] + ("\ufffd" if size % 3 else "")


@pytest.mark.parametrize("size", range(4, len(PLACE.encode())))
def test_a_cut_name_alone_in_its_document_stays_utf_8(size: int) -> None:
    assert read(document(PLACE.encode()[:size]))[0].startswith(PLACE[: size // 3])


@pytest.mark.parametrize("place", range(len(PLACE.encode())))
@pytest.mark.parametrize("byte", [b"\xff", b"?", b"\x01", b"\xc0"])
def test_a_byte_that_is_changed_in_utf_8_costs_its_character(place: int, byte: bytes) -> None:
    plain = PLACE.encode()
    maker, model = read(document(MAKER.encode(), plain[:place] + byte + plain[place + 1 :]))
    assert maker == MAKER
    character = place // 3
    assert model.startswith(PLACE[:character])
    assert model.endswith(PLACE[character + 1 :])


@pytest.mark.parametrize("place", range(len(PLACE.encode("gbk"))))
@pytest.mark.parametrize("byte", [b"\xff", b" ", b"\x01"])
@pytest.mark.parametrize("declared", ['encoding="GB2312"', 'encoding="UTF-8"', ""])
def test_a_byte_that_is_broken_in_gbk_costs_its_character(place: int, byte: bytes, declared: str) -> None:
    plain = PLACE.encode("gbk")
    if byte < b"\x80" and place % 2 == 0:
        return  # half a character cannot be told from half of its neighbour
    broken = plain[:place] + byte + plain[place + 1 :]
    maker, model = read(document(MAKER.encode("gbk"), broken, declared))
    assert maker == MAKER
    character = place // 2
    assert model.startswith(PLACE[:character])
    assert model.endswith(PLACE[character + 1 :])


@pytest.mark.parametrize("size", range(1, len(PLACE.encode("gbk"))))
def test_a_name_in_gbk_that_is_cut_anywhere_costs_one_character(size: int) -> None:
    maker, model = read(document(MAKER.encode("gbk"), PLACE.encode("gbk")[:size]))
    assert maker == MAKER
    assert model == PLACE[: size // 2] + ("\ufffd" if size % 2 else "")


@pytest.mark.parametrize("declared", ['encoding="UTF-8"', 'encoding="gb2312"', 'encoding="us-ascii"', ""])
@pytest.mark.parametrize("codec", ["utf-8", "gbk"])
def test_a_wrong_declaration_does_not_matter(declared: str, codec: str) -> None:
    assert read(document(MAKER.encode(codec), PLACE.encode(codec), declared)) == (MAKER, PLACE)


def test_texts_of_two_encodings_in_one_document_are_both_read() -> None:
    assert read(document(MAKER.encode(), PLACE.encode("gbk"))) == (MAKER, PLACE)
    assert read(document(MAKER.encode("gbk"), PLACE.encode())) == (MAKER, PLACE)
    attribute = document(MAKER.encode()).replace(b"<Model>", b'<Model a="' + PLACE.encode("gbk") + b'">')
    assert read(attribute) == (MAKER, "P-100")


@pytest.mark.parametrize(
    ("name", "codec", "text"),
    [
        ("Big5", "big5", "攝影機"), ("EUC-KR", "euc-kr", "카메라"), ("ks_c_5601-1987", "cp949", "카메라"),
        ("Shift_JIS", "shift_jis", "カメラ"), ("EUC-JP", "euc_jp", "カメラ"), ("windows-1251", "cp1251", "Камера"),
        ("koi8-r", "koi8-r", "Камера"), ("windows-1252", "cp1252", "Kamera Straße"),
        ("ISO-8859-2", "iso8859-2", "Łódź"),
        ("ISO-8859-9", "iso8859-9", "İğ"), ("ISO-8859-15", "iso8859-15", "Café €"),
        ("windows-1256", "cp1256", "كاميرا"),
        ("GB18030", "gb18030", "𠮷野"), ("utf_8", "utf-8", "é"), ("ISO-8859-1", "latin-1", "Käfer"),
    ],
)  # fmt: skip
def test_encodings_of_other_countries_are_read(name: str, codec: str, text: str) -> None:
    assert read(document(text.encode(codec), declared=f'encoding="{name}"'))[0] == text
    if codec not in ("utf-8", "gb18030"):
        content_type = f'text/xml; charset="{name}"'
        assert read(document(text.encode(codec), declared=""), content_type)[0] == text


@pytest.mark.parametrize("declared", ['encoding="ISO-8859-1"', 'encoding="windows-1252"', 'encoding="GBK"'])
def test_utf_8_under_another_name_is_utf_8(declared: str) -> None:
    assert read(document(MAKER.encode(), declared=declared))[0] == MAKER


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("declared", ['encoding="UTF-16"', 'encoding="UTF-8"', ""])
def test_byte_order_marks_and_wide_characters(codec: str, declared: str) -> None:
    assert read(document(MAKER.encode(), declared=declared).decode().encode(codec))[0] == MAKER
    assert read(document(MAKER.encode(), declared=declared))[0] == MAKER


FORBIDDEN = [
    b"\0",
    b"\x01",
    b"\x0b",
    b"\x1f",
    b"&#0;",
    b"&#x1F;",
    b"&#xFFFE;",
    b"&#xD800;",
    b"&#1114112;",
    b"\xef\xbf\xbf",
]


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_a_character_that_xml_forbids_costs_itself(forbidden: bytes) -> None:
    maker, model = read(document(MAKER.encode(), b"P-" + forbidden + b"100"))
    assert maker == MAKER
    assert (model[:2], model[-3:]) == ("P-", "100")


def test_references_that_are_allowed_stay() -> None:
    assert read(document(b"A&amp;B", b"&#80;&#x2D;1&#x4E2D;")) == ("A&B", "P-1中")


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"A&B", "A&B"), (b"A & B Ltd", "A & B Ltd"), (b"A&copy;B", "A©B"), (b"A&nosuch;B", "A&nosuch;B"), (b"&", "&"),
        (b"<![CDATA[A&B]]>", "A&B"), (b"A&amp;B", "A&B"), (b"A&#38;B", "A&B"), ("海&".encode("gbk"), "海&"),
    ],
)  # fmt: skip
def test_a_bare_ampersand_is_an_ampersand(sent: bytes, shown: str) -> None:
    assert read(document(sent)) == (shown, "P-100")


@pytest.mark.parametrize("size", [1, 2])
def test_one_character_that_is_cut_is_no_gbk(size: int) -> None:
    assert read(document(b"Gate " + MAKER.encode()[:size]))[0] == "Gate \ufffd"


def test_the_work_is_linear() -> None:
    for part in (b"\xb0\xff", "海".encode()[:2] + b"<", b"\xb0<", b"&#0;", b"\x01", b"\xb0\xa1\xff"):
        content = document(part * (32 * 1024 // len(part)))
        began = time.thread_time()
        to_utf8(content)
        assert time.thread_time() - began < 0.05, part


@given(st.binary(max_size=300))
def test_any_bytes_become_valid_utf_8(content: bytes) -> None:
    to_utf8(document(content)).decode("utf-8")
