"""The ONVIF service definitions of onvif-zeep, parsed once and shared by all cameras."""

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
_MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
_PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
_USED = ("devicemgmt", "media", "events", "pullpoint")


@dataclass(frozen=True, slots=True)
class Definition:
    """One service: its namespace, the qualified name of its binding, and the document that all services share."""

    namespace: str
    binding: str
    document: Document


class _LocalFiles(Transport):
    """A zeep transport that reads local files and never opens a connection."""

    def __init__(self) -> None:
        """Open no session, unlike zeep's own."""

    def __del__(self) -> None:
        """Close no session, unlike zeep's own."""

    def load(self, url: object) -> bytes:
        return Path(str(url).removeprefix("file://")).read_bytes()


def _package() -> Path:
    """Return the folder of onvif-zeep without importing it, because its import configures logging."""
    spec = importlib.util.find_spec("onvif")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("onvif-zeep is not installed")
    return Path(spec.origin).parent


def _service_table(package: Path) -> Mapping[str, Mapping[str, str]]:
    spec = importlib.util.spec_from_file_location("onvif_definition", package / "definition.py")
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("onvif-zeep has no definition.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table: Mapping[str, Mapping[str, str]] = module.SERVICES
    return table


def definitions() -> Mapping[str, Definition]:
    """Return the services by their names in onvif-zeep, `subscription`, `media2` and `ptz`.

    onvif-zeep has no definition of Media2, and `ptz` has none of the operations that move a camera.
    The first call blocks for about 0.2 s.
    """
    with _PARSING:
        return _parse()


def _wsdl(folder: Path, services: Mapping[str, tuple[str, str, str]]) -> bytes:
    """Return a WSDL document that imports those of all services, so that their common schema is parsed once."""
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
    services["media2"] = (_MEDIA2, str(Path(__file__).with_name("media2.wsdl")), "Media2Binding")
    services["ptz"] = (_PTZ, str(Path(__file__).with_name("ptz.wsdl")), "PtzBinding")
    services["subscription"] = (*services["events"][:2], "SubscriptionManagerBinding")
    wsdl = io.BytesIO(_wsdl(package.parent / "wsdl", services))
    document = Document(wsdl, _LocalFiles(), settings=SETTINGS)  # type: ignore[arg-type] # zeep's annotation is too narrow
    found: dict[str, Definition] = {}
    for name, port in document.services["camera"].ports.items():
        document.bindings[str(port.binding.name)] = port.binding
        found[name] = Definition(services[name][0], str(port.binding.name), document)
    return MappingProxyType(found)
