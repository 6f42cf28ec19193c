"""The built documentation, once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site; building fails at a warning, a broken link, a stale page or anything loaded from outside."""
    pytest.importorskip("zensical")
    from tools.docs.build import build

    folder = tmp_path_factory.mktemp("docs") / "html"
    build(folder)
    return folder
