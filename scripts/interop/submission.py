#!/usr/bin/env python3
"""A Postfix that hands its mail to our submission listener: it checks our certificate and authenticates by SASL.

    INTEROP_SERVER   the program qpserver (set by scripts/interop/submission.sh)
    INTEROP_COUNT    messages of the large interop (500); each mechanism gets a twentieth
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import corpus
from certificate import make_certificate
from interop import COUNT, compare, count_files, our_server, send, wait_for
from maildir import messages
from postfix_instance import PostfixInstance
from servers import ServerError, tool

USER, PASSWORD = "ann@interop.example", "open sesame"

# Level 1 of the peer's debugging is the dialogue.
POSTFIX = """\
smtp_tls_security_level = secure
smtp_tls_secure_cert_match = localhost
smtp_tls_CAfile = {certificate}
smtp_tls_loglevel = 1
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [127.0.0.1]:{port} = {user}:{password} }} }}
smtp_sasl_security_options = noanonymous
smtp_sasl_mechanism_filter = {mechanism}
debug_peer_list = 127.0.0.1
debug_peer_level = 1
"""


def by_smtp(postfix, mail):
    send(postfix.port, mail)


def by_sendmail(postfix, mail):
    """Through sendmail(1), maildrop and pickup."""
    for recipient, message in mail.items():
        done = subprocess.run(
            [tool("sendmail"), "-C", str(postfix.folder), "-i", "-f", f"sender@{corpus.DOMAIN}", recipient],
            input=message.replace(b"\r\n", b"\n"), capture_output=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"sendmail: {done.stderr.decode(errors='replace')}")


def dialogue(postfix):
    """What Postfix's first session with us said, as its log has it."""
    lines = re.findall(r"smtp\[(\d+)\]: ([<>]) \S+: (.*)", (postfix.folder / "log").read_text(errors="replace"))
    said = [f"{way} {text}" for pid, way, text in lines if pid == lines[0][0]]
    end = next((index for index, line in enumerate(said) if line.startswith("> DATA")), len(said))
    return said[:end]


def relay(mechanism, hand_in):
    mail = {name: text for name, text in corpus.corpus(max(10, COUNT // 20)).items() if text}
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        os.chmod(folder, 0o755)
        maildir = f"{folder}/Maildir"
        certificate, key = make_certificate(Path(folder))
        files = {
            "plugins": f"auth/auth_flat_file\nrcpt_ok\nqueue/maildir {maildir}\n", "rcpthosts": "nobody.example\n",
            "tls": f"certificate {certificate}\nkey {key}\n", "flat_auth_pw": f"{USER}:{PASSWORD}\n",
        }
        with our_server(folder, "", option=",submission", **files) as server:
            extra = POSTFIX.format(
                certificate=certificate, port=server.port, user=USER, password=PASSWORD, mechanism=mechanism)
            with PostfixInstance(next_hop=server.port, extra=extra) as postfix:
                hand_in(postfix, mail)
                wait_for(len(mail), lambda: count_files(maildir), lambda: f"Postfix: {postfix.tail()}; {server.tail()}")
                said = dialogue(postfix)
                if "Verified TLS connection established" not in (postfix.folder / "log").read_text(errors="replace"):
                    raise ServerError("Postfix did not verify our certificate")
            if PASSWORD in server.output():
                raise ServerError("our log has the password")
        for line in said:
            print(f"    {line[:160]}")
        if not any(line.startswith(f"> AUTH {mechanism.upper()}") for line in said):
            raise ServerError(f"Postfix did not authenticate by {mechanism}")
        compare(mail, maildir)
        if not all(re.search(rb"\swith (UTF8|E)SMTPSA\s", trace) for _, trace, _ in messages(maildir)):
            raise ServerError("a Received field does not say ESMTPSA")
    return mail


def main():
    if os.geteuid() != 0:
        print("skip   Postfix with SASL: only root can start one")
        return
    ways = [(f"Postfix with SASL {name} to our submission listener", name, by_smtp)
            for name in ("plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256")]
    ways.append(("Postfix' sendmail and pickup, SASL, our submission listener", "plain", by_sendmail))
    status = 0
    for what, mechanism, hand_in in ways:
        begun = time.monotonic()
        try:
            mail = relay(mechanism, hand_in)
        except ServerError as trouble:
            print(f"FAILED {what}:\n    {trouble}", flush=True)
            status = 1
            continue
        print(f"ok     {what}: {len(mail)} messages, each exactly once and unchanged "
              f"({time.monotonic() - begun:.0f} s)", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
