#!/usr/bin/env bash
# Builds the server and starts it with the configuration run/config, which is made from config/ if it is not there:
# mail for localhost and example.com on 127.0.0.1:2525, delivered into the Maildir run/Maildir.
#
# The admin endpoint is on 127.0.0.1:8025 and run/admin.sock; state is kept in run/state.
#
#   scripts/run.sh [OPTION...]     options go to `qpserver serve`
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
echo "run: building (the first time takes some minutes)"
started=$SECONDS
swift build -c release --product qpserver
echo "run: built in $((SECONDS - started)) s"

if [ ! -e run/config ]; then
    # Words of a plugin line end at blanks.
    case $PWD in *[[:space:]]*) echo "run: there is a blank in the name of the folder $PWD" >&2; exit 1 ;; esac
    mkdir -p run && mkdir -p -m 700 run/spool run/state
    rm -rf run/config.new
    cp -R config run/config.new
    sed -i "s|^queue/maildir .*|queue/maildir $PWD/run/Maildir|" run/config.new/plugins
    echo "$PWD/run/spool" >run/config.new/spool_dir
    echo "$PWD/run/state" >run/config.new/state_dir
    # The name of a local socket has room for 107 octets.
    if [ "$(printf '%s' "$PWD/run/admin.sock" | wc -c)" -le 107 ]; then
        echo "unix:$PWD/run/admin.sock" >>run/config.new/admin
    else
        echo "run: the folder's name is too long for a socket in it: no run/admin.sock"
    fi
    # Good enough to try STARTTLS; real clients want a certificate that an authority has signed.
    mkdir -m 700 run/config.new/ssl
    (
        umask 077
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
            -keyout run/config.new/ssl/server.key -out run/config.new/ssl/server.crt 2>/dev/null
    )
    printf 'certificate ssl/server.crt\nkey ssl/server.key\n' >>run/config.new/tls
    mv run/config.new run/config
    echo "run: made run/config; it is yours to edit"
fi

echo "run: mail for user@example.com to 127.0.0.1:2525 ends up in run/Maildir; try"
echo "run:     swaks --server 127.0.0.1:2525 --to user@example.com"
[ ! -e run/config/ssl/server.crt ] || echo "run: with --tls as well: run/config/ssl has a certificate of its own making"
if [ -e run/config/admin ]; then
    # The addresses alone, without their options.
    places=$(sed -nE "s/^([^#[:space:]]+).*/\1/p" run/config/admin | sed "s|^unix:$PWD/|unix:|" | tr '\n' ' ')
    echo "run: the admin endpoint is on ${places:-no address }(run/config/admin)"
fi
exec "$(swift build -c release --show-bin-path)/qpserver" serve --config run/config "$@"
