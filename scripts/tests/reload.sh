#!/usr/bin/env bash
# SIGHUP: new sessions get the new configuration, old ones finish on theirs; a broken file is refused with file and
# line, and the old configuration goes on.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
start_server
python3 - "$port" "$server" "$config" "$log" <<'PYTHON' || fail "see above"
import os, pathlib, re, signal, sys, time
from smtp_client import Client
port, pid, config, log = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])


def eventually(what, test, seconds=8):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return
        time.sleep(0.1)
    sys.exit(f"not within {seconds} s: {what}")


def greeting():
    with Client(port) as client:
        text = client.greet()
        client.quit()
        return text


def deliver(client, name):
    code, text = client.mail("sender@sender.example", "user@example.com", f"Subject: {name}\r\n\r\n".encode())
    assert code == 250, f"{name}: {code} {text}"


old = Client(port)
assert "mx.example.com" in old.greet()
old.say("MAIL FROM:<sender@sender.example>", 250)

(config / "me").write_text("second.example.com\n")
plugins = (config / "plugins").read_text()
(config / "plugins").write_text("badmailfrom\n" + plugins)
(config / "badmailfrom").write_text("bad@sender.example refused after the reload\n")
os.kill(pid, signal.SIGHUP)
eventually("a new session sees the new name", lambda: "second.example.com" in greeting())
with Client(port) as client:
    client.greet()
    code, text = client.say("MAIL FROM:<bad@sender.example>")
    assert code == 550 and "refused after the reload" in text, f"the new plugin: {code} {text}"
    deliver(client, "new session")
old.say("RCPT TO:<user@example.com>", 250)
code, text = old.data(b"Subject: old session\r\n\r\n")
assert code == 250, f"the old session: {code} {text}"
code, text = old.say("MAIL FROM:<bad@sender.example>")
assert code == 250, f"the old session was moved to the new configuration: {code} {text}"
old.quit()

(config / "plugins").write_text("badmailfrom\nrcpt_ok\nno/such_plugin\n")
before = log.stat().st_size
os.kill(pid, signal.SIGHUP)
eventually("the log names plugins:3", lambda: re.search(r"plugins:3\b", log.read_text(errors="replace")[before:]))
with Client(port) as client:
    client.greet()
    deliver(client, "after the refused reload")
    client.quit()
PYTHON
[ "$(find "$maildir/new" -type f | wc -l)" -eq 3 ] || fail "not three mails in the Maildir"
stop_server
