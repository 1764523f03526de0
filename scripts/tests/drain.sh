#!/usr/bin/env bash
# SIGTERM: who is in the middle of a mail may finish it, who is not gets 421 when the grace period is over, and the
# server ends with 0. A second SIGTERM ends it at once.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
start_server
python3 - "$port" "$server" <<'PYTHON' || fail "see above"
import os, signal, sys, time
from smtp_client import Client
port, pid = int(sys.argv[1]), int(sys.argv[2])
busy, idle = Client(port), Client(port)
for client in (busy, idle):
    client.greet()
    client.say("MAIL FROM:<sender@sender.example>", 250)
    client.say("RCPT TO:<user@example.com>", 250)
os.kill(pid, signal.SIGTERM)
time.sleep(0.5)
try:
    with Client(port, timeout=3) as late:
        code, text = late.reply()
        assert code == 421, f"a new client was greeted with {code} {text}"
except (OSError, EOFError):
    pass
code, text = busy.data(b"Subject: during the drain\r\n\r\ntext\r\n")
assert code == 250, f"the mail in progress got {code} {text}"
busy.close()
begun = time.monotonic()
code, text = idle.reply()
assert code == 421, f"the idle session got {code} {text}"
assert time.monotonic() - begun < 12, "the grace period of 3 s took longer"
PYTHON
wait_for_end 10
[ "$ended" -eq 0 ] || fail "exit status $ended after a drain"
[ "$(find "$maildir/new" -type f | wc -l)" -eq 1 ] || fail "the mail in progress is not in the Maildir"

echo 'grace_period 60' >"$config/limits"
start_server
python3 - "$port" "$server" <<'PYTHON' || fail "see above"
import os, signal, sys, time
from smtp_client import Client
port, pid = int(sys.argv[1]), int(sys.argv[2])
with Client(port) as client:
    client.greet()
    client.say("MAIL FROM:<sender@sender.example>", 250)
    os.kill(pid, signal.SIGTERM)
    time.sleep(1)
    os.kill(pid, signal.SIGTERM)
    begun = time.monotonic()
    try:
        while True:
            client.reply()
    except (EOFError, OSError):
        pass
    assert time.monotonic() - begun < 5, "the second SIGTERM did not end the session"
PYTHON
wait_for_end 5
