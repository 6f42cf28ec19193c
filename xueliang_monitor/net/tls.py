"""How a camera's certificate is checked, over HTTPS and RTSPS alike."""

from __future__ import annotations

import collections
import logging
import os
import ssl
from dataclasses import dataclass

from xueliang_monitor.net.errors import TlsError
from xueliang_monitor.process.shortage import Resource, ShortageError, lacking_descriptors

log = logging.getLogger(__name__)

MAX_CONTEXTS = 512
"""Contexts kept, one a file; beyond that the one longest unused goes."""

_Identity = tuple[int, ...]
_NOT_NOW: _Identity = (-1,)
"""Stands for a version that could not be read for a reason that may pass, such as too many open files."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A context, and the file it was made of; `refused` is the version of the file that could not be used since."""

    context: ssl.SSLContext
    identity: _Identity
    refused: _Identity | None = None


_contexts: collections.OrderedDict[str, _Kept] = collections.OrderedDict()


def tls_context(tls: str) -> ssl.SSLContext:
    """Return how certificates are checked: `verify`, `insecure`, or against the certificates of a file.

    A file names the camera's own certificate or its authority; as cameras are known by address, names are not compared.
    A file that changed is read again. One that can no longer be used leaves its last good version in force, which is
    said in the log once.

    Raises:
        ShortageError: the file, which is ours, cannot be used, and no good version of it is known.

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
    """Return what tells one version of a file from the next; nothing where it cannot be looked at or is none."""
    if tls in ("verify", "insecure"):
        return ()
    try:
        about = os.stat(tls)  # noqa: PTH116 - this is done at every connection
    except OSError:
        return ()
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns


def _made(tls: str, identity: _Identity, before: _Kept | None) -> _Kept:
    # OpenSSL passes over what it cannot open; such a context would trust nobody, and be kept.
    if short := lacking_descriptors():
        raise short
    try:
        return _Kept(_context(tls), identity)
    except OSError as error:  # ssl.SSLError is one
        text = f"tls: the certificates in {tls} cannot be used ({error.strerror or error}): a file on this server"
        if before is None:
            raise lacking_descriptors() or ShortageError(Resource.FILE, text) from error
        refused = identity if isinstance(error, ssl.SSLError) or not identity else _NOT_NOW
        if refused != before.refused:
            log.error("%s; its last good version stays in force", text)  # noqa: TRY400 - the cause stands in the line
        return _Kept(before.context, before.identity, refused)


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
