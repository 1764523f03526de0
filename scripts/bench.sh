#!/usr/bin/env bash
# Measures the release build beside smtp-sink and prints a table; fails if a gate fails.
#
#   BENCH=instructions,syscalls scripts/bench.sh     some groups only; all are listed in scripts/bench/bench.py
#   BENCH_SCALE=0.1 scripts/bench.sh                 a tenth of the messages, for a quick look
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build bench
if [ -z "${BENCH_SERVER:-}" ]; then
    swift build -c release --product qpserver
    swift build -c release --product qpconsole
    scripts/build-beside.sh release Benchmarks
    bin="$(swift build -c release --show-bin-path)"
    BENCH_SERVER="$bin/qpserver-bench"
    BENCH_MAIL_SERVER="$bin/qpserver"
    export BENCH_MAIL_SERVER
fi
mkdir -p .build/bench
"${CC:-$(command -v cc || echo clang)}" -O2 -o .build/bench/load scripts/bench/load.c
export BENCH_SERVER BENCH_LOAD=.build/bench/load BENCH_RESULTS=.build/bench/results.json
status=0
if [ -n "${bin:-}" ] && [ -z "${BENCH:-}" ]; then
    python3 scripts/bench/micro.py "$bin/qpserver-micro" || status=1
fi
python3 scripts/bench/bench.py || status=1
exit $status
