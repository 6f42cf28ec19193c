"""The reference of the HTTP API: routes from the application, JSON from a sample fleet."""

from __future__ import annotations

import inspect
import json
import tempfile
from pathlib import Path
from typing import Any

from tools.docs.markdown import page, table
from tools.docs.sample import CAMERA, sample_fleet
from xueliang_monitor.configuration.settings import Settings
from xueliang_monitor.fleet.root_causes import Uplink
from xueliang_monitor.topology import Node, Topology
from xueliang_monitor.web import views
from xueliang_monitor.web.access import Access
from xueliang_monitor.web.api import ENDPOINTS
from xueliang_monitor.web.api.openapi import document
from xueliang_monitor.web.api.past import MOST_NUMBER
from xueliang_monitor.web.application import application
from xueliang_monitor.web.problem_documents import refused
from xueliang_monitor.web.web_config import Protection

MOST_WORDS = 6
"""Values that a table lists."""

_ROUTES = {
    "/": "Device status overview as a page. Query: `programme`, `site`, `state`, `fault`, `q` (text).",
    "/live": "Changes of the overview as server-sent events.",
    "/cameras/{camera}": "One camera as a page.",
    "/cameras/{camera}/live": "Changes of one camera as server-sent events.",
    "/cameras/{camera}/evidence/{file}": "One evidence picture. The access is written to the audit log first.",
    "/cameras/{camera}/lights/{number}": "One learned view of the camera as a picture.",
    "/cameras/{camera}/check": "Check a camera now. Needs a named user.",
    "/cameras/{camera}/accept-change": "Accept a change of a camera. Needs a named user. Form: `shown`,"
    " what the page shows of it.",
    "/maintenance/start": "Start maintenance. Needs a named user.",
    "/maintenance/stop": "End maintenance. Needs a named user.",
    "/problems": "Open problems as a page. Query: `severity` (`critical`, `warning`), `site`, `known` (`yes`, `no`),"
    " `q` (words), `sort` (`newest`, `name`).",
    "/problems/live": "Changes of the open problems as server-sent events.",
    "/problems/acknowledge": "The form for one problem, and its receiver, which needs a named user. Query or form:"
    " `problem` (its key); form: `for` (such as `8h`), `note`.",
    "/problems/release": "Take an acknowledgement back. Needs a named user. Form: `problem`.",
    "/events": "Events as a page. Query: `site`, `camera`, `fault`, `severity`, `from`, `to`, `q` (words), `before`.",
    "/sites": "What cameras hang on as a tree, and sites, as a page. `/sites#NODE` leads to a node.",
    "/report": "The availability report as a page. Query: `month` (a month, a day, or a range of at most 92 days),"
    " `format` (`csv` or `xlsx`).",
    "/about": "Version, settings in force, storage.",
    "/prefer": "Set language and appearance.",
    "/static/{name}": "Style sheet, script and icon.",
    "/metrics": "Metrics in the Prometheus text format or OpenMetrics, compressed on request.",
    "/healthz": "200 while the daemon runs. Needs no login.",
    "/readyz": "200 once every camera was visited, 503 before.",
    "/docs": "This documentation, if it was built.",
    "/docs/": "This documentation, if it was built.",
    "/docs/{path}": "This documentation, if it was built.",
}

_API = {each.path: " ".join((each.summary, *(f"{code}: {text}" for code, text in each.codes))) for each in ENDPOINTS}


def _parameters() -> str:
    """Return the parameters of the API by address, as its OpenAPI document declares them."""
    rows = []
    for path, operations in document(ENDPOINTS)["paths"].items():
        for parameter in operations["get"]["parameters"]:
            if parameter["in"] == "query":
                schema = parameter["schema"]
                rows.append((f"`{path}`", f"`{parameter['name']}`", _values(schema), parameter["description"]))
    return table(("path", "parameter", "value", "meaning"), rows)


def _values(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        return _values(document(ENDPOINTS)["components"]["schemas"][name])
    if "anyOf" in schema:
        return " or ".join(each["format"] for each in schema["anyOf"])
    if len(schema.get("enum", ())) > MOST_WORDS:
        return "a code of `/api/v1/faults`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    usual = f", default {schema['default']}" if "default" in schema else ""
    if schema["type"] == "integer":
        most = schema["maximum"]
        return f"{schema['minimum']} {f'to {most}' if most < MOST_NUMBER else 'or more'}{usual}"
    return f"text of at most {schema['maxLength']} characters"


def _routes() -> list[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder))
        built = application(sample_fleet(), settings, Access(Protection(), frozenset()))
    rows = []
    for route in built.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if route.method == "HEAD":
            continue
        handler = inspect.getdoc(route.handler) or ""
        rows.append((route.method, f"`{path}`", _ROUTES.get(path) or _API.get(path) or handler.split("\n\n")[0]))
    return rows


