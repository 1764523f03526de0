"""floods.py WHAT PORT PID WORK FULL [TLSPORT]: clients that come in masses or behave badly, and what must be left of
them."""

import glob
import os
import resource
import select
import socket
import ssl
import struct
import sys
import threading
import time

from smtp_client import Client, UnexpectedReply

what, port, pid, work = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
full = bool(sys.argv[5])
PATIENCE = 20


def open_descriptors():
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident():
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def spooled():
    return [name for folder in ("spool", "disk/spool") for name in glob.glob(f"{work}/{folder}/*")]


def dial(source=None, buffer=None, to=port):
    """A connection from an address of 127.0.0.0/8."""
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(PATIENCE)
    if source:
        sock.bind((source, 0))
    sock.connect(("127.0.0.1", to))
    return sock


def line(sock):
    """A line, octet by octet: what follows stays in the socket."""
    text = b""
    while not text.endswith(b"\n"):
        octets = sock.recv(512, socket.MSG_PEEK)
        if not octets:
            raise EOFError(f"closed after {text!r}")
        end = octets.find(b"\n") + 1 or len(octets)
        text += sock.recv(end)
    return text


def eventually(text, test, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {seconds} s: {text()}")
        time.sleep(0.05)


def nothing_left(descriptors):
    """Everything is as before: descriptors, spool, and a mail goes through."""
    eventually(lambda: f"{open_descriptors()} descriptors, {descriptors} before",
               lambda: open_descriptors() <= descriptors)
    eventually(lambda: f"spool files: {spooled()[:3]}", lambda: not spooled())
    code, text = deliver("afterwards")
    assert code == 250, f"afterwards: {code} {text}"
    eventually(lambda: "the last session's descriptor", lambda: open_descriptors() <= descriptors)


def deliver(name, size=100):
    octets = f"Subject: {name}\r\n\r\n".encode() + (b"x" * 98 + b"\r\n") * (size // 100)
    try:
        with Client(port) as client:
            client.greet()
            code, text = client.mail("sender@sender.example", "user@example.com", octets)
            if code == 250:
                client.quit()
            return code, text
    except UnexpectedReply as reply:
        return 0, str(reply)


def warm_up():
    """A mail, so that files and threads that stay are there; then the descriptors."""
    assert deliver("warm up") [0] == 250
    time.sleep(0.5)
    return open_descriptors()


def idle():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    count = min(5000, most - 500)
    before, memory = warm_up(), resident()
    begun = time.monotonic()
    clients = []
    for index in range(count):
        sock = dial(f"127.0.0.{2 + index % 10}")
        assert line(sock).startswith(b"220 ")
        clients.append(sock)
    each = (resident() - memory) / count
    print(f"{count} idle connections in {time.monotonic() - begun:.1f} s, {each:.0f} octets each")
    assert each < 20_000, "idle connections take too much memory"
    begun = time.monotonic()
    mails = 200
    for number in range(mails):
        code, text = deliver(f"beside {number}")
        assert code == 250, f"{code} {text}"
    print(f"{mails} mails beside them in {time.monotonic() - begun:.1f} s")
    for sock in clients[::50]:
        sock.sendall(b"NOOP\r\n")
        assert line(sock).startswith(b"250 ")
    for sock in clients:
        sock.close()
    nothing_left(before)


def client_hello():
    """The first octets of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="mx.example.com").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def half_open(index, tls_port, hello):
    """A client that stops: before its ClientHello, in its middle, behind it; at both ports."""
    source, stop = f"127.0.0.{2 + index % 10}", (0, len(hello) // 2, len(hello))[index % 3]
    if index % 2:
        sock = dial(source, to=tls_port)
    else:
        sock = dial(source)
        assert line(sock).startswith(b"220 ")
        sock.sendall(b"STARTTLS\r\n")
        assert line(sock).startswith(b"220 ")
    sock.sendall(hello[:stop])
    return sock


def ended(sock):
    """Reads what there is until the server has closed."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass


def handshakes():
    # The server ends a handshake after so many seconds.
    tls_port, count, limit = int(sys.argv[6]), 2000, 15
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def encrypted():
        with context.wrap_socket(dial(to=tls_port)) as sock:
            assert sock.recv(512).startswith(b"220 ")
            sock.sendall(b"QUIT\r\n")
            assert sock.recv(512).startswith(b"221 ")

    encrypted()
    before, memory, hello = warm_up(), resident(), client_hello()
    begun = time.monotonic()
    clients = [half_open(index, tls_port, hello) for index in range(count)]
    eventually(lambda: f"{open_descriptors()} descriptors", lambda: open_descriptors() >= before + count)
    each = (resident() - memory) / count
    print(f"{count} half-open handshakes in {time.monotonic() - begun:.1f} s, {each:.0f} octets each")
    assert each < 50_000, "half-open handshakes take too much memory"
    step, mails = time.monotonic(), 200
    for number in range(mails):
        code, text = deliver(f"beside {number}")
        assert code == 250, f"{code} {text}"
        if number % 10 == 0:
            encrypted()
    beside = open_descriptors() - before
    print(f"{mails} mails beside them in {time.monotonic() - step:.1f} s; {beside} still wait")
    assert beside >= count or time.monotonic() - begun > limit, "handshakes were ended before their time"
    for sock in clients:
        sock.settimeout(60)
        ended(sock)
    took = time.monotonic() - begun
    print(f"all were ended, {took:.1f} s after the first came")
    assert took > limit, "handshakes were ended before their time"
    for sock in clients:
        sock.close()
    nothing_left(before)
    encrypted()


def beyond():
    before = warm_up()
    clients = [dial("127.0.0.2") for _ in range(100)]
    codes = [line(sock)[:3] for sock in clients]
    assert codes.count(b"220") == 20 and codes.count(b"451") == 80, f"one address: {codes}"
    for sock in clients:
        sock.close()
    nothing_left(before)

    clients = [dial(f"127.0.0.{2 + index % 20}") for index in range(500)]
    codes = [line(sock)[:3] for sock in clients]
    assert codes.count(b"220") == 50 and codes.count(b"421") == 450, f"all: {codes}"
    for sock in clients:
        sock.close()
    nothing_left(before)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def rude():
    count = 500 if full else 200
    before, step = warm_up(), time.monotonic()

    def passed(text):
        nonlocal step
        nothing_left(before)
        print(f"{count} {text}, {time.monotonic() - step:.1f} s")
        step = time.monotonic()

    for index in range(count):
        sock = dial(f"127.0.0.{2 + index % 10}")
        if index % 2:
            line(sock)
        # In the middle of replies, of a message, of a message in the spool.
        sock.sendall([
            b"HELP\r\n" * 200,
            b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<user@example.com>\r\nDATA\r\nSubject: x\r\n",
            b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<user@example.com>\r\nBDAT 9999999\r\n"
            + b"x" * 400_000 if index % 20 == 2 else b"EHLO c.example\r\n",
        ][index % 3])
        if index % 5 == 0:
            time.sleep(0.001)
        reset(sock)
    passed("that reset")

    clients = []
    for index in range(count):
        sock = dial(f"127.0.0.{2 + index % 10}")
        sock.sendall(b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\n" + (b"" if index % 2 else b"RCPT TO:<us"))
        sock.shutdown(socket.SHUT_WR)
        clients.append(sock)
    for sock in clients:
        text = b""
        while octets := sock.recv(4096):
            text += octets
        assert text.startswith(b"220 ") and b"\n250 2.1.0" in text, f"half-closed: {text!r}"
        sock.close()
    passed("that close half")

    memory = resident()
    never_reading(count)
    passed("that never read")
    print(f"{(resident() - memory) >> 10} kB stay")
    dripping(count)
    passed("that drip")


def never_reading(count):
    """Each sends commands for as long as they are taken and reads nothing; the server ends it by its time limit."""
    memory, peak = resident(), 0
    clients = [dial(f"127.0.0.{2 + index % 10}", buffer=2048) for index in range(count)]
    commands = b"HELP\r\n" * 2000
    poller = select.epoll()
    sockets, sent, ended = {}, {}, set()
    for sock in clients:
        sock.setblocking(False)
        sockets[sock.fileno()], sent[sock.fileno()] = sock, 0
        poller.register(sock.fileno(), select.EPOLLOUT)
    begun = time.monotonic()
    while len(ended) < count:
        # What comes after the time limit of 4 s is read and thrown away for two seconds more.
        taken = max(sent.values()) if time.monotonic() - begun < 3 else taken
        if time.monotonic() - begun > PATIENCE + 10:
            sys.exit(f"never reading: {count - len(ended)} of {count} connections were not ended by the server")
        for number, event in poller.poll(0.2, 64):
            try:
                sent[number] += sockets[number].send(commands)
            except BlockingIOError:
                pass
            except OSError:
                ended.add(number)
                poller.unregister(number)
        peak = max(peak, resident())
    for sock in clients:
        sock.close()
    each = (peak - memory) / count
    print(f"never reading: at most {each / 1024:.0f} kB each, {taken >> 10} kB of commands taken")
    assert taken < 20_000_000, "commands are taken from clients that do not read"
    assert each < 400_000, "memory of clients that do not read is not bounded"


def dripping(count):
    """A command octet by octet: it must be complete within its time all the same."""
    clients = [dial(f"127.0.0.{2 + index % 10}") for index in range(count)]
    for sock in clients:
        line(sock)
    begun, codes = time.monotonic(), {}
    text = iter(b"NOOP " + b"x" * 100)
    while clients:
        assert time.monotonic() - begun < 12, f"{len(clients)} dripping clients are still there"
        octet, left = bytes([next(text)]), []
        readable = set(ready(clients))
        for sock in clients:
            if sock in readable:
                code = line(sock)[:3]
                codes[code] = codes.get(code, 0) + 1
                sock.close()
            else:
                sock.sendall(octet)
                left.append(sock)
        clients = left
        time.sleep(1)
    assert codes == {b"421": count}, f"dripping: {codes}"


def ready(sockets):
    poller = select.poll()
    numbers = {sock.fileno(): sock for sock in sockets}
    for number in numbers:
        poller.register(number, select.POLLIN)
    return [numbers[number] for number, _ in poller.poll(0)]


def descriptors():
    """More clients than the process has descriptors."""
    before, count = warm_up(), 200 if full else 100
    for _ in range(2 if full else 1):
        clients, codes, inside = [dial() for _ in range(count)], {}, []
        for sock in clients:
            try:
                code = line(sock)[:3]
            except (OSError, EOFError):
                code = b"nothing"
            codes[code] = codes.get(code, 0) + 1
            if code == b"220":
                inside.append(sock)
            else:
                sock.close()
        print(f"{count} clients, 64 descriptors: {codes}")
        assert codes.get(b"220", 0) >= 10, "hardly anybody entered"
        assert not set(codes) - {b"220", b"421"}
        # Whoever entered is served, files included; all at once.
        for sock in inside:
            sock.sendall(b"EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<user@example.com>\r\nDATA\r\n"
                         + b"Subject: x\r\n\r\n.\r\n" + b"QUIT\r\n")
        for sock in inside:
            text = b""
            while octets := sock.recv(4096):
                text += octets
            assert text.count(b"\r\n250 2.0.0 ") == 1 or b"\r\n451 " in text, text
            sock.close()
        nothing_left(before)


def memory():
    """Messages that are held in memory until there is too much of them: 452, and 250 again when they are gone."""
    before = warm_up()
    clients, refused = [], None
    octets = b"Subject: memory\r\n\r\n" + (b"x" * 998 + b"\r\n") * 900
    for _ in range(600):
        client = Client(port)
        clients.append(client)
        client.greet()
        code, _ = client.say("MAIL FROM:<a@c.example>")
        if code != 250:
            refused = code
            break
        client.say("RCPT TO:<user@example.com>", 250)
        code, _ = client.say("DATA")
        if code != 354:
            refused = code
            break
        client.socket.sendall(octets)
    print(f"{len(clients)} messages of 900 kB: {refused}, resident {resident() >> 20} MB")
    assert refused == 452, f"{len(clients)} messages in memory were not too many"
    for client in clients:
        client.close()
    eventually(lambda: f"mail is not taken again, resident {resident() >> 20} MB",
               lambda: deliver("after the memory")[0] == 250)
    nothing_left(before)


def disk():
    """Messages that do not fit into the spool: 452, nobody is cut off, and mail is taken again when it is empty."""
    before = warm_up()
    lock, codes = threading.Lock(), {}

    def send():
        with Client(port, timeout=30) as client:
            client.greet()
            code, _ = client.say("MAIL FROM:<a@c.example>")
            if code == 250:
                client.say("RCPT TO:<user@example.com>", 250)
                code, _ = client.data(b"Subject: disk\r\n\r\n" + (b"x" * 998 + b"\r\n") * 3000)
            with lock:
                codes[code] = codes.get(code, 0) + 1
            client.say("NOOP", 250)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"10 messages of 3 MB at once, spool of 8 MB: {codes}")
    assert not set(codes) - {250, 452} and sum(codes.values()) == 10, codes
    assert codes.get(452, 0) > 0, "everything fitted"
    eventually(lambda: "mail is not taken again", lambda: deliver("after the disk", 3_000_000)[0] == 250)
    nothing_left(before)


{"idle": idle, "handshakes": handshakes, "beyond": beyond, "rude": rude, "descriptors": descriptors, "memory": memory,
 "disk": disk}[what]()
