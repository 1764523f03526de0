"""What clients behind a HAProxy meet: doors.py FIRST SECOND BEHIND PLAIN ADMIN TOKEN (ports, and a token of an admin)."""

import json
import socket
import sys
import time
import urllib.request


class Client:
    """An SMTP client with an address of its own."""

    def __init__(self, port, source):
        self.socket = socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0))
        self.file = self.socket.makefile("rb")

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return None
            lines.append(line)
            if line[3:4] != "-":
                return int(line[:3]), lines

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found} instead of {wanted}")


def api(port, token, method, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/{path}", method=method, data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def eventually(what, condition):
    end = time.monotonic() + 10
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not so after 10 s: {what}")
        time.sleep(0.05)


def main():
    first, second, behind, plain, admin = map(int, sys.argv[1:6])
    token = sys.argv[6]
    for port in (first, second):
        client = Client(port, "127.0.0.2")
        expect("greeting", client.reply()[0], 220)
        code, lines = client.say("EHLO client.example")
        expect("EHLO", (code, lines[0][4:]), (250, "mx.example.com Hello Unknown [127.0.0.2]"))
        expect("no XCLIENT behind the proxy", [line for line in lines if "XCLIENT" in line], [])
        sessions = api(admin, token, "GET", "sessions")["sessions"]
        expect("the admin endpoint", [row["peer"] for row in sessions if row.get("helo") == "client.example"],
               ["127.0.0.2"])
        expect("MAIL", client.say("MAIL FROM:<a@sender.example>")[0], 250)
        # A loopback address from the wire is no relay client.
        expect("relaying", client.say("RCPT TO:<a@elsewhere.example>")[0], 550)
        expect("RCPT", client.say("RCPT TO:<user@example.com>")[0], 250)
        expect("DATA", client.say("DATA")[0], 354)
        expect("message", client.say("Subject: x\r\n\r\nx\r\n.")[0], 250)
        expect("QUIT", client.say("QUIT")[0], 221)
        client.close()

    # max_conn_ip counts the clients, not the proxy.
    crowd = [Client(second, "127.0.0.3") for _ in range(3)]
    expect("three of one address", [client.reply()[0] for client in crowd], [220] * 3)
    late = Client(first, "127.0.0.3")
    expect("a fourth", late.reply()[0], 451)
    other = Client(first, "127.0.0.4")
    expect("another address", other.reply()[0], 220)
    for client in crowd + [late, other]:
        client.close()

    # Bans hit the client.
    ban = api(admin, token, "POST", "bans", {"network": "127.0.0.5", "reason": "test", "force": True})
    banned = Client(second, "127.0.0.5")
    expect("a banned client", banned.reply()[0], 554)
    other = Client(second, "127.0.0.4")
    expect("its neighbour", other.reply()[0], 220)
    api_delete = urllib.request.Request(
        f"http://127.0.0.1:{admin}/api/v1/bans/{ban['id']}", method="DELETE",
        headers={"Authorization": f"Bearer {token}"})
    urllib.request.urlopen(api_delete, timeout=20).close()
    for client in (banned, other):
        client.close()

    # Nobody else is believed.
    for source, octets in (("127.0.0.9", b"PROXY TCP4 127.0.0.2 127.0.0.1 4242 25\r\n"), ("127.0.0.1", b"EHLO x\r\n")):
        client = Client(behind, source)
        try:
            client.socket.sendall(octets)
            expect(f"whoever is not believed ({source})", client.reply(), None)
        except ConnectionError:
            pass
        client.close()
    client = Client(plain, "127.0.0.9")
    expect("greeting", client.reply()[0], 220)
    expect("a PROXY header to a plain listener", client.say("PROXY TCP4 127.0.0.2 127.0.0.1 4242 25")[0], 500)
    expect("XCLIENT from a stranger", client.say("XCLIENT ADDR=127.0.0.2")[0], 550)
    expect("XFORWARD from a stranger", client.say("XFORWARD ADDR=127.0.0.2")[0], 550)
    client.close()
    eventually("all places are free", lambda: api(admin, token, "GET", "overview").get("sessions", 0) == 0
               or all(row["peer"] == "127.0.0.1" for row in api(admin, token, "GET", "sessions")["sessions"]))


main()
