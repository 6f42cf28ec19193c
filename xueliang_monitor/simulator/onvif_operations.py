"""The ONVIF operations of a simulated camera: one function for each, from the device to the body of the response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from xueliang_monitor.simulator import dome
from xueliang_monitor.simulator.behaviour import Behaviour
from xueliang_monitor.simulator.clips import RATE
from xueliang_monitor.simulator.soap_messages import SoapRequest
from xueliang_monitor.wire.media import Codec

MANUFACTURER, MODEL, FIRMWARE = "Xueliang Simulated", "SIM-360", "1.4.2"
WITHOUT_LOGIN = frozenset({"GetSystemDateAndTime", "GetServices", "GetCapabilities", "GetServiceCapabilities"})
_ENCODINGS = {Codec.H264: "H264", Codec.H265: "H265", Codec.MJPEG: "JPEG"}
MEDIA2 = ("http://www.onvif.org/ver20/media/wsdl", "/onvif/media2_service")
_SERVICES = (
    ("http://www.onvif.org/ver10/device/wsdl", "/onvif/device_service"),
    ("http://www.onvif.org/ver10/media/wsdl", "/onvif/media_service"),
    ("http://www.onvif.org/ver10/events/wsdl", "/onvif/event_service"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDevice:
    """The state of a simulated camera at the time of one request.

    `base_url` and `stream_url` hold the address that the camera believes it has. `clock` and `started_at` are seconds
    since the epoch. `publishes_last_reboot` is True if the events service has the LastReboot topic.
    """

    serial: str
    base_url: str
    stream_url: str
    codec: Codec
    pictures_between_keyframes: int
    clock: float
    started_at: float
    behaviour: Behaviour
    publishes_last_reboot: bool = True

    @property
    def hides_encoders(self) -> bool:
        """Whether it has Media2 beside Media, which cannot name its codec."""
        return self.codec is Codec.H265


def _moment(name: str, at: datetime) -> str:
    time = f"<tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
    date = f"<tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day>"
    return f"<tt:{name}><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:{name}>"


def _date_and_time(device: SimulatedDevice, _request: SoapRequest) -> str:
    utc = datetime.fromtimestamp(device.clock, UTC)
    here = datetime.fromtimestamp(device.clock + 8 * 3600, UTC)
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone>"
        f"{_moment('UTCDateTime', utc)}{_moment('LocalDateTime', here)}"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _information(device: SimulatedDevice, _request: SoapRequest) -> str:
    behaviour = device.behaviour
    return (
        f"<tds:GetDeviceInformationResponse><tds:Manufacturer>{MANUFACTURER}</tds:Manufacturer>"
        f"<tds:Model>{MODEL}</tds:Model><tds:FirmwareVersion>{behaviour.firmware or FIRMWARE}</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{device.serial}{'-B' if behaviour.replaced else ''}</tds:SerialNumber>"
        "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def _listed(device: SimulatedDevice) -> tuple[tuple[str, str], ...]:
    """Return the services of the camera: their namespaces and their paths."""
    of_dome = ((dome.NAMESPACE, dome.PATH),) if device.behaviour.dome else ()
    return (*_SERVICES, *((MEDIA2,) if device.hides_encoders else ()), *of_dome)


def _services(device: SimulatedDevice, _request: SoapRequest) -> str:
    services = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{device.base_url}{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for namespace, path in _listed(device)
    )
    return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"


def _capabilities(device: SimulatedDevice, _request: SoapRequest) -> str:
    base = device.base_url
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr></tt:Device>"
        f"<tt:Events><tt:XAddr>{base}/onvif/event_service</tt:XAddr>"
        "<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport>"
        "<tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>"
        "</tt:Events>"
        f"<tt:Media><tt:XAddr>{base}/onvif/media_service</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def _hostname(device: SimulatedDevice, _request: SoapRequest) -> str:
    return (
        "<tds:GetHostnameResponse><tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
        f"<tt:Name>sim-{device.serial.lower()}</tt:Name></tds:HostnameInformation></tds:GetHostnameResponse>"
    )


def _ntp(_device: SimulatedDevice, _request: SoapRequest) -> str:
    return (
        "<tds:GetNTPResponse><tds:NTPInformation><tt:FromDHCP>false</tt:FromDHCP><tt:NTPManual><tt:Type>DNS</tt:Type>"
        "<tt:DNSname>ntp.example.org</tt:DNSname></tt:NTPManual></tds:NTPInformation></tds:GetNTPResponse>"
    )


def _encoder(device: SimulatedDevice, token: str, name: str, kilobits: int) -> str:
    encoding = _ENCODINGS[device.codec]
    group = f"<tt:GovLength>{device.pictures_between_keyframes}</tt:GovLength><tt:H264Profile>Main</tt:H264Profile>"
    return (
        f'<tt:VideoEncoderConfiguration token="{token}-encoder"><tt:Name>{name}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding>"
        "<tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution><tt:Quality>5</tt:Quality>"
        f"<tt:RateControl><tt:FrameRateLimit>{RATE}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        f"<tt:BitrateLimit>{kilobits}</tt:BitrateLimit></tt:RateControl>"
        f"{'' if encoding == 'JPEG' else f'<tt:H264>{group}</tt:H264>'}"
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
    )


def _profile(device: SimulatedDevice, token: str, name: str, kilobits: int) -> str:
    return (
        f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{name}</tt:Name>'
        '<tt:VideoSourceConfiguration token="source"><tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount>'
        '<tt:SourceToken>sensor</tt:SourceToken><tt:Bounds x="0" y="0" width="640" height="360"/>'
        "</tt:VideoSourceConfiguration>"
        f"{'' if device.hides_encoders else _encoder(device, token, name, kilobits)}</trt:Profiles>"
    )


def _profiles(device: SimulatedDevice, _request: SoapRequest) -> str:
    services = _profile(device, "main", "mainStream", 2048) + _profile(device, "sub", "subStream", 2048)
    return f"<trt:GetProfilesResponse>{services}</trt:GetProfilesResponse>"


def _uri(name: str, uri: str) -> str:
    return (
        f"<trt:{name}Response><trt:MediaUri><tt:Uri>{escape(uri)}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        f"<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:{name}Response>"
    )


def _stream_uri(device: SimulatedDevice, request: SoapRequest) -> str:
    sub = request.values.get("ProfileToken") == "sub"
    return _uri("GetStreamUri", f"{device.stream_url}{'-sub' if sub else ''}")


def _snapshot_uri(device: SimulatedDevice, request: SoapRequest) -> str:
    return _uri("GetSnapshotUri", f"{device.base_url}/snapshot?profile={request.values.get('ProfileToken', '')}")


def _synchronize(_device: SimulatedDevice, _request: SoapRequest) -> str:
    return "<trt:SetSynchronizationPointResponse/>"


def _event_properties(device: SimulatedDevice, _request: SoapRequest) -> str:
    topic = (
        '<tns1:Monitoring><OperatingTime><LastReboot wstop:topic="true"><tt:MessageDescription IsProperty="true">'
        '<tt:Data><tt:SimpleItemDescription Name="Status" Type="xsd:dateTime"/></tt:Data></tt:MessageDescription>'
        "</LastReboot></OperatingTime></tns1:Monitoring>"
    )
    return (
        "<tev:GetEventPropertiesResponse>"
        "<tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml</tev:TopicNamespaceLocation>"
        "<wsnt:FixedTopicSet>true</wsnt:FixedTopicSet>"
        f"<wstop:TopicSet>{topic if device.publishes_last_reboot else ''}</wstop:TopicSet>"
        "<wsnt:TopicExpressionDialect>http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
        "</wsnt:TopicExpressionDialect>"
        "<tev:MessageContentFilterDialect>http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
        "</tev:MessageContentFilterDialect><tev:MessageContentSchemaLocation>http://www.onvif.org/onvif/ver10/schema/"
        "onvif.xsd</tev:MessageContentSchemaLocation></tev:GetEventPropertiesResponse>"
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _subscribe(device: SimulatedDevice, _request: SoapRequest) -> str:
    return (
        "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
        f"<wsa:Address>{device.base_url}/onvif/subscription?id=1</wsa:Address></tev:SubscriptionReference>"
        f"<wsnt:CurrentTime>{_iso(device.clock)}</wsnt:CurrentTime>"
        f"<wsnt:TerminationTime>{_iso(device.clock + 60)}</wsnt:TerminationTime>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


def _pull(device: SimulatedDevice, _request: SoapRequest) -> str:
    started = _iso(device.started_at + device.behaviour.clock_offset)
    message = (
        '<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        "tns1:Monitoring/OperatingTime/LastReboot</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="{_iso(device.clock)}" PropertyOperation="Initialized">'
        f'<tt:Data><tt:SimpleItem Name="Status" Value="{started}"/></tt:Data></tt:Message>'
        "</wsnt:Message></wsnt:NotificationMessage>"
    )
    return (
        f"<tev:PullMessagesResponse><tev:CurrentTime>{_iso(device.clock)}</tev:CurrentTime>"
        f"<tev:TerminationTime>{_iso(device.clock + 60)}</tev:TerminationTime>{message}</tev:PullMessagesResponse>"
    )


def _unsubscribe(_device: SimulatedDevice, _request: SoapRequest) -> str:
    return "<wsnt:UnsubscribeResponse/>"


def _dome_status(device: SimulatedDevice, _request: SoapRequest) -> str:
    return dome.status(device.behaviour)


def _dome_presets(_device: SimulatedDevice, _request: SoapRequest) -> str:
    return dome.presets()


OPERATIONS: dict[str, Callable[[SimulatedDevice, SoapRequest], str]] = {
    "GetSystemDateAndTime": _date_and_time,
    "GetDeviceInformation": _information,
    "GetServices": _services,
    "GetCapabilities": _capabilities,
    "GetHostname": _hostname,
    "GetNTP": _ntp,
    "GetProfiles": _profiles,
    "GetStreamUri": _stream_uri,
    "GetSnapshotUri": _snapshot_uri,
    "SetSynchronizationPoint": _synchronize,
    "GetEventProperties": _event_properties,
    "CreatePullPointSubscription": _subscribe,
    "PullMessages": _pull,
    "Unsubscribe": _unsubscribe,
    "GetStatus": _dome_status,
    "GetPresets": _dome_presets,
}
