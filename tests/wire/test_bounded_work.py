"""No input at the limit of its size takes a parser longer than the event loop may be held."""

from __future__ import annotations

import codecs
import contextlib
import encodings.aliases
import pkgutil
import time
from collections.abc import Callable

import pytest

from tests.xml_shapes import SHAPES, document, envelope
from xueliang_monitor.process.apart import CPU_SECONDS
from xueliang_monitor.wire import onvif, soap
from xueliang_monitor.wire.errors import MalformedResponseError, WireError
from xueliang_monitor.wire.soap_answer import read_answer

pytestmark = pytest.mark.timed
MAX_SECONDS = 0.05
ATTEMPTS = 3
CODECS = sorted(
    {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}
    | {module.name for module in pkgutil.iter_modules(encodings.__path__)}
)
USED_BY_CAMERAS = {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk", "gb2312", "iso8859-1", "ascii"}


def seconds(work: Callable[[], object], enough: float = MAX_SECONDS) -> float:
    """Return the processor time of a work; what a busy machine adds hits one of several attempts."""
    took: list[float] = []
    while len(took) < ATTEMPTS and min(took, default=enough) >= enough:
        began = time.thread_time()
        with contextlib.suppress(WireError):
            work()
        took.append(time.thread_time() - began)
    return min(took)


@pytest.mark.parametrize("name", SHAPES)
def test_xml_of_any_shape_is_read_in_time(name: str) -> None:
    small, large = document(name, soap.MAX_BYTES_AT_ONCE), document(name, soap.MAX_RESPONSE_BYTES)
    assert seconds(lambda: read_answer(small, 200, onvif.read_profiles)) < MAX_SECONDS
    assert seconds(lambda: read_answer(large, 200, onvif.read_profiles), CPU_SECONDS / 2) < CPU_SECONDS / 2


def _codec_of(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except (LookupError, ImportError):
        return ""


def test_an_encoding_that_no_camera_uses_is_named_as_malformed() -> None:
    for name in CODECS:
        content = envelope(b"", name.encode()) + b"-" + b"a" * 200_000
        began = time.thread_time()
        refused = ""
        try:
            soap.read(content)
        except MalformedResponseError as error:
            refused = str(error)
        assert f"declares the encoding '{name}'" in refused or (not refused and _codec_of(name) in USED_BY_CAMERAS)
        assert time.thread_time() - began < CPU_SECONDS / 2, name


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "utf-16", "GB18030", "gb_18030", "GBK", "cp936", "GB2312", "gb_2312-80", "EUC-CN",
             "ISO-8859-1", "latin1", "us-ascii", "ASCII"],
)  # fmt: skip
def test_an_encoding_that_cameras_use_is_read(name: str) -> None:
    assert soap.read(envelope(b"x", name.encode())).text == "x"


def _crowded(element: bytes, size: int) -> bytes:
    return envelope(element * (size // len(element)))


@pytest.mark.parametrize("spaces", [b" ", b"\t", b"\n"])
def test_services_with_spaces_in_their_addresses_are_read_in_time(spaces: bytes) -> None:
    address = b"http://h/" + spaces * 980 + b"b"
    service = b"<Service><Namespace>n</Namespace><XAddr>" + address + b"</XAddr></Service>"
    content = envelope(b"").replace(
        b"<a></a>", b"<a>" + service * (soap.MAX_BYTES_AT_ONCE // len(service) - 1) + b"</a>"
    )
    assert seconds(lambda: read_answer(content, 200, onvif.read_services)) < MAX_SECONDS


@pytest.mark.parametrize("read", [onvif.read_profiles, onvif.read_last_reboot, onvif.offers_last_reboot])
def test_elements_with_many_others_are_read_in_time(read: Callable[[soap.Element], object]) -> None:
    """Each value is looked for among all of the other elements."""
    inner = b"<b/>" * 100
    parent = {
        onvif.read_profiles: b'<Profiles token="t"><VideoSourceConfiguration/>%s</Profiles>',
        onvif.read_last_reboot: b"<NotificationMessage>%s<Topic>LastReboot</Topic></NotificationMessage>",
        onvif.offers_last_reboot: b"<TopicSet><Monitoring>%s</Monitoring></TopicSet>",
    }[read] % inner
    content = _crowded(parent, soap.MAX_BYTES_AT_ONCE - 300)
    assert seconds(lambda: read_answer(content, 200, read)) < MAX_SECONDS
