#!/usr/bin/env bash
# The tests under a sanitizer, in a build folder of its own.
#
#   scripts/sanitize.sh [thread|address|undefined] [OPTION...]     options go to `swift test`
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizer=${1:-thread}
shift || true
scripts/setup.sh build test
fixed=()
# The thread sanitizer needs its own places in memory, which a kernel that spreads addresses widely may have taken.
if command -v setarch >/dev/null; then fixed=(setarch "$(uname -m)" -R); fi
export TSAN_OPTIONS="suppressions=$PWD/scripts/tsan.supp ${TSAN_OPTIONS:-}"
exec ${fixed[@]+"${fixed[@]}"} swift test --no-parallel --sanitize "$sanitizer" --scratch-path ".build-${sanitizer:0:1}san" "$@"
