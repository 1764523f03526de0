"""Queue plugins and systems behind them that hang, drip, babble or hang up, in each phase: the client is told to try again
in bounded time, and then the message arrives exactly once."""

import contextlib
import select
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path

from certificate import make_certificate
from interop import our_server
from servers import ServerError
from smtp_client import Client

TROUBLES = ["hang", "drip", "endless", "garbage", "close", "421"]
MESSAGE = b"Subject: hung\r\n\r\n.\r\n..dots\r\nno end"
EXPECTED = b"Subject: hung\r\n\r\n.\r\n..dots\r\nno end\r\n"
# More than the buffers of a connection hold.
BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 600_000
# The longest step takes five seconds with timeout=1.
PATIENCE = 20


class HungHop:
    """A next hop on a port of 127.0.0.1. It answers like a server until it comes to `phase`, where it is in `trouble`;
    without a phase it is well. `taken` has recipients and message of what it took."""

    def __init__(self, certificate=None):
        self.phase = None
        self.trouble = "hang"
        self.taken = []
        self.is_over = False
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.socket.close()
        return False

    def accept(self):
        while not self.is_over:
            with contextlib.suppress(OSError):
                wire, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(wire,), daemon=True).start()

    def serve(self, wire):
        with contextlib.suppress(OSError, EOFError):
            self.talk(wire)
        wire.close()

    def meet(self, phase, wire):
        """At its phase it is in trouble until the other side has had enough."""
        if phase != self.phase:
            return
        if self.trouble == "garbage":
            wire.sendall(b"\0\xff\x1b[2J garbage\r\n")
        elif self.trouble == "421":
            wire.sendall(b"421 4.3.2 closing\r\n")
        poll = select.poll()
        poll.register(wire.fileno(), select.POLLRDHUP)
        end = time.monotonic() + 60
        while self.trouble in ("hang", "drip", "endless") and time.monotonic() < end and not poll.poll(100):
            if self.trouble == "drip":
                wire.sendall(b"2")
            elif self.trouble == "endless":
                wire.sendall(b"2" * 4096)
        raise EOFError

    def talk(self, wire):
        self.meet("greeting", wire)
        wire.sendall(b"220 hop.example\r\n")
        stream = wire.makefile("rb")
        recipients = []
        while True:
            line = self.line(stream)
            verb = line[:4].upper().decode("ascii", "replace").strip()
            verb = {"LHLO": "EHLO", "STAR": "STARTTLS"}.get(verb, verb)
            self.meet(verb, wire)
            if verb == "EHLO":
                offers = b"250-STARTTLS\r\n" if self.context and not isinstance(wire, ssl.SSLSocket) else b""
                wire.sendall(b"250-hop.example\r\n250-8BITMIME\r\n" + offers + b"250 AUTH PLAIN\r\n")
            elif verb == "STARTTLS":
                wire.sendall(b"220 go ahead\r\n")
                self.meet("handshake", wire)
                wire = self.context.wrap_socket(wire, server_side=True)
                stream = wire.makefile("rb")
            elif verb == "AUTH":
                wire.sendall(b"235 2.7.0 welcome\r\n")
            elif verb == "DATA":
                wire.sendall(b"354 go ahead\r\n")
                self.meet("message", wire)
                self.end(wire, recipients, self.message(stream))
            elif verb == "QUIT":
                wire.sendall(b"221 2.0.0 bye\r\n")
                raise EOFError
            else:
                if verb in ("MAIL", "RSET"):
                    recipients = []
                elif verb == "RCPT":
                    recipients.append(line.partition(b"<")[2].partition(b">")[0].decode())
                wire.sendall(b"250 2.0.0 fine\r\n")

    def end(self, wire, recipients, message):
        self.meet(".", wire)
        self.taken.append((recipients, message))
        wire.sendall(b"250 2.0.0 queued\r\n")

    @staticmethod
    def line(stream):
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def message(self, stream):
        """A message in the form of DATA; without its dot it is none."""
        lines = []
        while (line := self.line(stream)) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


class HungLMTP(HungHop):
    """The same for LMTP; in the phase `second` it has answered for the first recipient."""

    def end(self, wire, recipients, message):
        self.meet(".", wire)
        for number, recipient in enumerate(recipients):
            if number == 1:
                self.meet("second", wire)
            self.taken.append(([recipient], message))
            wire.sendall(b"250 2.0.0 saved\r\n")


class HungCleanup(HungHop):
    """The same for Postfix' cleanup."""

    def talk(self, wire):
        self.meet("greeting", wire)
        wire.sendall(b"queue_id\0" + b"4XYZ\0\0")
        self.meet("message", wire)
        told = b""
        while not told.endswith(b"X\0E\0"):
            octets = wire.recv(65536)
            if not octets:
                raise EOFError
            told += octets
        self.meet(".", wire)
        self.taken.append((["bob@interop.example"], told))
        wire.sendall(b"status\0" + b"0\0reason\0\0\0")


def send(port, message=MESSAGE, recipients=("bob",)):
    """Sends a message, and must have an answer soon."""
    begun = time.monotonic()
    with Client(port, timeout=60) as client:
        client.greet()
        client.say("MAIL FROM:<ann@interop.example>", 250)
        for recipient in recipients:
            client.say(f"RCPT TO:<{recipient}@interop.example>", 250)
        code, text = client.data(message)
    took = time.monotonic() - begun
    if took > PATIENCE:
        raise ServerError(f"{took:.0f} s until {code} {text}")
    return code, text


def deferred(answer, where):
    code, text = answer
    if not 400 <= code < 500:
        raise ServerError(f"{where}: {code} {text}")


