"""What the console costs beside 10,000 sessions, and while a log of 500 lines a second runs.

Part of scripts/bench/bench.py, as its group `console`. BENCH_CONSOLE names the program.
"""

import os
import socket
import tempfile
import threading
import time

from console_server import ConsoleServer, command
from servers import children, cpu_seconds, memory, raise_descriptors
from terminal import Terminal

# Shares of a core with a view of many sessions, and resident octets.
CPU_BAR, MEMORY_BAR = 0.02, 60 * 1024 * 1024
LINES_PER_SECOND = 500


def hold(port, count):
    """So many sessions after EHLO, from several addresses."""
    sockets = []
    for number in range(count):
        client = socket.create_connection(("127.0.0.1", port), 20, (f"127.0.{number % 100}.{number // 100 % 200 + 1}", 0))
        client.recv(512)
        client.sendall(b"EHLO held%d.example\r\n" % number)
        sockets.append(client)
    for client in sockets:
        client.recv(1024)
    return sockets


def log_load(port, stop, rate=LINES_PER_SECOND):
    """Lines for the log: a refused sender leaves some, so many a second in all."""
    client = socket.create_connection(("127.0.0.1", port), 20)
    client.recv(512)
    client.sendall(b"EHLO load.example\r\n")
    client.recv(1024)
    # At debug level each NOOP leaves two lines.
    while not stop.is_set():
        client.sendall(b"NOOP\r\n" * (rate // 20))
        client.recv(65536)
        stop.wait(0.1)
    client.close()


def measure_console(terminal, seconds):
    """Share of a core and resident octets of the console in the window."""
    process = children(terminal.pid)[1]
    before, start = cpu_seconds(process), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(process) - before) / (time.monotonic() - start), memory(process, "Rss")


def measure_views(table, terminal, held, seconds):
    """Processor time and memory of a screen of 150x50 that is looked at once a second."""
    most = 0
    for key, name in (("1", "overview"), ("2", "sessions")):
        terminal.press(key)
        time.sleep(3)
        share, octets = measure_console(terminal, seconds)
        most = max(most, octets)
        table.add(f"console, {name} of {held:,} sessions: % of a core", share * 100, gate=CPU_BAR * 100, unit="{:,.2f}")
    table.add("    resident octets of the console", most, gate=MEMORY_BAR)


def measure_log(table, server, terminal, seconds):
    """The log at debug level: what it costs, and how soon a key shows on the screen (tmux included)."""
    stop = threading.Event()
    load = threading.Thread(target=log_load, args=(server.port, stop))
    load.start()
    try:
        terminal.type(":log LOGDEBUG\r")
        time.sleep(3)
        share, octets = measure_console(terminal, seconds)
        waits = []
        for key, text in (("?", "Keys"), ("6", "TEXT")) * 10:
            start = time.monotonic()
            terminal.press(key)
            terminal.wait(text, 10)
            waits.append(time.monotonic() - start)
    finally:
        stop.set()
        load.join()
    table.add(f"console, {LINES_PER_SECOND} lines of log a second: % of a core", share * 100, unit="{:,.2f}")
    table.add("    resident octets of the console", octets, gate=MEMORY_BAR)
    table.add("    ms until a key shows, longest of 20", max(waits) * 1000)


def measure(table, program, console, held, seconds):
    """All rows."""
    raise_descriptors()
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder, ConsoleServer(
            program, folder, limits="max_conn_ip 0, max_connections 20000, grace_period 1") as server:
        clients = hold(server.port, held)
        with Terminal(command(console, server), 150, 50) as terminal:
            terminal.wait("sessions")
            measure_views(table, terminal, held, seconds)
            measure_log(table, server, terminal, seconds)
            terminal.press("q")
        for client in clients:
            client.close()
