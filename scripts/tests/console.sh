#!/usr/bin/env bash
# The console in a terminal (tmux) beside a running server under load: every view against what the API says, and what
# keys change against what happens on the wire; in a pipe; and with signals, on a pseudo-terminal.
# limit: 240 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

QPCONSOLE=${QPCONSOLE:-$top/.build/debug/qpconsole}
[ -x "$QPCONSOLE" ] || fail "$QPCONSOLE does not exist; swift build makes it"
# Nothing of the user's own.
export XDG_CONFIG_HOME=$work/settings HOME=$work LC_ALL=C.UTF-8
unset QPCONSOLE_TOKEN NO_COLOR
# A crash ends a program at once.
export SWIFT_BACKTRACE=enable=no
complaints=$(mandoc -T lint -W warning "$top"/packaging/man/* 2>&1 | grep -v 'Xr' || true)
[ -z "$complaints" ] || fail "man pages: $complaints"
for part in batch views steer links signals; do
    step=$SECONDS
    timeout 120 python3 "$top/scripts/tests/console_$part.py" "$QPSERVER" "$QPCONSOLE" "$work" || fail "$part"
    echo "console: $part took $((SECONDS - step)) s"
done
