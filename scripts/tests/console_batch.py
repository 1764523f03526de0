"""console_batch.py SERVER CONSOLE WORK: the console in a pipe, without a terminal."""

import json
import os
import subprocess
import sys
import tempfile

from console_server import ConsoleServer, command

program, console, work = sys.argv[1:4]
HOSTILE = b"EHLO \x1b]0;owned\x07\x1b[2Jforged\r\n"


def run(*words, expected=0):
    """What the console prints without a terminal; no octet of it controls one."""
    environment = {name: value for name, value in os.environ.items() if name not in ("TERM", "COLUMNS")}
    result = subprocess.run(
        [*base, "--batch", *words], stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=60,
        start_new_session=True)
    assert result.returncode == expected, (words, result.returncode, result.stderr)
    for octets in (result.stdout, result.stderr):
        assert not [octet for octet in octets if octet < 0x20 and octet != 0x0A or octet == 0x7F], (words, octets)
        assert not {"\x85", "\x9b", "\u202e", "\u2028"} & set(octets.decode()), words
    return result


with tempfile.TemporaryDirectory(dir=work) as folder, ConsoleServer(program, folder) as server:
    base = command(console, server)
    held = [server.dial(f"held{number}.example") for number in range(3)]
    rude = server.dial("rude.example")
    rude.socket.sendall(HOSTILE)
    rude.reply(500)
    rude.say("MAIL FROM:<ann@sender.example>", 250)
    rude.say("RCPT TO:<\"\u202eevil\x1b[31m\"@elsewhere.example>")

    # As in README: JSON that a program reads.
    result = run("--view", "sessions", "--format", "json")
    tool = subprocess.run([sys.executable, "-m", "json.tool"], input=result.stdout, capture_output=True, check=True)
    shown = json.loads(tool.stdout)
    asked = server.json("/api/v1/sessions", role="admin")
    ids = {row["id"] for row in asked["sessions"]}
    assert {row["id"] for row in shown[0]["sessions"]["sessions"]} == ids and len(ids) == 4, (shown, asked)
    assert shown[0]["server"] == f"127.0.0.1:{server.admin_port}"

    text = run("--view", "sessions", "--width", "160").stdout.decode()
    for id in ids:
        assert id in text, (id, text)
    assert "held0.example" in text and "PEER" in text, text
    for view in ("overview", "plugins", "matrix", "log", "top", "histogram", "bans", "config", "backends", "help"):
        assert run("--view", view).stdout.strip(), view
        answer = json.loads(run("--view", view, "--format", "json").stdout)
        assert len(answer) == 1 and "error" not in answer[0], answer
    id = next(iter(ids))
    assert id in run("--session", id).stdout.decode()
    assert json.loads(run("--session", id, "--format", "json").stdout)[0]["session"]["session"]["id"] == id

    filtered = json.loads(run("--view", "sessions", "--format", "json", "--filter", "helo^=held").stdout)
    assert len(filtered[0]["sessions"]["sessions"]) == 3, filtered
    ascii = run("--view", "overview", "--ascii", "--width", "80").stdout
    assert ascii.isascii() and max(map(len, ascii.decode().split("\n"))) <= 80, ascii

    # What is wrong is said, with a status of its own.
    assert b"column 1: unknown field 'plugni'" in run("--filter", "plugni=x", expected=2).stderr
    assert b"did you mean 'sessions'" in run("--view", "sesions", expected=2).stderr
    for client in held + [rude]:
        client.close()

    # A saved stream.
    octets = server.get("/api/v1/events?backlog=1000", role="admin")
    recording = os.path.join(folder, "events")
    with open(recording, "wb") as file:
        file.write(octets + b"no event \x1b[2J\n")
    base = [console, "--replay", recording]
    assert b"events:" in run("--view", "overview").stderr
    for kind in ("ended", "live", "refused"):
        run("--view", "sessions", "--state", kind)
    replayed = json.loads(run("--view", "sessions", "--format", "json").stdout)[0]["sessions"]["sessions"]
    assert {row["helo"] for row in replayed} >= {f"held{number}.example" for number in range(3)} or not replayed, replayed

# The server is gone.
base = [console, f"127.0.0.1:{server.admin_port}"]
gone = run("--view", "sessions", expected=1)
assert b"refused" in gone.stderr and not gone.stdout, gone
answer = json.loads(run("--view", "sessions", "--format", "json", expected=1).stdout)
assert "refused" in answer[0]["error"], answer
