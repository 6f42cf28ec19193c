"""Failed logins fill no log."""

from __future__ import annotations

from xueliang_monitor.web.login_log import EVERY_SECONDS, MOST_COUNTED, MOST_LINES, LoginLog


def test_a_flood_from_many_addresses_writes_a_few_lines_a_minute() -> None:
    now = 0.0
    log = LoginLog(lambda: now)
    written = []
    for second in range(int(EVERY_SECONDS)):
        now = float(second)
        written += [log.due(f"192.0.{second}.{number}") for number in range(100)]
    assert [line for line in written if line is not None] == [""] * MOST_LINES
    now = EVERY_SECONDS
    assert log.due("198.51.100.1") == " (5995 more since the last such line; number of addresses: 5995)"
    assert log.due("198.51.100.1") is None
    assert log.due("198.51.100.2") == " (1 more since the last such line; number of addresses: 1)"
    assert log.due("198.51.100.3") == ""


def test_the_memory_of_addresses_is_bounded() -> None:
    now = 0.0
    log = LoginLog(lambda: now)
    for number in range(MOST_COUNTED + 100):
        log.due(str(number))
    now = EVERY_SECONDS
    assert str(log.due("a")).endswith(f"addresses: {MOST_COUNTED} or more)")
