"""What the policy plugins cost: a realistic list of them beside a short one, the DNS remembered.

Part of scripts/bench/bench.py, as its group `policy`. BENCH_MAIL_SERVER names the program; unbound answers on a port of
127.0.0.1, from zones of this measurement's own.
"""

import contextlib
import re
import statistics
import tempfile
from pathlib import Path

from admin_server import AdminServer
from servers import ServerError, cpu_seconds, tool
from unbound import Unbound

ROUNDS = 4

SHORT = ["rcpt_ok", "queue/discard"]

# As a mail exchanger has them; nothing is refused, so that each mail goes all the way through.
POLICY = [
    "hosts_allow", "relay", "karma reject 0 negative 2", "dnsbl reject 0", "dns_whitelist_soft", "fcrdns reject 0",
    "helo policy strict reject 0", "count_unrecognized_commands 4", "badmailfrom", "badmailfromto",
    "resolvable_fromhost reject 0", "rhsbl reject 0", "badrcptto", "greylisting reject 0", "rcpt_regexp", "rcpt_ok",
    "headers reject 0 require From,Date past 15 future 1", "bogus_bounce", "loop", "queue/discard",
]

FILES = {
    "dnsbl_zones": "bl.test\nmore.test\n",
    "rhsbl_zones": "names.test\n",
    "whitelist_zones": "white.test\n",
    "badmailfrom": "".join(f"bad{number}@spam{number}.example\n" for number in range(100)) + "^[0-9]{9,}@\n",
    "badmailfromto": "bulk@spam.example user@example.com\n",
    "badrcptto": "gone@example.com moved\n^list-.*@old\\.example$\n",
    "badhelo": "localhost.localdomain\n^dynamic-[0-9]+\\.\n",
    "rcpt_regexp": "^postmaster@ OK\n^gone-.*@example\\.com$ DENY No such mailbox\n",
}

# The load generator says that it is load.example, and sends as sender@load.example.
RECORDS = """
load.example. MX "10 mx.load.example."
mx.load.example. A 192.0.2.25
load.example. A 192.0.2.25
1.0.0.127.in-addr.arpa. PTR load.example.
""".strip()


class PolicyServer(AdminServer):
    """A server of one list of plugins."""

    def __init__(self, program, folder, plugins, dns, wrapper=()):
        Path(folder).mkdir()
        super().__init__(
            program, folder, plugins=plugins, wrapper=wrapper,
            limits="max_connections 1000, max_conn_ip 0, max_transactions 100000000, session_timeout 86400")
        for name, text in FILES.items():
            (self.config / name).write_text(text)
        (self.config / "dns_servers").write_text(f"127.0.0.1:{dns.port}\n")

    def seconds(self):
        """Seconds in the handlers of each plugin: work, and waiting for the DNS and the store."""
        spent = {}
        for line in self.get("/metrics").decode().splitlines():
            found = re.match(r'qpserver_hook_duration_seconds_sum\{.*plugin="([^"]*)".*\} (\S+)', line)
            if found:
                spent[found.group(1)] = spent.get(found.group(1), 0) + float(found.group(2))
        return spent


def measure_processor(table, load, program, dns, folder, count, sessions):
    """Processor time of a message with both lists, in turns, and each plugin's share of what the handlers took."""
    spent = {"short": [], "policy": []}
    with contextlib.ExitStack() as stack:
        both = {}
        for name, plugins in (("short", SHORT), ("policy", POLICY)):
            both[name] = stack.enter_context(PolicyServer(program, f"{folder}/{name}", plugins, dns))
            load("one", both[name], s=sessions, n=max(200, count // 10))
        before, messages = both["policy"].seconds(), 0
        for _ in range(ROUNDS):
            for name, server in both.items():
                begun = cpu_seconds(server.pid)
                load("one", server, s=sessions, n=count)
                spent[name].append((cpu_seconds(server.pid) - begun) / count * 1e6)
            messages += count
        after = both["policy"].seconds()
    short, policy = (statistics.median(spent[name]) for name in ("short", "policy"))
    table.add("processor us of a message and connection, 2 plugins", short, unit="{:,.1f}")
    table.add(f"processor us of a message and connection, {len(POLICY)} plugins", policy, unit="{:,.1f}")
    ratio = statistics.median(many / few for few, many in zip(spent["short"], spent["policy"]))
    table.add("    as a ratio", ratio, unit="{:,.2f}")
    return {name: (after[name] - before.get(name, 0)) / messages * 1e6 for name in after}


def measure_shares(table, shares):
    whole = sum(shares.values())
    table.add(f"us in handlers, waiting included, {len(POLICY)} plugins", whole, unit="{:,.1f}")
    for name, share in sorted(shares.items(), key=lambda pair: -pair[1]):
        table.add(f"    {name}: {share / whole:.0%}", share, unit="{:,.2f}")


def measure_instructions(table, load, program, dns, folder, count, sessions):
    """User instructions of one more message and connection, by callgrind, as the difference of two runs."""

    def collected(name, plugins, number):
        place = f"{folder}/counted-{name}-{number}"
        log = f"{place}.log"
        wrapper = [tool("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", "--vgdb=no",
                   f"--log-file={log}"]
        with PolicyServer(program, place, plugins, dns, wrapper) as server:
            # The first of them fill the memory of the DNS.
            load("one", server, s=sessions, n=number, w=120)
        found = re.search(r"Collected : (\d+)", Path(log).read_text())
        if not found:
            raise ServerError("callgrind gave no count")
        return int(found.group(1))

    counts = {}
    for name, plugins in (("short", SHORT), ("policy", POLICY)):
        counts[name] = (collected(name, plugins, 2 * count) - collected(name, plugins, count)) / count
    table.add("user instructions of a message and connection, 2 plugins", counts["short"])
    table.add(f"user instructions of a message and connection, {len(POLICY)} plugins", counts["policy"])
    table.add("    as a ratio", counts["policy"] / counts["short"], unit="{:,.2f}")


def measure(table, load, program, stripped, scaled, sessions):
    with tempfile.TemporaryDirectory(prefix="bench-policy-") as folder:
        dns = Unbound(Path(folder), RECORDS)
        dns.start()
        try:
            shares = measure_processor(table, load, program, dns, folder, scaled(5000), sessions)
            measure_shares(table, shares)
            measure_instructions(table, load, stripped, dns, folder, scaled(500), sessions)
        finally:
            dns.stop()
