"""console_signals.py SERVER CONSOLE WORK: signals and a terminal that goes away, on a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time

from console_server import ConsoleServer, command

program, console, work = sys.argv[1:4]
LEAVES = b"\x1b[?1049l"
ENTERS = b"\x1b[?1049h"


class Pseudo:
    """The console on a pseudo-terminal of its own, as a session leader."""

    def __init__(self, words, columns=100, rows=30):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(words[0], words)
        self.output = b""
        self.resize(columns, rows)
        # As a terminal is before anybody changed it: the console must leave it so.
        self.before = termios.tcgetattr(self.master)

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def pump(self, seconds=0.05):
        """Reads what there is. False: the terminal is closed."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if ready:
            try:
                octets = os.read(self.master, 65536)
            except OSError:
                return False
            self.output += octets
            return bool(octets)
        return True

    def wait(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.pump()
            assert time.monotonic() < end, (what, self.output[-400:])

    def wait_for(self, text, seconds=20):
        self.wait(lambda: text in self.output, text, seconds)

    def status(self):
        """How it ended: the wait status."""
        result = []

        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                result.append(status)
            return bool(pid)

        self.wait(ended, "it does not end")
        while self.pump(0) and select.select([self.master], [], [], 0)[0]:
            pass
        return result[0]

    def is_restored(self):
        return termios.tcgetattr(self.master)[:4] == self.before[:4]

    def close(self):
        os.close(self.master)


class Job(Pseudo):
    """The console as the job of a shell: in a group of its own, which the shell watches and puts in front."""

    def __init__(self, words, columns=100, rows=30):
        # From the job's start on: its number, T for each stop. To the shell: anything, and the job goes on.
        told, tell = os.pipe()
        hear, self.shell = os.pipe()
        self.news = told
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os._exit(Job.run(words, tell, hear))
        os.close(tell)
        os.close(hear)
        self.output = b""
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.master)
        self.job = struct.unpack("i", os.read(told, 4))[0]
        os.set_blocking(told, False)

    @staticmethod
    def run(words, tell, hear):
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execvp(words[0], words)
        os.write(tell, struct.pack("i", job))
        while True:
            _, status = os.waitpid(job, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status) & 0xFF
            os.tcsetpgrp(0, os.getpgrp())
            os.write(tell, b"T")
            os.read(hear, 1)
            os.tcsetpgrp(0, job)
            os.killpg(job, signal.SIGCONT)

    def told(self):
        try:
            return os.read(self.news, 1)
        except BlockingIOError:
            return b""


def start(*words):
    terminal = Pseudo([*base, *words])
    terminal.wait_for(b"sessions")
    assert not terminal.is_restored(), "the terminal was never changed"
    return terminal


with tempfile.TemporaryDirectory(dir=work) as folder, ConsoleServer(program, folder) as server:
    base = command(console, server)

    # Signals that end it, and keys; crashes too: each leaves the terminal as it was.
    for name, end in (
        ("q", lambda terminal: os.write(terminal.master, b"q")),
        ("^C", lambda terminal: os.write(terminal.master, b"\x03")),
        *((number.name, lambda terminal, number=number: os.kill(terminal.pid, number)) for number in (
            signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT,
            signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)),
    ):
        terminal = start()
        end(terminal)
        status = terminal.status()
        assert terminal.is_restored(), f"{name} leaves the terminal changed"
        assert LEAVES in terminal.output, f"{name} stays on the other screen"
        assert re.search(rb"\x1b\[\?[0-9;]*100[0-3][0-9;]*l", terminal.output), f"{name} leaves the mouse on"
        if name in ("q", "^C"):
            assert status == 0, (name, status)
        elif name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP"):
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.Signals[name], (name, status)
        else:
            assert os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0, (name, status)
        terminal.close()

    # A storm of sizes, tiny and absurd ones too, while keys are pressed.
    terminal = start()
    for round in range(300):
        terminal.resize(*((80, 24), (1, 1), (50, 20), (500, 200), (20, 6), (0, 0), (132, 43))[round % 7])
        os.kill(terminal.pid, signal.SIGWINCH)
        os.write(terminal.master, b"1234567890Q2"[round % 12:round % 12 + 1])
        terminal.pump(0.002)
    terminal.resize(90, 28)
    terminal.output = b""
    os.write(terminal.master, b"\x0c1")
    terminal.wait_for(b"sessions")
    os.write(terminal.master, b"q")
    assert terminal.status() == 0 and terminal.is_restored()
    terminal.close()

    # Stopped and continued: by a signal, and by its key. Its group is orphaned here, so that the kernel does not stop
    # it by SIGTSTP: it must go on. SIGSTOP and SIGCONT as a shell's fg.
    terminal = start()
    for _ in range(3):
        terminal.output = b""
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for(LEAVES)
        terminal.wait_for(ENTERS)
        terminal.output = b""
        os.write(terminal.master, b"\x1a")
        terminal.wait_for(LEAVES)
        # Back again: while it lets itself be stopped, another SIGTSTP goes the way of the first.
        terminal.wait_for(ENTERS)
        os.kill(terminal.pid, signal.SIGSTOP)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.output = b""
        os.write(terminal.master, b"2")
        terminal.wait_for(b"PEER")
        os.write(terminal.master, b"1")
    # A signal that comes while it paints counts as well.
    for round in range(20):
        terminal.output = b""
        os.write(terminal.master, b"21"[round % 2:round % 2 + 1])
        time.sleep(0.001 * (round % 10))
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for(LEAVES)
        terminal.wait_for(ENTERS)
    os.write(terminal.master, b"q")
    assert terminal.status() == 0 and terminal.is_restored()
    terminal.close()

    # As a job of a shell it does stop, by the signal and by the key, and goes on when the shell says so.
    terminal = Job([*base])
    terminal.wait_for(b"sessions")
    for round in range(4):
        terminal.output = b""
        if round % 2:
            os.write(terminal.master, b"\x1a")
        else:
            os.kill(terminal.job, signal.SIGTSTP)
        terminal.wait(lambda: terminal.told() == b"T", "it does not stop")
        terminal.wait_for(LEAVES)
        terminal.output = b""
        os.write(terminal.shell, b"g")
        terminal.wait_for(ENTERS)
        terminal.wait_for(b"sessions")
    os.write(terminal.master, b"q")
    assert terminal.status() == 0 and terminal.is_restored()
    terminal.close()

    # The terminal goes away: it ends, and does not spin.
    terminal = start()
    os.close(terminal.master)
    end = time.monotonic() + 20
    while True:
        pid, status = os.waitpid(terminal.pid, os.WNOHANG)
        if pid:
            break
        assert time.monotonic() < end, "it goes on without a terminal"
        time.sleep(0.05)
    assert not os.WIFSIGNALED(status) or os.WTERMSIG(status) == signal.SIGHUP, status

    # No terminal at all: it says so.
    for words in ([], ["--view", "log"]):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open("/dev/null", os.O_RDWR), 0)
            os.dup2(write, 1)
            os.dup2(write, 2)
            os.setsid()
            os.execvp(base[0], base + words)
        os.close(write)
        text = os.read(read, 4096)
        assert b"--batch" in text, text
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 2
