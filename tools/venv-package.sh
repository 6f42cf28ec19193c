#!/bin/sh
# Debian ships venv as a separate package: install it, or say how.
set -eu
"$1" -c "import ensurepip, venv" 2>/dev/null && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "Python's venv is missing; install it: sudo apt-get install python3-venv" >&2
    exit 1
fi
apt-get -q update >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends python3-venv >/dev/null
