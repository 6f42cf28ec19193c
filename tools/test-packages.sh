#!/bin/sh
# Installs the Debian packages that the tests need, or lists them.
set -eu
wanted="ffmpeg prometheus python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
gstreamer1.0-plugins-ugly gstreamer1.0-libav systemd systemd-container curl prometheus-alertmanager
iproute2 glib-networking vlc-bin vlc-plugin-base chromium fonts-wqy-zenhei"
command -v dpkg-query >/dev/null || { echo "not a Debian system: tests that need $wanted will be skipped"; exit 0; }
missing=""
for package in $wanted; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "tests that need them will be skipped; to run them: sudo apt-get install --no-install-recommends$missing"
    exit 0
fi
apt-get -q update >/dev/null
# Install the programs without starting their services.
[ -e /usr/sbin/policy-rc.d ] || { printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT; }
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $missing >/dev/null
