"""Marks of logins: two logins have the same mark if they are equal, and nobody without the key learns more. Pure."""

from __future__ import annotations

import functools
import hashlib
import secrets
from dataclasses import dataclass, field

from xueliang_monitor.model import Credentials

KEY_BYTES = 32
UNKNOWN = ""
"""The mark of a login that an earlier version stored in another way. It is taken to be unchanged."""


@functools.lru_cache(maxsize=16_384)
def _mark(key: bytes, username: str, password: str) -> str:
    text = f"{username}\0{password}".encode()
    return hashlib.blake2b(text, key=key, digest_size=8, person=b"login").hexdigest()


@dataclass(frozen=True, slots=True)
class LoginMarks:
    """Makes marks under a key, by default one that lasts as long as the process."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)

    def of(self, credentials: Credentials | None) -> str | None:
        """Return the mark of a login, None without one."""
        if credentials is None:
            return None
        return _mark(self.key, credentials.username, credentials.password)


OF_THIS_PROCESS = LoginMarks()
"""The marks of a process that stores none."""
