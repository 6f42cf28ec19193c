"""ONVIF's service definitions as onvif-zeep ships them, parsed once and shared by every camera."""

from __future__ import annotations

import functools
import importlib.util
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from xml.sax.saxutils import quoteattr

from zeep import Settings
from zeep.transports import Transport
from zeep.wsdl import Document

SETTINGS = Settings(strict=False, raw_response=True)
_PARSING = threading.Lock()
_SOAP = "http://schemas.xmlsoap.org/wsdl/soap12/"
_USED = ("devicemgmt", "media", "events", "pullpoint")


@dataclass(frozen=True, slots=True)
class Definition:
    """One service: its namespace, its binding's qualified name, and the document that all of them share."""

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


def _wsdl(folder: Path, services: Mapping[str, tuple[str, str, str]]) -> bytes:
    """Return a document that imports every service's, so that they share one parsing of the schema of all of them."""
    imported = {(namespace, file) for namespace, file, _ in services.values()}
    imports = "".join(
        f"<wsdl:import namespace={quoteattr(namespace)} location={quoteattr(str(folder / file))}/>"
        for namespace, file in sorted(imported)
    )
    ports = "".join(
        f'<wsdl:port name="{name}" binding="n:{binding}" xmlns:n={quoteattr(namespace)}><soap:address location="/"/>'
        "</wsdl:port>"
        for name, (namespace, _, binding) in services.items()
    )
    return (
        f'<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="{_SOAP}"'
        f' targetNamespace="urn:xueliang-monitor">{imports}<wsdl:service name="camera">{ports}</wsdl:service>'
        "</wsdl:definitions>"
    ).encode()


@functools.cache
def _parse() -> Mapping[str, Definition]:
    package = _package()
    table = _service_table(package)
    services = {name: (table[name]["ns"], table[name]["wsdl"], table[name]["binding"]) for name in _USED}
    services["subscription"] = (*services["events"][:2], "SubscriptionManagerBinding")
    wsdl = io.BytesIO(_wsdl(package.parent / "wsdl", services))
    document = Document(wsdl, _LocalFiles(), settings=SETTINGS)  # type: ignore[arg-type] # zeep mistypes it
    found: dict[str, Definition] = {}
    for name, port in document.services["camera"].ports.items():
        document.bindings[str(port.binding.name)] = port.binding
        found[name] = Definition(services[name][0], str(port.binding.name), document)
    return MappingProxyType(found)
