"""/docs/ serves the built documentation: content types, confinement to its folder, header link, security policy."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from tests.web.served import served
from xueliang_monitor.web.documentation import Documentation, content_security_policy
from xueliang_monitor.web.headers import SECURITY_HEADERS
from xueliang_monitor.web.web_config import Protection

POLICY = "Content-Security-Policy"
SCRIPT = "document.title = 'x'"
HASH = b64encode(sha256(SCRIPT.encode()).digest()).decode()


@pytest.fixture
def built(tmp_path: Path) -> Documentation:
    folder = tmp_path / "html"
    (folder / "zh").mkdir(parents=True)
    (folder / "index.html").write_text(f"<script>{SCRIPT}</script><script src='a.js'></script><p>Start")
    (folder / "zh" / "index.html").write_text("<p>首页")
    (folder / "site.css").write_text("p {}")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    return Documentation(folder)


async def test_files_have_their_types_and_pages_their_policy(tmp_path: Path, built: Documentation) -> None:
    async with served(tmp_path, documentation=built) as session:
        for path, content_type in (
            ("/docs", "text/html"), ("/docs/", "text/html"), ("/docs/index.html", "text/html"),
            ("/docs/zh/", "text/html"), ("/docs/site.css", "text/css"),
        ):  # fmt: skip
            async with session.get(path) as answer:
                assert (answer.status, answer.content_type) == (200, content_type), path
        async with session.get("/docs/") as answer:
            assert f"script-src 'self' 'sha256-{HASH}';" in answer.headers[POLICY]
            assert "script-src 'self' 'unsafe" not in answer.headers[POLICY]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        async with session.get("/docs/site.css") as answer:
            assert answer.headers[POLICY] == SECURITY_HEADERS[POLICY]


@pytest.mark.parametrize(
    "path",
    ["../secret", "%2e%2e/secret", "..%2fsecret", "zh/../../secret", "%2fetc/passwd", "link", "nowhere", "zh", "%00"],
)
async def test_nothing_outside_the_folder_is_served(tmp_path: Path, built: Documentation, path: str) -> None:
    import yarl

    async with served(tmp_path, documentation=built) as session:
        base = str(session._base_url).rstrip("/")
        async with session.get(yarl.URL(f"{base}/docs/{path}", encoded=True)) as answer:
            assert answer.status == 404
            assert "secret" not in await answer.text()


async def test_the_header_links_to_the_documentation_of_the_readers_language(
    tmp_path: Path, built: Documentation
) -> None:
    async def linked(language: str) -> list[str]:
        async with session.get("/about", headers={"Accept-Language": language}) as answer:
            return re.findall(r'href="(/docs/[^"]*)"', await answer.text())

    async with served(tmp_path, documentation=built) as session:
        assert await linked("en") == ["/docs/"]
        assert await linked("zh-CN") == ["/docs/zh/"]
        (built.folder / "zh" / "index.html").unlink()
        assert await linked("zh-CN") == ["/docs/"]


async def test_without_documentation_there_is_no_link_and_an_answer_that_tells_how_to_build_it(tmp_path: Path) -> None:
    async with served(tmp_path, documentation=Documentation(tmp_path / "missing")) as session:
        async with session.get("/about") as answer:
            assert "/docs/" not in await answer.text()
        async with session.get("/docs/") as answer:
            assert answer.status == 404
            assert "make docs" in await answer.text()


async def test_a_policy_of_the_web_configuration_stays_in_force(tmp_path: Path, built: Documentation) -> None:
    own = Protection(headers={POLICY: "default-src 'self'"})
    async with served(tmp_path, own, documentation=built) as session, session.get("/docs/") as answer:
        assert answer.headers[POLICY] == "default-src 'self'"


def test_only_scripts_in_the_page_itself_are_hashed() -> None:
    assert content_security_policy(b'<script src="a.js"></script>').count("sha256") == 0
    assert content_security_policy(b"<script>a</script><script>a</script><SCRIPT id=x>b</SCRIPT>").count("sha256") == 2
