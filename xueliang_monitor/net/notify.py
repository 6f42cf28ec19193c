"""Tells the service manager how the daemon is, by the datagrams of sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

FEEDS_A_PERIOD = 3
"""Times the watchdog is fed within its period; sd_watchdog_enabled(3) asks for two."""


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """Where the service manager listens, and how often it wants to hear; nobody listens at an empty `address`.

    `watchdog_seconds` is None where no watchdog waits.
    """

    address: str = ""
    watchdog_seconds: float | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> ServiceManager:
        """Return the one that an environment names (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID)."""
        period = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        return cls(
            environment.get("NOTIFY_SOCKET", ""),
            int(period) / 1e6 if period.isdecimal() and int(period) and mine else None,
        )

    @property
    def feed_seconds(self) -> float | None:
        """How often the watchdog is to be fed."""
        return None if self.watchdog_seconds is None else self.watchdog_seconds / FEEDS_A_PERIOD

    def notify(self, *lines: str) -> None:
        """Send assignments such as `READY=1`; what cannot be sent at once is not, as nothing may wait for it."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with (
            contextlib.suppress(OSError),  # without a descriptor there is no socket either
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
        ):
            sender.sendto("\n".join(lines).encode(), address)

    def reloading(self) -> None:
        """Say that settings are being read anew; `READY=1` is to follow."""
        self.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
