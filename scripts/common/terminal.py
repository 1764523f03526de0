"""A terminal with a program in it, by tmux: keys go in, the screen is read."""

import os
import re
import shlex
import subprocess
import tempfile
import time


class ScreenError(Exception):
    """The screen does not show what it should."""


class Terminal:
    """A tmux server of its own with one window, as a context manager."""

    def __init__(self, command, columns=120, rows=40, environment=None, folder=None):
        self.name = f"qpconsole-test-{os.getpid()}-{id(self):x}"
        self.command = " ".join(shlex.quote(word) for word in command)
        self.size = (columns, rows)
        self.environment = environment or {}
        self.folder = folder or tempfile.gettempdir()

    def tmux(self, *words, check=True):
        return subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", *words], capture_output=True, text=True, check=check).stdout

    def __enter__(self):
        words = []
        for name, value in self.environment.items():
            words += ["-e", f"{name}={value}"]
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        subprocess.run(
            ["tmux", "-u", "-L", self.name, "-f", "/dev/null", "new-session", "-d", "-x", str(self.size[0]), "-y",
             str(self.size[1]), "-c", self.folder, *words, self.command + "; echo status $?; exec sleep 600"],
            check=True, env=environment)
        self.tmux("set-option", "-g", "escape-time", "0")
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)
        return False

    def press(self, *keys):
        """Keys by tmux's names: Enter, Escape, C-r, F5, PPage."""
        self.tmux("send-keys", *keys)

    def type(self, text):
        # A semicolon at the end would end tmux's command.
        self.tmux("send-keys", "-l", text[:-1] + "\\;" if text.endswith(";") else text)

    def screen(self, colors=False):
        """What stands on the screen."""
        return self.tmux("capture-pane", "-p", "-N", *(["-e"] if colors else []))

    def lines(self):
        return self.screen().split("\n")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait(self, pattern, seconds=20, absent=False):
        """Waits until the screen has a text that matches, or has it no more; gives the screen."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if bool(re.search(pattern, screen, re.MULTILINE)) != absent:
                return screen
            if time.monotonic() > end:
                raise ScreenError(f"{'still' if absent else 'no'} '{pattern}' after {seconds} s:\n{screen}")
            time.sleep(0.05)

    @property
    def pid(self):
        """The process in the window: the shell that runs the program."""
        return int(self.tmux("list-panes", "-F", "#{pane_pid}").split()[0])
