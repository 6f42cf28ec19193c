"""Checks of the addresses in the settings; each returns the address, or raises an error that says how to write it."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

_HOST = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,20}")
_NAME_SERVER = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::(?P<port>\d{1,5}))?")
_URL = re.compile(r"https?://[^\s@?#'\"<>]{1,200}")


def check_listen(value: str) -> str:
    """Return a listen address.

    Raises:
        ValueError: it is none.

    """
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 65536):
        raise ValueError("not a listen address; write host:port, such as 127.0.0.1:9147")
    return value


ListenAddress = Annotated[str, AfterValidator(check_listen)]


def split_address(value: str) -> tuple[str, int]:
    """Return host and port of `host:port`, an IPv6 address without its brackets."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


def check_url(value: str) -> str:
    """Return the address of a server, without a slash at its end.

    Raises:
        ValueError: it is none.

    """
    if not _URL.fullmatch(value):
        raise ValueError("not a URL; write it like https://cameras.example.org:9147")
    return value.rstrip("/")


def check_host(value: str) -> str:
    """Return a host name in lower case.

    Raises:
        ValueError: it is none.

    """
    if not _HOST.fullmatch(value):
        raise ValueError("not a host name; write it without a port, such as cameras.example.org")
    return value.lower()


def check_name_server(value: str) -> str:
    """Return the address of a name server.

    Raises:
        ValueError: it is none.

    """
    match = _NAME_SERVER.fullmatch(value)
    try:
        ipaddress.ip_address((match["six"] or match["four"]) if match else value)
        if match and not 0 < int(match["port"] or 53) < 65536:
            raise ValueError(value)
    except ValueError as error:
        raise ValueError("not the IP address of a name server; write it like 192.0.2.53 or 192.0.2.53:5353") from error
    return value


def check_network(value: str) -> str:
    """Return an IP address or a network.

    Raises:
        ValueError: it is none.

    """
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError("not an IP address or network; write it like 192.0.2.7 or 10.0.0.0/8") from error
