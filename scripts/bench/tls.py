"""What TLS costs: handshakes, and messages over TLS, beside Postfix' smtpd in the same run.

Part of scripts/bench/bench.py, as its group `tls`. BENCH_MAIL_SERVER names the program. Postfix needs root. Of Postfix
only the processes of smtpd count: what its cleanup and its queue do is left out, while ours receives, decides and drops.
"""

import os
import smtplib
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from postfix_instance import PostfixInstance
from servers import Server, ServerError, children, cpu_seconds, tool

THREADS = 4
MESSAGE = b"Subject: bench\r\n\r\n" + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 15


def make_certificate(folder):
    """A certificate and its key (P-256), as files."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
         "2", "-subj", "/CN=bench.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    certificate.chmod(0o644)
    return certificate, key


def configure(folder, certificate, key):
    files = {
        "plugins": "rcpt_ok\nqueue/discard\n",
        "rcpthosts": "example.com\n",
        "me": "bench.example\n",
        "spool_dir": f"{folder}/spool\n",
        "reverse_dns": "0\n",
        "tls": f"certificate {certificate}\nkey {key}\n",
        "limits": "max_conn_ip 1000\nmax_transactions 100000000\nsession_timeout 86400\n",
    }
    config = folder / "config"
    config.mkdir()
    for name, text in files.items():
        (config / name).write_text(text)
    return config


def client_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A ticket would spare the server the costly half of a handshake.
    context.options |= ssl.OP_NO_TICKET
    return context


def session(port, context):
    client = smtplib.SMTP("127.0.0.1", port, "client.example", 60)
    client.ehlo()
    if context:
        client.starttls(context=context)
        client.ehlo()
    return client


def greet(port, context, count):
    for _ in range(count):
        session(port, context).quit()


def send(port, context, count):
    client = session(port, context)
    for _ in range(count):
        client.sendmail("a@client.example", ["b@example.com"], MESSAGE)
    client.quit()


def in_parallel(work, port, context, count):
    """Runs the work in several threads; gives the seconds it took."""
    troubles = []

    def run():
        try:
            work(port, context, count // THREADS)
        except (OSError, smtplib.SMTPException) as error:
            troubles.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise ServerError(f"port {port}: {troubles[0]}")
    return time.monotonic() - begun


def spent(server, pids, work, context, count):
    """Microseconds of processor time per unit, and units per second."""
    count -= count % THREADS
    before = sum(map(cpu_seconds, pids(server)))
    seconds = in_parallel(work, server.port, context, count)
    time.sleep(0.2)
    return (sum(map(cpu_seconds, pids(server))) - before) / count * 1e6, count / seconds


def own_pids(server):
    return [server.pid]


def smtpd_pids(postfix):
    def name(pid):
        try:
            return Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return ""

    return [pid for pid in children(postfix.pid) if name(pid) == "smtpd"]


class TLSPostfix(PostfixInstance):
    """A Postfix that offers STARTTLS, whose smtpd processes stay."""

    def __init__(self, certificate, key):
        super().__init__(deliver=True)
        self.files = (certificate, key)

    def configure(self):
        super().configure()
        certificate, key = self.files
        with open(self.folder / "main.cf", "a") as main:
            main.write(f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {key}, {certificate}\n"
                       "smtpd_tls_session_cache_database =\ntls_ssl_options = NO_TICKET\nmax_use = 1000000\n"
                       "virtual_transport = discard:\n")


def measure(table, program, scaled):
    handshakes, messages = scaled(1000, THREADS), scaled(4000, THREADS)
    rows = [("connection in clear", greet, False, handshakes), ("connection with STARTTLS", greet, True, handshakes),
            ("message in clear, kept", send, False, messages), ("message over TLS, kept", send, True, messages)]
    with tempfile.TemporaryDirectory(prefix="bench-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificate, key = make_certificate(folder)
        config = configure(folder, certificate, key)
        ours = Server("qpserver", [program, "serve", "--config", str(config), "--listen", "127.0.0.1:PORT"])
        figures = {}
        peers = []
        with ours:
            figures["ours"] = measure_rows(ours, own_pids, rows)
        if os.geteuid() == 0:
            with TLSPostfix(certificate, key) as postfix:
                figures["theirs"] = measure_rows(postfix, smtpd_pids, rows)
            peers = figures["theirs"]
        else:
            print("    Postfix beside it needs root: left out")
        for index, (what, _, _, _) in enumerate(rows):
            (cost, rate), peer = figures["ours"][index], peers[index] if peers else None
            table.add(f"processor us, {what} (beside: Postfix smtpd)", cost, peer and peer[0], unit="{:,.1f}")
            if index == 1:
                table.add("    of them per second, 4 clients in Python", rate, peer and peer[1])


def measure_rows(server, pids, rows):
    context = client_context()
    figures = []
    for _, work, is_encrypted, count in rows:
        chosen = context if is_encrypted else None
        in_parallel(work, server.port, chosen, 2 * THREADS)
        figures.append(spent(server, pids, work, chosen, count))
    return figures
