"""Responses that report a locked account, and responses that only contain the word."""

from __future__ import annotations

import pytest

from xueliang_monitor.net.account_locks import BODIES, REASONS, STATUSES, says_locked
from xueliang_monitor.net.rtsp_status import refuses_login
from xueliang_monitor.wire.messages import MessageParser, Response

HIKVISION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<userCheck version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema">'
    "<statusValue>401</statusValue><statusString>Unauthorized</statusString><isDefaultPassword>false</isDefaultPassword>"
    "<lockStatus>{}</lockStatus><unlockTime>{}</unlockTime><retryLoginTime>{}</retryLoginTime></userCheck>"
)
DAHUA = (
    '{{"error":{{"code":{},"message":"{}"}},"id":3,"params":{{"remainLockSecond":{},"remainLoginTimes":{}}},'
    '"result":false}}'
)
TP_LINK = '{{"data": {{"code": {}, "sec_left": {}}}, "error_code": -40401}}'


def answer(status: int, reason: str = "Unauthorized", body: str = "", *headers: str) -> Response:
    content = body.encode()
    lines = [f"RTSP/1.0 {status} {reason}", "CSeq: 1", *headers, f"Content-Length: {len(content)}", "", ""]
    (event,) = MessageParser().feed("\r\n".join(lines).encode() + content)
    assert isinstance(event, Response)
    return event


@pytest.mark.parametrize(
    "response",
    [
        answer(423, "Locked"),
        answer(429, "Too Many Requests"),
        answer(490, "Account Blocked"),
        answer(401, body=HIKVISION.format("lock", 1791, 0)),
        answer(401, body='{"statusCode": 4, "lockStatus": "lock", "unlockTime": 1791}'),
        answer(401, body="Error\r\nUser Locked! Please try again after 30 minutes.\r\n"),
        answer(401, body=DAHUA.format(268632081, "User locked!", 1800, 0)),
        answer(403, body=TP_LINK.format(-40404, 433)),
        answer(403, "Forbidden: account is locked"),
        answer(401, "User Locked"),
        answer(401, "User is locked"),
        answer(403, "IP address has been locked"),
        answer(403, "Account temporarily blocked"),
        answer(401, "Unauthorized (too many failed login attempts)"),
    ],
)
def test_the_lock_responses_of_vendors_are_recognised(response: Response) -> None:
    assert says_locked(response)
    assert refuses_login(response)


@pytest.mark.parametrize(
    "response",
    [
        *(
            answer(status, reason, "", f'WWW-Authenticate: Digest realm="{realm}", nonce="1"')
            for status, reason in ((401, "Unauthorized"), (403, "Forbidden"))
            for realm in ("Lock 3", "Caps Lock", "Gunlock", "User locked", "account is locked", "IP Locked", "Locked")
        ),
        *(answer(401, reason) for reason in ("Unauthorized Lock 3", "Gunlock", "Blocked by firewall", "Clock not set")),
        answer(403, "Forbidden, check Caps Lock"),
        answer(401, body="<html><body>Is Caps Lock on?</body></html>"),
        answer(401, body="<!DOCTYPE HTML><script>m = {locked: '<lockStatus>lock</lockStatus>'}</script>"),
        answer(401, "Unauthorized", "User Locked! is what we say", "Content-Type: text/html"),
        answer(401, body="The lock of gate 3 is open; the user locked it."),
        answer(401, body=HIKVISION.format("unlock", 0, 4)),
        answer(401, body=DAHUA.format(268632085, "Component error: User or password not valid!", 0, 2)),
        answer(401, body=TP_LINK.format(-40401, 0)),
        answer(401, "Unauthorized", "", "X-Message: account is locked"),
        answer(404, "User is locked"),
        answer(453, "Not Enough Bandwidth"),
        answer(200, "OK", HIKVISION.format("lock", 1791, 0)),
    ],
)
def test_the_word_alone_is_not_a_lock(response: Response) -> None:
    assert not says_locked(response)


def test_each_row_names_its_source() -> None:
    assert all(known.source for known in (*STATUSES, *BODIES, *REASONS))
