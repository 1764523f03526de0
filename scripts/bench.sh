#!/usr/bin/env bash
# Measures the release build beside smtp-sink and prints a table; fails if a gate fails.
#
#   BENCH=instructions,syscalls scripts/bench.sh     some groups only; all are listed in scripts/bench/bench.py
#   BENCH_SCALE=0.1 scripts/bench.sh                 a tenth of the messages, for a quick look
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build bench
if [ -z "${BENCH_SERVER:-}" ]; then
    swift build -c release
    BENCH_SERVER="$(swift build -c release --show-bin-path)/qpserver-bench"
fi
mkdir -p .build/bench
"${CC:-$(command -v cc || echo clang)}" -O2 -o .build/bench/load scripts/bench/load.c
export BENCH_SERVER BENCH_LOAD=.build/bench/load BENCH_RESULTS=.build/bench/results.json
exec python3 scripts/bench/bench.py
