"""qmqp_server.py PORT FOLDER: a QMQP server for tests, which answers as FOLDER/mode says (K, Z, D, garbage, empty,
nothing, close) and writes down each package as FOLDER/N.json: sender, recipients, size and hash of the message
from its field Subject on, which the client sent first."""

import hashlib
import json
import os
import socket
import sys

ANSWERS = {
    "K": b"9:Kqueued 7,", "Z": b"17:Zno room (#4.3.1),", "D": b"20:Dnot wanted (#5.7.1),", "garbage": b"250 ok\r\n",
    "empty": b"0:,",
}


class Reader:
    """Octets of a connection, counted."""

    def __init__(self, file):
        self.file = file
        self.count = 0

    def read(self, count):
        octets = self.file.read(count)
        if len(octets) != count:
            raise EOFError
        self.count += count
        return octets

    def size(self):
        """A netstring's length; it has no zero in front."""
        digits = b""
        while not digits.endswith(b":"):
            digits += self.read(1)
            assert len(digits) < 20, digits
        digits = digits[:-1]
        assert digits.isdigit() and digits == str(int(digits)).encode(), digits
        return int(digits)

    def end(self):
        assert self.read(1) == b","


def package(reader):
    """Decodes a package; any octet in the wrong place is an error."""
    total = reader.size()
    start = reader.count
    size = left = reader.size()
    first = reader.read(min(left, 65536))
    added = (b"\n" + first).index(b"\nSubject: ")
    digest = hashlib.sha256(first[added:])
    left -= len(first)
    while left:
        block = reader.read(min(left, 65536))
        digest.update(block)
        left -= len(block)
    reader.end()
    addresses = []
    while reader.count - start < total:
        addresses.append(reader.read(reader.size()).decode())
        reader.end()
    assert reader.count - start == total, (reader.count - start, total)
    reader.end()
    return {"sha256": digest.hexdigest(), "size": size - added, "sender": addresses[0],
            "recipients": addresses[1:]}


def main():
    port, folder = int(sys.argv[1]), sys.argv[2]
    with socket.create_server(("127.0.0.1", port)) as listener:
        number = 0
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as file:
                number += 1
                with open(os.path.join(folder, "mode")) as mode:
                    mode = mode.read().strip()
                if mode == "close":
                    continue
                try:
                    result = package(Reader(file))
                except (AssertionError, EOFError, ValueError) as error:
                    result = {"error": repr(error)}
                with open(os.path.join(folder, f"{number}.json"), "w") as out:
                    json.dump(result, out)
                try:
                    connection.sendall(ANSWERS.get(mode, b""))
                except OSError:
                    # The other side has gone.
                    pass


main()
