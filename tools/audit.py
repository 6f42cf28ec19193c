"""Audits the code and its dependencies: bandit, known vulnerabilities (pip-audit), and secrets that were committed.

Usage: python -m tools.audit [--accept]
With --accept, the possible secrets of today are accepted: their hashes are written to tools/accepted-secrets.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parent.parent
ACCEPTED = ROOT / "tools" / "accepted-secrets.json"
LOCK = "requirements-dev.lock"
"""It holds what the other locks hold, and what development needs."""

MAX_FILE_BYTES = 500_000
ADVISORY_SECONDS = 120

STRUCTURED = (
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "GitHubTokenDetector", "GitLabTokenDetector",
    "JwtTokenDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SlackDetector",
    "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
"""Detectors of secrets with a form of their own. Tests contain invented passwords, which the others would find."""

GENERAL = ("BasicAuthDetector", "KeywordDetector", "Base64HighEntropyString", "HexHighEntropyString")
FILTERS = (
    "detect_secrets.filters.common.is_invalid_file",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_templated_secret",
)
SKIPPED = (".pickle", ".png", ".gz", ".h264", ".h265", ".jpg", ".lock", ".po", ".svg")


def _passes_bandit() -> bool:
    command = [sys.executable, "-m", "bandit", "-q", "-r", "-c", "pyproject.toml", "xueliang_monitor", "tools"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _has_known_vulnerabilities(lock: str) -> bool:
    """Print the known vulnerabilities of the packages in a lock; without the advisory database, print that."""
    command = [sys.executable, "-m", "pip_audit", "-r", lock, "--require-hashes", "--disable-pip", "-f", "json"]
    try:
        done = subprocess.run(
            [*command, "--progress-spinner", "off"],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=ADVISORY_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        print(f"{lock}: not audited: the advisory database did not answer within {ADVISORY_SECONDS} s")
        return False
    if not done.stdout.startswith("{"):
        last = done.stderr.strip().rpartition("\n")[2]
        unreachable = "Connection" in last or "Timeout" in last or "ServiceError" in last
        print(f"{lock}: {'not audited: could not reach the advisory database' if unreachable else 'failed'}: {last}")
        return not unreachable
    packages = json.loads(done.stdout)["dependencies"]
    for package in packages:
        for found in package.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            print(f"{lock}: {package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
    unknown = sum("skip_reason" in package for package in packages)
    if unknown == len(packages):
        print(f"{lock}: not audited: could not reach the advisory database, which answered for no package")
    else:
        print(f"{lock}: {len(packages) - unknown} packages audited, {unknown} not known to the advisory database")
    return any(package.get("vulns") for package in packages)


def _files() -> Iterator[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    for name in listed.split("\0"):
        file = ROOT / name
        if (
            name
            and not name.endswith((*SKIPPED, ACCEPTED.name))
            and file.is_file()
            and file.stat().st_size <= MAX_FILE_BYTES
        ):
            yield name


def _possible_secrets() -> Iterator[PotentialSecret]:
    """Yield what may be a secret in the files that git knows."""
    for name in _files():
        invented = name.startswith(("tests/", "benchmarks/"))
        plugins = STRUCTURED if invented else (*STRUCTURED, *GENERAL)
        settings = {
            "plugins_used": [{"name": plugin} for plugin in plugins],
            "filters_used": [{"path": path} for path in FILTERS],
        }
        with transient_settings(settings):
            yield from scan_file(name)


def _new_secrets(*, accept: bool) -> bool:
    """Print possible secrets that are not accepted yet, or accept them all."""
    known = json.loads(ACCEPTED.read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = {}
    for secret in _possible_secrets():
        found.setdefault(secret.filename, {})[secret.secret_hash] = secret.type
        if not accept and secret.secret_hash not in known.get(secret.filename, ()):
            print(f"{secret.filename}:{secret.line_number}: possible secret ({secret.type})")
    if accept:
        ACCEPTED.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return False
    return any(hashed not in known.get(name, ()) for name, hashes in found.items() for hashed in hashes)


def main() -> None:
    """Run every audit; exit with status 1 if one found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="accept the possible secrets of today")
    accept = parser.parse_args().accept
    failed = [] if _passes_bandit() else ["bandit"]
    failed += ["pip-audit"] if _has_known_vulnerabilities(LOCK) else []
    if _new_secrets(accept=accept):
        print("accept what is no secret with: python -m tools.audit --accept")
        failed.append("secrets")
    print(f"audit: {', '.join(failed)} found something" if failed else "audit: nothing found")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
