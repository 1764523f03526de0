"""A server for tests of the console: several loopback addresses, load from smtp-source, sessions that stay."""

import socket
import subprocess
import tempfile

from admin_server import AdminServer
from servers import tool
from smtp_client import Client

PLUGINS = ["hosts_allow", "relay", "count_unrecognized_commands 4", "badmailfrom", "quit_fortune", "rcpt_ok",
           "queue/maildir {folder}/Maildir"]


class ConsoleServer(AdminServer):
    """A server with tokens for all roles."""

    def __init__(self, program, folder, **options):
        super().__init__(program, folder, plugins=PLUGINS, roles=("viewer", "operator", "admin"), **options)

    def dial(self, name="client.example", source=None):
        """A session that has introduced itself, from an address of 127.0.0.0/8."""
        client = Client.__new__(Client)
        client.socket = socket.create_connection(
            ("127.0.0.1", self.port), 20, source_address=(source, 0) if source else None)
        client.file = client.socket.makefile("rb")
        client.extensions = []
        client.greet(name)
        return client

    def token_file(self, role):
        file = tempfile.NamedTemporaryFile("w", prefix="token-", dir=self.config.parent, delete=False)
        with file:
            file.write(self.tokens[role] + "\n")
        return file.name

    def load(self, messages=2000, sessions=4):
        """smtp-source, as a process; its end is the caller's."""
        return subprocess.Popen(
            [tool("smtp-source"), "-c", "-s", str(sessions), "-m", str(messages), "-f", "load@sender.example", "-t",
             "user@example.com", f"127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def command(console, server, role="admin"):
    """The console's command line for a server."""
    words = [console, f"127.0.0.1:{server.admin_port}"]
    return words + (["--token-file", server.token_file(role)] if role else [])
