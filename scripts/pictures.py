"""pictures.py SERVER CONSOLE FOLDER: the pictures of README, from the running programs."""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "common"))

from ansi_svg import svg
from console_server import ConsoleServer, command
from devtools import Browser
from terminal import Terminal

HELOS = ["mx1.paper.example", "mail.northwind.example", "out-4.letters.example", "relay.uni.example", "[198.51.100.9]",
         "friend", "smtp.harbour.example", "vps-2291.cheap.example", "mta7.news.example", "localhost"]
SENDERS = ["ann@paper.example", "bounces+17@news.example", "bad@sender.example", "office@northwind.example", "",
           "list-owner@uni.example", "bulk@cheap.example", "hans@harbour.example"]


def visit(server, dice, stop):
    """Clients as a mail server has them, good and bad, one after the other."""
    while not stop.is_set():
        try:
            client = server.dial(dice.choice(HELOS), f"127.{dice.choice((7, 8, 80, 113))}.0.{dice.randrange(1, 60)}")
            for _ in range(dice.randrange(1, 3)):
                stop.wait(dice.random() * 3)
                if client.say(f"MAIL FROM:<{dice.choice(SENDERS)}>")[0] != 250:
                    continue
                stop.wait(dice.random())
                to = dice.choice(["user@example.com", "info@example.com", "someone@elsewhere.example"])
                if client.say(f"RCPT TO:<{to}>")[0] != 250:
                    client.say("RSET")
                    continue
                client.data(b"Subject: hello\r\n\r\n" + b"text\r\n" * dice.randrange(10, 4000))
            if dice.random() < 0.7:
                client.say("QUIT")
            client.close()
        except (OSError, EOFError, ValueError):
            stop.wait(0.2)


def main():
    program, console, folder = sys.argv[1:4]
    pictures = Path(folder)
    pictures.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as work, ConsoleServer(program, work, limits="max_conn_ip 0") as server:
        visitors = [threading.Thread(target=visit, args=(server, random.Random(n), stop)) for n in range(24)]
        for visitor in visitors:
            visitor.start()
        time.sleep(45)
        with Terminal(command(console, server), 120, 32) as terminal:
            terminal.wait("sessions")
            for name, keys in {"sessions": "2", "overview": "1", "plugins": "4"}.items():
                terminal.press(*keys)
                time.sleep(4)
                (pictures / f"console-{name}.svg").write_text(svg(terminal.screen(colors=True), f"qpconsole, {name}"))
            terminal.press("q")
        browser = Browser(1200, 800)
        try:
            browser.call("Page.navigate", url=server.base + "/")
            time.sleep(8)
            browser.shot(pictures / "page.png")
        finally:
            browser.close()
        stop.set()
        for visitor in visitors:
            visitor.join()


main()
