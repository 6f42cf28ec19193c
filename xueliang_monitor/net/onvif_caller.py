"""What the questions to single services need of the client that asks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from xueliang_monitor.net.onvif_exchange import Content, Read
from xueliang_monitor.net.onvif_hints import OnvifHints
from xueliang_monitor.wire.service_address import ServiceAddress


class OnvifCaller(Protocol):
    """Calls operations of one camera's services; `OnvifClient` documents the methods."""

    is_answered_by_capabilities_alone: bool

    @property
    def hints(self) -> OnvifHints:
        """What is to be remembered for the next client."""

    @hints.setter
    def hints(self, hints: OnvifHints) -> None: ...

    async def services(self) -> Mapping[str, ServiceAddress]:
        """Return the addresses of the services by namespace."""

    def seconds(self, *, optional: bool) -> float:
        """Return how long a response is waited for."""

    async def call(
        self,
        service: str,
        operation: str,
        address: ServiceAddress,
        read: Read[Content],
        *,
        seconds: float = ...,
        **arguments: Any,
    ) -> Content:
        """Call an operation with the login that the camera requires."""
