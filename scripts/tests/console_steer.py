"""console_steer.py SERVER CONSOLE WORK: what keys change, seen on the wire."""

import sys
import tempfile

from console_server import ConsoleServer, command
from smtp_client import UnexpectedReply
from terminal import Terminal

program, console, work = sys.argv[1:4]


def sender_is_taken(server):
    client = server.dial("wire.example")
    code, _ = client.say("MAIL FROM:<bad@sender.example>")
    client.say("QUIT", 221)
    client.close()
    return code == 250


with tempfile.TemporaryDirectory(dir=work) as folder, ConsoleServer(program, folder) as server:
    api = lambda path: server.json("/api/v1/" + path, role="admin")
    with Terminal(command(console, server), 140, 40, folder=folder) as terminal:
        terminal.wait(r"^ ?qpserver .* sessions")

        # Kick: it asks, says whom, and the client gets 421.
        victim, bystander = server.dial("victim.example"), server.dial("bystander.example")
        terminal.press("2")
        terminal.type(";helo=victim.example\r")
        terminal.wait("[a-z0-9]{12} .*victim.example")
        terminal.wait("bystander", absent=True)
        terminal.press("K")
        terminal.wait("(?s)End this session with 421.*victim.example")
        terminal.press("y")
        assert victim.reply()[0] == 421
        terminal.wait("ended|421")
        bystander.say("NOOP", 250)
        terminal.type(";")
        terminal.press("C-u", "Enter")

        # Ban: whom it hits, first; loopback needs force.
        client = server.dial("banned.example", "127.0.0.2")
        terminal.type(":ban 127.0.0.2 1h dictionary attack\r")
        terminal.wait("(?s)Ban.*connected now: 1.*against it")
        terminal.press("f")
        assert client.reply()[0] == 421
        try:
            server.dial("again.example", "127.0.0.2")
            raise AssertionError("a banned client was greeted")
        except UnexpectedReply as error:
            assert "554" in str(error), error
        terminal.press("9")
        terminal.wait("127.0.0.2.*dictionary attack")
        terminal.press("x")
        terminal.wait("Lift the ban of 127.0.0.2")
        terminal.press("y")
        terminal.wait("127.0.0.2/32.*dictionary attack", absent=True)
        server.dial("again.example", "127.0.0.2").close()
        bystander.say("NOOP", 250)

        # Shadow, and back; off by the list of modes.
        assert not sender_is_taken(server)
        terminal.press("4")
        terminal.type("/badmailfrom\r")
        terminal.press("s")
        terminal.wait("Put badmailfrom into shadow mode")
        terminal.press("y")
        terminal.wait("badmailfrom +shadow")
        assert sender_is_taken(server)
        terminal.press("s")
        terminal.wait("Let badmailfrom decide again")
        terminal.press("y")
        terminal.wait(r"(?m)badmailfrom +on\b")
        assert not sender_is_taken(server)
        terminal.press("m")
        terminal.wait("Mode of badmailfrom, now on")
        terminal.press("f")
        terminal.wait(r"badmailfrom +off")
        assert sender_is_taken(server)
        terminal.type(":mode badmailfrom on\r")
        terminal.wait(r"badmailfrom +on\b")

        # The log of one plugin only, at debug.
        terminal.press("l")
        terminal.wait("(?i)level|badmailfrom")
        terminal.type(":log badmailfrom LOGDEBUG\r")
        terminal.wait("badmailfrom")
        assert not sender_is_taken(server)
        screen = terminal.wait(r"(INFO|DEBUG|NOTICE).*badmailfrom")
        assert not [line for line in screen.split("\n")[4:-3] if "rcpt_ok" in line], screen

        # What a session says and hears, while it is looked at.
        terminal.press("2")
        terminal.wait("bystander.example")
        terminal.type(";helo=bystander.example\r")
        terminal.wait("live sessions: 1 of")
        terminal.press("F")
        terminal.wait("(?i)dialogue")
        bystander.say("MAIL FROM:<ann@sender.example>", 250)
        terminal.wait("C: .*ann@sender.example")
        terminal.wait("S: 250")
        terminal.press("Escape")

        # Reload: a plugin more; a broken file is refused with its line; go back.
        plugins = server.config / "plugins"
        before = plugins.read_text()
        with open(server.config / "rcpthosts", "a") as file:
            file.write("other.example\n")
        (server.config / "loglevel").write_text("LOGINFO\n")
        generation = api("overview")["generation"]
        terminal.press("0")
        terminal.wait("loglevel")
        terminal.press("C-r")
        terminal.wait("Read the configuration")
        terminal.press("y")
        terminal.wait(r"configuration \d+ in use")
        loaded = api("overview")["generation"]
        assert loaded > generation, (loaded, generation)
        plugins.write_text("no_such_plugin\n" + before)
        terminal.press("C-r")
        terminal.wait("Read the configuration")
        terminal.press("y")
        terminal.wait(r"plugins:1: ")
        assert api("overview")["generation"] == loaded
        bystander.say("NOOP", 250)
        plugins.write_text(before)
        terminal.press("u")
        terminal.wait("Go back")
        terminal.press("y")
        terminal.wait("went back to configuration")
        assert api("overview")["generation"] != loaded

        # Soft bounce: 5xx leave as 4xx, until it is switched back.
        terminal.press("o")
        terminal.wait("Let every 5xx leave as 4xx")
        terminal.press("y")
        terminal.wait("soft bounce on")
        client = server.dial("soft.example")
        code, _ = client.say("MAIL FROM:<bad@sender.example>")
        assert 400 <= code < 500, code
        client.close()
        terminal.press("o")
        terminal.press("y")
        terminal.wait("soft bounce off")

        # Freeze: nothing moves until it is let go.
        terminal.press("2")
        terminal.type(";\r")
        terminal.press("z")
        terminal.wait("FROZEN")
        late = server.dial("late.example")
        api("sessions")
        assert "late.example" not in terminal.screen()
        terminal.press("z")
        terminal.type(";")
        terminal.press("C-u", "Enter")
        terminal.wait("late.example")

        # Copies and saved screens.
        terminal.press("C-s")
        terminal.wait(r"saved as qpconsole-[0-9-]+\.txt")
        terminal.press("q")
        terminal.wait(r"^status 0$")

    # Read-only, and a role that may only look.
    for words, text in ((["--readonly"], "--readonly"), ([], "needs the role operator")):
        role = "admin" if words else "viewer"
        with Terminal(command(console, server, role) + words, 100, 30, folder=folder) as terminal:
            terminal.wait(r"^ ?qpserver .* sessions")
            terminal.press("2")
            terminal.wait("late.example")
            terminal.press("K")
            terminal.wait(text)
            terminal.press("q")
    late.say("NOOP", 250)