def through(server, hop, phases, recipients=("bob",)):
    """One message for each trouble in each phase: deferred, sent again, there once."""
    number = 0
    for phase in phases:
        for trouble in TROUBLES:
            number += 1
            where = f"{phase}, {trouble}"
            message = MESSAGE.replace(b"hung", b"%d" % number)
            hop.taken.clear()
            hop.phase, hop.trouble = phase, trouble
            answer = send(server.port, message, recipients)
            if phase == "QUIT":
                if answer[0] != 250:
                    raise ServerError(f"{where}: {answer}")
            else:
                deferred(answer, where)
            hop.phase = None
            if phase != "QUIT" and send(server.port, message, recipients)[0] != 250:
                raise ServerError(f"{where}: not taken when the hop is well again")
            got = sorted(recipient for taken, _ in hop.taken for recipient in taken)
            if got != sorted(f"{recipient}@interop.example" for recipient in recipients):
                raise ServerError(f"{where}: it came to {got}")
            expected = EXPECTED.replace(b"hung", b"%d" % number)
            if not isinstance(hop, HungCleanup) and not all(text.endswith(expected) for _, text in hop.taken):
                raise ServerError(f"{where}: it was changed: {hop.taken}")
    return {str(each): MESSAGE for each in range(number)}


def big(server, hop):
    """A hop that stops reading in the middle."""
    hop.taken.clear()
    hop.phase, hop.trouble = "message", "hang"
    deferred(send(server.port, BIG), "in the middle of a big message")
    hop.phase = None
    if send(server.port, BIG)[0] != 250 or len(hop.taken) != 1:
        raise ServerError(f"a big message came {len(hop.taken)} times")


@contextlib.contextmanager
def nobody_accepts():
    """A port whose queue of connections is full: another connection is neither taken nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                client = stack.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            time.sleep(0.1)
            yield listener.getsockname()[1]


def next_hop():
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        certificate = make_certificate(Path(folder))
        with HungHop(certificate) as hop:
            line = f"queue/smtp-forward 127.0.0.1:{hop.port} starttls=must auth=login reuse=1 timeout=1"
            with our_server(folder, line, login="relay secret\n") as server:
                phases = ["greeting", "EHLO", "STARTTLS", "handshake", "AUTH", "MAIL", "RCPT", "DATA", "message", ".",
                          "QUIT"]
                mail = through(server, hop, phases)
                big(server, hop)
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, nobody_accepts() as port:
        with our_server(folder, f"queue/smtp-forward 127.0.0.1:{port} timeout=1") as server:
            deferred(send(server.port), "connect, hang")
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, nobody_accepts() as port, HungHop() as hop:
        with our_server(folder, f"queue/smtp-forward 127.0.0.1:{port},127.0.0.1:{hop.port} timeout=1") as server:
            if send(server.port)[0] != 250 or len(hop.taken) != 1:
                raise ServerError("the second hop was not asked")
            # A connection that waits for the next message, and a hop that has forgotten it or says nothing on it.
            for trouble in TROUBLES:
                hop.taken.clear()
                hop.phase, hop.trouble = "RSET", trouble
                if send(server.port)[0] != 250 or len(hop.taken) != 1:
                    raise ServerError(f"a stale connection, {trouble}: {len(hop.taken)} messages")
    return mail


def lmtp():
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, HungLMTP() as hop:
        with our_server(folder, f"queue/lmtp 127.0.0.1:{hop.port} reuse=1 timeout=1") as server:
            phases = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "message", ".", "second"]
            return through(server, hop, phases, ("bob", "cy"))


def cleanup():
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, HungCleanup() as hop:
        with our_server(folder, f"queue/postfix-queue 127.0.0.1:{hop.port} timeout=1") as server:
            mail = through(server, hop, ["greeting", "message", "."])
            big(server, hop)
            return mail


def programs(line, script, phases):
    """The same for a program: at the phase that a file names it does what the file says."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        program, box, order = Path(folder) / "program", Path(folder) / "box", Path(folder) / "order"
        box.mkdir()
        program.write_text("#!/bin/sh\nat() { [ ! -e %s ] || . %s; }\n" % (order, order) + script.format(box=box))
        program.chmod(0o755)
        troubles = ["sleep 60", "kill -KILL $$", "exec yes 2>&1", "exit 1"]
        number = 0
        with our_server(folder, line.format(program=program)) as server:
            for phase in phases:
                for trouble in troubles:
                    number += 1
                    order.write_text(f'[ "$1" != {phase} ] || {trouble}\n')
                    deferred(send(server.port), f"{phase}, {trouble}")
                    if any(box.iterdir()):
                        raise ServerError(f"{phase}, {trouble}: it is there nevertheless")
                    order.unlink()
                    if send(server.port)[0] != 250 or len(list(box.iterdir())) != 1:
                        raise ServerError(f"{phase}, {trouble}: not there once when the program is well again")
                    for path in box.iterdir():
                        path.unlink()
        return {str(each): MESSAGE for each in range(number)}


def qmail():
    script = "exec 3<&1\nat start\nread -r line\nat middle\ncat >/dev/null\nat message\n" \
             "envelope=$(tr '\\0' '\\n' <&3)\nat end\n[ -n \"$envelope\" ] || exit 91\necho x >{box}/$$\n"
    return programs("queue/qmail-queue {program} timeout=1", script, ["start", "middle", "message", "end"])


def exim():
    script = "at start\nread -r line\nat middle\ngrep -q '^QUIT$' || exit 1\nat end\necho x >{box}/$$\n"
    return programs("queue/exim-bsmtp exim_path {program} timeout 1", script, ["start", "middle", "end"])
