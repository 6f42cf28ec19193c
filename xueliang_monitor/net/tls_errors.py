"""Why a TLS handshake failed, and what to do about it. No advice names what is set already."""

from __future__ import annotations

import re
import ssl

from xueliang_monitor.net.errors import TlsError
from xueliang_monitor.net.tls import UNCHECKED

_NO_TLS = re.compile(r"WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|PACKET_LENGTH_TOO_LONG|NOT_TLS")
_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|HOSTNAME_MISMATCH")
_TOO_WEAK = re.compile(r"too weak|key too small", re.IGNORECASE)
CLOSED = "the connection was closed during the handshake"


def reason_of(error: BaseException) -> str:
    """Return what OpenSSL says of a failed handshake, an empty string if that is nothing."""
    for each in (error, getattr(error, "certificate_error", None), getattr(error, "os_error", None)):
        reason = getattr(each, "reason", None)
        if isinstance(each, ssl.SSLError) and reason:
            said = getattr(each, "verify_message", "")
            return f"{reason}: {said}" if said else str(reason)
    return ""


def tls_error(where: str, reason: str, tls: str) -> TlsError:
    """Return the error for a failed handshake with `where`, with advice; `tls` is the setting."""
    shown = reason or "the handshake failed"
    if _NO_TLS.search(reason):
        return TlsError(
            f"{where} does not speak TLS at that port ({shown}); check the port, or use it without TLS",
            reason="no_tls",
        )
    if tls not in UNCHECKED and _CERTIFICATE.search(reason):
        if _TOO_WEAK.search(reason):
            advice = "renew the camera's certificate, or accept any with tls: insecure"
        elif tls == "verify":
            advice = "give the camera's certificate with tls: FILE, or accept any certificate with tls: insecure"
        else:
            advice = f"renew the certificates in {tls}, or accept any certificate with tls: insecure"
        return TlsError(f"{where}: no trusted TLS connection ({shown}); {advice}")
    if tls == "legacy":
        advice = "not even old protocols and ciphers are accepted; update the camera's firmware, or use no TLS"
        return TlsError(f"{where}: no TLS connection ({shown}); {advice}", reason="no_common_tls")
    other, reason_key = ("legacy", "older_tls") if tls == "insecure" else ("insecure", "old_tls")
    return TlsError(
        f"{where}: no TLS connection ({shown}); the camera may have old protocols and ciphers only: update its "
        f"firmware, or take those with tls: {other}, which checks no certificate",
        reason=reason_key,
    )