def _sample(full: bool) -> str:
    fleet = sample_fleet()
    entry, status = fleet.entry(CAMERA), fleet.status_of(CAMERA)
    view = views.camera_in_full if full else views.camera
    shown = view(entry, status, fleet.topology)
    return f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```"


DOWN_SINCE = 1_790_000_000.0


def _error_sample() -> str:
    answer = refused(400, "limit: must be a number", errors=[{"parameter": "limit", "detail": "must be a number"}])
    return f"```json\n{json.dumps(json.loads(answer.text or ''), indent=2)}\n```"


def _uplink_sample() -> str:
    nodes = (
        Node("liulin-line", title="Liulin line", circuit="GX-17"),
        Node("liulin-sw1", "liulin-line", title="Liulin switch 1", place="Liulin east gate", port="GE0/0/1"),
    )
    known = Uplink("liulin-sw1", cameras=10, lost=frozenset({CAMERA}), down_since=DOWN_SINCE)
    shown = views.uplink(known, Topology.of(nodes, ()))
    return f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```"


def http() -> str:
    """Return the page of the HTTP API."""
    return page(
        "HTTP API",
        "The API is read-only JSON. Moments are ISO 8601 in UTC, durations are seconds. Texts for people are objects"
        " with `en` and `zh`. Version 1 may gain keys; existing keys keep their names and types.",
        "## Access",
        "The daemon listens on `listen`, by default 127.0.0.1:9147. With users in `web_config`, every path except"
        " `/healthz` requires HTTP Basic authentication. The request's `Host` must be an IP address, `localhost`, the"
        " machine's name or a name in `hosts`. Requests that another site's page sends are denied. Commands on the same"
        " machine use the Unix socket `control.sock` in the state folder. At most 200 live streams are open"
        " at once, 64 of one client. After failed logins, requests are answered with 429 and `Retry-After`.",
        "## Paths",
        table(("method", "path", "answer"), _routes()),
        "## Parameters of the API",
        "An unknown parameter, one that is given twice and an invalid value are refused with 400."
        " `/api/v1/openapi.json` describes every address, parameter and answer as OpenAPI 3.1. Dates and moments"
        " without a zone are local time of the monitor; a plus sign in an address is written as `%2B`.",
        _parameters(),
        "With `limit`, `/api/v1/cameras` answers in pages by id: ask again with `after` set to `next` until `next` is"
        " `null`. Cameras that are added or removed meanwhile do not move the pages.",
        "## Errors",
        "Every error under `/api/` is a problem document (RFC 9457) with the type `application/problem+json`: `title`,"
        " `status`, and `detail` for people. `errors` names the parameters that were refused.",
        _error_sample(),
        "## Targets for Prometheus",
        "`/api/v1/sd` lists the cameras with host and RTSP port for `http_sd_configs`, such as for the blackbox"
        " exporter. Labels are `__meta_xueliang_camera`, `_name`, `_site`, `_programme`, `_uplink`, `_status` and"
        " `_address`, each after `__meta_xueliang`.",
        "```yaml\nhttp_sd_configs:\n  - url: http://127.0.0.1:9147/api/v1/sd?site=Liulin\nrelabel_configs:\n"
        "  - source_labels: [__meta_xueliang_camera]\n    target_label: camera\n```",
        "## A camera in the list",
        "`state` is `up`, `degraded`, `down`, `unknown` or `maintenance`. `online` and `healthy` are `null` if they are"
        " not known. `status` is the lifecycle of the camera file.",
        _sample(full=False),
        "`path` are the nodes of the [topology](../topology.md) that the camera hangs on, from its own up to the last"
        " one before the monitor. `behind` is the dead node that hides the camera, `null` if none does.",
        "## An uplink",
        "`uplinks` of `/api/v1/cameras` are the nodes of the topology with enough cameras to be judged. `kind` is"
        " `uplink` or `host` (a recorder or an encoder), `title` the name for people. `up` is false if the node is down"
        " or behind a node that is. `since` and `lost` belong to a node that is down itself, `behind` names the dead"
        " node above it.",
        _uplink_sample(),
        "## A camera in full",
        _sample(full=True),
        "## Examples",
        "```sh\ncurl -s http://127.0.0.1:9147/api/v1/cameras\n"
        "curl -s 'http://127.0.0.1:9147/api/v1/outages?camera=liulin-east&days=7'\n"
        "curl -s 'http://127.0.0.1:9147/api/v1/cameras?state=down&site=Liulin&limit=100'\n"
        "curl -s 'http://127.0.0.1:9147/api/v1/events?severity=critical&from=2026-10-01'\n"
        "curl -sN http://127.0.0.1:9147/api/v1/events/live\n```",
    )
