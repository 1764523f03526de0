"""console_views.py SERVER CONSOLE WORK: every view in a terminal, against what the API says at that moment."""

import re
import sys
import tempfile
import time

from console_server import ConsoleServer, command
from terminal import ScreenError, Terminal

program, console, work = sys.argv[1:4]


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise ScreenError(what)
        time.sleep(0.05)


def on_screen(terminal, texts):
    """Waits until all of some texts are on the screen."""
    for text in texts:
        terminal.wait(re.escape(text))


with tempfile.TemporaryDirectory(dir=work) as folder, ConsoleServer(program, folder) as server:
    held = [server.dial(f"held{number}.example") for number in range(3)]
    refused = server.dial("refused.example")
    refused.say("MAIL FROM:<bad@sender.example>")
    refused.say("QUIT", 221)
    load = server.load()
    with Terminal(command(console, server), 160, 45) as terminal:
        # While mail comes in: each view shows what it is for.
        terminal.wait(r"^ ?qpserver .* sessions")
        terminal.press("1")
        terminal.wait("RATES")
        terminal.press("6")
        terminal.wait(r"(?i)queued|INFO")
        for key, words in {
            "2": "PEER", "4": "RUNS", "5": "HOOK", "7": "COUNT", "8": "RUNS", "9": "(?i)ban", "0": "(?i)configuration",
            "Q": "(?i)backend|KIND|STATE",
        }.items():
            terminal.press(key)
            terminal.wait(words)
        load.wait(60)
        assert load.returncode == 0

        # Nothing moves any more: the screen and the API agree to the last digit.
        terminal.press("r")
        api = lambda path: server.json("/api/v1/" + path, role="admin")
        wait_for(lambda: api("overview")["sessions"] == 3, "sessions of the load are still there")
        terminal.press("2")
        rows = api("sessions")["sessions"]
        assert len(rows) == 3
        for row in rows:
            screen = terminal.wait(rf"^.*{row['id']}.*{row['helo']}")
            line = next(line for line in screen.split("\n") if row["id"] in line)
            assert row["peer"] in line and row["phase"] in line, (row, line)
        on_screen(terminal, ["3/2000 sessions"])
        terminal.press("Tab")
        terminal.wait("(?i)ended")
        ended = api("sessions?state=ended&query=helo%3Drefused.example")["sessions"]
        assert len(ended) == 1 and ended[0]["marks"]["badmailfrom"] == "refused", ended
        terminal.type(";helo=refused.example\r")
        line = next(line for line in terminal.wait(ended[0]["id"]).split("\n") if ended[0]["id"] in line)
        assert " X " in line and "550" in line, line
        # Each plugin that spoke has a column, and its mark stands beneath its code.
        heading = re.search(r"^.*PEER.*$", terminal.screen(), re.MULTILINE).group(0)
        place = heading.index("bmf")
        assert line[place:place + 3].strip() == "X", (heading, line)
        # Its story.
        terminal.press("Enter")
        on_screen(terminal, [ended[0]["id"], "badmailfrom", "DENY"])
        terminal.press("e")
        terminal.wait("(?i)refused.*badmailfrom")
        terminal.press("Escape")
        terminal.wait("PEER")
        terminal.press("Tab", "Tab")
        terminal.type(";")
        terminal.press("C-u", "Enter")

        terminal.press("4")
        for row in api("plugins"):
            if row["runs"] > 0:
                terminal.wait(rf"{row['name']}\b.*\b{row['runs']}\b")
        terminal.press("5")
        on_screen(terminal, ["rcpt", "mail", "connect"])
        terminal.press("7")
        terminal.type(":top helo\r")
        terminal.type(":state live\r7")
        for row in api("top?field=helo"):
            terminal.wait(rf"\b{row['count']}\b.*{re.escape(row['value'])}")
        terminal.press("0")
        on_screen(terminal, [str(api("generations")["generations"][0]["number"])])
        terminal.press("Q")
        for row in api("backends"):
            on_screen(terminal, [row["name"][:12]])
        terminal.press("?")
        on_screen(terminal, ["Views", "Keys"])

        # Sizes: it follows, down to 50x20 and up again.
        for columns, rows in ((50, 20), (80, 24), (200, 50), (120, 40)):
            terminal.resize(columns, rows)
            terminal.press("2")
            wait_for(
                lambda: len(terminal.lines()) >= rows and "PEER" in terminal.screen() and "127.0.0.1" in terminal.screen(),
                f"no sessions at {columns}x{rows}:\n" + terminal.screen())
            terminal.press("1")
            terminal.wait("(?i)rate|connections")
        terminal.press("q")
        terminal.wait(r"^status 0$")
    for client in held:
        client.close()

    # Without colour, in ASCII, in a terminal that can do little: still everything there.
    for environment, words in (({"NO_COLOR": "1"}, []), ({}, ["--ascii"]), ({"TERM": "vt100"}, []),
                               ({"LC_ALL": "C"}, []), ({}, ["--colors", "16"])):
        with Terminal(command(console, server) + words, 80, 24, environment) as terminal:
            terminal.wait(r"^ ?qpserver .* sessions")
            terminal.press("4")
            screen = terminal.wait("badmailfrom")
            if words == ["--ascii"] or environment.get("LC_ALL") == "C":
                assert screen.isascii(), screen
            if "NO_COLOR" in environment:
                assert not re.search(r"\x1b\[[0-9;]*(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;|m)", terminal.screen(colors=True))
            terminal.press("q")
            terminal.wait(r"^status 0$")
