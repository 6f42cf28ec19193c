"""TLS contexts for HTTPS and RTSPS: those that check the certificate of a camera, and those that take old TLS."""

from __future__ import annotations

import collections
import errno
import logging
import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from xueliang_monitor.process.shortage import Resource, ShortageError, lacking_descriptors

log = logging.getLogger(__name__)

MAX_CONTEXTS = 512
"""The number of cached contexts, one for each file; the least recently used one is dropped."""

UNCHECKED = frozenset({"insecure", "legacy"})
"""The settings that accept any certificate."""

MAX_FILE_BYTES = 4 * 1024 * 1024

_Identity = tuple[int, ...]
_NOT_NOW: _Identity = (-1,)
"""The identity of a file that cannot be read for a temporary reason, such as too many open files."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A context and the identity of its file; `refused` is the identity of a newer file that could not be used."""

    context: ssl.SSLContext
    identity: _Identity
    refused: _Identity | None = None


_contexts: collections.OrderedDict[str, _Kept] = collections.OrderedDict()


def tls_context(tls: str) -> ssl.SSLContext:
    """Return the context for a `tls` setting: `verify`, `insecure`, `legacy`, or the path of a file with certificates.

    `insecure` and `legacy` accept any certificate, and old protocols and ciphers; see `_any_context`. The file contains
    the camera's certificate or that of its authority. Host names are not compared, because cameras are known by
    address. A changed file is read again. Where the new content cannot be used, the last good one stays in use, and an
    error is logged once.

    Raises:
        ShortageError: the file cannot be used, and no good content is known. The file is on this server.

    """
    identity = _identity(tls)
    known = _contexts.get(tls)
    if known is None or identity not in (known.identity, known.refused):
        known = _contexts[tls] = _made(tls, identity, known)
        if len(_contexts) > MAX_CONTEXTS:
            _contexts.popitem(last=False)
    _contexts.move_to_end(tls)
    return known.context


def _identity(tls: str) -> _Identity:
    """Return the identity of the current content of a file, empty if it is not a file or cannot be examined."""
    if tls == "verify" or tls in UNCHECKED:
        return ()
    try:
        about = os.stat(tls)  # noqa: PTH116 - called for every connection
    except OSError:
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


def _made(tls: str, identity: _Identity, before: _Kept | None) -> _Kept:
    # OpenSSL skips files that it cannot open; such a context would trust no certificate, and be cached.
    if short := lacking_descriptors():
        raise short
    try:
        return _Kept(_any_context(tls) if tls in UNCHECKED else _with_quick_key_exchange(_context(tls)), identity)
    except OSError as error:  # includes ssl.SSLError
        text = f"tls: the certificates in {tls} cannot be used ({error.strerror or error}): a file on this server"
        if before is None:
            raise lacking_descriptors() or ShortageError(Resource.FILE, text) from error
        refused = identity if isinstance(error, ssl.SSLError) or not identity else _NOT_NOW
        if refused != before.refused:
            log.error("%s; its last good version stays in force", text)  # noqa: TRY400 - the text contains the cause
        return _Kept(before.context, before.identity, refused)


def _context(tls: str) -> ssl.SSLContext:
    if tls == "verify":
        return ssl.create_default_context()
    about = Path(tls).stat()
    # Reading a FIFO would hold the event loop.
    if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_FILE_BYTES:
        raise OSError(errno.EINVAL, f"not a regular file of at most {MAX_FILE_BYTES} bytes")
    context = ssl.create_default_context(cafile=tls)
    context.check_hostname = False
    return context


KEY_EXCHANGE_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Python's own list without DHE. A server chooses the size of its group, and 8192 bits hold the loop for 0.3 s."""

KEY_EXCHANGE_CURVE = "prime256v1"
"""The group that every implementation of TLS 1.3 has (RFC 8446, 9.1). Any other choice allows groups of 8192 bits too,
because Python can name either one curve or none."""


def _with_quick_key_exchange(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_ciphers(KEY_EXCHANGE_CIPHERS)
    context.set_ecdh_curve(KEY_EXCHANGE_CURVE)
    return context


OLD_CIPHERS = "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"
"""Whatever this OpenSSL has, with keys and hashes of any strength."""

_LEGACY_SERVER_CONNECT = 0x4
"""`ssl.OP_LEGACY_SERVER_CONNECT` of Python 3.12: servers from before RFC 5746."""


def _any_context(tls: str) -> ssl.SSLContext:
    """Return a context that checks nothing and takes TLS 1.0, RSA key exchange, SHA-1 and weak keys.

    Old and new are offered in one handshake, and the server takes the best that it has. Whoever could force an old
    one could show any certificate as well. `insecure` offers no DHE, because its groups hold the loop: 8 ms with 2048
    bits, 44 ms with 4096 and 311 ms with 8192, and the server chooses. `legacy` offers DHE too, and TLS 1.2 at most,
    for servers that cannot read what TLS 1.3 adds.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= _LEGACY_SERVER_CONNECT | ssl.OP_IGNORE_UNEXPECTED_EOF
    if tls == "legacy":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(OLD_CIPHERS)
    else:
        context.set_ciphers(f"{OLD_CIPHERS}:!kDHE")
        context.set_ecdh_curve(KEY_EXCHANGE_CURVE)
    return context
