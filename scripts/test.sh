#!/usr/bin/env bash
# All tests: the packages' own (swift test), then whole servers (scripts/tests/*.sh, on the debug build). A script may
# take 60 s, or what its line `# limit: N s` says.
#
#   VERBOSE=1 scripts/test.sh     shows every line of swift test; otherwise failures and the closing lines
set -euo pipefail
cd "$(dirname "$0")/.."

began=$SECONDS
failed=()
log=.build/test.log

scripts/setup.sh build test

echo "test: building"
step=$SECONDS
swift build --build-tests
echo "test: built in $((SECONDS - step)) s"

echo "test: swift test (every line in $log)"
step=$SECONDS
if [ -n "${VERBOSE:-}" ]; then
    swift test --skip-build --no-parallel 2>&1 | tee "$log" || failed+=("swift test")
elif ! swift test --skip-build --no-parallel >"$log" 2>&1; then
    failed+=("swift test")
    problems=$(grep -E '✘|error: |Fatal|Crash|recorded an issue' "$log" | grep -vE '^(◇|✔)|^ *↳' | head -n 60 || true)
    echo "$problems"
fi
tail -n 4 "$log"
echo "test: swift test took $((SECONDS - step)) s"

for script in scripts/tests/*.sh; do
    name=$(basename "$script" .sh)
    [ "$name" != lib ] || continue
    step=$SECONDS
    status=0
    limit=$(sed -nE 's/^# limit: ([0-9]+) s$/\1/p' "$script")
    timeout -k 5 "${limit:-60}" "$script" >"$log.script" 2>&1 || status=$?
    if [ "$status" -eq 0 ]; then
        echo "test: $name passed ($((SECONDS - step)) s)"
    else
        failed+=("$name")
        sed 's/^/    /' "$log.script" | tail -n 40
        echo "test: $name FAILED with status $status ($((SECONDS - step)) s)"
    fi
done

if [ ${#failed[@]} -gt 0 ]; then
    # Once more at the end, where whoever reads only that sees it.
    [ -z "${problems:-}" ] || echo "$problems"
    echo "test: FAILED: $(printf '%s, ' "${failed[@]}" | sed 's/, $//') ($((SECONDS - began)) s in all)"
    exit 1
fi
echo "test: everything passed ($((SECONDS - began)) s in all)"
