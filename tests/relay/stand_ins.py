"""Stand-ins of group robots on loopback. They check form, size and signature as the services document them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

DINGTALK_SECRET = "SEC0123456789abcdef0123456789abcdef"
FEISHU_SECRET = "feishu-Secret_1"
TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def _hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), hashlib.sha256)).decode()


@dataclass
class Robots:
    """What arrived at each robot. `ill` is how many more calls are refused with a limit."""

    base: str = ""
    dingtalk: list[dict[str, Any]] = field(default_factory=list)
    feishu: list[dict[str, Any]] = field(default_factory=list)
    wecom: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ill: int = 0

    def address(self, kind: str) -> str:
        return {
            "dingtalk": f"{self.base}/robot/send?access_token={TOKEN}",
            "feishu": f"{self.base}/open-apis/bot/v2/hook/{TOKEN}",
            "wecom": f"{self.base}/cgi-bin/webhook/send?key={TOKEN}",
        }[kind]

    async def _dingtalk(self, request: web.Request) -> web.Response:
        raw = await request.read()
        said = json.loads(raw)
        stamp, now = request.query.get("timestamp", ""), time.time() * 1000
        fresh = stamp.isdecimal() and abs(int(stamp) - now) < 3_600_000
        if request.query["access_token"] != TOKEN:
            return self._no("dingtalk", 300001, "token is not exist")
        if not fresh or request.query.get("sign") != _hmac(DINGTALK_SECRET, f"{stamp}\n{DINGTALK_SECRET}"):
            return self._no("dingtalk", 310000, "sign not match")
        if said["msgtype"] != "markdown" or set(said["markdown"]) != {"title", "text"} or len(raw) > 20_000:
            return self._no("dingtalk", 400105, "unsupported message")
        if self._is_ill():
            return self._no("dingtalk", 130101, "send too fast, exceed 20 times per minute")
        self.dingtalk.append(said)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    async def _feishu(self, request: web.Request) -> web.Response:
        raw = await request.read()
        said = json.loads(raw)
        stamp = said.get("timestamp", "")
        fresh = isinstance(stamp, str) and stamp.isdecimal() and abs(int(stamp) - time.time()) < 3600
        if not fresh or said.get("sign") != _hmac(f"{stamp}\n{FEISHU_SECRET}", ""):
            return self._no("feishu", 19021, "sign match fail or timestamp is not within one hour from current time")
        card = said.get("card", {})
        header = card.get("header", {})
        fits = said["msg_type"] == "interactive" and header.get("title", {}).get("tag") == "plain_text"
        known = all(part["tag"] == "markdown" and part["content"] for part in card.get("elements", [{"tag": ""}]))
        if not (fits and known and header.get("template") in ("red", "orange", "green")) or len(raw) > 20 * 1024:
            return self._no("feishu", 9499, "Bad Request")
        if self._is_ill():
            return self._no("feishu", 11232, "frequency limited")
        self.feishu.append(said)
        return web.json_response({"code": 0, "msg": "success", "data": {}})

    async def _wecom(self, request: web.Request) -> web.Response:
        said = json.loads(await request.read())
        if request.query["key"] != TOKEN:
            return self._no("wecom", 93000, "invalid webhook url")
        if said["msgtype"] != "markdown" or not said["markdown"]["content"]:
            return self._no("wecom", 40008, "invalid message type")
        if len(said["markdown"]["content"].encode()) > 4096:
            return self._no("wecom", 40058, "markdown.content exceed max length 4096")
        if self._is_ill():
            return self._no("wecom", 45009, "api freq out of limit")
        self.wecom.append(said)
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    def _is_ill(self) -> bool:
        self.ill -= 1
        return self.ill >= 0

    def _no(self, kind: str, code: int, reason: str) -> web.Response:
        self.refused.append(f"{kind} {code}")
        names = ("code", "msg") if kind == "feishu" else ("errcode", "errmsg")
        return web.json_response(dict(zip(names, (code, reason), strict=True)))


@contextlib.asynccontextmanager
async def robots() -> AsyncIterator[Robots]:
    """Serve one robot of each kind."""
    told = Robots()
    app = web.Application()
    app.router.add_post("/robot/send", told._dingtalk)
    app.router.add_post("/open-apis/bot/v2/hook/{token}", told._feishu)
    app.router.add_post("/cgi-bin/webhook/send", told._wecom)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield told
    finally:
        await runner.cleanup()
