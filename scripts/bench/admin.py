"""What it costs to watch a server: one scrape, one list of sessions, and watchers attached while mail goes in.

Part of scripts/bench/bench.py, as its group `admin`. BENCH_MAIL_SERVER names the program.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from admin_server import AdminServer
from servers import ServerError, cpu_seconds, raise_descriptors

# Seconds of processor time that one answer may take, and the ratio of a watched server to one that is not.
ANSWER_BAR = 0.05
WATCHED_BAR = 1.02
ANSWERS = 20
ROUNDS = 6


def own_server(program, folder):
    limits = "max_connections 19000, max_conn_ip 0, max_transactions 100000000, session_timeout 86400, " \
             "command_timeout 3600, grace_period 1"
    return AdminServer(program, folder, plugins=["badmailfrom", "rcpt_ok", "queue/discard"], limits=limits,
                       roles=("viewer",))


def measure_answers(table, program, held):
    """Processor time of an answer, while many sessions are held."""
    with tempfile.TemporaryDirectory(prefix="bench-admin-") as folder, own_server(program, folder) as server:
        holder = subprocess.Popen(
            [os.environ["BENCH_LOAD"], "idle", "-p", str(server.port), "-s", str(held), "-t", "300"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=raise_descriptors)
        try:
            line = holder.stdout.readline()
            if not line or json.loads(line)["count"] != held:
                raise ServerError(f"{server.name} did not hold {held} sessions: {server.tail()}")
            time.sleep(6)
            for path in ("/metrics", "/api/v1/sessions?limit=100"):
                server.get(path)
                before = cpu_seconds(server.pid)
                for _ in range(ANSWERS):
                    server.get(path)
                spent = (cpu_seconds(server.pid) - before) / ANSWERS
                table.add(f"processor ms of {path}, {held:,} sessions", spent * 1e3, gate=ANSWER_BAR * 1e3,
                          unit="{:,.1f}")
        finally:
            holder.stdin.close()
            holder.wait(30)


class Watchers:
    """Any of: one that scrapes each second, one that follows the log, one that follows it and never reads."""

    def __init__(self, server, kinds):
        self.server = server
        self.ends = threading.Event()
        self.octets = self.scrapes = 0
        self.reader = self.follow() if "reader" in kinds else None
        self.stalled = self.follow(buffer=4096) if "stalled" in kinds else None
        self.threads = [threading.Thread(target=self.scrape)] if "scraper" in kinds else []
        if self.reader:
            self.threads.append(threading.Thread(target=self.read))

    def follow(self, buffer=None):
        sock = socket.socket()
        if buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", self.server.admin_port))
        # With a token: for those without one, who may not see addresses, each line is searched for some.
        sock.sendall(b"GET /api/v1/logs?follow=true&backlog=0 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     b"Authorization: Bearer " + self.server.tokens["viewer"].encode() + b"\r\n\r\n")
        return sock

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(30)
        for sock in filter(None, (self.reader, self.stalled)):
            sock.close()
        return False

    def scrape(self):
        while True:
            self.server.get("/metrics", accept="application/openmetrics-text; version=1.0.0")
            self.scrapes += 1
            if self.ends.wait(1):
                return

    def read(self):
        while not self.ends.is_set():
            with contextlib.suppress(TimeoutError):
                octets = self.reader.recv(1 << 16)
                if not octets:
                    return
                self.octets += len(octets)


KINDS = {
    "not watched": (),
    "scraped each second": ("scraper",),
    "log followed": ("reader",),
    "log followed and not read": ("stalled",),
    "all three": ("scraper", "reader", "stalled"),
}


def mail_seconds(pid):
    """Processor time of all threads but those of the admin endpoint, whose loop is the last that is made."""
    spent, loops = 0, {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            name = (task / "comm").read_text().strip()
            nanoseconds = int((task / "schedstat").read_text().split()[0])
            if name.startswith("NIO-ELT-"):
                loops.setdefault(int(name.split("-")[2]), []).append(nanoseconds)
            else:
                spent += nanoseconds
    return (spent + sum(sum(loops[group]) for group in loops if group != max(loops))) / 1e9


def measure_watching(table, load, program, count, sessions):
    """Processor time of a message with and without watchers, in turns: of the mail's threads, and of the process."""
    spent = {kind: [] for kind in KINDS}
    whole = {kind: [] for kind in KINDS}
    octets = scrapes = 0
    with tempfile.TemporaryDirectory(prefix="bench-admin-") as folder, own_server(program, folder) as server:
        for _ in range(ROUNDS):
            for kind, kinds in KINDS.items():
                with Watchers(server, kinds) as watchers:
                    # What a watcher costs once, when it comes, and until one that does not read has its buffers full.
                    load("kept", server, s=sessions, n=count)
                    before, mail = cpu_seconds(server.pid), mail_seconds(server.pid)
                    load("kept", server, s=sessions, n=count)
                    spent[kind].append((mail_seconds(server.pid) - mail) / count * 1e6)
                    whole[kind].append((cpu_seconds(server.pid) - before) / count * 1e6)
                octets, scrapes = octets + watchers.octets, scrapes + watchers.scrapes
        time.sleep(1)
        lost = server.metric('qpserver_watchers_lost_total{stream="logs"}')
    for kind, values in spent.items():
        table.add(f"processor us of a message, kept, {kind}: the mail's side", statistics.median(values),
                  unit="{:,.1f}")
        if KINDS[kind]:
            ratio = statistics.median(after / before for before, after in zip(spent["not watched"], values))
            bar = f" (bar {WATCHED_BAR})" if kind == "all three" else ""
            table.add(f"    as a ratio{bar}", ratio, unit="{:,.3f}")
            ratio = statistics.median(after / before for before, after in zip(whole["not watched"], whole[kind]))
            table.add("    of the whole process, the endpoint's own work included", ratio, unit="{:,.3f}")
    print(f"    {ROUNDS} rounds of {count:,} messages; {scrapes} scrapes, {octets / 1e6:.1f} MB of log read, "
          f"{lost:,.0f} lines lost to watchers")
    if lost == 0:
        raise ServerError("qpserver_watchers_lost_total does not show what the stalled watcher lost")


def measure(table, load, program, scaled, sessions):
    measure_answers(table, program, scaled(10_000))
    measure_watching(table, load, program, scaled(20_000), sessions)
