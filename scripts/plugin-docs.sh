#!/usr/bin/env bash
# scripts/plugin-docs.sh FOLDER: makes the pages of plugins out of their manuals, in place of all that are there.
# QPSERVER names the program; without it the debug build is brought up to date and taken.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?usage: scripts/plugin-docs.sh FOLDER}
if [ -z "${QPSERVER:-}" ]; then
    swift build --product qpserver
    QPSERVER=.build/debug/qpserver
fi
mkdir -p "$folder"
rm -f "$folder"/*.md
"$QPSERVER" plugins docs "$folder"
