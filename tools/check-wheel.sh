#!/bin/sh
# Usage: check-wheel.sh PYTHON WHEEL
# Installs a wheel into an empty environment and runs, in an empty folder, the commands that need packaged files.
# Dependencies come from requirements.lock, or without network from the folder that DEPENDENCIES names.
set -eu
python=$1 wheel=$2
source=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
folder=$(mktemp -d)
simulator=""
ended() { [ -z "$simulator" ] || kill "$simulator" 2>/dev/null || true; rm -rf "$folder"; }
trap ended EXIT
step() { echo "== $*"; }

step "an environment of its own"
if [ -n "${DEPENDENCIES:-}" ]; then
    "$python" -m venv --without-pip "$folder/venv"
    "$python" -m pip --python "$folder/venv/bin/python" install --quiet --no-deps --no-index "$wheel"
    echo "$DEPENDENCIES" >"$(echo "$folder"/venv/lib/python3*/site-packages)/dependencies.pth"
else
    "$python" -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --require-hashes -r "$source/requirements.lock"
    "$folder/venv/bin/python" -m pip install --quiet --no-deps "$wheel"
fi
# The checkout and its settings must not be found from here.
unset PYTHONPATH XUELIANG_PASSWORD XUELIANG_USERNAME
mkdir "$folder/empty"
cd "$folder/empty"
xueliang=$folder/venv/bin/xueliang
from=$("$folder/venv/bin/python" -c "import xueliang_monitor as it; print(it.__file__)")
case $from in "$folder"/*) ;; *) echo "the package was imported from $from, not from the wheel" >&2; exit 1 ;; esac

step "xueliang simulate"
"$xueliang" simulate >"$folder/simulate.log" 2>&1 &
simulator=$!
waited=0
until grep -q " cameras, such as " "$folder/simulate.log"; do
    kill -0 "$simulator" 2>/dev/null && [ $waited -lt 300 ] || { cat "$folder/simulate.log" >&2; exit 1; }
    waited=$((waited + 1))
    sleep 0.2
done
cat "$folder/simulate.log"
url=$(sed -n 's/.* such as \([^;]*\);.*/\1/p' "$folder/simulate.log")

step "xueliang check $url"
XUELIANG_PASSWORD=simulated "$xueliang" check "$url" --username viewer
kill "$simulator"
wait "$simulator" || true
simulator=""

step "xueliang demo"
"$xueliang" demo --seconds "${SECONDS_OF_DEMO:-10}" --no-incidents --listen 127.0.0.1:0
[ -z "$(ls -A)" ] || { echo "files were left behind: $(ls -A)" >&2; exit 1; }
