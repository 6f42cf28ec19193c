"""The references of the settings file, the camera files and the web configuration."""

from __future__ import annotations

from pydantic import BaseModel

from tools.docs.markdown import page, table
from tools.docs.models import Key, keys
from xueliang_monitor.configuration.camera_file import CameraFile
from xueliang_monitor.configuration.settings import AT_START, Settings
from xueliang_monitor.configuration.topology_files import FILE, FOLDER, MAX_NODES, UplinkFile
from xueliang_monitor.relay.settings import RelaySettings
from xueliang_monitor.web.web_config import WebSettings

_SHOWN_DEFAULTS = {
    "workers": "`auto`",
    "rtsp_port": "`554`, or `322` with `rtsp: tls`",
    "name": "the id",
    "onvif": "`http` if `onvif_port` is set, otherwise `none`",
    "onvif_port": "`80`, or `443` with `onvif: https`",
    "listen": "`stream_listen` of the settings",
}
"""Defaults that a validator computes."""

_DURATIONS = "Write a duration as a number with a unit: `500ms`, `15s`, `5m`, `2h` or `1d`."


def described(model: type[BaseModel]) -> dict[str, str]:
    """Return the description of every key by its path."""
    return {key.path: key.text for key in keys(model)}


def _rows(model: type[BaseModel], computed: dict[str, str]) -> list[tuple[Key, str, str]]:
    return [(key, computed.get(key.path, key.default), key.text) for key in keys(model)]


def settings() -> str:
    """Return the page of the settings file."""
    computed = {"workers": _SHOWN_DEFAULTS["workers"]}
    rows = [
        (
            f"`{key.path}`",
            key.kind if key.path != "workers" else "integer or `auto`",
            default,
            key.bounds,
            "restart" if key.path.partition(".")[0] in AT_START else "reload",
            text,
        )
        for key, default, text in _rows(Settings, computed)
    ]
    web = [(f"`{key.path}`", key.kind, default, text) for key, default, text in _rows(WebSettings, {})]
    relay = [(f"`{key.path}`", key.kind, default, key.bounds, text) for key, default, text in _rows(RelaySettings, {})]
    return page(
        "Configuration reference",
        "The settings are one YAML file: `/etc/xueliang-monitor/xueliang.yaml` on an installed system. Every key is"
        " optional. Unknown keys are errors. `xueliang config check` prints every error with its file and line.",
        _DURATIONS,
        "The column *takes effect* shows what a change needs. `reload` means `systemctl reload xueliang-monitor`"
        " (SIGHUP). `restart` means `systemctl restart xueliang-monitor`. An invalid file is not applied; the last"
        " valid version stays in force. `/about` shows the settings in force and those that wait for a restart.",
        "## Settings file",
        table(("key", "type", "default", "bounds", "takes effect", "meaning"), rows),
        "## Web configuration",
        "`web_config` names a second YAML file in the format of Prometheus's exporter-toolkit. The monitor applies new"
        " users, hashes, headers and certificates within seconds. Turning TLS on or off needs a restart.",
        table(("key", "type", "default", "meaning"), web),
        "## Settings of the relay",
        "`xueliang relay` has a file of its own, `/etc/xueliang-monitor/relay.yaml`. Changes need"
        " `systemctl restart xueliang-relay`. See [Alerts](../alerts.md).",
        table(("key", "type", "default", "bounds", "meaning"), relay),
        "## Passwords",
        "Passwords are not written in the settings file. `password_file` names a file with the password. Under systemd,"
        " `LoadCredential=` passes the files of `/etc/xueliang-monitor/secrets` to the service when it starts, so a new"
        " password needs a restart there. `password_env` names an environment variable.",
    )


def camera_files() -> str:
    """Return the page of the camera files."""
    rows = [
        (f"`{key.path}`", key.kind, default, key.bounds, text)
        for key, default, text in _rows(CameraFile, _SHOWN_DEFAULTS)
    ]
    return page(
        "Camera file reference",
        "Each camera has one YAML file in the inventory folder `cameras.d`. The file name without `.yaml` is the"
        " camera's id. An id has lower-case letters, digits, dots, dashes and underscores, at most 63 characters.",
        "`xueliang camera add` and `xueliang camera import` write these files. You can also write them by hand or"
        " deploy them with git. The daemon applies new, changed and removed files within two seconds. An invalid file"
        " never stops other cameras; its last valid version stays in force and the page shows a warning.",
        _DURATIONS,
        "## Keys",
        table(("key", "type", "default", "bounds", "meaning"), rows),
    )


def topology_files() -> str:
    """Return the page of the files of the topology."""
    computed = {"name": "the name of the node", "address": "none", "sessions": "`recorder_sessions` of the settings"}
    rows = [
        (f"`{key.path}`", key.kind, default, key.bounds, text) for key, default, text in _rows(UplinkFile, computed)
    ]
    return page(
        "Topology file reference",
        f"`{FILE}` beside the settings file maps the name of each node to its keys. Instead of it there may be a folder"
        f" `{FOLDER}` with one YAML file for each node: the file name without `.yaml` is the name of the node. If"
        " there are both, neither is used. [Topology](../topology.md) has examples.",
        "The name of a node is the word that camera files give as `uplink`. It has 1 to 120 characters of any script,"
        " no control character and no space at its ends. Names that are too long for a file name, or that contain a"
        f" slash, need `{FILE}`. At most {MAX_NODES:,} nodes are read.",
        "The daemon applies changes within two seconds. A node with an invalid key, an unknown parent or a place in a"
        " circle stays as it was. If it is new, it is used without the invalid key, so that what hangs on it still"
        " does. A file that is not valid YAML changes nothing.",
        "## Keys",
        table(("key", "type", "default", "bounds", "meaning"), rows),
        "The values of `uplink`, `name`, `place`, `port` and `circuit` are texts: `0012` and `1:24` need no quotes.",
    )


def camera_folder() -> str:
    """Return the page that lies in the folder of the camera files."""
    rows = [(f"`{key.path}`", default, text) for key, default, text in _rows(CameraFile, _SHOWN_DEFAULTS)]
    return page(
        "One file for each camera",
        "The file name without `.yaml` is the camera's id: lower-case letters, digits, dots, dashes and underscores."
        " `xueliang camera add` writes these files. You can also write them by hand or deploy them with git. The daemon"
        " applies changes within two seconds.",
        table(("key", "default", "meaning"), rows),
    )
