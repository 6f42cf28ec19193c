"""How a camera's certificate is checked, over HTTPS and RTSPS alike."""

from __future__ import annotations

import functools
import ssl

from xueliang_monitor.net.errors import TlsError
from xueliang_monitor.shortage import lacking_descriptors


def tls_context(tls: str) -> ssl.SSLContext:
    """Return how certificates are checked: `verify`, `insecure`, or against the certificates of a file.

    A file names the camera's own certificate or its authority; as cameras are known by address, names are not compared.

    Raises:
        TlsError: the file cannot be used.
        ShortageError: no file can be opened now.

    """
    # OpenSSL passes over what it cannot open; such a context would trust nobody, and be kept.
    if short := lacking_descriptors():
        raise short
    try:
        return _context(tls)
    except OSError as error:  # ssl.SSLError is one
        raise lacking_descriptors() or TlsError(
            f"tls: the certificates in {tls} cannot be used ({error.strerror or error})"
        ) from error


@functools.lru_cache(maxsize=64)
def _context(tls: str) -> ssl.SSLContext:
    if tls == "verify":
        return ssl.create_default_context()
    context = ssl.create_default_context(cafile=None if tls == "insecure" else tls)
    context.check_hostname = False
    if tls == "insecure":
        context.verify_mode = ssl.CERT_NONE
    return context


def tls_error(where: str, reason: str) -> TlsError:
    """Return what to say where no trusted connection to `where` could be made."""
    return TlsError(
        f"{where}: no trusted TLS connection ({reason or 'the handshake failed'}); give the camera's "
        "certificate with tls: FILE, or allow any with tls: insecure"
    )
