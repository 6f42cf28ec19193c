#!/bin/sh
# Installs or upgrades the daemon under systemd. Starts nothing and never overwrites settings.
set -eu
prefix=${PREFIX:-/opt/xueliang-monitor}
etc=/etc/xueliang-monitor
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
source=$(CDPATH='' cd -- "$here/../.." && pwd)

[ "$(id -u)" -eq 0 ] || { echo "make install needs root: sudo make install" >&2; exit 1; }
command -v systemd-sysusers >/dev/null || { echo "make install needs systemd, which this machine does not run" >&2; exit 1; }

step() { echo "== $*"; }

step "program: $prefix"
sh "$source/tools/venv-package.sh" "${PYTHON:-python3}"
mkdir -p "$prefix"
[ -x "$prefix/bin/python" ] || "${PYTHON:-python3}" -m venv "$prefix"
"$prefix/bin/python" -m pip install --quiet --require-hashes -r "$source/requirements.lock"
# Build from a copy: the checkout may be read-only and must stay clean.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -R "$source/pyproject.toml" "$source/README.md" "$source/xueliang_monitor" "$copy/"
"$prefix/bin/python" -m pip install --quiet --no-deps --no-build-isolation --force-reinstall "$copy"
install -m 0644 "$source/README.md" "$source/README.zh-CN.md" "$source/CHANGELOG.md" "$prefix/"
# The documentation, if `make docs` built it; the daemon serves it at /docs/.
html=share/doc/xueliang-monitor/html
if [ -e "$source/.venv/$html/index.html" ]; then
    rm -rf "${prefix:?}/$html"
    mkdir -p "$prefix/$html"
    cp -R "$source/.venv/$html/." "$prefix/$html/"
fi
mkdir -p "$prefix/share"
for folder in systemd prometheus alertmanager grafana; do
    [ ! -d "$source/deploy/$folder" ] || { rm -rf "${prefix:?}/share/$folder"
        cp -R "$source/deploy/$folder" "$prefix/share/$folder"; }
done
ln -sf "$prefix/bin/xueliang" /usr/local/bin/xueliang

step "user: xueliang-monitor"
install -D -m 0644 "$here/xueliang-monitor.sysusers.conf" /etc/sysusers.d/xueliang-monitor.conf
systemd-sysusers /etc/sysusers.d/xueliang-monitor.conf

step "settings: $etc"
install -d -m 0755 "$etc" "$etc/cameras.d"
install -d -m 0700 "$etc/secrets"
for sample in xueliang.yaml cameras.d/README.md; do
    if [ -e "$etc/$sample" ]; then
        cmp -s "$source/config/$sample" "$etc/$sample" || echo "   $etc/$sample was kept; the new sample is $sample.sample in the same folder"
        install -m 0644 "$source/config/$sample" "$etc/$sample.sample"
    else
        install -m 0644 "$source/config/$sample" "$etc/$sample"
    fi
done

step "unit: xueliang-monitor.service"
sed "s|/opt/xueliang-monitor|$prefix|" "$here/xueliang-monitor.service" >/etc/systemd/system/xueliang-monitor.service
chmod 0644 /etc/systemd/system/xueliang-monitor.service
[ ! -d /run/systemd/system ] || systemctl daemon-reload

if [ -d /run/systemd/system ] && systemctl is-active --quiet xueliang-monitor; then
    echo "installed; the old version is still running: systemctl restart xueliang-monitor"
else
    echo "installed, not started. Next: put a password into $etc/secrets and the logins into $etc/xueliang.yaml,"
    echo "then run: systemctl enable --now xueliang-monitor"
fi
