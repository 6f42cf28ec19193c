"""Profiles of Media and Media2, merged, and the channels that they belong to."""

from __future__ import annotations

import pytest

from tests.xml_shapes import envelope
from xueliang_monitor.model import StreamParameters
from xueliang_monitor.wire import soap
from xueliang_monitor.wire.errors import MalformedResponseError
from xueliang_monitor.wire.media_profiles import (
    MAX_PROFILES,
    Profile,
    channels_of,
    merge,
    of_same_source,
    read_media2_profiles,
    read_profiles,
)

H264, H265 = StreamParameters("h264", 1920, 1080), StreamParameters("h265", 1920, 1080, 25.0, 2e6, 2.0)
NOTHING = StreamParameters()


def media2(encoder: str, *, inside: bool = True) -> Profile:
    configurations = f"<VideoSource token='s'><SourceToken>Lens1</SourceToken></VideoSource>{encoder}"
    body = f"<Configurations>{configurations}</Configurations>" if inside else configurations
    answer = envelope(f"<Profiles token='p'><Name>main</Name>{body}</Profiles>".encode())
    (found,) = read_media2_profiles(soap.read(answer))
    return found


SIZE = (
    "<Resolution><Width>1920</Width><Height>1080</Height></Resolution><RateControl><FrameRateLimit>25.0</FrameRateLimit>"
    "<BitrateLimit>2000</BitrateLimit></RateControl>"
)


@pytest.mark.parametrize("encoding", ["H265", "h265", "video/H265", "H.265", "HEVC", "H265+", "H.265+", " hevc "])
def test_an_encoder_of_media2(encoding: str) -> None:
    encoder = (
        f"<VideoEncoder token='e' GovLength='50' Profile='Main'><Encoding>{encoding}</Encoding>{SIZE}</VideoEncoder>"
    )
    assert media2(encoder) == Profile("p", "main", H265, "Lens1", by_media2=True)


@pytest.mark.parametrize("name", ["VideoEncoder", "VideoEncoderConfiguration"])
def test_an_encoder_where_media2_does_not_have_it(name: str) -> None:
    encoder = f"<{name} token='e'><Encoding>H265</Encoding>{SIZE}<H265><GovLength>50</GovLength></H265></{name}>"
    assert media2(encoder, inside=False).stream == H265


@pytest.mark.parametrize("length", ["", "x", "-1", "0", "99999999999999999999", "٣"])
def test_no_length_of_a_group_of_pictures(length: str) -> None:
    encoder = f"<VideoEncoder token='e' GovLength='{length}'><Encoding>H265</Encoding>{SIZE}</VideoEncoder>"
    answer = envelope(f"<Profiles token='p'>{encoder}</Profiles>".encode())
    (found,) = read_media2_profiles(soap.read(answer))
    assert found.stream.keyframe_interval_seconds is None


def profile(token: str, stream: StreamParameters, name: str = "", *, two: bool = False, source: str = "") -> Profile:
    return Profile(token, name, stream, source, two)


def test_media2_tells_what_media_hides() -> None:
    hidden = merge((profile("a", NOTHING, "Main"),), (profile("a", H265, two=True),))
    assert hidden == (profile("a", H265, "Main", two=True),)
    renamed = merge((profile("a", H264),), (profile("a", H265, two=True),))
    assert renamed == (profile("a", H265, two=True),)
    alone = merge((), (profile("a", H265, two=True),))
    assert alone == (profile("a", H265, two=True),)


def test_media_stays_where_both_agree_or_media2_tells_less() -> None:
    whole = StreamParameters("h264", 1920, 1080, 25.0, 2e6, 2.0)
    assert merge((profile("a", whole),), (profile("a", H264, two=True),)) == (profile("a", whole),)
    assert merge((profile("a", whole),), (profile("a", NOTHING, two=True),)) == (profile("a", whole),)
    assert merge((profile("a", whole),), ()) == (profile("a", whole),)


def test_profiles_of_one_service_alone_are_kept_in_order() -> None:
    found = merge(
        (profile("b", H264), profile("a", H264)), (profile("c", H265, two=True), profile("a", H264, two=True))
    )
    assert [(item.token, item.by_media2) for item in found] == [("b", False), ("a", False), ("c", True)]


def test_more_profiles_than_the_largest_recorder_has_are_not_cut_silently() -> None:
    one = "<Profiles token='t%d'><VideoSourceConfiguration/></Profiles>"
    many = [one % number for number in range(MAX_PROFILES)]
    assert len(read_profiles(soap.read(envelope(f"{''.join(many)}".encode())))) == MAX_PROFILES
    with pytest.raises(MalformedResponseError, match="more than 1024"):
        read_profiles(soap.read(envelope(f"{''.join(many)}{one % 9999}".encode())))


def test_the_channels_of_a_recorder() -> None:
    profiles = tuple(
        profile(f"c{number}{kind}", H264, f"Channel {number} {kind}", source=f"Source{number}")
        for kind in ("main", "sub")
        for number in (2, 11, 1)
    )
    channels = channels_of(profiles)
    assert [(item.number, item.source, item.name) for item in channels] == [
        (1, "Source1", "Channel 1"),
        (2, "Source2", "Channel 2"),
        (11, "Source11", "Channel 11"),
    ]
    assert [item.token for item in channels[0].profiles] == ["c1main", "c1sub"]
    assert of_same_source(profiles, "c11sub") == channels[2].profiles


@pytest.mark.parametrize(
    ("sources", "numbers"),
    [
        (("a", "b"), [1, 2]),
        (("VideoSource000", "VideoSource001"), [1, 2]),
        (("VideoSource_2", "VideoSource_4"), [2, 4]),
        (("in1", "other1"), [1, 2]),
        (("00099999", "00000001"), [1, 2]),
        (("Lens7",), [1]),
        (("",), [1]),
    ],
)
def test_the_numbers_of_channels(sources: tuple[str, ...], numbers: list[int]) -> None:
    profiles = tuple(profile(f"t{at}", H264, source=source) for at, source in enumerate(sources))
    assert [item.number for item in channels_of(profiles)] == numbers
