#!/usr/bin/env python3
"""A Postfix that hands mail to our LMTP listener, and one that says by XFORWARD whom it has it from.

    INTEROP_SERVER   the program qpserver (set by scripts/interop/doors.sh)
    INTEROP_COUNT    messages of the large interop (500); each way gets a fifth
"""

import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import corpus
from interop import COUNT, compare, count_files, our_server, send, wait_for
from maildir import messages
from postfix_instance import PostfixInstance
from servers import ServerError


def relay(option, extra):
    """Mail through Postfix to our listener; gives what was sent, the fields we added, and our log."""
    mail = corpus.corpus(max(10, COUNT // 5))
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        maildir = f"{folder}/Maildir"
        with our_server(folder, f"queue/maildir {maildir}", option=option, xclient_networks="127.0.0.1\n") as server:
            with PostfixInstance(next_hop=server.port, extra=extra.format(port=server.port)) as postfix:
                send(postfix.port, mail)
                wait_for(len(mail), lambda: count_files(maildir), lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
                if postfix.queued():
                    raise ServerError(f"{postfix.queued()} messages are still in Postfix's queue")
            log = server.output()
        compare(mail, maildir)
        return mail, [trace for _, trace, _ in messages(maildir)], log


def lmtp():
    """Postfix delivers by LMTP."""
    extra = "default_transport = lmtp:inet:127.0.0.1:{port}\nrelayhost =\nlmtp_line_length_limit = 0\n"
    mail, traces, _ = relay(",lmtp", extra)
    if not all(re.search(rb"\swith (UTF8)?LMTP\s", trace) for trace in traces):
        raise ServerError("a Received field does not say LMTP")
    return mail


def xforward():
    """Postfix says where it has each mail from."""
    mail, _, log = relay("", "smtp_send_xforward_command = yes\n")
    if len(re.findall(r"forwarded client.*127\.0\.0\.1", log)) < 1:
        raise ServerError("nothing of XFORWARD in the log")
    return mail


def main():
    status = 0
    for what, way in (("Postfix to our LMTP listener", lmtp), ("Postfix with XFORWARD", xforward)):
        begun = time.monotonic()
        try:
            mail = way()
        except ServerError as trouble:
            print(f"FAILED {what}:\n    {trouble}", flush=True)
            status = 1
            continue
        print(f"ok     {what}: {len(mail)} messages, each exactly once and unchanged "
              f"({time.monotonic() - begun:.0f} s)", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
