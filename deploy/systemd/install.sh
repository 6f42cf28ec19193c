#!/bin/sh
# Installs or upgrades the daemon under systemd. Starts nothing and never overwrites settings.
# With DESTDIR, writes every file below that folder for a package, and touches neither users nor systemd.
set -eu
prefix=${PREFIX:-/opt/xueliang-monitor}
dest=${DESTDIR:-}
dest=${dest%/}
etc=$dest/etc/xueliang-monitor
units=$dest${UNITDIR:-/etc/systemd/system}
sysusers=$dest${SYSUSERSDIR:-/etc/sysusers.d}
python=${PYTHON:-python3}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source=$(CDPATH='' cd -- "$here/../.." && pwd)

for path in "$prefix" "${dest:-/}"; do
    case $path in /*) ;; *) echo "$path is not an absolute path" >&2; exit 1 ;; esac
done
if [ -z "$dest" ]; then
    [ "$(id -u)" -eq 0 ] || { echo "make install needs root: sudo make install" >&2; exit 1; }
    command -v systemd-sysusers >/dev/null || { echo "make install needs systemd, which this machine does not run" >&2; exit 1; }
fi

step() { echo "== $*"; }

step "program: $dest$prefix"
sh "$source/tools/venv-package.sh" "$python"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What builds the program stays out of its environment. Build from a copy: the checkout may be read-only and must stay clean.
"$python" -m venv "$work/build"
pip() { "$work/build/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --quiet --require-hashes -r "$source/requirements-build.lock"
mkdir "$work/source"
cp -R "$source/pyproject.toml" "$source/README.md" "$source/xueliang_monitor" "$work/source/"
pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" "$work/source"

mkdir -p "$dest$prefix"
program=$dest$prefix/bin/python
[ -x "$program" ] || "$python" -m venv --without-pip "$dest$prefix"
install_into() { pip --python "$program" install --quiet --no-compile "$@"; }
install_into --require-hashes -r "$source/requirements.lock"
install_into --no-deps --no-index --force-reinstall --find-links "$work" xueliang-monitor
# An older version left its build tools, and may have had other dependencies.
locked=$(sed -n 's/^\([a-z0-9-]*\)==.*/\1/p' "$source/requirements.lock")
for name in $(pip --python "$program" list --format=freeze | sed 's/[ =].*//' | tr 'A-Z_.' 'a-z--'); do
    printf '%s\n' $locked xueliang-monitor | grep -qxF "$name" || pip --python "$program" uninstall --quiet --yes "$name"
done
if [ -n "$dest" ]; then
    # Scripts and compiled files name the folder in which they will lie.
    grep -rlIF "$dest$prefix" "$dest$prefix/bin" "$dest$prefix/pyvenv.cfg" | xargs -r sed -i "s|$dest$prefix|$prefix|g"
fi
"$program" -m compileall -q -s "${dest:-/}" -p / "$dest$prefix/lib"

install -m 0644 "$source/README.md" "$source/README.zh-CN.md" "$source/CHANGELOG.md" "$dest$prefix/"
# The documentation, if `make docs` built it; the daemon serves it at /docs/.
html=share/doc/xueliang-monitor/html
if [ -e "$source/.venv/$html/index.html" ]; then
    rm -rf "${dest}${prefix:?}/$html"
    mkdir -p "$dest$prefix/$html"
    cp -R "$source/.venv/$html/." "$dest$prefix/$html/"
fi
mkdir -p "$dest$prefix/share"
for folder in systemd prometheus alertmanager grafana; do
    [ ! -d "$source/deploy/$folder" ] || { rm -rf "${dest}${prefix:?}/share/$folder"
        cp -R "$source/deploy/$folder" "$dest$prefix/share/$folder"; }
done
mkdir -p "$dest/usr/local/bin"
ln -sf "$prefix/bin/xueliang" "$dest/usr/local/bin/xueliang"

step "user: xueliang-monitor"
install -D -m 0644 "$here/xueliang-monitor.sysusers.conf" "$sysusers/xueliang-monitor.conf"
[ -n "$dest" ] || systemd-sysusers "$sysusers/xueliang-monitor.conf"

step "settings: $etc"
install -d -m 0755 "$etc"
[ -d "$etc/cameras.d" ] || install -d -m 0755 "$etc/cameras.d"
# Camera files are read by the daemon, not by every user. A folder with a group of its own stays as it is.
if [ -z "$dest" ] && [ "$(stat -c %g "$etc/cameras.d")" = 0 ]; then
    chgrp xueliang-monitor "$etc/cameras.d"
    chmod 2750 "$etc/cameras.d"
fi
install -d -m 0700 "$etc/secrets" "$etc/relay-secrets"
for sample in xueliang.yaml relay.yaml cameras.d/README.md; do
    if [ -e "$etc/$sample" ]; then
        cmp -s "$source/config/$sample" "$etc/$sample" || echo "   $etc/$sample was kept; the new sample is $sample.sample in the same folder"
        install -m 0644 "$source/config/$sample" "$etc/$sample.sample"
    else
        install -m 0644 "$source/config/$sample" "$etc/$sample"
    fi
done
install -m 0644 "$source/config/uplinks.yaml.example" "$etc/uplinks.yaml.example"

step "units: xueliang-monitor.service, xueliang-relay.service"
mkdir -p "$units"
for unit in xueliang-monitor.service xueliang-relay.service; do
    sed "s|/opt/xueliang-monitor|$prefix|" "$here/$unit" >"$units/$unit"
    chmod 0644 "$units/$unit"
done
if [ -n "$dest" ]; then
    echo "staged in $dest. After unpacking: systemd-sysusers, then systemctl daemon-reload"
    exit 0
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload

if [ -d /run/systemd/system ] && systemctl is-active --quiet xueliang-monitor; then
    echo "installed; the old version is still running: systemctl restart xueliang-monitor"
else
    echo "installed, not started. Next: put a password into $etc/secrets and the logins into $etc/xueliang.yaml,"
    echo "then run: systemctl enable --now xueliang-monitor"
fi
