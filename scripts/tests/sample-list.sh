#!/usr/bin/env bash
# qpsmtpd's sample configuration: `check` says of every plugin line what becomes of it, and `serve` names each line that
# it cannot run and does not start, or starts.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir -p "$config"
cp "$top"/Tests/Samples/qpsmtpd/* "$config"
lines=$(cat "$config/plugins" "$config/logging" | wc -l)

status=0
"$QPSERVER" check --config "$config" >"$work/out" 2>&1 || status=$?
said=$(grep -cE '(plugins|logging):[0-9]+: [^:]+: (native|will be native|Perl|obsolete)' "$work/out" || true)
[ "$said" -eq "$lines" ] || fail "check says something about $said of $lines lines: $(cat "$work/out")"
! grep -q ': unknown' "$work/out" || fail "there are unknown lines: $(grep ': unknown' "$work/out")"

missing=$(grep -cE ': (will be native, not in|Perl \(.*not in) this version' "$work/out" || true)
if [ "$missing" -eq 0 ]; then
    [ "$status" -eq 0 ] || fail "check ended with $status, though nothing is missing: $(cat "$work/out")"
    exit 0
fi
[ "$status" -eq 1 ] || fail "check ended with $status, though $missing lines are missing"
status=0
timeout 20 "$QPSERVER" serve --config "$config" >"$work/out" 2>&1 || status=$?
if [ "$status" -eq 0 ] || [ "$status" -eq 124 ]; then fail "serve started (status $status)"; fi
named=$(grep -cE "plugins:[0-9]+: error: '[^']+' .*not in this version" "$work/out" || true)
[ "$named" -eq "$missing" ] || fail "serve names $named of $missing missing lines: $(cat "$work/out")"
