"""Plugins that ask the DNS, in a whole server beside an unbound with zones of this test's own.

    dns_policy.py SERVER FOLDER PORT
"""

import os
import pathlib
import socket
import sys

import servers
import smtp_client
from unbound import Unbound

LISTED = "127.0.0.2"
SILENT = "127.0.0.3"
HOST = "127.0.0.4"

RECORDS = f"""
2.0.0.127.bl.test. TXT "listed for this test"
4.0.0.127.codes.test. A 127.0.0.2
good.test. MX "10 mx.good.test."
mx.good.test. A 192.0.2.25
plain.test. A 192.0.2.26
null.test. MX "0 ."
dead.test. MX "10 mx.dead.test."
client.test. A 127.0.0.1
far.test. A 198.51.100.1
1.0.0.127.in-addr.arpa. PTR client.test.
""".strip()


class Client(smtp_client.Client):
    """A client with a source address of its own."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), 60, (source, 0))
        self.file = self.socket.makefile("rb")
        self.extensions = []


class Test:
    def __init__(self, program, folder, port):
        self.program, self.folder, self.port = program, pathlib.Path(folder), port
        self.config = self.folder / "config"
        self.failures = 0

    def serve(self, dns, plugins, **files):
        (self.config / "dns_servers").write_text(f"127.0.0.1:{dns.port}\n")
        (self.config / "plugins").write_text(plugins + "\nrcpt_ok\nqueue/discard\n")
        (self.config / "listen").write_text(f"127.0.0.1:{self.port}\n")
        for name, text in files.items():
            (self.config / name).write_text(text)
        command = [self.program, "serve", "--config", str(self.config), "--pid-file", str(self.folder / "pid")]
        return servers.Server("qpserver", command, port=self.port)

    def expect(self, what, reply, code, text=""):
        good = reply[0] == code and text in reply[1]
        self.failures += not good
        print(f"{'ok' if good else 'FAILED'}: {what}: {reply[0]} {reply[1].splitlines()[0]}")
        if not good:
            print(f"    expected {code} {text}")

    def greeting(self, source="127.0.0.1"):
        with Client(self.port, source) as client:
            return client.reply()

    def hello(self, name, source="127.0.0.1"):
        with Client(self.port, source) as client:
            client.reply(220)
            return client.say(f"EHLO {name}")

    def sender(self, address, name="client.test"):
        with Client(self.port) as client:
            client.greet(name)
            return client.say(f"MAIL FROM:<{address}>")

    def lists(self, dns):
        zones = "bl.test\ncodes.test:%IP% is on our list\n"
        with self.serve(dns, "dnsbl", dnsbl_zones=zones):
            self.expect("a listed client gets the list's text", self.greeting(LISTED), 550, "listed for this test")
            self.expect("or the operator's", self.greeting(HOST), 550, f"{HOST} is on our list")
            self.expect("others are greeted", self.greeting(SILENT), 220)
        with self.serve(dns, "dnsbl", dnsbl_zones="bl.broken.test\nbl.refused.test\n"):
            self.expect("a list that fails lists nobody", self.greeting(LISTED), 220)
        with self.serve(dns, "dnsbl", dnsbl_zones="bl.broken.test\nbl.test\n"):
            self.expect("a list that fails hides no other", self.greeting(LISTED), 550, "listed for this test")

    def senders(self, dns):
        names = [("good.test", 250), ("plain.test", 250), ("nowhere.test", 550), ("dead.test", 550),
                 ("null.test", 550), ("x.broken.test", 450), ("x.refused.test", 450)]
        with self.serve(dns, "resolvable_fromhost reject_type perm"):
            for name, code in names:
                self.expect(f"sender in {name}", self.sender(f"ann@{name}"), code)
        with self.serve(dns, "resolvable_fromhost"):
            self.expect("temp by default", self.sender("ann@nowhere.test"), 450, "FQDN")

    def introductions(self, dns):
        with self.serve(dns, "helo policy rfc"):
            self.expect("a good name", self.hello("client.test"), 250)
            self.expect("one label", self.hello("mail"), 550, "not fully qualified")
            self.expect("no such name", self.hello("nowhere.test"), 550, "does not exist")
            self.expect("a name without address", self.hello("good.test"), 550, "did not resolve")
            self.expect("a client without name", self.hello("client.test", SILENT), 550, f"no rDNS for {SILENT}")
            self.expect("the DNS fails", self.hello("x.broken.test"), 250)
        with self.serve(dns, "helo policy strict"):
            self.expect("a name that leads back", self.hello("client.test"), 250)
            self.expect("a name of elsewhere", self.hello("far.test"), 550, "fails FCrDNS")

    def reverse_names(self, dns):
        """Clients of the loopback pass by themselves; the others are tests of the plugin (FCrDNSTests)."""
        with self.serve(dns, "fcrdns reject_type perm"):
            self.expect("this machine", self.greeting(SILENT), 220)

    def without_server(self, dns):
        """The DNS server is gone: every plugin decides without it, and each dialogue ends."""
        zones = {"dnsbl_zones": "bl.test\n", "whitelist_zones": "wl.test\n", "rhsbl_zones": "rhs.test\n"}
        with self.serve(dns, "dns_whitelist_soft\ndnsbl timeout 5\nfcrdns\nhelo policy strict\nrhsbl", **zones):
            dns.stop()
            with Client(self.port, LISTED) as client:
                self.expect("no list answers", client.reply(), 220)
                self.expect("no name is asked for", client.say("EHLO nowhere.test"), 250)
                self.expect("no domain is listed", client.say("MAIL FROM:<ann@nowhere.test>"), 250)
        with self.serve(dns, "resolvable_fromhost reject_type perm"):
            self.expect("a sender nobody can look up", self.sender("ann@good.test"), 450, "Temporary")

    def run(self):
        dns = Unbound(self.folder, RECORDS)
        dns.start()
        try:
            self.lists(dns)
            self.senders(dns)
            self.introductions(dns)
            self.reverse_names(dns)
            self.without_server(dns)
        finally:
            dns.stop()
        if self.failures:
            sys.exit(f"{self.failures} of the replies are wrong")


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    Test(sys.argv[1], sys.argv[2], int(sys.argv[3])).run()
