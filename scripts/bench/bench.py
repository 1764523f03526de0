#!/usr/bin/env python3
"""Measures the release build beside smtp-sink and prints one table; exit status 1 if a gate fails.

    BENCH_SERVER   the program to measure (set by scripts/bench.sh)
    BENCH_LOAD     the load generator (set by scripts/bench.sh)
    BENCH          groups to run, with commas: instructions syscalls idle handler growth cpu latency maildir admin
                   console policy tls (all)
    BENCH_SCALE    multiplies every number of messages (1); below 1 for a quick look, gates then mean little

User instructions, system calls, bytes and the cost of a handler do not depend on how busy the machine is: they are
gates. They are taken as the difference of two runs of N and 2N messages, so that start-up does not count. Processor
time is only reported, as the best of two interleaved rounds; that of an answer of the admin endpoint and that of the
console have gates, which leave them room.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common"))

import admin
import console
import policy
import tls
from postfix_instance import PostfixInstance
from servers import Server, ServerError, cpu_seconds, memory, raise_descriptors, tool

GROUPS = ["instructions", "syscalls", "idle", "handler", "growth", "cpu", "latency", "maildir", "admin", "console",
          "policy", "tls"]
SCALE = float(os.environ.get("BENCH_SCALE", "1"))
SESSIONS = 20
# Calls of a plugin's handlers for one more message of a kept session: mail, rcpt, data, data_post, queue.
CALLS_PER_KEPT_MESSAGE = 5


def scaled(number, least=20):
    return max(least, int(number * SCALE))


def ours(*options, wrapper=(), binary=None):
    """Our server. BENCH_SERVER names the program, options included."""
    command = shlex.split(os.environ["BENCH_SERVER"])
    if binary:
        command[0] = binary
    return Server("qpserver", command + ["--listen", "127.0.0.1:PORT", *options], wrapper)


def smtp_sink(wrapper=()):
    """smtp-sink, the reference in C: it reads and throws away."""
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return Server("smtp-sink", [tool("smtp-sink"), *user, "-m", "10000", "127.0.0.1:PORT", "1000"], wrapper,
                  ready_line=False)


def load(mode, server, **options):
    """Runs the load generator to its end; gives what it printed."""
    words = [os.environ["BENCH_LOAD"], mode, "-p", str(server.port)]
    for name, value in options.items():
        words += [f"-{name}", str(value)]
    result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ServerError(f"{mode} against {server.name}: {result.stderr.strip()} ({server.tail()})")
    return json.loads(result.stdout.splitlines()[-1])


class Table:
    """The figures, in the order they were taken."""

    def __init__(self):
        self.rows = []

    def add(self, figure, value, peer=None, gate=None, aim=None, unit="{:,.0f}"):
        verdict = "reported" if gate is None else "pass" if value <= gate else "FAIL"
        self.rows.append(
            {"figure": figure, "value": value, "smtp-sink": peer, "gate": gate, "aim": aim, "verdict": verdict})
        self.show(self.rows[-1], unit)

    def show(self, row, unit):
        def text(value):
            return "" if value is None else value if isinstance(value, str) else unit.format(value)

        gate = "" if row["gate"] is None else "<= " + text(row["gate"])
        aim = "" if row["aim"] is None else "<= " + text(row["aim"])
        print(f"{row['figure']:<58}{text(row['value']):>13}{text(row['smtp-sink']):>13}{gate:>13}{aim:>12}  "
              f"{row['verdict']}", flush=True)

    def head(self):
        print(f"{'figure':<58}{'ours':>13}{'smtp-sink':>13}{'gate':>13}{'aim':>12}")

    @property
    def failed(self):
        return [row["figure"] for row in self.rows if row["verdict"] == "FAIL"]


# User instructions


def stripped(program=None):
    """A copy of our server without symbols, which callgrind would otherwise read and stumble over."""
    program = Path(program or shlex.split(os.environ["BENCH_SERVER"])[0])
    copy = program.with_name(program.name + ".stripped")
    subprocess.run([tool("strip"), "-o", copy, program], check=True)
    return str(copy)


def instructions(start, mode, count):
    """User instructions of one more message, by callgrind."""

    def collected(number):
        with tempfile.NamedTemporaryFile(mode="r", prefix="callgrind-") as log:
            wrapper = [tool("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", "--vgdb=no",
                       f"--log-file={log.name}"]
            with start(wrapper) as server:
                load(mode, server, s=SESSIONS, n=number, w=120)
            found = re.search(r"Collected : (\d+)", log.read())
        if not found:
            raise ServerError("callgrind gave no count")
        return int(found.group(1))

    return (collected(2 * count) - collected(count)) / count


def measure_instructions(table):
    binary = stripped()
    try:
        def ten(*options):
            return lambda wrapper: ours("--profile", "ten", *options, wrapper=wrapper, binary=binary)

        def every(wrapper):
            return ours("--profile", "every", wrapper=wrapper, binary=binary)

        kept, one = scaled(2000), scaled(1000)
        table.add("user instructions per message, kept", instructions(ten(), "kept", kept),
                  instructions(smtp_sink, "kept", kept), gate=110_000, aim=40_000)
        table.add("user instructions per message, one per connection", instructions(ten(), "one", one),
                  instructions(smtp_sink, "one", one), gate=250_000, aim=60_000)
        table.add("user instructions per message, kept, spooled to disk",
                  instructions(ten("--spool"), "kept", scaled(1000)))
        table.add("user instructions per message, kept, all hooks", instructions(every, "kept", scaled(500)))
    finally:
        Path(binary).unlink(missing_ok=True)


def measure_handler(table):
    binary = stripped()
    try:
        count, more = scaled(1000), 100

        def with_handlers(number):
            return lambda wrapper: ours(
                "--profile", "ten", "--handlers", str(number), wrapper=wrapper, binary=binary)

        few = instructions(with_handlers(10), "kept", count)
        many = instructions(with_handlers(10 + more), "kept", count)
        table.add("user instructions of one declining handler", (many - few) / (more * CALLS_PER_KEPT_MESSAGE),
                  gate=200, aim=130)
    finally:
        Path(binary).unlink(missing_ok=True)


# System calls


def system_calls(start, mode, count):
    """System calls of one more message by name, by strace."""

    def counted(number):
        with tempfile.NamedTemporaryFile(mode="r", prefix="strace-") as log:
            with start([tool("strace"), "-f", "-c", "-o", log.name]) as server:
                load(mode, server, s=SESSIONS, n=number, w=120)
            calls = {}
            for line in log.read().splitlines():
                words = line.split()
                if len(words) >= 5 and re.fullmatch(r"[\d.]+", words[0]) and words[-1] != "total":
                    calls[words[-1]] = int(words[3])
        if not calls:
            raise ServerError("strace gave no counts")
        return calls

    first, second = counted(count), counted(2 * count)
    return {name: (second[name] - first.get(name, 0)) / count for name in second}


def measure_syscalls(table):
    count = scaled(1000)
    mine = system_calls(lambda wrapper: ours("--profile", "ten", wrapper=wrapper), "one", count)
    peer = system_calls(smtp_sink, "one", count)
    table.add("system calls of a one-message connection", sum(mine.values()), sum(peer.values()), gate=24, aim=18,
              unit="{:,.1f}")
    often = sorted(((number, name) for name, number in mine.items() if number >= 0.05), reverse=True)
    print("    " + ", ".join(f"{name} {number:.1f}" for number, name in often))


# Memory


def idle_octets(start, held):
    """Octets of proportional set size of one more idle session after EHLO."""
    with start(()) as server:
        load("conn", server, s=50, n=500)
        time.sleep(1)
        before = memory(server.pid, "Pss")
        holder = subprocess.Popen(
            [os.environ["BENCH_LOAD"], "idle", "-p", str(server.port), "-s", str(held), "-t", "300"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=raise_descriptors)
        try:
            line = holder.stdout.readline()
            if not line or json.loads(line)["count"] != held:
                raise ServerError(f"{server.name} did not hold {held} sessions: {server.tail()}")
            time.sleep(1)
            after = memory(server.pid, "Pss")
        finally:
            holder.stdin.close()
            holder.wait(30)
    return (after - before) / held


def measure_idle(table):
    held = scaled(5000)
    mine = idle_octets(lambda wrapper: ours("--profile", "ten", wrapper=wrapper), held)
    peer = idle_octets(smtp_sink, scaled(500))
    table.add(f"octets of an idle session, {held:,} held", mine, peer, gate=6000, aim=1024)


def measure_growth(table):
    count = scaled(1_000_000)
    with ours("--profile", "ten") as server:
        for mode, what in (("kept", "messages"), ("rset", "RSET")):
            # What is given back to the system now and then makes single readings jump by some MB.
            early = 0
            for _ in range(5):
                load(mode, server, s=SESSIONS, n=count // 50)
                early = max(early, memory(server.pid, "Rss"))
            load(mode, server, s=SESSIONS, n=count - count // 10)
            late = memory(server.pid, "Rss")
            table.add(f"growth in kB over {count:,} {what}, after the first tenth", (late - early) / 1024, gate=2048,
                      aim=0)


# Processor time


def cpu_of(server, mode, **options):
    """Microseconds of processor time per unit."""
    before = cpu_seconds(server.pid)
    done = load(mode, server, **options)["count"]
    time.sleep(0.2)
    return (cpu_seconds(server.pid) - before) / done * 1e6


def cpu_of_many(server, sessions, count):
    """The same over sessions that were all open before the first message."""
    worker = subprocess.Popen(
        [os.environ["BENCH_LOAD"], "kept", "-p", str(server.port), "-s", str(sessions), "-n", str(count), "-g"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=raise_descriptors)
    try:
        if "gathered" not in worker.stdout.readline():
            raise ServerError(f"{server.name} did not take {sessions} sessions: {server.tail()}")
        before = cpu_seconds(server.pid)
        worker.stdin.write("go\n")
        worker.stdin.flush()
        if not worker.stdout.readline():
            raise ServerError(f"{count} messages over {sessions} sessions did not get through: {server.tail()}")
        time.sleep(0.2)
        return (cpu_seconds(server.pid) - before) / count * 1e6
    finally:
        worker.stdin.close()
        worker.wait(60)


def measure_cpu(table):
    rows = [
        ("one per connection", "one", {"n": scaled(4000)}, 1.0, 0.5),
        ("kept", "kept", {"n": scaled(20000)}, 1.2, 0.8),
        ("connect, EHLO, QUIT", "conn", {"n": scaled(8000)}, 0.9, 0.3),
        ("message of 1 MB", "one", {"n": scaled(200), "b": 1_000_000}, 0.5, 0.4),
    ]
    best = {}
    scale = {}
    with ours("--profile", "ten") as mine, smtp_sink() as peer:
        for _ in range(2):
            for what, mode, options, _, _ in rows:
                for server in (mine, peer):
                    spent = cpu_of(server, mode, s=SESSIONS, **options)
                    best[what, server] = min(spent, best.get((what, server), spent))
            for sessions in (100, scaled(5000, 200)):
                spent = cpu_of_many(mine, sessions, scaled(15000, 400))
                scale[sessions] = min(spent, scale.get(sessions, spent))
        for what, _, _, bar, aim in rows:
            table.add(f"processor us, {what}", best[what, mine], best[what, peer], unit="{:,.1f}")
            table.add(f"    as a ratio to smtp-sink (bar {bar})", best[what, mine] / best[what, peer], aim=aim,
                      unit="{:,.2f}")
        few, many = sorted(scale)
        table.add(f"processor us, kept, {few} sessions", scale[few], unit="{:,.1f}")
        table.add(f"    at {many:,} sessions, as a ratio (bar 2.0)", scale[many] / scale[few], aim=1.5, unit="{:,.2f}")


def latency(server):
    """Percentiles of RSET on 20 sessions beside 50 that send messages."""
    words = [os.environ["BENCH_LOAD"], "kept", "-p", str(server.port), "-s", "50", "-n", "100000000"]
    busy = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        return load("lat", server, s=20, t=max(1.0, 5 * SCALE))
    finally:
        busy.terminate()
        busy.wait(30)
        time.sleep(0.5)


def measure_latency(table):
    best = {}
    with ours("--profile", "ten") as mine, smtp_sink() as peer:
        for _ in range(2):
            for server in (mine, peer):
                result = latency(server)
                for name in ("p50_us", "p99_us"):
                    best[server, name] = min(result[name], best.get((server, name), result[name]))
        table.add("reply us under saturating load, median", best[mine, "p50_us"], best[peer, "p50_us"])
        table.add("reply us under saturating load, 99th percentile", best[mine, "p99_us"], best[peer, "p99_us"])
        table.add("    as a ratio to smtp-sink", best[mine, "p99_us"] / best[peer, "p99_us"], aim=1.0, unit="{:,.2f}")


# The whole program


def mail_server():
    """The program qpserver."""
    return (os.environ.get("BENCH_MAIL_SERVER")
            or str(Path(shlex.split(os.environ["BENCH_SERVER"])[0]).with_name("qpserver")))


def measure_admin(table):
    admin.measure(table, load, mail_server(), scaled, SESSIONS)


def measure_console(table):
    program = os.environ.get("BENCH_CONSOLE") or str(Path(mail_server()).with_name("qpconsole"))
    console.measure(table, mail_server(), program, scaled(10_000), max(5, 20 * SCALE))


def measure_tls(table):
    tls.measure(table, mail_server(), scaled)


def measure_policy(table):
    binary = stripped(mail_server())
    try:
        policy.measure(table, load, mail_server(), binary, scaled, SESSIONS)
    finally:
        Path(binary).unlink(missing_ok=True)


# Mail on disk


def maildir_config(folder):
    """A configuration that delivers into a Maildir, without limits that a load would hit."""
    files = {
        "plugins": f"rcpt_ok\nqueue/maildir {folder}/Maildir\n",
        "rcpthosts": "example.com\n",
        "me": "bench.example\n",
        "spool_dir": f"{folder}/spool\n",
        "reverse_dns": "0\n",
        "limits": "max_conn_ip 1000\nmax_transactions 100000000\nsession_timeout 86400\n",
    }
    config = Path(folder) / "config"
    config.mkdir()
    for name, text in files.items():
        (config / name).write_text(text)
    return config


def measure_maildir(table):
    """Mail into a Maildir, each file and folder synchronised; beside it Postfix smtpd and virtual(8) if we are root."""
    count = scaled(3000)
    with tempfile.TemporaryDirectory(prefix="bench-maildir-") as folder:
        config = maildir_config(folder)
        server = Server("qpserver", [mail_server(), "serve", "--config", str(config), "--listen", "127.0.0.1:PORT"])
        with server:
            before, begun = cpu_seconds(server.pid), time.monotonic()
            load("kept", server, s=SESSIONS, n=count)
            wall = time.monotonic() - begun
            mine = (cpu_seconds(server.pid) - before) / count * 1e6
        delivered = sum(1 for _ in (Path(folder) / "Maildir" / "new").iterdir())
        if delivered != count:
            raise ServerError(f"{delivered} of {count} messages are in the Maildir")
    table.add("into a Maildir, synchronised: processor us", mine, unit="{:,.1f}")
    table.add("into a Maildir, synchronised: messages per second", count / wall)
    if os.geteuid() != 0:
        print("    Postfix beside it needs root: left out")
        return
    with PostfixInstance(deliver=True) as postfix:
        before, begun = cpu_seconds(postfix.pid), time.monotonic()
        load("kept", postfix, s=SESSIONS, n=count)
        while postfix.delivered() < count and time.monotonic() - begun < 300:
            time.sleep(0.2)
        wall = time.monotonic() - begun
        theirs = (cpu_seconds(postfix.pid) - before) / count * 1e6
        if postfix.delivered() != count:
            raise ServerError(f"Postfix delivered {postfix.delivered()} of {count} messages")
    table.add("    Postfix smtpd and virtual: processor us", theirs, unit="{:,.1f}")
    table.add("    Postfix smtpd and virtual: messages per second", count / wall)


def main():
    wanted = [name for name in os.environ.get("BENCH", "").split(",") if name] or GROUPS
    unknown = set(wanted) - set(GROUPS)
    if unknown:
        sys.exit(f"BENCH: {', '.join(sorted(unknown))}: none of {', '.join(GROUPS)}")

    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    print(f"{os.cpu_count()} x {processor.group(1) if processor else 'unknown processor'}, Linux {os.uname().release}, "
          f"load average {os.getloadavg()[0]:.1f}; {SESSIONS} sessions, messages of 1,000 octets in memory unless said")
    table = Table()
    table.head()
    troubles = []
    for name in GROUPS:
        if name not in wanted:
            continue
        begun = time.monotonic()
        try:
            globals()["measure_" + name](table)
        except ServerError as error:
            troubles.append(name)
            print(f"{name}: {error}", flush=True)
        print(f"    ({name}: {time.monotonic() - begun:.0f} s)", flush=True)

    results = os.environ.get("BENCH_RESULTS")
    if results:
        Path(results).write_text(json.dumps(table.rows, indent=1) + "\n")
    if troubles:
        print("not measured: " + ", ".join(troubles))
    if table.failed:
        print("gates failed: " + "; ".join(figure.strip() for figure in table.failed))
    sys.exit(1 if troubles or table.failed else 0)


if __name__ == "__main__":
    main()
