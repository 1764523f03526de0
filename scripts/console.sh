#!/usr/bin/env bash
# Builds the console and starts it beside the server of `make run`, or for the servers that are named.
#
#   scripts/console.sh [OPTION...] [SERVER...]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
echo "console: building (the first time takes some minutes)"
started=$SECONDS
swift build -c release --product qpconsole
echo "console: built in $((SECONDS - started)) s"
exec "$(swift build -c release --show-bin-path)/qpconsole" "$@"
