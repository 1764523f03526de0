#!/usr/bin/env bash
# The fuzz tests with many more rounds than `make test` gives them.
#
#   scripts/fuzz.sh [ROUNDS]     of each fuzz test; without it 200,000
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
QP_FUZZ_ITERATIONS=${1:-200000} exec swift test --filter Fuzz
