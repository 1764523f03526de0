"""Servers under test: starting, watching and stopping them."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class ServerError(Exception):
    """A server, or a program that is needed beside it, does not do what it should."""


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children(pid):
    """The process and all its descendants that live."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                text = stat.read()
        except OSError:
            continue
        parents.setdefault(int(text[text.rindex(")") + 2:].split()[1]), []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_seconds(pid):
    """Processor time of a process tree to the nanosecond, with threads and awaited children that have ended."""
    total = 0.0
    for process in children(pid):
        try:
            with open(f"/proc/{process}/stat") as stat:
                words = stat.read().rpartition(")")[2].split()
            total += (int(words[13]) + int(words[14])) / os.sysconf("SC_CLK_TCK")
            # What clock_getcpuclockid gives for the process: CPUCLOCK_SCHED of all its threads.
            total += time.clock_gettime(~process << 3 | 2)
        except (OSError, IndexError):
            continue
    return total


def memory(pid, field):
    """Octets of a field of smaps_rollup (Pss, Rss) over a process tree."""
    total = 0
    for process in children(pid):
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                found = re.search(rf"^{field}:\s+(\d+) kB", rollup.read(), re.MULTILINE)
        except OSError:
            continue
        total += int(found.group(1)) * 1024 if found else 0
    return total


class Server:
    """A server process of one of our kinds, as a context manager."""

    def __init__(self, name, command, wrapper=(), ready_line=True, port=None):
        self.name = name
        self.port = port or free_port()
        self.command = list(wrapper) + [word.replace("PORT", str(self.port)) for word in command]
        self.wrapped = bool(wrapper) and "strace" in wrapper[0]
        self.ready_line = ready_line
        self.process = None
        self.log = None

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile(prefix=f"{self.name}-", suffix=".log", delete=False)
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=raise_descriptors,
            start_new_session=True)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        return False

    @property
    def pid(self):
        """The server's own process, not that of a tracer."""
        if self.wrapped:
            return children(self.process.pid)[1]
        return self.process.pid

    def output(self):
        with open(self.log.name, errors="replace") as log:
            return log.read()

    def wait_until_ready(self, seconds=90):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with status {self.process.returncode}: {self.tail()}")
            if re.search(r"\bready\b", self.output()) if self.ready_line else accepts(self.port):
                return
            time.sleep(0.05)
        raise ServerError(f"{self.name} is not ready after {seconds} s: {self.tail()}")

    def tail(self):
        return " | ".join(self.output().splitlines()[-4:]) or "(it said nothing)"

    def stop(self, seconds=60):
        if self.process.poll() is None:
            try:
                os.kill(self.pid, signal.SIGTERM)
                self.process.wait(seconds)
            except (ProcessLookupError, IndexError):
                pass
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                raise ServerError(f"{self.name} did not stop within {seconds} s of SIGTERM") from None
        if self.process.poll() is None:
            self.process.wait(seconds)
        self.log.close()
        if os.path.exists(self.log.name):
            os.unlink(self.log.name)


def raise_descriptors():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def tool(name):
    """The path of a program, also in the directories of system programs."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise ServerError(f"{name} is not installed; see scripts/setup.sh")
    return found
