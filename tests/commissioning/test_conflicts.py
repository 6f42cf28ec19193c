"""The id of a further channel at an address."""

from __future__ import annotations

import pytest

from xueliang_monitor.commissioning.conflicts import free_id
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.camera_sections import StreamSection

ADDRESS = "192.0.2.7"


@pytest.mark.parametrize(
    ("path", "profile", "taken", "identity"),
    [
        ("/", "", {}, "nvr"),
        ("/", "", {"nvr": "192.0.2.8"}, "nvr"),
        ("/Streaming/Channels/302", "Profile_302", {"nvr": ADDRESS}, "nvr-ch3"),
        ("/cam/realmonitor?channel=2&subtype=1", "", {"nvr": ADDRESS}, "nvr-ch2"),
        ("/Streaming/Channels/102", "c2sub", {"nvr": ADDRESS}, "nvr-ch2"),
        ("/live", "Main Stream", {"nvr": ADDRESS}, "nvr-main-stream"),
        ("/live", "", {"nvr": ADDRESS}, "nvr-2"),
        ("/live", "", {"nvr": ADDRESS, "nvr-2": ADDRESS}, "nvr-3"),
        ("/ch3", "sub", {"nvr": ADDRESS, "nvr-ch3": ADDRESS}, "nvr-sub"),
        ("/ch3", "", {"nvr": ADDRESS, "nvr-ch3": "192.0.2.9"}, "nvr-2"),
    ],
)
def test_a_further_channel_gets_an_id_that_tells_it_apart(
    path: str, profile: str, taken: dict[str, str], identity: str
) -> None:
    stream = StreamSection(profile=profile) if profile else None
    data = CameraFile(site="S", address=ADDRESS, rtsp_path=path, stream=stream)
    assert free_id("nvr", data, taken) == identity
