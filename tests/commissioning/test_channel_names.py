"""The channels of recorders, by the tokens and names that their makers use."""

from __future__ import annotations

import pytest

from xueliang_monitor.commissioning.channel_choice import read_choice, shown_numbers
from xueliang_monitor.commissioning.channel_names import channel_in_path, group_by_paths, group_channels
from xueliang_monitor.commissioning.registration_error import RegistrationError
from xueliang_monitor.model import StreamParameters
from xueliang_monitor.wire.media_profiles import Profile


def profiles(*labels: str, sources: tuple[str, ...] = (), as_tokens: bool = False) -> tuple[Profile, ...]:
    """Return profiles with these names, or with these tokens and names that say nothing."""
    places = sources or ("000",) * len(labels)
    return tuple(
        Profile(
            label if as_tokens else f"{number:x}-token", "profile" if as_tokens else label, StreamParameters(), source
        )
        for number, (label, source) in enumerate(zip(labels, places, strict=True))
    )


RECORDERS = [
    # Hikvision
    (("Profile_101", "Profile_102", "Profile_201", "Profile_202", "Profile_1601", "Profile_1602"), (1, 2, 16)),
    # Dahua, Lorex
    (("MediaProfile00000", "MediaProfile00001", "MediaProfile00100", "MediaProfile00101"), (1, 2)),
    (
        ("MediaProfile_Channel1_MainStream", "MediaProfile_Channel1_SubStream1", "MediaProfile_Channel2_MainStream"),
        (1, 2),
    ),
    # Uniview, TVT, Reolink, XiongMai
    (("Channel 1 main", "Channel 1 sub", "Channel 3 main", "Channel 3 sub"), (1, 3)),
    (("ch03_main", "ch03_sub", "ch04_main", "ch04_sub"), (3, 4)),
    (("Profile0_0", "Profile0_1", "Profile1_0", "Profile1_1"), (1, 2)),
    (("MainStream_1", "SubStream_1", "MainStream_2", "SubStream_2"), (1, 2)),
    (("c1main", "c1sub", "c40main", "c40sub"), (1, 40)),
    (("D1 main", "D1 sub", "D2 main", "D2 sub"), (1, 2)),
    (("IPC 01", "IPC 02", "IPC 03"), (1, 2, 3)),
    (("1 main", "1 sub", "2 main", "2 sub"), (1, 2)),
    (("通道1 主码流", "通道1 子码流", "通道2 主码流", "通道2 子码流"), (1, 2)),
    (("1路主码流", "1路子码流", "2路主码流", "2路子码流"), (1, 2)),
    (("主码流1", "子码流1", "主码流2", "子码流2"), (1, 2)),
]


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize(("labels", "numbers"), RECORDERS)
def test_channels_are_found_by_names_where_one_source_is_named(
    labels: tuple[str, ...], numbers: tuple[int, ...], *, as_tokens: bool
) -> None:
    found = group_channels(profiles(*labels, as_tokens=as_tokens))
    assert tuple(each.number for each in found) == numbers
    assert sum(len(each.profiles) for each in found) == len(labels)


@pytest.mark.parametrize("as_tokens", [False, True])
@pytest.mark.parametrize(
    "labels",
    [
        ("Profile_1", "Profile_2", "Profile_3"),
        ("mainStream", "subStream", "thirdStream"),
        ("Profile_101", "Profile_102"),
        ("MediaProfile00000", "MediaProfile00001", "MediaProfile00002"),
        ("profile_1_h264", "profile_1_jpeg"),
        ("Profile000_MainStream", "Profile001_SubStream"),
        ("MainStream1", "SubStream1", "SubStream2"),
        ("000", "001", "002"),
        ("PROFILE_000", "PROFILE_001"),
        ("1920x1080", "640x360"),
        ("main", "main"),
        ("", ""),
        ("only",),
    ],
)
def test_the_streams_of_a_camera_are_one_channel(labels: tuple[str, ...], *, as_tokens: bool) -> None:
    (channel,) = group_channels(profiles(*labels, as_tokens=as_tokens))
    assert (channel.number, len(channel.profiles)) == (1, len(labels))


def test_sources_tell_before_names() -> None:
    named = profiles("Gate main", "Gate sub", "Yard main", "Yard sub", sources=("VS_1", "VS_1", "VS_2", "VS_2"))
    found = group_channels(named)
    assert [(each.number, each.name) for each in found] == [(1, "Gate"), (2, "Yard")]


def test_a_source_for_each_stream_is_no_channel() -> None:
    named = profiles("ch1 main", "ch1 sub", "ch2 main", "ch2 sub", sources=("a", "b", "c", "d"))
    assert [len(each.profiles) for each in group_channels(named)] == [2, 2]
    lenses = profiles("wide", "tele", sources=("VS_0", "VS_1"))
    assert [len(each.profiles) for each in group_channels(lenses)] == [1, 1]


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/Streaming/Channels/302", 3),
        ("/Streaming/Channels/1602?transportmode=unicast&profile=Profile_1602", 16),
        ("/Streaming/tracks/301", None),
        ("/cam/realmonitor?channel=12&subtype=1&unicast=true", 12),
        ("/user=admin_password={password}_channel=3_stream=1.sdp", 3),
        ("/unicast/c3/s1/live", 3),
        ("/h264Preview_03_sub", 3),
        ("/Preview_11_main", 11),
        ("/ch03/0", 3),
        ("/ch3/sub/av_stream", 3),
        ("/h264/ch33/main/av_stream", 33),
        ("/live?chn=2", 2),
        ("/chID=4&streamType=sub", 4),
        ("/video2", 2),
        ("/stream1", None),
        ("/live/main", None),
        ("/", None),
    ],
)
def test_the_channel_in_a_path(path: str, number: int | None) -> None:
    assert channel_in_path(path) == number


def test_channels_are_found_by_paths() -> None:
    found = group_by_paths(
        profiles("a", "b", "c"), ("/Streaming/Channels/101", "/Streaming/Channels/102", "/Streaming/Channels/401")
    )
    assert found is not None
    assert [(each.number, len(each.profiles)) for each in found] == [(1, 2), (4, 1)]
    assert group_by_paths(profiles("a", "b"), ("/Streaming/Channels/101", "/Streaming/Channels/102")) is None
    assert group_by_paths(profiles("a", "b"), ("/main", "/Streaming/Channels/201")) is None


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("all", None),
        ("ALL", None),
        ("全部", None),
        ("1-4", (1, 2, 3, 4)),
        ("1,3,5-7", (1, 3, 5, 6, 7)),
        (" 3 , 1 ", (1, 3)),
        ("5-8,6", (5, 6, 7, 8)),
        ("１－３，５", (1, 2, 3, 5)),
        ("1到3、5", (1, 2, 3, 5)),
        ("1~2;4", (1, 2, 4)),
    ],
)
def test_a_choice_of_channels(written: str, numbers: tuple[int, ...] | None) -> None:
    assert read_choice(written) == numbers


@pytest.mark.parametrize("written", ["", "x", "0", "0-4", "5-3", "1-", "-1", "1,,x", "99999", "1.5", "main"])
def test_what_is_no_choice_of_channels(written: str) -> None:
    with pytest.raises(RegistrationError, match="write all, 1-16 or 1,3,5-8"):
        read_choice(written)


def test_channels_are_shown_as_they_are_chosen() -> None:
    assert [shown_numbers(each) for each in ((), (1,), (3, 1, 2), (1, 2, 4, 6, 7))] == [
        "none",
        "1",
        "1-3",
        "1-2, 4, 6-7",
    ]
