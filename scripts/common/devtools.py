"""A headless Chromium, driven over its DevTools protocol with nothing but the standard library."""

import base64
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request


class BrowserError(Exception):
    """The browser is missing, does not start, or does not do what it should."""


class WebSocket:
    """The client's side of RFC 6455, as far as DevTools needs it: text messages, pings."""

    def __init__(self, url):
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.rpartition(":")
        self.socket = socket.create_connection((name, int(port)), 20)
        self.buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.fill(20)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0] + b" ":
            raise BrowserError(f"no web socket: {head!r}")

    def fill(self, seconds):
        """Reads what is there; False if nothing came in time."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return False
        octets = self.socket.recv(1 << 16)
        if not octets:
            raise BrowserError("the browser closed the connection")
        self.buffer += octets
        return True

    def send(self, text, opcode=1):
        octets = text if isinstance(text, bytes) else text.encode()
        size, mask = len(octets), os.urandom(4)
        length = (bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big") if size < 65536
                  else b"\xff" + size.to_bytes(8, "big"))
        pad = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(octets, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def frame(self):
        """Takes a whole frame out of the buffer: whether it is the last of its message, its kind, its octets."""
        if len(self.buffer) < 2:
            return None
        size, start = self.buffer[1] & 0x7f, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(self.buffer[2:start], "big")
        if len(self.buffer) < start or len(self.buffer) < start + size:
            return None
        found = self.buffer[0] & 0x80, self.buffer[0] & 0x0f, self.buffer[start:start + size]
        self.buffer = self.buffer[start + size:]
        return found

    def receive(self, seconds):
        """A message, or None if none came in time."""
        deadline, message = time.monotonic() + seconds, b""
        while True:
            found = self.frame()
            if not found:
                if not self.fill(max(0, deadline - time.monotonic())) and not message:
                    return None
                if time.monotonic() > deadline + 20:
                    raise BrowserError("a message of the browser does not end")
                continue
            last, kind, octets = found
            if kind == 9:
                self.send(octets, 10)
            elif kind == 8:
                raise BrowserError("the browser ended the conversation")
            elif kind in (0, 1, 2):
                message += octets
                if last:
                    return message.decode()


class Browser:
    """A Chromium with one page; all events of the page are kept in `events`."""

    def __init__(self, width=1280, height=900):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not program:
            raise BrowserError("chromium is not in PATH (Debian: apt-get install chromium)")
        self.folder = tempfile.mkdtemp(prefix="qp-page-")
        self.events, self.last = [], 0
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            [program, "--headless=new", *sandbox, "--disable-gpu", "--no-first-run", "--disable-extensions",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={self.folder}",
             f"--window-size={width},{height}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.socket = WebSocket(self.address())
        except BaseException:
            self.close()
            raise
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def address(self):
        """Where the page listens; the browser writes its port into a file."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BrowserError(f"chromium ended with status {self.process.returncode}")
            try:
                with open(os.path.join(self.folder, "DevToolsActivePort"), encoding="ascii") as file:
                    port = int(file.readline())
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                    for page in json.load(answer):
                        if page["type"] == "page":
                            return page["webSocketDebuggerUrl"]
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        raise BrowserError("chromium does not open its DevTools port")

    def call(self, method, **parameters):
        """Orders something and waits for the result."""
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        while True:
            text = self.socket.receive(60)
            if text is None:
                raise BrowserError(f"{method}: no answer within 60 s")
            message = json.loads(text)
            if "id" not in message:
                self.events.append(message)
            elif message["id"] == self.last:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error'].get('message')}")
                return message["result"]

    def value(self, expression):
        """What an expression is worth in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def until(self, expression, what, seconds=15):
        """Asks until the expression is true; gives its value."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.value(expression)
            if found:
                return found
            if time.monotonic() > deadline:
                raise BrowserError(f"{what}: not within {seconds} s")
            time.sleep(0.1)

    def key(self, name, text=None):
        """Presses and releases a key."""
        extra = {"text": text} if text else {}
        code = {"Escape": 27, "Enter": 13}.get(name, 0)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, windowsVirtualKeyCode=code, **extra)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    def size(self, width, height, mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if mobile else 1,
                  mobile=mobile)

    def scheme(self, name):
        """`light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def shot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        if hasattr(self, "socket"):
            self.socket.socket.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
