"""console_links.py SERVER CONSOLE WORK: servers that restart, hang, refuse, speak something else; several at once."""

import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading

from console_server import ConsoleServer, command
from servers import Server, free_port
from terminal import Terminal

program, console, work = sys.argv[1:4]


def trouble(terminal, pattern):
    """Waits for a text; it is in one line only."""
    screen = terminal.wait(pattern)
    return [line for line in screen.split("\n") if line.strip()]


class Stranger(http.server.BaseHTTPRequestHandler):
    """Something that is no server of ours."""

    def do_GET(self):
        answer = b"<html>hello \x1b[2J</html>"
        self.send_response(200 if self.server.polite else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


with tempfile.TemporaryDirectory(dir=work) as folder:
    # Restarted on the same ports: the console says so, and goes on.
    server = ConsoleServer(program, folder)
    with server:
        words = command(console, server)
        port = server.port
        with Terminal(words, 110, 30) as terminal:
            terminal.wait(r"^ ?qpserver .* sessions")
            terminal.press("2")
            first = server.dial("first.example")
            terminal.wait("first.example")
            server.stop()
            terminal.wait("connection refused|reset|closed")
            first.close()
            again = Server("qpserver", server.command)
            with again:
                terminal.wait("connection refused|reset|closed", absent=True)
                server.process = again.process
                second = server.dial("second.example")
                terminal.wait("second.example")
                assert "first.example" not in terminal.screen()

                # The network is cut: the process does not answer, then it does.
                os.kill(again.pid, signal.SIGSTOP)
                terminal.wait(r"(?i)no answer|timed? ?out|does not answer", 40)
                os.kill(again.pid, signal.SIGCONT)
                terminal.wait(r"(?i)no answer|timed? ?out|does not answer", 40, absent=True)
                second.say("MAIL FROM:<ann@sender.example>", 250)
                terminal.wait(r"second.example")
                terminal.press("q")
                terminal.wait(r"^status 0$")

                # A token that is not known; a right one is let in by the same line.
                wrong = os.path.join(folder, "wrong")
                with open(wrong, "w") as file:
                    file.write("qps_wrong\n")
                os.chmod(wrong, 0o600)
                with Terminal([console, f"127.0.0.1:{server.admin_port}", "--token-file", wrong], 100, 24) as terminal:
                    terminal.wait("401")
                    terminal.press("q")

                # Two servers, one of which is not there: a column says which.
                other = free_port()
                with Terminal(words + [f"127.0.0.1:{other}"], 140, 30) as terminal:
                    terminal.wait("1 of 2 servers")
                    terminal.wait(f"127.0.0.1:{other}.*refused")
                    terminal.press("2")
                    terminal.wait("(?s)SERVER.*second.example")
                    terminal.press("q")

    # Something else answers there.
    for polite in (True, False):
        stranger = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
        stranger.polite = polite
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        with Terminal([console, f"127.0.0.1:{stranger.server_port}"], 160, 24) as terminal:
            terminal.wait("speaks no API of version 1")
            terminal.press("q")
            terminal.wait(r"^status 0$")
        stranger.shutdown()

    # Nobody says where: the socket of `make run` below this folder. And a token that others may read is refused.
    with tempfile.TemporaryDirectory(dir=work) as place:
        os.makedirs(os.path.join(place, "run"))
        loose = os.path.join(place, "loose")
        with open(loose, "w") as file:
            file.write("qps_secret\n")
        os.chmod(loose, 0o644)
        result = subprocess.run([console, "--batch", "--token-file", loose], capture_output=True, text=True, cwd=place)
        assert result.returncode == 2 and "chmod 600" in result.stderr and "qps_secret" not in result.stderr, result
        settings = os.path.join(os.environ["XDG_CONFIG_HOME"], "qpconsole")
        os.makedirs(settings, exist_ok=True)
        file = os.path.join(settings, "settings")
        with open(file, "w") as out:
            out.write("# mine\ninterval 2\nvieew sessions\n")
        result = subprocess.run([console, "--batch"], capture_output=True, text=True, cwd=place)
        assert result.returncode == 2 and f"{file}:3: error: unknown setting 'vieew'; did you mean 'view'?" in result.stderr
        os.unlink(file)
