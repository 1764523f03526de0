"""What TLS costs: handshakes, and messages over TLS, beside Postfix' smtpd in the same run.

Part of scripts/bench/bench.py, as its group `tls`. BENCH_MAIL_SERVER names the program. Postfix needs root. Of Postfix
only the processes of smtpd count: what its cleanup and its queue do is left out, while ours receives, decides and
drops.
"""

import os
import smtplib
import ssl
import tempfile
import threading
import time
from pathlib import Path

from certificate import make_certificate
from postfix_instance import PostfixInstance
from servers import Server, ServerError, cpu_seconds

THREADS = 4
MESSAGE = b"Subject: bench\r\n\r\n" + b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n" * 15


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
    return postfix.processes("smtpd")


# STARTTLS is offered, smtpd processes stay, and mail goes nowhere.
POSTFIX = """\
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {certificate}
smtpd_tls_session_cache_database =
tls_ssl_options = NO_TICKET
max_use = 1000000
virtual_transport = discard:
"""


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
            with PostfixInstance(deliver=True, extra=POSTFIX.format(certificate=certificate, key=key)) as postfix:
                figures["theirs"] = measure_rows(postfix, smtpd_pids, rows)
            peers = figures["theirs"]
            print("    beside: the smtpd processes of a Postfix")
        else:
            print("    Postfix beside it needs root: left out")
        for index, (what, _, _, _) in enumerate(rows):
            (cost, rate), peer = figures["ours"][index], peers[index] if peers else None
            table.add(f"processor us, {what}", cost, peer and peer[0], unit="{:,.1f}")
            if index == 1:
                table.add("    of them per second of processor time", 1e6 / cost, peer and 1e6 / peer[0])
                table.add(f"    of them per second, {THREADS} clients in Python", rate, peer and peer[1])


def measure_rows(server, pids, rows):
    context = client_context()
    figures = []
    for _, work, is_encrypted, count in rows:
        chosen = context if is_encrypted else None
        in_parallel(work, server.port, chosen, 2 * THREADS)
        figures.append(spent(server, pids, work, chosen, count))
    return figures
