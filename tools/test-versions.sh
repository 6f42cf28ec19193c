#!/bin/sh
# Runs the quick tests with other versions of Python, where they are installed: VERSION... A version that is absent is named and skipped.
set -eu
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$source"
# As pinned in the lock, which is made for the oldest version: hashes and one fuzzer without wheels for the others are left out.
mkdir -p build/versions
sed -n 's/^\([A-Za-z0-9._-]*==[^ ;]*\).*/\1/p' requirements-dev.lock | grep -v '^atheris==' >build/versions/constraints.txt

find_python() {
    command -v "python$1" >/dev/null 2>&1 && "python$1" -c "" 2>/dev/null && { command -v "python$1"; return; }
    for found in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        [ ! -x "$found" ] || { echo "$found"; return; }
    done
}

for version in "$@"; do
    python=$(find_python "$version")
    [ -n "$python" ] || { echo "Python $version is not installed; skipped"; continue; }
    echo "== Python $version: $python"
    venv=build/versions/$version
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --constraint build/versions/constraints.txt -e . \
        pytest pytest-asyncio pytest-timeout pytest-xdist hypothesis trustme av
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pytest -q -n "${WORKERS:-4}" --dist loadfile ${TESTS:-tests/commissioning tests/configuration \
        tests/judgement tests/wire tests/availability_report tests/probing/test_visit.py tests/storage/test_history.py \
        tests/picture/test_reference.py tests/test_layout.py}
done
