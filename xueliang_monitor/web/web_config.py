"""The web configuration file: TLS, users and headers, in the format of Prometheus's exporter-toolkit."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cryptography import x509
from pydantic import AfterValidator, Field

from xueliang_monitor.configuration.passwords import handed_over
from xueliang_monitor.configuration.regular_file import UnsuitableFileError, check_kind
from xueliang_monitor.configuration.strict_yaml import Document, DocumentError, Problem, Strict, read, validate

_VERSIONS = {
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
"""Supported policies. The two others of Go request a certificate without verifying it, which protects nothing."""


def _check_hash(value: str) -> str:
    parts = value.split("$")
    known = len(parts) == 4 and parts[1] in ("2a", "2b", "2x", "2y") and len(parts[3]) == 53
    if not (known and parts[2].isdecimal() and 4 <= int(parts[2]) <= 16):
        raise ValueError("not a bcrypt hash of cost 4 to 16; make one with: xueliang config hash-password")
    return value


def _check_header(value: str) -> str:
    if any(ord(letter) < 32 or ord(letter) > 126 for letter in value):
        raise ValueError("not a valid header value: only printable ASCII is allowed")
    return value


class TlsSettings(Strict):
    """The certificate of the server, and its policy on client certificates."""

    cert_file: Path
    """PEM file with the server's certificate chain. Paths are relative to this file."""

    key_file: Path
    """PEM file with the private key, without a passphrase."""

    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    """Whether clients must present a certificate."""

    client_ca_file: Path | None = None
    """PEM file with the authorities of client certificates."""

    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    """Oldest TLS version that is accepted."""

    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    """Newest TLS version that is accepted."""


class HttpSettings(Strict):
    """Headers of every answer."""

    headers: Mapping[
        Literal[
            "Content-Security-Policy",
            "Strict-Transport-Security",
            "X-Content-Type-Options",
            "X-Frame-Options",
            "X-XSS-Protection",
        ],
        Annotated[str, AfterValidator(_check_header)],
    ] = Field(default_factory=dict)
    """Headers that are added to every response, by name."""


class WebSettings(Strict):
    """The whole file."""

    tls_server_config: TlsSettings | None = None
    """TLS of the server. Without it, the page is served over plain HTTP."""

    http_server_config: HttpSettings = HttpSettings()
    """HTTP options."""

    basic_auth_users: Mapping[str, Annotated[str, AfterValidator(_check_hash)]] = Field(default_factory=dict)
    """Users and their bcrypt hashes. `xueliang config hash-password` makes a hash. With users, everything except
    `/healthz` requires a login.
    """


@dataclass(frozen=True, slots=True)
class Protection:
    """The protection of pages, API and metrics.

    `users` maps names to bcrypt hashes. `chain` holds the files of the certificate and its key. `expires_at` is the end
    of the certificate's validity in seconds since the epoch. `files` are all files that were read.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    chain: tuple[Path, Path] | None = None
    expires_at: float | None = None
    files: tuple[Path, ...] = ()


def _tls(
    settings: TlsSettings, document: Document, place: Path, base: Path
) -> tuple[ssl.SSLContext, float, list[Path]]:
    def problem(key: str, message: str) -> DocumentError:
        return DocumentError((document.problem(("tls_server_config", key), message),))

    def found(key: str, file: Path) -> Path:
        path = file if file.is_absolute() else handed_over(place.parent / file, base)
        try:
            with contextlib.suppress(OSError):  # is told below
                check_kind(path.stat())  # OpenSSL would wait for a FIFO
        except UnsuitableFileError as error:
            raise problem(key, f"{path} {error}") from error
        return path

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.min_version]
    context.maximum_version = _VERSIONS[settings.max_version]
    certificate, key = found("cert_file", settings.cert_file), found("key_file", settings.key_file)
    try:
        context.load_cert_chain(certificate, key, password="")  # an encrypted key is an error, instead of a prompt
        ends = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()
    except OSError as error:
        wrong = "not PEM, encrypted, or certificate and key do not belong together"
        reason = wrong if isinstance(error, ssl.SSLError) else error.strerror
        raise problem("cert_file", f"{certificate} with key {key} cannot be used: {reason}") from error
    except ValueError as error:
        raise problem("cert_file", f"{certificate} is not a PEM certificate") from error
    files = [certificate, key]
    wanted = _CLIENTS[settings.client_auth_type]
    if wanted is not ssl.CERT_NONE:
        if settings.client_ca_file is None:
            raise problem("client_auth_type", f"{settings.client_auth_type} needs client_ca_file")
        authority = found("client_ca_file", settings.client_ca_file)
        try:
            context.load_verify_locations(authority)
        except OSError as error:
            raise problem(
                "client_ca_file",
                f"{authority} cannot be used: {'not PEM' if isinstance(error, ssl.SSLError) else error.strerror}",
            ) from error
        context.verify_mode = wanted
        files.append(authority)
    elif settings.client_ca_file is not None:
        raise problem("client_ca_file", "client certificates are not requested; set client_auth_type")
    return context, ends, files


def load(place: Path, base: Path) -> Protection:
    """Read the file `place`; a relative path starts at `base`, the folder of the settings. An empty file is valid.

    Raises:
        DocumentError: the file is invalid; it lists every problem. The server must not start without its protection.

    """
    file = handed_over(place, base)
    document = read(file)
    settings = validate(document, WebSettings)
    headers = {str(name): value for name, value in settings.http_server_config.headers.items()}
    if settings.tls_server_config is None:
        return Protection(settings.basic_auth_users, headers, files=(file,))
    if _VERSIONS[settings.tls_server_config.min_version] > _VERSIONS[settings.tls_server_config.max_version]:
        raise DocumentError((Problem(file, 0, "tls_server_config: min_version is above max_version"),))
    context, ends, files = _tls(settings.tls_server_config, document, place, base)
    return Protection(settings.basic_auth_users, headers, context, (files[0], files[1]), ends, (file, *files))
