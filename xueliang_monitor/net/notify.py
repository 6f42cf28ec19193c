"""Sends the state of the daemon to the service manager (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

FEEDS_A_PERIOD = 3
"""How often the watchdog is notified within its period; sd_watchdog_enabled(3) recommends twice."""


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """The socket of the service manager and the period of its watchdog.

    `address` is empty if there is no service manager; `watchdog_seconds` is None without a watchdog.
    """

    address: str = ""
    watchdog_seconds: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ServiceManager:
        """Return the service manager of an environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID)."""
        period = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(
            environment.get("NOTIFY_SOCKET", ""),
            int(period) / 1e6 if period.isdecimal() and int(period) and mine else None,
        )

    @property
    def feed_seconds(self) -> float | None:
        """The pause between two watchdog notifications, or None."""
        return None if self.watchdog_seconds is None else self.watchdog_seconds / FEEDS_A_PERIOD

    def notify(self, *lines: str) -> None:
        """Send assignments such as `READY=1`. They are dropped if they cannot be sent without waiting."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with (
            contextlib.suppress(OSError),  # also if no descriptor is free for the socket
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto("\n".join(lines).encode(), address)

    def reloading(self) -> None:
        """Notify that the settings are being reloaded; `READY=1` must follow."""
        self.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
