#!/usr/bin/env python3
"""Mail between a Postfix of its own and our server, both ways; every message exactly once, octet for octet.

    INTEROP_SERVER   the program qpserver (set by scripts/interop.sh)
    INTEROP_COUNT    messages of the first way (500); the second way gets a fifth
"""

import hashlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import corpus
from maildir import messages
from postfix_instance import PostfixInstance
from servers import Server, ServerError
from smtp_client import Client

COUNT = int(os.environ.get("INTEROP_COUNT", "500"))
SENDERS = 6
PATIENCE = 180


def our_server(folder, queue_line, option="", **more):
    """Our server with a configuration of its own; `option` is its listener's, `more` are further files."""
    files = {
        "plugins": f"rcpt_ok\n{queue_line}\n",
        "rcpthosts": f"{corpus.DOMAIN}\n",
        "me": "mx.interop.example\n",
        "spool_dir": f"{folder}/spool\n",
        "reverse_dns": "0\n",
        "limits": "max_conn_ip 100\n",
    }
    files.update(more)
    config = Path(folder) / "config"
    config.mkdir()
    (Path(folder) / "spool").mkdir()
    for name, text in files.items():
        (config / name).write_text(text)
        (config / name).chmod(0o600)
    return Server(
        "qpserver",
        [os.environ["INTEROP_SERVER"], "serve", "--config", str(config), "--listen", f"127.0.0.1:PORT{option}"])


def send(port, mail):
    """Sends all mail over several sessions; every message must be taken."""
    waiting = list(mail.items())
    lock = threading.Lock()
    troubles = []

    def work():
        try:
            with Client(port, timeout=120) as client:
                client.greet()
                while True:
                    with lock:
                        if not waiting or troubles:
                            break
                        recipient, message = waiting.pop()
                    code, text = client.mail(f"sender@{corpus.DOMAIN}", recipient, message)
                    if code != 250:
                        raise ServerError(f"{recipient} was answered with {code} {text}")
                client.quit()
        except Exception as trouble:  # whatever it is, the other threads have to stop
            troubles.append(f"{type(trouble).__name__}: {trouble}")

    threads = [threading.Thread(target=work) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise ServerError("; ".join(troubles))


def wait_for(count, delivered, what):
    end = time.monotonic() + PATIENCE
    while delivered() < count:
        if time.monotonic() > end:
            raise ServerError(f"{delivered()} of {count} messages after {PATIENCE} s; {what()}")
        time.sleep(0.2)
    # Whatever would come twice comes now.
    time.sleep(2)


def compare(mail, maildir, may_double=()):
    """Every message exactly once, and equal to what was sent after CRLF to LF."""
    seen = {}
    troubles = []
    for recipient, _, rest in messages(maildir):
        seen[recipient] = seen.get(recipient, 0) + 1
        if recipient not in mail:
            troubles.append(f"nobody sent {recipient}")
            continue
        expected = mail[recipient].replace(b"\r\n", b"\n")
        # A message without header and body has no blank line either; a server may put one below its own fields.
        if rest != expected and not (expected == b"" and rest == b"\n"):
            troubles.append(f"{recipient}: {len(rest)} octets, {hashlib.sha256(rest).hexdigest()[:12]}; sent were "
                            f"{len(expected)}, {hashlib.sha256(expected).hexdigest()[:12]}")
    troubles += [f"{recipient} is missing" for recipient in mail if recipient not in seen]
    troubles += [f"{recipient} came {times} times" for recipient, times in seen.items()
                 if times > 1 and recipient not in may_double]
    if troubles:
        raise ServerError("\n    ".join(troubles[:20]) + f"\n    ({len(troubles)} in all)")


def count_files(maildir):
    new = Path(maildir) / "new"
    return sum(1 for _ in os.scandir(new)) if new.exists() else 0


def from_postfix():
    """Postfix relays to queue/maildir."""
    mail = corpus.corpus(COUNT)
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        maildir = f"{folder}/Maildir"
        with our_server(folder, f"queue/maildir {maildir}") as server, PostfixInstance(next_hop=server.port) as postfix:
            send(postfix.port, mail)
            wait_for(len(mail), lambda: count_files(maildir), lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
            if postfix.queued():
                raise ServerError(f"{postfix.queued()} messages are still in Postfix's queue")
        compare(mail, maildir)
    return mail


def to_postfix():
    """queue/smtp-forward hands on to Postfix."""
    mail = corpus.corpus(max(10, COUNT // 5))
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, PostfixInstance(deliver=True) as postfix:
        with our_server(folder, f"queue/smtp-forward 127.0.0.1 {postfix.port}") as server:
            send(server.port, mail)
            wait_for(len(mail), postfix.delivered, lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
        compare(mail, postfix.box)
    return mail


ONCE = "each exactly once and unchanged"


def run(ways):
    """Goes each of the ways (what it is, a function that gives the mail it sent, what that proves); then ends."""
    status = 0
    for what, way, proved in ways:
        begun = time.monotonic()
        try:
            mail = way()
        except ServerError as trouble:
            print(f"FAILED {what}:\n    {trouble}", flush=True)
            status = 1
            continue
        octets = sum(len(message) for message in mail.values())
        print(f"ok     {what}: {len(mail)} messages, {octets / 1e6:.0f} MB, {proved} "
              f"({time.monotonic() - begun:.0f} s)", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    run([("Postfix relays to queue/maildir", from_postfix, ONCE), ("queue/smtp-forward to Postfix", to_postfix, ONCE)])
