#!/usr/bin/env bash
# Makes the pictures of README anew: a server under load, its page in a browser, the console in a terminal.
#
#   scripts/pictures.sh        writes docs/pictures
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh build test interop
swift build -c release --product qpserver
swift build -c release --product qpconsole
bin=$(swift build -c release --show-bin-path)
export LC_ALL=C.UTF-8 XDG_CONFIG_HOME=/nonexistent
exec python3 scripts/pictures.py "$bin/qpserver" "$bin/qpconsole" docs/pictures
