#!/usr/bin/env bash
# SIGHUP: new sessions get the new configuration, 200 old ones in the middle of a mail finish on theirs; a broken file is
# refused with file and line, and the old configuration goes on; a data file's edit is seen by the next connection.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
printf 'max_conn_ip 0\n' >"$config/limits"
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


def begun(index):
    """A session that stands after MAIL, after RCPT, within the message or within a chunk."""
    client = Client(port)
    assert "mx.example.com" in client.greet()
    client.say("MAIL FROM:<sender@sender.example>", 250)
    if index % 4 > 0:
        client.say("RCPT TO:<user@example.com>", 250)
    if index % 4 == 2:
        client.say("DATA", 354)
        client.socket.sendall(f"Subject: old {index}\r\n\r\nhal".encode())
    if index % 4 == 3:
        client.socket.sendall(f"BDAT 21\r\nSubject: old {index:4}\r\n\r\n".encode())
        client.reply(250)
    return client


def finish(client, index):
    """The rest of the mail, then what the new configuration would refuse."""
    if index % 4 == 0:
        client.say("RCPT TO:<user@example.com>", 250)
    if index % 4 < 2:
        code, text = client.data(f"Subject: old {index}\r\n\r\n".encode())
    elif index % 4 == 2:
        client.socket.sendall(b"f\r\n.\r\n")
        code, text = client.reply()
    else:
        client.socket.sendall(b"BDAT 4 LAST\r\nhalf")
        code, text = client.reply()
    assert code == 250, f"old session {index}: {code} {text}"
    code, text = client.say("MAIL FROM:<bad@sender.example>")
    assert code == 250, f"the old session {index} was moved to the new configuration: {code} {text}"
    client.quit()


SESSIONS = 200
old = [begun(index) for index in range(SESSIONS)]

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
for index, client in enumerate(old):
    finish(client, index)

(config / "plugins").write_text("badmailfrom\nrcpt_ok\nno/such_plugin\n")
before = log.stat().st_size
os.kill(pid, signal.SIGHUP)
eventually("the log names plugins:3", lambda: re.search(r"plugins:3\b", log.read_text(errors="replace")[before:]))
with Client(port) as client:
    client.greet()
    deliver(client, "after the refused reload")
    code, text = client.say("MAIL FROM:<bad@sender.example>")
    assert code == 550, f"the configuration before the refused one does not go on: {code} {text}"
    client.quit()

# Data files need no reload. A session keeps what it began with.
before = Client(port)
before.greet()
(config / "badmailfrom").write_text("worse@sender.example refused after the edit\n")


def answer(sender):
    with Client(port) as client:
        client.greet()
        return client.say(f"MAIL FROM:<{sender}>")


eventually("the edit of badmailfrom is seen", lambda: answer("worse@sender.example")[0] == 550)
assert answer("bad@sender.example")[0] == 250
before.say("MAIL FROM:<bad@sender.example>", 550)
before.quit()
PYTHON
[ "$(find "$maildir/new" -type f | wc -l)" -eq 202 ] || fail "not 202 mails in the Maildir"
stop_server
