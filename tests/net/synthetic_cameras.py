"""Synthetic ONVIF responses in the form of eight camera models, with their quirks.

They have the layout of the recorded ones: one folder for each camera, one file for each response, and `index.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

URIS = (
    "http://www.onvif.org/ver10/device/wsdl",
    "http://www.onvif.org/ver10/media/wsdl",
    "http://www.onvif.org/ver10/events/wsdl",
)
AXIS_ZONE = "EST5EDT,M3.2.0,M11.1.0"
OPERATIONS = ("GetDNS", "GetNTP", "GetScopes", "GetUsers", "GetHostname")
"""Further operations that some cameras answer with an empty response or a refused login."""


@dataclass(frozen=True)
class Profile:
    """A profile in GetProfilesResponse."""

    token: str
    encoding: str
    size: tuple[int, int]
    rate: int
    kilobits: int
    pictures_between_keyframes: int = 0


@dataclass(frozen=True)
class SyntheticCamera:
    """A camera: `soap` is the prefix of its envelope, `paths` are the paths of its three services."""

    folder: str
    identity: tuple[str, str, str]
    profiles: tuple[Profile, ...]
    stream: str
    zone: str
    at: int
    paths: tuple[str, str, str]
    soap: str = "SOAP-ENV"
    last_reboot: bool = False
    undeclared_prefix: bool = False


AXIS_PLACES = ("/onvif/device_service", "/onvif/services", "/onvif/services")
BOSCH_PLACES = ("/onvif/device_service", "/onvif/media_service", "/onvif/event_service")
HIK_PLACES = ("/onvif/device_service", "/onvif/Media", "/onvif/Events")
CAMERAS = (
    SyntheticCamera(
        "AXIS_P3818-PVE",
        ("AXIS", "P3818-PVE", "B8A44FA04F26"),
        (
            Profile("profile_1_h264", "H264", (1920, 960), 30, kilobits=2147483647, pictures_between_keyframes=32),
            Profile("profile_1_jpeg", "JPEG", (5120, 2560), 30, kilobits=2147483647),
        ),
        "/onvif-media/media.amp?profile=profile_1_h264&streamtype=unicast",
        zone=AXIS_ZONE,
        at=1_768_332_325,
        paths=AXIS_PLACES,
    ),
    SyntheticCamera(
        "AXIS_Q3819-PVE",
        ("AXIS", "Q3819-PVE", "B8A44F9DC7ED"),
        (
            Profile("profile_1_h264", "H264", (8192, 1728), 30, kilobits=2147483647, pictures_between_keyframes=32),
            Profile("profile_1_jpeg", "JPEG", (320, 68), 30, kilobits=2147483647),
        ),
        "/onvif-media/media.amp?profile=profile_1_h264",
        zone=AXIS_ZONE,
        at=1_768_332_300,
        paths=AXIS_PLACES,
    ),
    SyntheticCamera(
        "Bosch_AUTODOME_5000i",
        ("Bosch", "AUTODOME IP starlight 5000i", "044566917926150010"),
        (Profile("0", "H264", (1920, 1080), 30, kilobits=5200, pictures_between_keyframes=15),),
        "/rtsp_tunnel?p=0&h26x=4&vcd=2",
        zone="UTC5:0",
        at=1_768_332_300,
        paths=BOSCH_PLACES,
        soap="env",
    ),
    SyntheticCamera(
        "Bosch_FLEXIDOME_8000i",
        ("Bosch", "FLEXIDOME IP starlight 8000i", "044518807925140011"),
        (Profile("0", "H264", (1920, 1080), 30, kilobits=5200, pictures_between_keyframes=15),),
        "/rtsp_tunnel?p=0&h26x=4&vcd=2",
        zone="UTC5:0",
        at=1_768_332_300,
        paths=BOSCH_PLACES,
        soap="env",
    ),
    SyntheticCamera(
        "HIKVISION_DS-2CD2012-I",
        ("HIKVISION", "DS-2CD2012-I", "DS-2CD2012-I20150201CCWR501088621"),
        (Profile("Profile_1", "H264", (1280, 960), 25, kilobits=2048, pictures_between_keyframes=50),),
        "/Streaming/Channels/2?transportmode=unicast&profile=Profile_1",
        zone="CST-8:00:00",
        at=1_768_332_300,
        paths=HIK_PLACES,
        soap="env",
    ),
    SyntheticCamera(
        "REOLINK_E1_Zoom",
        ("REOLINK", "E1 Zoom", "192168261"),
        (
            Profile("000", "H264", (2048, 1536), 15, kilobits=1024, pictures_between_keyframes=30),
            Profile("001", "H264", (640, 480), 15, kilobits=512, pictures_between_keyframes=60),
        ),
        "/",
        zone="CST+8:00:00",
        at=1_768_332_312,
        paths=BOSCH_PLACES,
        undeclared_prefix=True,
    ),
    SyntheticCamera(
        "TRENDnet_TV-IP320PI",
        ("TRENDnet", "TV-IP320PI", "TV-IP320PI20161206AAWR863642784"),
        (Profile("Profile_1", "H264", (1280, 720), 30, kilobits=2048, pictures_between_keyframes=30),),
        "/Streaming/Channels/102?transportmode=unicast",
        zone="CST+7:00:00DST01:00:00,M3.2.0/02:00:00,M11.1.0/02:00:00",
        at=1_768_332_300,
        paths=HIK_PLACES,
        soap="env",
        last_reboot=True,
    ),
)


def _envelope(soap: str, body: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{soap}:Envelope xmlns:{soap}="http://www.w3.org/2003/05/soap-envelope"'
        f' xmlns:tds="{URIS[0]}" xmlns:trt="{URIS[1]}" xmlns:tev="{URIS[2]}" xmlns:tt="http://www.onvif.org/ver10/schema"'
        ' xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:wstop="http://docs.oasis-open.org/wsn/t-1"'
        f' xmlns:ter="http://www.onvif.org/ver10/error"><{soap}:Body>{body}</{soap}:Body></{soap}:Envelope>'
    )


def _answer(soap: str, operation: str, body: str) -> str:
    of = {"GetProfiles": "trt", "GetStreamUri": "trt", "GetSnapshotUri": "trt", "GetEventProperties": "tev"}
    name = f"{of.get(operation, 'tds')}:{operation}Response"
    return _envelope(soap, f"<{name}>{body}</{name}>")


def _fault(soap: str, subcode: str) -> str:
    return _envelope(
        soap,
        f"<{soap}:Fault><{soap}:Code><{soap}:Value>{soap}:Sender</{soap}:Value><{soap}:Subcode><{soap}:Value>ter:{subcode}"
        f'</{soap}:Value></{soap}:Subcode></{soap}:Code><{soap}:Reason><{soap}:Text xml:lang="en">No</{soap}:Text>'
        f"</{soap}:Reason></{soap}:Fault>",
    )


def _profile(item: Profile) -> str:
    group = f"<tt:H264><tt:GovLength>{item.pictures_between_keyframes}</tt:GovLength></tt:H264>"
    return (
        f'<trt:Profiles token="{item.token}"><tt:Name>{item.token}</tt:Name><tt:VideoEncoderConfiguration token="e">'
        f"<tt:Encoding>{item.encoding}</tt:Encoding><tt:Resolution><tt:Width>{item.size[0]}</tt:Width><tt:Height>"
        f"{item.size[1]}</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>{item.rate}</tt:FrameRateLimit>"
        f"<tt:BitrateLimit>{item.kilobits}</tt:BitrateLimit></tt:RateControl>"
        f"{group if item.pictures_between_keyframes else ''}</tt:VideoEncoderConfiguration></trt:Profiles>"
    )


def _moment(at: int) -> str:
    utc = datetime.fromtimestamp(at, UTC)
    return (
        f"<tt:UTCDateTime><tt:Time><tt:Hour>{utc.hour}</tt:Hour><tt:Minute>{utc.minute}</tt:Minute><tt:Second>{utc.second}"
        f"</tt:Second></tt:Time><tt:Date><tt:Year>{utc.year}</tt:Year><tt:Month>{utc.month}</tt:Month><tt:Day>{utc.day}"
        "</tt:Day></tt:Date></tt:UTCDateTime>"
    )


def _bodies(camera: SyntheticCamera) -> dict[str, str]:
    """Return the content of the responses by operation, without the response element."""
    manufacturer, model, serial = camera.identity
    base = "http://192.168.1.64"  # the address that the camera believes it has
    services = "".join(
        f"<tds:Service><tds:Namespace>{uri}</tds:Namespace><tds:XAddr>{base}{path}</tds:XAddr></tds:Service>"
        for uri, path in zip(URIS, camera.paths, strict=True)
    )
    if camera.undeclared_prefix:
        services += (
            "<tds:Service><tds:Namespace>http://www.onvif.org/ver20/media/wsdl</tds:Namespace>"
            f'<tds:XAddr>{base}/onvif/media2</tds:XAddr><tds:Capabilities><tr2:Capabilities SnapshotUri="true"/>'
            "</tds:Capabilities></tds:Service>"
        )
    capabilities = "".join(
        f"<tt:{kind}><tt:XAddr>{base}{path}</tt:XAddr></tt:{kind}>"
        for kind, path in zip(("Device", "Media", "Events"), camera.paths, strict=True)
    )
    reboot = '<tns1:Monitoring><OperatingTime><LastReboot wstop:topic="true"/></OperatingTime></tns1:Monitoring>'
    return {
        "GetDeviceInformation": f"<tds:Manufacturer>{manufacturer}</tds:Manufacturer><tds:Model>{model}</tds:Model>"
        f"<tds:FirmwareVersion>1.0.1</tds:FirmwareVersion><tds:SerialNumber>{serial}</tds:SerialNumber>",
        "GetSystemDateAndTime": "<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:TimeZone><tt:TZ>"
        f"{camera.zone}</tt:TZ></tt:TimeZone>{_moment(camera.at)}</tds:SystemDateAndTime>",
        "GetServices": services,
        "GetCapabilities": f"<tds:Capabilities>{capabilities}</tds:Capabilities>",
        "GetProfiles": "".join(map(_profile, camera.profiles)),
        "GetStreamUri": f"<trt:MediaUri><tt:Uri>rtsp://192.168.1.64:554{escape(camera.stream)}</tt:Uri></trt:MediaUri>",
        "GetSnapshotUri": f"<trt:MediaUri><tt:Uri>{base}/snapshot.jpg?profile=1</tt:Uri></trt:MediaUri>",
        "GetEventProperties": f"<wstop:TopicSet>{reboot if camera.last_reboot else ''}</wstop:TopicSet>",
    }


def _write(folder: Path, answers: list[tuple[str, int, str]]) -> None:
    folder.mkdir()
    exchanges = []
    for number, (operation, status, text) in enumerate(answers, 1):
        file = f"{number:03d}_{operation}_{status}.xml"
        (folder / file).write_text(text, encoding="utf-8")
        exchanges.append({"op": operation, "status": status, "file": file})
    (folder / "index.json").write_text(json.dumps({"camera": folder.name, "exchanges": exchanges}))


def write_cameras(folder: Path) -> Path:
    """Write the cameras, and one that refuses every login; return the folder."""
    refusing = [(name, 400, _fault("SOAP-ENV", "NotAuthorized")) for name in (*_bodies(CAMERAS[0]), *OPERATIONS)]
    _write(folder / "AXIS_P5655_all-400", refusing)
    for camera in CAMERAS:
        answers = [(name, 200, _answer(camera.soap, name, body)) for name, body in _bodies(camera).items()]
        _write(
            folder / camera.folder,
            [*answers, ("GetDot1XConfigurations", 400, _fault(camera.soap, "ActionNotSupported"))],
        )
    return folder
