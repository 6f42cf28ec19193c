"""ONVIF's service definitions as onvif-zeep ships them, parsed once and shared by every camera."""

from __future__ import annotations

import functools
import importlib.util
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from zeep import Settings
from zeep.transports import Transport
from zeep.wsdl import Document

SETTINGS = Settings(strict=False, raw_response=True)
_PARSING = threading.Lock()
_USED = ("devicemgmt", "media", "events", "pullpoint")


@dataclass(frozen=True, slots=True)
class Definition:
    """One service: its namespace, its binding's qualified name, and the document it stands in."""

    namespace: str
    binding: str
    document: Document


class _LocalFiles(Transport):
    """What zeep reads documents with: files only, never an address."""

    def __init__(self) -> None:
        """Make no session."""

    def __del__(self) -> None:
        """Close none."""

    def load(self, url: object) -> bytes:
        return Path(str(url).removeprefix("file://")).read_bytes()


def _package() -> Path:
    """Return onvif-zeep's folder without importing it: its import sets the process's logging up."""
    spec = importlib.util.find_spec("onvif")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("onvif-zeep is not installed")
    return Path(spec.origin).parent


def _service_table(package: Path) -> Mapping[str, Mapping[str, str]]:
    spec = importlib.util.spec_from_file_location("onvif_definition", package / "definition.py")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("onvif-zeep has no table of services")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table: Mapping[str, Mapping[str, str]] = module.SERVICES
    return table


def definitions() -> Mapping[str, Definition]:
    """Return the services by onvif-zeep's names for them, and `subscription`; blocks for some 0.2 s the first time."""
    with _PARSING:
        return _parse()


@functools.cache
def _parse() -> Mapping[str, Definition]:
    package = _package()
    table = _service_table(package)
    documents: dict[str, Any] = {}
    found: dict[str, Definition] = {}
    for name in _USED:
        file = table[name]["wsdl"]
        if file not in documents:
            location = str(package.parent / "wsdl" / file)
            documents[file] = Document(location, _LocalFiles(), settings=SETTINGS)  # type: ignore[arg-type] # zeep mistypes it
        namespace = table[name]["ns"]
        found[name] = Definition(namespace, f"{{{namespace}}}{table[name]['binding']}", documents[file])
    events = found["events"]
    found["subscription"] = Definition(
        events.namespace, f"{{{events.namespace}}}SubscriptionManagerBinding", events.document
    )
    return MappingProxyType(found)
