"""A DNS server for tests: unbound with zones of the test's own."""

import pathlib
import socket
import subprocess
import time

import servers


class Unbound:
    """A DNS server on a port of 127.0.0.1. Everything below broken.test and refused.test fails, the rest of the world
    does not exist."""

    def __init__(self, folder, records):
        self.port = servers.free_port()
        self.file = folder / "unbound.conf"
        self.log = open(folder / "unbound.log", "ab")
        self.process = None
        lines = [
            "server:", "  do-daemonize: no", '  chroot: ""', '  username: ""', f'  directory: "{folder}"',
            '  pidfile: ""', "  use-syslog: no", "  interface: 127.0.0.1", f"  port: {self.port}", "  num-threads: 1",
            "  do-ip6: no", "  do-not-query-localhost: no", "  module-config: iterator", "  unblock-lan-zones: yes",
            '  local-zone: "." static', '  local-zone: "broken.test." transparent',
            '  local-zone: "refused.test." refuse',
        ]
        for record in records.splitlines():
            name, kind, value = record.split(" ", 2)
            value = value.strip('"') if kind != "TXT" else value
            lines.append(f"  local-data: '{name} 60 {kind} {value}'")
        # Nobody listens there, so that the answer is SERVFAIL.
        lines += [
            "remote-control:", "  control-enable: no", "forward-zone:", '  name: "broken.test."',
            f"  forward-addr: 127.0.0.1@{servers.free_port()}",
        ]
        self.file.write_text("\n".join(lines) + "\n")

    def start(self):
        command = [servers.tool("unbound"), "-d", "-c", str(self.file)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise servers.ServerError(f"unbound ended: {self.output()}")
            if self.answers():
                return
            time.sleep(0.1)
        raise servers.ServerError(f"unbound does not answer: {self.output()}")

    def answers(self):
        question = bytes.fromhex("123401000001000000000000") + b"\x06client\x04test\x00" + bytes.fromhex("00010001")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            try:
                probe.sendto(question, ("127.0.0.1", self.port))
                return probe.recv(512)[:2] == question[:2]
            except OSError:
                return False

    def output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")[-2000:]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
