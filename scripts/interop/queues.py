#!/usr/bin/env python3
"""Mail through each queue plugin to the system behind it; every message exactly once, octet for octet.

    INTEROP_SERVER   the program qpserver (set by scripts/interop/queues.sh)
    INTEROP_QUEUES   messages of each way (40)
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import corpus
import hung
from certificate import make_certificate
from dovecot_instance import DovecotInstance
from interop import ONCE, compare, count_files, our_server, run, send, wait_for
from maildir import split_trace
from postfix_instance import PostfixInstance
from servers import ServerError
from smtp_client import Client

COUNT = int(os.environ.get("INTEROP_QUEUES", "40"))

# Recipient and name in the queue of a message that Postfix has delivered.
OWN_NAME = re.compile(rb"^Delivered-To: .*|\(Postfix\)[^;]* id [0-9A-Z]+", re.MULTILINE | re.IGNORECASE)

QMAIL_QUEUE = """\
#!/bin/sh
# Behaves like qmail-queue(8): the message from descriptor 0, the envelope from 1; durable before it says 0.
set -e
cd {folder}
exec 3<&1
{before}
cat >tmp/$$
{between}
envelope=$(cat <&3 | tr '\\0' '\\n')
recipient=$(printf '%s\\n' "$envelope" | sed -n 's/^T//p')
sender=$(printf '%s\\n' "$envelope" | sed -n 's/^F//p')
[ -n "$recipient" ] && [ -n "$sender" ] || exit 91
{{ printf 'Return-Path: <%s>\\nDelivered-To: %s\\n' "$sender" "$recipient"; cat tmp/$$; }} >tmp/$$.done
sync tmp/$$.done
{after}
mv tmp/$$.done new/$$
rm tmp/$$
"""

# Every eighth time the program dies, every sixteenth it stands still for a while.
DIE = 'chance=$(od -An -N1 -tu1 /dev/urandom); [ $((chance % 8)) -ne 0 ] || kill -KILL $$'
HANG = DIE + '; [ $((chance % 16)) -ne 1 ] || sleep 3'

EXIM_WRAPPER = """\
#!/bin/sh
exec unshare -m sh -c 'mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group &&
exec {exim} -C {folder}/exim.conf -odi "$@"' sh "$@"
"""

EXIM = """\
exim_path = {exim}
primary_hostname = exim.interop.example
spool_directory = {folder}/exim-spool
log_file_path = {folder}/exim-spool/log-%slog
never_users =
trusted_users = root
keep_environment =
message_size_limit = 0
acl_smtp_rcpt =
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}
  maildir_format
  create_directory
  delivery_date_add = false
  envelope_to_add = false
  headers_add = Delivered-To: $local_part@$domain
  message_prefix =
  user = Debian-exim
  group = Debian-exim
"""


def tls_lines(folder):
    """A certificate for 127.0.0.1 in a folder, and the lines of main.cf that name it."""
    certificate, key = make_certificate(Path(folder))
    return f"smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"


def with_starttls():
    """queue/smtp-forward to Postfix, which proves who it is."""
    mail = corpus.corpus(COUNT)
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        extra = tls_lines(folder) + "smtpd_tls_security_level = encrypt\nsmtpd_tls_loglevel = 1\n"
        with PostfixInstance(deliver=True, extra=extra) as postfix:
            line = f"queue/smtp-forward 127.0.0.1 {postfix.port} starttls=verify ca={folder}/cert.pem xforward"
            with our_server(folder, line) as server:
                send(server.port, mail)
                wait_for(len(mail), postfix.delivered, lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
            log = (postfix.folder / "log").read_text(errors="replace")
            if "TLS connection established" not in log:
                raise ServerError("Postfix saw no TLS")
            compare(mail, postfix.box)
    return mail


def wrong_certificate():
    """A Postfix that cannot prove who it is gets nothing."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        extra = tls_lines(folder) + "smtpd_tls_security_level = may\n"
        with PostfixInstance(deliver=True, extra=extra) as postfix:
            with our_server(folder, f"queue/smtp-forward 127.0.0.1 {postfix.port} starttls=verify") as server:
                with Client(server.port, timeout=120) as client:
                    client.greet()
                    code, text = client.mail("a@interop.example", "b@interop.example", b"A: b\r\n\r\nx\r\n")
            if not 400 <= code < 500 or postfix.delivered() or postfix.queued():
                raise ServerError(f"{code} {text}; Postfix has {postfix.delivered()} + {postfix.queued()} messages")
    return {}


