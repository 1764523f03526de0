#!/usr/bin/env bash
# docs/plugins is what the plugins' manuals say, no page more and none less.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
pages=$(mktemp -d "${TMPDIR:-/tmp}/qpserver-pages.XXXXXX")
trap 'rm -rf "$pages"' EXIT

QPSERVER=${QPSERVER:-$top/.build/debug/qpserver} "$top/scripts/plugin-docs.sh" "$pages"
if ! diff -ru "$top/docs/plugins" "$pages"; then
    echo "FAILED: docs/plugins is not up to date: make plugin-docs"
    exit 1
fi
[ -s "$pages/README.md" ] || { echo "FAILED: there is no index"; exit 1; }
