"""Calls as Alertmanager makes them."""

from __future__ import annotations

import json
from typing import Any

BEGAN = "2026-11-27T23:15:30.123456789Z"
OVER = "2026-11-28T00:02:00Z"


def told(number: int = 1, *, over: bool = False, severity: str = "critical", began: str = BEGAN) -> dict[str, Any]:
    """Return one alert of a call: a camera that is offline, or back."""
    return {
        "status": "resolved" if over else "firing",
        "labels": {
            "alertname": "CameraOffline",
            "camera": f"liulin-{number}",
            "site": "柳林社区",
            "severity": severity,
            "instance": "127.0.0.1:9147",
        },
        "annotations": {
            "summary": f"Gate {number} liulin-{number} (柳林社区): offline, no answer",
            "summary_zh": f"大门 {number} liulin-{number}（柳林社区）：离线，无响应",
            "since": "2026-11-28 07:15:30 UTC+08",
            "cause": "No power, or the cable is broken.",
            "cause_zh": "断电或网线断开。",
            "advice": "Check power and cable.",
            "advice_zh": "检查供电与网线。",
            "page": f"https://cameras.example.org:9147/cameras/liulin-{number}",
        },
        "startsAt": began,
        "endsAt": OVER if over else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": f"{number:016x}",
    }


def call(*alerts: dict[str, Any]) -> bytes:
    """Return the body of a call."""
    return json.dumps(
        {"version": "4", "groupKey": '{}:{alertname="CameraOffline"}', "status": "firing", "alerts": alerts}
    ).encode()
