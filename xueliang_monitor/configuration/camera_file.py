"""The model of a camera file, and atomic writing of camera files."""

from __future__ import annotations

import enum
import heapq
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from xueliang_monitor import atomic_write
from xueliang_monitor.configuration.camera_access import access_of, make_folder
from xueliang_monitor.configuration.camera_sections import (
    Day,
    GbCode,
    IdentitySection,
    PictureSection,
    PositionSection,
    StreamSection,
    Words,
)
from xueliang_monitor.configuration.strict_yaml import Duration, Strict
from xueliang_monitor.model import AuthPolicy, Transport
from xueliang_monitor.net.host_validation import check_host
from xueliang_monitor.net.login_rules import why_not_in_path

ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
SHOWN_NAMES = 20
ID_RULE = "lower-case letters, digits, dot, dash, underscore"
Label = Annotated[str, Field(min_length=1, max_length=120)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Lifecycle(enum.StrEnum):
    """The lifecycle of a camera: watched and counted, watched only, or neither."""

    ACTIVE = "active"
    COMMISSIONING = "commissioning"
    RETIRED = "retired"


def _check_rtsp_path(value: str) -> str:
    if "#" in value:
        raise ValueError("not an RTSP path; a fragment is never sent, so write # as %23")
    return _check_path(value, "an RTSP path")


def _check_http_path(value: str) -> str:
    return _check_path(value, "a path")


def _check_path(value: str, what: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"not {what}; it must begin with /")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError(f"not {what}; it must not contain white space")
    return value


def _check_credentials(value: str | None, info: ValidationInfo) -> str | None:
    known = (info.context or {}).get("credentials")
    if value is not None and known is not None and value not in known:
        # With a login for each of 5,000 cameras, the whole list in 5,000 messages would be too long.
        names = ", ".join(heapq.nsmallest(SHOWN_NAMES, known)) or "none"
        more = f", … ({len(known):,} in all)" if len(known) > SHOWN_NAMES else ""
        raise ValueError(f'credentials "{value}" are not in the settings; known: {names}{more}')
    return value


def _check_tls(value: str) -> str:
    if value not in {"verify", "insecure", "legacy"} and not value.startswith("/"):
        raise ValueError("write verify, insecure, legacy, or the absolute path of a certificate file")
    return value


def _default_port(value: Any, info: ValidationInfo) -> Any:
    """Return the default port of RTSP, or of RTSP over TLS (RFC 7826, section 22.12), if none is given."""
    return value or (322 if info.data.get("rtsp") == "tls" else 554)


Login = Annotated[str | None, AfterValidator(_check_credentials)]


class CameraFile(Strict):
    """The content of a camera file."""

    name: Label | None = None
    """Display name. The default is the camera's id."""

    site: Label
    """Place where the camera is installed, such as a community or a school."""

    programme: Annotated[str, Field(max_length=120)] = ""
    """Rollout project that the camera belongs to."""

    uplink: Annotated[str, Field(max_length=120)] = ""
    """Switch or line that connects the camera, by its name in `uplinks.yaml` if there is one. Cameras that share an
    uplink are judged together when they fail together.
    """

    gb_code: GbCode | None = None
    """Code of the camera in a video platform (国标编码, GB/T 28181): 20 digits, or 18 in older plans. It is recorded
    but not used.
    """

    position: PositionSection | None = None
    """Where the camera hangs, in WGS 84. It is recorded but not used. Chinese maps show GCJ-02 (火星坐标), which is up
    to 700 m away.
    """

    contractor: Words = ""
    """Company that installed the camera. It is recorded but not used."""

    installed: Day | None = None
    """Date of installation, such as `2024-03-05`. It is recorded but not used."""

    address: Annotated[str, AfterValidator(check_host)]
    """IP address or host name. An IPv4 address has four decimal parts without leading zeros."""

    rtsp: Literal["plain", "tls"] = "plain"
    """`plain` for RTSP, `tls` for RTSP over TLS (rtsps)."""

    rtsp_port: Annotated[Port, Field(validate_default=True), BeforeValidator(_default_port)] = 0
    """RTSP port. The default is 554, or 322 with `rtsp: tls`."""

    rtsp_path: Annotated[str, Field(max_length=1024), AfterValidator(_check_rtsp_path)] = "/"
    """Path of the stream to check. `{username}` and `{password}` stand for the login if the camera expects it in the
    path.
    """

    transport: Transport = Transport.AUTO
    """Media transport. `tcp` uses the RTSP connection, `udp` uses UDP. `auto` uses TCP, or UDP if the camera refuses
    TCP with status 461.
    """

    listen: Annotated[Duration | None, Field(ge=0, le=10)] = None
    """Shortest time for which the stream is received when its measures are due. The default is `stream_listen` of the
    settings. 0s stops at the keyframe.
    """

    credentials: Login = None
    """Name of the login in the settings. Leave it out for a camera without a login."""

    auth: AuthPolicy | None = None
    """How the password may be sent over RTSP, if not as the credentials say: `auto`, `digest` or `basic`. `basic` also
    sends it unencrypted, even if the camera offered Digest before. ONVIF never sends a password.
    """

    onvif: Literal["none", "http", "https"] | None = None
    """How ONVIF is spoken: `none`, `http` or `https`. The default is `http` if `onvif_port` is set, otherwise `none`.
    """

    onvif_port: Port | None = None
    """Port of the ONVIF service. The default is 80, or 443 for https."""

    onvif_path: Annotated[str, Field(max_length=1024), AfterValidator(_check_http_path)] = "/onvif/device_service"
    """Path of the ONVIF device service."""

    onvif_credentials: Login = None
    """Name of the ONVIF login in the settings if it differs from `credentials`."""

    request_keyframe: Literal["auto", "never"] = "auto"
    """`auto` requests a keyframe over ONVIF (SetSynchronizationPoint) if keyframes are more than 2 s apart. `never`
    sends no such request.
    """

    snapshot_path: Annotated[str, Field(max_length=1024), AfterValidator(_check_http_path)] | None = None
    """Path of still pictures. It is recorded but not used."""

    tls: Annotated[str, AfterValidator(_check_tls)] = "verify"
    """Certificate check for RTSP and ONVIF over TLS: `verify`, or the absolute path of a file with the certificate of
    the camera or of its authority. `insecure` accepts any certificate and old TLS, `legacy` the oldest too.
    """

    status: Lifecycle = Lifecycle.ACTIVE
    """`active` cameras are checked and counted. `commissioning` cameras are checked but neither counted nor alerted.
    `retired` cameras are not checked.
    """

    registered: Annotated[str | None, Field(max_length=40)] = None
    """Time of registration in ISO 8601."""

    picture: PictureSection | None = None
    """How this camera's picture is judged. Missing keys take the value of the settings."""

    view_since: Annotated[str | None, Field(max_length=40)] = None
    """Time of the last intended change of the view, in ISO 8601. A new value makes the monitor learn the view again.
    `xueliang picture relearn` sets it.
    """

    accepted_at: Annotated[str | None, Field(max_length=40)] = None
    """Time when a change of the device or its stream was last accepted, in ISO 8601. A new value makes the monitor take
    what it finds from then on as normal, as far as `identity` and `stream` do not say otherwise. `xueliang camera
    accept-change` sets it.
    """

    identity: IdentitySection | None = None
    """Device that is expected to answer. Without it, the first answer is taken as expected."""

    stream: StreamSection | None = None
    """Encoder settings of the checked profile at registration. Without it, the stream is compared with its own past,
    whose first size stays the normal one until a change is accepted.
    """

    main_stream: StreamSection | None = None
    """Encoder settings of the main stream at registration. They are recorded but not checked."""

    @model_validator(mode="after")
    def _no_password_in_the_path(self) -> Self:
        if reason := why_not_in_path(self.rtsp_path, self.auth, None):
            raise ValueError(reason)
        return self

    @property
    def onvif_scheme(self) -> str:
        """The scheme for ONVIF: `none`, `http` or `https`; a port alone means `http`."""
        return self.onvif or ("http" if self.onvif_port else "none")


def _plain(data: CameraFile) -> dict[str, Any]:
    """Return the keys to write: those without default values, and those that people look for first."""
    always = {"name", "site", "programme", "uplink", "address", "rtsp_port", "rtsp_path", "credentials"}
    values = data.model_dump(mode="json", exclude_none=True)
    changed = data.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return {
        key: changed.get(key, value) for key, value in values.items() if key in changed or (key in always and value)
    }


def write(folder: Path, identity: str, data: CameraFile, *, new: bool = False) -> Path:
    """Write a camera file atomically and durably; return its path.

    Raises:
        FileExistsError: the file exists, and `new` was requested.
        OSError: the file cannot be written.

    """
    text = yaml.safe_dump(_plain(data), allow_unicode=True, sort_keys=False, width=120)
    return write_text(folder, identity, text, new=new)


def write_text(folder: Path, identity: str, text: str, *, new: bool = False) -> Path:
    """Write text as a camera file atomically and durably; return its path. Only its owner and its group can read it.

    Raises:
        FileExistsError: the file exists, and `new` was requested.
        OSError: the file cannot be written.

    """
    path = folder / f"{identity}.yaml"
    atomic_write.write(path, text.encode(), new=new, access=access_of(path).apply)
    return path


def put_aside(folder: Path, identity: str) -> Path:
    """Move a camera file to the subfolder `removed` under an unused name; return its new path.

    Raises:
        OSError: the file does not exist or cannot be moved.

    """
    removed = folder / "removed"
    make_folder(removed)
    kept, number = removed / f"{identity}.yaml", 1
    while kept.exists():
        number += 1
        kept = removed / f"{identity}.{number}.yaml"
    (folder / f"{identity}.yaml").rename(kept)
    atomic_write.sync_folder(removed)
    atomic_write.sync_folder(folder)
    return kept
