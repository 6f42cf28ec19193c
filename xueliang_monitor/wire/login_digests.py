"""The digests of a login that devices write into their addresses."""

from __future__ import annotations

import hashlib
import string

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def xiongmai_hash(password: str) -> str:
    """Return the hash that XiongMai devices keep of a password and write into addresses: eight letters or digits."""
    digest = hashlib.md5(password.encode(), usedforsecurity=False).digest()
    return "".join(_LETTERS[sum(digest[at : at + 2]) % len(_LETTERS)] for at in range(0, len(digest), 2))


def digests_of(username: str, password: str) -> frozenset[str]:
    """Return the digests of a password, and of a user name with it: in lower case hexadecimal, and XiongMai's."""
    texts = (password.encode(), f"{username}:{password}".encode(), f"{username}{password}".encode())
    algorithms = ("md5", "sha1", "sha256")
    hashed = {hashlib.new(name, text, usedforsecurity=False).hexdigest() for name in algorithms for text in texts}
    return frozenset({*hashed, xiongmai_hash(password)})
