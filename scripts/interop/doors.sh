#!/usr/bin/env bash
# A Postfix of its own in front of our doors: as LMTP client, and as SMTP client that says XFORWARD. Needs root.
#
#   INTEROP_COUNT    messages of each way (500 give 100)
#   INTEROP_SERVER   the program qpserver; without it the release build is made and taken
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/setup.sh test
if [ -z "${INTEROP_SERVER:-}" ]; then
    scripts/setup.sh build
    swift build -c release --product qpserver
    INTEROP_SERVER="$(swift build -c release --show-bin-path)/qpserver"
fi
export INTEROP_SERVER PYTHONDONTWRITEBYTECODE=1
exec timeout 600 python3 scripts/interop/doors.py