def to_cleanup():
    """queue/postfix-queue to Postfix' cleanup."""
    mail = corpus.corpus(COUNT)
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, PostfixInstance(deliver=True) as postfix:
        with our_server(folder, f"queue/postfix-queue {postfix.cleanup}") as server:
            send(server.port, mail)
            wait_for(len(mail), postfix.delivered, lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
        compare(mail, postfix.box)
    return mail


def to_dovecot():
    """queue/lmtp to Dovecot."""
    mail = {name: text for name, text in corpus.corpus(COUNT).items() if text}
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, DovecotInstance() as dovecot:
        with our_server(folder, f"queue/lmtp unix:{dovecot.socket}") as server:
            send(server.port, mail)
            wait_for(len(mail), lambda: count_files(dovecot.box), lambda: f"Dovecot: {dovecot.tail()}; {server.tail()}")
        compare(mail, dovecot.box)
    return mail


def qmail_queue(folder, before="", between="", after=""):
    """A program that behaves like qmail-queue in a folder that is a Maildir; it may do more between its steps."""
    for name in ("tmp", "new"):
        (Path(folder) / name).mkdir()
    program = Path(folder) / "qmail-queue"
    program.write_text(QMAIL_QUEUE.format(folder=folder, before=before, between=between, after=after))
    program.chmod(0o755)
    return program


def to_qmail():
    """queue/qmail-queue to a program that behaves like it."""
    mail = corpus.corpus(COUNT)
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        with our_server(folder, f"queue/qmail-queue {qmail_queue(folder)}") as server:
            send(server.port, mail)
            wait_for(len(mail), lambda: count_files(folder), server.tail)
        compare(mail, folder)
    return mail


def to_exim():
    """queue/exim-bsmtp to Exim, and a message that looks like the end of one."""
    mail = {name: text for name, text in corpus.corpus(COUNT).items() if text}
    tricky = b"Subject: tricky\r\n\r\nx\n.\nMAIL FROM:<e@vil.example>\nRCPT TO:<e@vil.example>\nDATA\n.\n"
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        for name in ("exim-spool", "tmp", "new", "cur"):
            (Path(folder) / name).mkdir()
            os.chown(f"{folder}/{name}", 64999, 64999)
        (Path(folder) / "exim.conf").write_text(EXIM.format(folder=folder, exim=os.environ["EXIM"]))
        program = Path(folder) / "exim"
        program.write_text(EXIM_WRAPPER.format(folder=folder, exim=os.environ["EXIM"]))
        # Exim wants the user it was built for; a view of its own of /etc/passwd has one.
        for name, line in (("passwd", "Debian-exim:x:64999:64999::/nonexistent:/bin/false\n"),
                           ("group", "Debian-exim:x:64999:\n")):
            (Path(folder) / name).write_text(Path(f"/etc/{name}").read_text() + line)
        os.chmod(folder, 0o755)
        os.chown(f"{folder}/exim-spool", 64999, 64999)
        program.chmod(0o755)
        with our_server(folder, f"queue/exim-bsmtp exim_path {program}", bare_newline="pass\n") as server:
            send(server.port, mail)
            wait_for(len(mail), lambda: count_files(folder), server.tail)
            if len(os.listdir(Path(folder) / "new")) != len(mail):
                raise ServerError("more messages than were sent")
            bdat(server.port, tricky)
            if count_files(folder) != len(mail) + 1:
                raise ServerError(f"{count_files(folder) - len(mail)} messages came of one")
        texts = {path: path.read_bytes() for path in (Path(folder) / "new").iterdir()}
        tricks = [path for path, text in texts.items() if b"Subject: tricky" in text]
        if len(tricks) != 1 or b"\n.\nMAIL FROM" not in texts[tricks[0]]:
            raise ServerError("the tricky message was changed")
        tricks[0].unlink()
        normalize(folder)
        compare(mail, folder)
    return mail


def normalize(folder):
    """Exim puts the fields it adds behind the others: Delivered-To has to stand on top."""
    for path in (Path(folder) / "new").iterdir():
        head, blank, body = path.read_bytes().partition(b"\n\n")
        lines = head.split(b"\n")
        added = [line for line in lines if line.startswith(b"Delivered-To: ")]
        rest = [line for line in lines if not line.startswith(b"Delivered-To: ")]
        path.write_bytes(b"\n".join(added + rest) + blank + body)


def bdat(port, message):
    """Sends a message in one chunk."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as wire, wire.makefile("rwb") as stream:
        def answer(code):
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            if not line.startswith(code):
                raise ServerError(f"{line!r} in place of {code!r}")
        answer(b"220")
        for line in (b"EHLO x", b"MAIL FROM:<a@interop.example>", b"RCPT TO:<b@interop.example>"):
            stream.write(line + b"\r\n")
            stream.flush()
            answer(b"250")
        stream.write(b"BDAT %d LAST\r\n" % len(message) + message)
        stream.flush()
        answer(b"250")


def resend(port, mail, met):
    """Sends all mail and again what was deferred, as a client has to; `met` gets what was deferred."""
    for recipient, message in mail.items():
        end = time.monotonic() + 120
        while True:
            try:
                with Client(port, timeout=120) as client:
                    client.greet()
                    code, text = client.mail(f"sender@{corpus.DOMAIN}", recipient, message)
            except OSError as trouble:
                code, text = 400, str(trouble)
            if code == 250:
                break
            if not 400 <= code < 500 or time.monotonic() > end:
                raise ServerError(f"{recipient} was answered with {code} {text}")
            met.append(recipient)
            time.sleep(0.2)


def send_through(breaks, port, mail, arrived):
    """Sends mail while a backend ends and comes back; `breaks` are pairs of functions for that, and each pair has its
    turn as soon as its share of the mail has `arrived`. Gives what was deferred at least once."""
    met = []

    def interrupt():
        for number, (end, begin) in enumerate(breaks, 1):
            while arrived() < number * len(mail) // (len(breaks) + 1):
                time.sleep(0.01)
            end()
            time.sleep(1)
            begin()

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    resend(port, mail, met)
    thread.join(60)
    if not met:
        raise ServerError("no message met an interruption")
    return set(met)


def hang(processes):
    """A pair for send_through: processes that stand still, and go on before a queue plugin loses patience; `processes`
    gives their ids."""
    stopped = []

    def end():
        stopped[:] = processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)

    def begin():
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    return end, begin


def dovecot_midway():
    """A Dovecot that is stopped and started again: nothing is lost. What it had saved when it died without an answer
    comes again, as RFC 1047 says; nothing else does."""
    mail = {name: text for name, text in corpus.corpus(COUNT).items() if text}
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, DovecotInstance() as dovecot:
        def arrived():
            return count_files(dovecot.box)
        with our_server(folder, f"queue/lmtp unix:{dovecot.socket}") as server:
            met = send_through([(dovecot.stop, dovecot.start)] * 3, server.port, mail, arrived)
            wait_for(len(mail), arrived, lambda: f"Dovecot: {dovecot.tail()}; {server.tail()}")
        compare(mail, dovecot.box, may_double=met)
    return mail


def next_hop_midway():
    """The same with a Postfix as next hop, whose smtpd also hangs."""
    mail = {name: text for name, text in corpus.corpus(max(COUNT, 100)).items() if text}
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, PostfixInstance(deliver=True) as postfix:
        line = f"queue/smtp-forward 127.0.0.1 {postfix.port}"
        with our_server(folder, line) as server:
            stopped, hung = (postfix.stop, postfix.start), hang(lambda: postfix.processes("smtpd"))
            met = send_through([stopped, hung, stopped], server.port, mail, postfix.delivered)
            wait_for(len(mail), postfix.delivered, lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
        forget_own_doubles(postfix.box)
        compare(mail, postfix.box, may_double=met)
    return mail


def forget_own_doubles(box):
    """A delivery agent that is ended behind its work makes Postfix deliver once more: the same name in its queue."""
    seen = set()
    for path in sorted((box / "new").iterdir()):
        trace, _ = split_trace(path.read_bytes())
        name = tuple(OWN_NAME.findall(trace))
        if name in seen:
            path.unlink()
        seen.add(name)


def cleanup_midway():
    """Postfix' cleanup without its socket, and hung."""
    mail = {name: text for name, text in corpus.corpus(max(COUNT, 100)).items() if text}
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, PostfixInstance(deliver=True) as postfix:
        away = postfix.cleanup.with_name("cleanup.away")
        gone = (lambda: postfix.cleanup.rename(away), lambda: away.rename(postfix.cleanup))
        line = f"queue/postfix-queue {postfix.cleanup}"
        with our_server(folder, line) as server:
            hung = hang(lambda: postfix.processes("cleanup"))
            met = send_through([gone, hung, gone], server.port, mail, postfix.delivered)
            wait_for(len(mail), postfix.delivered, lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
        compare(mail, postfix.box, may_double=met)
    return mail


def qmail_midway():
    """A qmail-queue that dies or hangs before it has the message: nothing is lost, and nothing comes twice."""
    mail, met = corpus.corpus(COUNT), []
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        program = qmail_queue(folder, before=DIE, between=HANG, after=DIE)
        line = f"queue/qmail-queue {program}"
        with our_server(folder, line, plugin_policy="queue/qmail-queue breaker 0\n") as server:
            resend(server.port, mail, met)
            wait_for(len(mail), lambda: count_files(folder), server.tail)
        compare(mail, folder)
    if not met:
        raise ServerError("the program never failed")
    return mail


NONE_LOST = "none lost or changed, none twice that met no interruption"
NOTHING = "deferred, and nothing handed over"
AGAIN = "deferred in each phase, sent again, and there exactly once"
WAYS = [
    ("queue/smtp-forward to Postfix with STARTTLS, verified", with_starttls, ONCE),
    ("queue/smtp-forward to a Postfix with a wrong certificate", wrong_certificate, NOTHING),
    ("queue/postfix-queue to Postfix' cleanup", to_cleanup, ONCE),
    ("queue/lmtp to Dovecot", to_dovecot, ONCE),
    ("queue/lmtp to a Dovecot that is stopped three times", dovecot_midway, NONE_LOST),
    ("queue/smtp-forward to a Postfix that is stopped twice and hangs once", next_hop_midway, NONE_LOST),
    ("queue/postfix-queue to a cleanup that is twice gone and hangs once", cleanup_midway, NONE_LOST),
    ("queue/exim-bsmtp to Exim", to_exim, ONCE),
    ("queue/qmail-queue to a program in its place", to_qmail, ONCE),
    ("queue/qmail-queue to a program that dies and hangs", qmail_midway, ONCE),
    ("queue/smtp-forward to a next hop that hangs, drips, babbles or hangs up", hung.next_hop, AGAIN),
    ("queue/lmtp to a server that does the same", hung.lmtp, AGAIN),
    ("queue/postfix-queue to a cleanup that does the same", hung.cleanup, AGAIN),
    ("queue/qmail-queue to a program that hangs", hung.qmail, AGAIN),
    ("queue/exim-bsmtp to a program that hangs", hung.exim, AGAIN),
]


if __name__ == "__main__":
    run(WAYS)
