"""The headers that prove who sent an event and when, as Standard Webhooks (standardwebhooks.com) has them. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def headers(event: str, body: bytes, key: bytes, at: float) -> Mapping[str, str]:
    """Return the headers of an event that is sent at a time, in seconds since the epoch.

    The signature is the HMAC-SHA256 of id, time and body, joined by full stops, in base64 after `v1,`.
    """
    sent = f"{at:.0f}"
    digest = hmac.new(key, b".".join((event.encode(), sent.encode(), body)), hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
