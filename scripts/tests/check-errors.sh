#!/usr/bin/env bash
# `check` accepts what is right, and names file and line of what is wrong, with exit status 1; so does `serve`.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

# refuses WHAT PATTERN: check and serve both end with 1 and a line that matches.
refuses() {
    local status=0
    "$QPSERVER" check --config "$config" >"$work/out" 2>&1 || status=$?
    [ "$status" -eq 1 ] || fail "$1: check ended with $status, not 1: $(tail -n 3 "$work/out")"
    grep -Eq "$2" "$work/out" || fail "$1: check does not say $2: $(tail -n 5 "$work/out")"

    status=0
    timeout 20 "$QPSERVER" serve --config "$config" >"$work/out" 2>&1 || status=$?
    if [ "$status" -eq 0 ] || [ "$status" -eq 124 ]; then fail "$1: serve started (status $status)"; fi
    grep -Eq "$2" "$work/out" || fail "$1: serve does not say $2: $(tail -n 5 "$work/out")"
    write_config
}

write_config
"$QPSERVER" check --config "$config" >"$work/out" 2>&1 || fail "a good configuration: $(cat "$work/out")"

printf '# a comment\n\nrcpt_ok\nbadmailform\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
refuses 'an unknown plugin' 'plugins:4\b'
printf '# a comment\n\nrcpt_ok\nbadmailform\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
refuses 'the nearest name' 'badmailfrom'
printf 'rcpt_ok\nqueue/maildir\n' >"$config/plugins"
refuses 'a missing argument' 'plugins:2\b'
printf 'max_connections 100\n\nmax_recipients many\n' >"$config/limits"
refuses 'a limit that is no number' 'limits:3\b'
printf 'max_conections 100\n' >"$config/limits"
refuses 'an unknown limit' 'limits:1\b'
printf '# policies\nqueue/maildir timeout soon\n' >"$config/plugin_policy"
refuses 'a time that is none' 'plugin_policy:2\b'
rm -f "$config/plugin_policy"
printf '127.0.0.1:2525\n127.0.0.1:99999\n' >"$config/listen"
refuses 'an impossible port' 'listen:2\b'
