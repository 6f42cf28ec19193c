"""The folder with the built documentation, and the content security policy of its pages."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "share/doc/xueliang-monitor/html"
"""Where `make docs` writes the documentation."""

START_PAGES = {"en": "index.html", "zh": "zh/index.html"}
"""Start page of each language, below the folder."""

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


class Documentation:
    """The documentation as static files. The folder may appear or change while the monitor runs."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def address(self, language: str) -> str:
        """Return the address of a language's start page, else of the English one; empty without documentation."""
        if (self.folder / START_PAGES.get(language, "")).is_file():
            return "/docs/" + START_PAGES[language].removesuffix("index.html")
        return "/docs/" if self.exists() else ""

    def exists(self) -> bool:
        """Return whether the documentation was built."""
        return (self.folder / START_PAGES["en"]).is_file()

    def find(self, path: str) -> Path | None:
        """Return the file or folder of a path below `/docs/`; None if there is none inside the documentation.

        The path is resolved first, so that neither `..` nor a symbolic link leads out of the folder.
        """
        try:
            root = self.folder.resolve(strict=True)
            found = (root / path).resolve(strict=True)
        except (OSError, ValueError):
            return None
        return found if found.is_relative_to(root) else None


def content_security_policy(page: bytes) -> str:
    """Return the policy for a page of the documentation.

    The site generator writes scripts into its pages, which are allowed by their hashes. Its scripts set styles on
    elements, its style sheets embed icons as `data:` images, and its search runs in a worker.
    """
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page))
    scripts = " ".join(["'self'", *dict.fromkeys(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        "worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
