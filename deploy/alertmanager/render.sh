#!/bin/sh
# Writes the configuration with the WeCom secret, from a file or XUELIANG_WECOM_SECRET_FILE, readable by its group alone.
set -eu
[ $# -eq 2 ] || { echo "usage: sh render.sh alertmanager.yml TARGET" >&2; exit 2; }
secret_file=${XUELIANG_WECOM_SECRET_FILE:-/etc/prometheus/secrets/wecom.secret}
[ -r "$secret_file" ] || { echo "$secret_file cannot be read; write the WeCom secret there, chmod 600" >&2; exit 1; }
secret=$(head -n 1 "$secret_file")
case $secret in *[!A-Za-z0-9_-]*|'') echo "$secret_file holds no WeCom secret" >&2; exit 1 ;; esac
umask 077
temporary=$(mktemp "$2.XXXXXX")
trap 'rm -f "$temporary"' EXIT
# By the shell alone: a secret in sed's arguments would stand in the process list.
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
        *@WECOM_SECRET@*) printf '%s%s%s\n' "${line%%@WECOM_SECRET@*}" "$secret" "${line#*@WECOM_SECRET@}" ;;
        *) printf '%s\n' "$line" ;;
    esac
done <"$1" >"$temporary"
chmod 0640 "$temporary"
! getent group prometheus >/dev/null || chgrp prometheus "$temporary"
mv "$temporary" "$2"
