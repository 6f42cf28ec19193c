"""Prometheus takes the cameras from `/api/v1/sd`."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.web.api_fleet import made
from tests.web.served import served

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]
CONFIG = """
scrape_configs:
  - job_name: cameras
    http_sd_configs: [{url: "%s"}]
    relabel_configs:
      - {source_labels: [__meta_xueliang_camera], target_label: camera}
      - {source_labels: [__meta_xueliang_site], target_label: site}
"""


async def test_prometheus_discovers_the_cameras(tmp_path: Path) -> None:
    async with served(tmp_path, fleet=made(tmp_path)) as session:
        async with session.get("/api/v1/sd", params={"site": "East gate"}) as answer:
            (tmp_path / "prometheus.yml").write_text(CONFIG % answer.url)
        process = await asyncio.create_subprocess_exec(
            *("promtool", "check", "service-discovery", "--timeout=30s", "prometheus.yml", "cameras"),
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    labels = [each["labels"] for each in json.loads(out)]
    assert [(each["__address__"], each["camera"], each["site"]) for each in labels] == [
        ("door.example:554", "door", "East gate"),
        ("slow.example:554", "slow", "East gate"),
    ]
