"""A server with its admin endpoint on 127.0.0.1, and what one asks of that."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from servers import Server, ServerError, free_port

PLUGINS = ["hosts_allow", "relay", "count_unrecognized_commands 4", "badmailfrom", "rcpt_ok", "queue/discard"]


class AdminServer(Server):
    """A server process with a configuration of its own in a folder, as a context manager. Tokens are made for roles."""

    def __init__(self, program, folder, plugins=PLUGINS, limits="max_conn_ip 0, grace_period 3", roles=(),
                 wrapper=()):
        self.config = Path(folder) / "config"
        self.config.mkdir()
        for name in ("spool", "state"):
            (Path(folder) / name).mkdir(mode=0o700)
        self.admin_port = free_port()
        self.tokens = {}
        lines = ""
        for role in roles:
            words = subprocess.run([program, "token", role, f"{role}-bot"], capture_output=True, text=True,
                                   check=True).stdout.split("\n")
            self.tokens[role] = next(word.strip() for word in words if word.strip().startswith("qps_"))
            lines += next(word.strip() for word in words if word.strip().startswith(role)) + "\n"
        texts = {
            "plugins": "\n".join(plugins).format(folder=folder) + "\n",
            "rcpthosts": "example.com\n",
            "me": "mx.example.com\n",
            "spool_dir": f"{folder}/spool\n",
            "state_dir": f"{folder}/state\n",
            "reverse_dns": "0\n",
            "limits": limits.replace(", ", "\n") + "\n",
            "badmailfrom": "bad@sender.example not wanted here\n",
            "admin": f"127.0.0.1:{self.admin_port}\n",
            "admin_tokens": lines,
        }
        for name, text in texts.items():
            (self.config / name).write_text(text)
        os.chmod(self.config / "admin_tokens", 0o600)
        super().__init__(
            "qpserver", [program, "serve", "--config", str(self.config), "--listen", "127.0.0.1:PORT"], wrapper)

    @property
    def base(self):
        """The address of the admin endpoint."""
        return f"http://127.0.0.1:{self.admin_port}"

    def ask(self, path, method="GET", role=None, accept=None, body=None, timeout=20):
        """The status of an answer and its octets."""
        request = urllib.request.Request(self.base + path, method=method)
        if role:
            request.add_header("Authorization", f"Bearer {self.tokens[role]}")
        if accept:
            request.add_header("Accept", accept)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError as error:
            raise ServerError(f"{method} {path}: {error}") from None

    def get(self, path, **options):
        """The octets of an answer that must be 2xx."""
        status, octets = self.ask(path, **options)
        if not 200 <= status < 300:
            raise ServerError(f"{options.get('method', 'GET')} {path}: {status} {octets[:300]!r}")
        return octets

    def json(self, path, **options):
        return json.loads(self.get(path, **options))

    def metric(self, series):
        """A value of /metrics, by name and labels as they stand there."""
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith(series + " "):
                return float(line.rpartition(" ")[2])
        raise ServerError(f"there is no {series} in /metrics")
