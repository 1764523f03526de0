"""qmqp.py PORT FOLDER PID SIZE: mails through queue/qmqp-forward, and what the QMQP server behind it got."""

import hashlib
import json
import os
import re
import sys

from smtp_client import Client


def resident(pid):
    """Octets of memory the process has now, and the most it ever had."""
    with open(f"/proc/{pid}/status") as status:
        text = status.read()
    fields = [re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE) for field in ("VmRSS", "VmHWM")]
    return [int(field.group(1)) * 1024 for field in fields]


def packages(folder):
    names = sorted((name for name in os.listdir(folder) if name.endswith(".json")), key=lambda name: int(name[:-5]))
    found = []
    for name in names:
        with open(os.path.join(folder, name)) as file:
            found.append(json.load(file))
    return found


def set_mode(folder, mode):
    with open(os.path.join(folder, "mode"), "w") as file:
        file.write(mode)


def send(port, message, recipients=("a@example.com", "b@example.com")):
    with Client(port, timeout=100) as client:
        client.greet()
        client.say("MAIL FROM:<sender@sender.example>", 250)
        for recipient in recipients:
            client.say(f"RCPT TO:<{recipient}>", 250)
        reply = client.data(message)
        # One answer for all recipients: the next reply is that to the next command.
        assert client.say("NOOP")[0] == 250
        client.quit()
    return reply


def check(package, message):
    """The server got what was sent, with LF line ends."""
    content = message.replace(b"\r\n", b"\n")
    assert "error" not in package, package
    assert package["sender"] == "sender@sender.example", package
    assert package["recipients"] == ["a@example.com", "b@example.com"], package
    assert package["size"] == len(content), (package, len(content))
    assert package["sha256"] == hashlib.sha256(content).hexdigest(), package


def main():
    port, folder, pid, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    small = b"Subject: small\r\n\r\n.dot\r\nlast\r\n"
    expected = [
        ("K", 250, "Queued! queued 7"), ("Z", 452, "Deferred: no room"), ("D", 552, "Denied: not wanted"),
        ("garbage", 451, "Protocol error"), ("empty", 451, "Protocol error"), ("nothing", 451, "Protocol error"),
        ("close", 451, ""),
    ]
    for mode, code, text in expected:
        set_mode(folder, mode)
        reply = send(port, small)
        assert reply[0] == code and text in reply[1], (mode, reply)
        print(f"{mode}: {reply[0]} {reply[1]}")

    for package in packages(folder):
        check(package, small)

    # A large message: the same octets, and no memory for them.
    set_mode(folder, "K")
    line = b"." + b"x" * 97 + b"\r\n"
    large = b"Subject: large\r\n\r\n" + line * (size // len(line))
    before, _ = resident(pid)
    with open(f"/proc/{pid}/clear_refs", "w") as peak:
        peak.write("5")
    code, text = send(port, large)
    assert code == 250, (code, text)
    growth = (resident(pid)[1] - before) / 1e6
    check(packages(folder)[-1], large)
    print(f"large: {len(large)} octets, memory grew by {growth:.1f} MB at most")
    assert growth < 60, growth


main()
