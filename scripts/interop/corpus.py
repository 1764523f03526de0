"""Mail of mixed sizes and contents, the same at every run."""

import random

DOMAIN = "interop.example"
SIZES = [(20, 0), (6, 5_000_000), (14, 1_000_000), (60, 100_000)]


def header(name, charset):
    return (
        f"From: Sender <sender@{DOMAIN}>\r\nTo: <{name}@{DOMAIN}>\r\nSubject: {name}\r\n"
        f"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <{name}@{DOMAIN}>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").encode()


def plain(chance):
    return b"plain text " + bytes(chance.choice(b"abcdefghij klmnop,;!") for _ in range(chance.randrange(70)))


def eight_bit(chance):
    """Octets of no particular encoding, without NUL, CR and LF."""
    return bytes(chance.choice(EIGHT_BIT) for _ in range(chance.randrange(1, 200)))


def utf8(chance):
    return "".join(chance.choice("aäöüßéñ日本語жшщ€🙂 ") for _ in range(chance.randrange(1, 60))).encode()


def dots(chance):
    return b"." * chance.randrange(1, 5) + chance.choice([b"", b"", b" text", b"\t", b"x."])


def long_line(chance):
    return bytes([chance.choice(b"0123456789abcdef")]) * chance.choice([900, 998, 999, 2048, 2049, 70_000])


def blank(chance):
    return chance.choice([b"", b" ", b"\t", b"trailing blanks   "])


EIGHT_BIT = bytes(octet for octet in range(1, 256) if octet not in (10, 13))
KINDS = [plain, eight_bit, utf8, dots, long_line, blank]


def message(number, size):
    """A message of about `size` octets in wire form; of exactly none for size 0."""
    if size == 0:
        return b""
    chance = random.Random(number)
    name = f"m{number:04}"
    kinds = KINDS if number % 3 == 0 else [KINDS[number % len(KINDS)], plain]
    body = bytearray(header(name, "utf-8" if number % 2 else "iso-8859-1"))
    block = b"\r\n".join(chance.choice(kinds)(chance) for _ in range(200)) + b"\r\n"
    while len(body) < size:
        body += block[: max(2, size - len(body))] if len(block) > size - len(body) else block
    if body.endswith(b"\r"):
        body.pop()
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    return bytes(body)


def corpus(count):
    """`count` messages by recipient."""
    sizes = [size for number, size in SIZES for _ in range(number * count // 500)]
    chance = random.Random(0)
    sizes += [chance.randrange(1, 20_000) for _ in range(count - len(sizes))]
    chance.shuffle(sizes)
    return {f"m{number:04}@{DOMAIN}": message(number, size) for number, size in enumerate(sizes)}
