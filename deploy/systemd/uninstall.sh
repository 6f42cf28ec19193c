#!/bin/sh
# Removes the daemon. Keeps settings and state unless PURGE=1.
set -eu
prefix=${PREFIX:-/opt/xueliang-monitor}
[ "$(id -u)" -eq 0 ] || { echo "make uninstall needs root: sudo make uninstall" >&2; exit 1; }
case $prefix in /*/*) ;; *) echo "PREFIX=$prefix is not a separate folder" >&2; exit 1 ;; esac
if [ -e "$prefix" ] && [ ! -x "$prefix/bin/xueliang" ]; then
    echo "PREFIX=$prefix contains no xueliang; nothing was removed" >&2
    exit 1
fi

if [ -d /run/systemd/system ]; then
    systemctl disable --now xueliang-relay.service xueliang-monitor.service 2>/dev/null || true
fi
rm -f /etc/systemd/system/xueliang-monitor.service /etc/systemd/system/xueliang-relay.service /etc/sysusers.d/xueliang-monitor.conf
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ "$(readlink /usr/local/bin/xueliang 2>/dev/null)" != "$prefix/bin/xueliang" ] || rm -f /usr/local/bin/xueliang
rm -rf "$prefix"

if [ "${PURGE:-0}" = 1 ]; then
    rm -rf /etc/xueliang-monitor /var/lib/xueliang-monitor /var/lib/xueliang-relay /var/lib/private/xueliang-relay
    ! getent passwd xueliang-monitor >/dev/null || userdel xueliang-monitor
    echo "removed, including settings, state and the user"
else
    echo "removed; /etc/xueliang-monitor and /var/lib/xueliang-monitor were kept (PURGE=1 removes them too)"
fi
