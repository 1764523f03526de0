"""A Postfix of its own: configuration, queue and log in a temporary folder, ports of 127.0.0.1, no system files.

It runs as root, since Postfix does. It takes mail by SMTP and either hands everything to one next hop or delivers
everything into one Maildir.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from servers import ServerError, accepts, children, free_port, tool

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
flush unix n - n 1000? 0 flush
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
command_directory = {commands}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.interop.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:nothing is local
local_header_rewrite_clients =
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_tls_security_level = none
smtp_tls_security_level = none
message_size_limit = 0
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtp_line_length_limit = 0
line_length_limit = 1048576
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
in_flow_delay = 0
process_id_directory = pid
"""

RELAY = """\
relayhost = [127.0.0.1]:{next_hop}
smtp_destination_concurrency_limit = 10
smtp_destination_recipient_limit = 1
smtp_destination_concurrency_failed_cohort_limit = 0
smtp_connection_cache_on_demand = yes
"""

DELIVER = """\
virtual_mailbox_domains = static:all
virtual_transport = virtual
virtual_mailbox_base = {folder}/boxes
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_destination_recipient_limit = 1
virtual_destination_concurrency_limit = 10
virtual_mailbox_lock = dotlock
"""


class PostfixInstance:
    """Running inside a `with`. Give `next_hop` (a port of 127.0.0.1) or `deliver=True`; `extra` are more of main.cf."""

    def __init__(self, next_hop=None, deliver=False, extra=""):
        if os.geteuid() != 0:
            raise ServerError("Postfix runs as root only")
        self.name = "Postfix"
        self.port = free_port()
        self.next_hop = next_hop
        self.deliver = deliver
        self.extra = extra
        self.folder = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="postfix-"))
        try:
            self.configure()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def start(self):
        self.postfix("start")
        self.wait_for_port()

    def stop(self):
        self.postfix("stop", check=False)
        end = time.monotonic() + 20
        while self.pid and time.monotonic() < end:
            time.sleep(0.1)

    def processes(self, name):
        """The ids of its processes of one kind."""
        def command(pid):
            try:
                return Path(f"/proc/{pid}/comm").read_text().strip()
            except OSError:
                return ""
        return [pid for pid in children(self.pid) if command(pid) == name] if self.pid else []

    def configure(self):
        owner, box_owner = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        (self.folder / "queue").mkdir(mode=0o755)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        boxes = self.folder / "boxes"
        boxes.mkdir(mode=0o755)
        os.chown(boxes, box_owner.pw_uid, box_owner.pw_gid)

        (self.folder / "master.cf").write_text(MASTER.format(port=self.port))
        postconf = [tool("postconf"), "-c", str(self.folder), "-d", "-h", "daemon_directory", "command_directory"]
        daemons, commands = subprocess.run(postconf, capture_output=True, text=True, check=True).stdout.split()
        text = MAIN.format(folder=self.folder, daemons=daemons, commands=commands)
        if self.deliver:
            text += DELIVER.format(folder=self.folder, uid=box_owner.pw_uid, gid=box_owner.pw_gid)
        else:
            text += RELAY.format(next_hop=self.next_hop)
        (self.folder / "main.cf").write_text(text + self.extra)

    def postfix(self, command, check=True):
        result = subprocess.run(
            [tool("postfix"), "-c", str(self.folder), command], capture_output=True, text=True, check=False)
        if check and result.returncode != 0:
            raise ServerError(f"postfix {command}: {result.stderr.strip()} {self.tail()}")

    def wait_for_port(self):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if accepts(self.port):
                return
            time.sleep(0.1)
        raise ServerError(f"Postfix does not listen: {self.tail()}")

    def tail(self, lines=5):
        log = self.folder / "log"
        return " | ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    @property
    def pid(self):
        """The master's process id; None if there is none."""
        try:
            pid = int((self.folder / "queue" / "pid" / "master.pid").read_text())
            os.kill(pid, 0)
            return pid
        except (OSError, ValueError):
            return None

    def queued(self):
        """How many messages wait in the queue."""
        folders = ("maildrop", "incoming", "active", "deferred", "hold")
        return sum(
            len(names) for folder in folders for _, _, names in os.walk(self.folder / "queue" / folder))

    @property
    def cleanup(self):
        """The socket of the cleanup service."""
        return self.folder / "queue" / "public" / "cleanup"

    @property
    def box(self):
        """The Maildir that everything is delivered to."""
        return self.folder / "boxes" / "box"

    def delivered(self):
        new = self.box / "new"
        return sum(1 for _ in os.scandir(new)) if new.exists() else 0
