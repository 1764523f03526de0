"""Clients of an HTTP endpoint that behave badly."""

import random
import socket
import threading


def dial(port, buffer=None):
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(10)
    sock.connect(("127.0.0.1", port))
    return sock


class SlowHeads:
    """Connections whose requests never end, an octet at a time; whoever is thrown out comes back."""

    def __init__(self, port, count):
        self.port = port
        self.sockets = [dial(port) for _ in range(count)]
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.drip)

    def __enter__(self):
        for sock in self.sockets:
            sock.sendall(b"GET /api/v1/overview HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join(30)
        for sock in self.sockets:
            sock.close()
        return False

    @property
    def open(self):
        return len(self.sockets)

    def drip(self):
        while not self.ends.wait(0.5):
            for index, sock in enumerate(self.sockets):
                try:
                    sock.sendall(b"x")
                except OSError:
                    sock.close()
                    self.sockets[index] = dial(self.port)


class StalledWatcher:
    """Follows the log and never reads."""

    def __init__(self, port):
        self.socket = dial(port, buffer=2048)

    def __enter__(self):
        self.socket.sendall(b"GET /api/v1/logs?follow=true&level=LOGDEBUG HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return self

    def __exit__(self, *_):
        self.socket.close()
        return False


MALFORMED = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /api/v1/sessions HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: attacker.example\r\n\r\n",
    b"GET /%00%ff%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Large: " + b"b" * 40_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Many: c\r\n" * 500 + b"\r\n",
    b"POST /api/v1/bans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /api/v1/bans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/v1/bans HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnonsense\r\n",
    b"POST /api/v1/bans HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\n",
    b"GET /api/v1/logs?query=((((( HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    b"\r\n\r\n\r\n" + b"\0" * 1000,
    b"EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n",
]


def nonsense(port, count, clients=8):
    """Malformed requests, each on a connection of its own, in a fixed order; an answer is waited for briefly."""
    chance = random.Random(5321)
    requests = [chance.choice(MALFORMED) for _ in range(count)]
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not requests:
                    return
                octets = requests.pop()
            try:
                with dial(port) as sock:
                    sock.settimeout(0.3)
                    sock.sendall(octets)
                    while sock.recv(65_536):
                        pass
            except OSError:
                # Thrown out, or no answer: both are as it should be.
                pass

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
