#!/usr/bin/env bash
# Claims 27, 29, 30, 34 and 35: loggers of config/logging, what debug_plugin drops, and what the server calls plugins.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

send_mail() {
    python3 - "$port" <<'PYTHON'
import sys
from smtp_client import Client
with Client(int(sys.argv[1])) as client:
    client.greet()
    code, text = client.mail("sender@sender.example", "user@example.com", b"Subject: x\r\n\r\ny\r\n")
    assert code == 250, (code, text)
    client.quit()
PYTHON
}

# run LOGGER...: a mail with these loggers; all that was logged is in $log.
run() {
    printf '%s\n' "$@" >"$config/logging"
    start_server
    send_mail
    stop_server
}

has() { grep -Eq -- "$1" "$log" || fail "no line with '$1'"; }
has_not() { ! grep -Eq -- "$1" "$log" || fail "a line with '$1': $(grep -E -m1 -- "$1" "$log")"; }

write_config
echo 7 >"$config/loglevel"

run 'logging/warn LOGDEBUG'
has '^[0-9]+ queue::maildir hooking queue$'
has '^[0-9]+ rcpt_ok hooking rcpt$'
has '^[0-9]+ \(queue\) queue::maildir: delivered to '
has '^[0-9]+ \(rcpt\) rcpt_ok: '

for name in queue/maildir queue::maildir; do
    run "logging/debug_plugin $name LOGNOTICE" 'logging/warn LOGDEBUG'
    has '^[0-9]+ \(queue\) queue::maildir: delivered to '
    has_not 'rcpt_ok: '
    has_not ' hooking '
done

# Behind the logger it comes too late.
run 'logging/warn LOGDEBUG' 'logging/debug_plugin queue/maildir LOGNOTICE'
has 'rcpt_ok: '

run 'logging/warn LOGNOTICE'
has_not 'queue::maildir: delivered'

printf 'queue/maildir %s\n' "$maildir" >"$config/plugins"
printf 'logging/debug_plugin\n' >"$config/logging"
if "$QPSERVER" check --config "$config" >"$work/check" 2>&1; then fail "check takes debug_plugin without a name"; fi
grep -q 'no plugin name given' "$work/check" || fail "check does not say that the name is missing: $(cat "$work/check")"
