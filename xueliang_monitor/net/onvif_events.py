"""Reads the time of a camera's last start, which is a property event (ONVIF Core, 8.8.5; Events, 9.2)."""

from __future__ import annotations

import contextlib
import datetime

from lxml import etree

from xueliang_monitor.net.errors import NetError
from xueliang_monitor.net.onvif_caller import OnvifCaller
from xueliang_monitor.wire import onvif, soap
from xueliang_monitor.wire.errors import OnvifResponseError

_NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
_TOPICS = "http://www.onvif.org/ver10/topics"
_DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
_SUBSCRIPTION_SECONDS = 60
_UNSUBSCRIBE_SECONDS = 1.0
"""A subscription that is not ended expires after a minute."""

MAX_AHEAD_SECONDS = 86_400.0
"""A start that is further in the future of the camera's own clock is none."""


async def read_last_reboot(client: OnvifCaller, camera_clock: float) -> float | None:
    """Return the last start by the camera's clock; None if the camera does not publish one that can be.

    It is read through a pull point subscription, which is ended at once. A subscription that is named by anything
    but an HTTP address, such as `uuid:...`, is asked at the address of the events service.
    """
    address = (await client.services()).get(onvif.EVENTS)
    if address is None:
        return None
    seconds = client.seconds(optional=True)
    expression = etree.Element(
        f"{{{_NOTIFICATION}}}TopicExpression", {"Dialect": _DIALECT}, nsmap={"wsnt": _NOTIFICATION, "tns1": _TOPICS}
    )
    expression.text = f"tns1:{'/'.join(onvif.LAST_REBOOT)}"
    named, parameters = await client.call(
        "events",
        "CreatePullPointSubscription",
        address,
        onvif.read_subscription,
        seconds=seconds,
        Filter={"_value_1": [expression]},
        InitialTerminationTime=f"PT{_SUBSCRIPTION_SECONDS}S",
    )
    where = named or address
    headers = {"_soapheaders": [soap.deserialize(each) for each in parameters]} if parameters else {}
    try:
        wait = datetime.timedelta(seconds=1)
        read = onvif.read_last_reboot
        started = await client.call(
            "pullpoint", "PullMessages", where, read, seconds=seconds, Timeout=wait, MessageLimit=10, **headers
        )
    finally:
        with contextlib.suppress(OnvifResponseError, NetError):
            await client.call("subscription", "Unsubscribe", where, onvif.name, seconds=_UNSUBSCRIBE_SECONDS, **headers)
    return started if started is None or started <= camera_clock + MAX_AHEAD_SECONDS else None
