#!/usr/bin/env bash
# Builds the server and starts it with the configuration run/config, which is made from config/ if it is not there:
# mail for localhost and example.com on 127.0.0.1:2525, delivered into the Maildir run/Maildir.
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
    mkdir -p run && mkdir -p -m 700 run/spool
    rm -rf run/config.new
    cp -R config run/config.new
    sed -i "s|^queue/maildir .*|queue/maildir $PWD/run/Maildir|" run/config.new/plugins
    echo "$PWD/run/spool" >run/config.new/spool_dir
    mv run/config.new run/config
    echo "run: made run/config; it is yours to edit"
fi

echo "run: mail for user@example.com to 127.0.0.1:2525 ends up in run/Maildir; try"
echo "run:     swaks --server 127.0.0.1:2525 --to user@example.com"
exec "$(swift build -c release --show-bin-path)/qpserver" serve --config run/config "$@"
