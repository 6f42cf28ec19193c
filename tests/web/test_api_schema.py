"""What schemathesis makes of the OpenAPI document: requests that it allows and that it forbids, each answered as told.

`XUELIANG_SOAK=1` gives it five minutes instead of half of one.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.api_fleet import made
from tests.web.served import served
from xueliang_monitor.web.api import past

SECONDS = 300 if os.environ.get("XUELIANG_SOAK") else 30
MISSING = importlib.util.find_spec("schemathesis") is None


@pytest.mark.skipif(MISSING, reason="the development environment is older than requirements-dev.lock")
async def test_no_request_is_answered_other_than_the_document_says(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        async with session.get("/api/v1/openapi.json") as answer:
            described = answer.url
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", str(described), "--no-color", "--checks", "all"),
            *("--exclude-path", past.LIVE.path, "--phases", "coverage,fuzzing", "--max-time", str(SECONDS)),
            *("--request-timeout", "20", "--seed", "1", "--warnings", "off"),
            cwd=tmp_path, env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS + 300)
    assert process.returncode == 0, said.decode()
