"""A small SMTP client for tests: it sends octets as given and checks reply codes."""

import socket


class UnexpectedReply(Exception):
    """The server answered something else."""


class Client:
    """A session with a server on 127.0.0.1."""

    def __init__(self, port, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.extensions = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        return False

    def close(self):
        self.file.close()
        self.socket.close()

    def reply(self, expected=None):
        """Reads a reply, all its lines; gives its code and its text."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError("the server closed the connection")
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        code, text = int(lines[-1][:3]), "\n".join(line[4:] for line in lines)
        if expected is not None and code != expected:
            raise UnexpectedReply(f"expected {expected}, got {code} {text}")
        return code, text

    def say(self, line, expected=None):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply(expected)

    def greet(self, name="client.example"):
        """Reads the greeting and says EHLO; gives the greeting's text."""
        _, greeting = self.reply(220)
        _, text = self.say(f"EHLO {name}", 250)
        self.extensions = [line.split()[0].upper() for line in text.split("\n")[1:]]
        return greeting

    def data(self, message):
        """Sends a message, given with CRLF line ends, from DATA to the reply after the final dot."""
        self.say("DATA", 354)
        stuffed = message.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        if stuffed and not stuffed.endswith(b"\r\n"):
            stuffed += b"\r\n"
        self.socket.sendall(stuffed + b".\r\n")
        return self.reply()

    def mail(self, sender, recipient, message):
        """A whole transaction; gives the reply after the final dot."""
        body = ""
        if "8BITMIME" in self.extensions and any(octet > 127 for octet in message):
            body = " BODY=8BITMIME"
        self.say(f"MAIL FROM:<{sender}>{body}", 250)
        self.say(f"RCPT TO:<{recipient}>", 250)
        return self.data(message)

    def quit(self):
        self.say("QUIT", 221)
        self.close()
