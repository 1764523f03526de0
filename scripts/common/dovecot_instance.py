"""A Dovecot of its own that takes LMTP at a local socket and delivers everything into one Maildir."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from servers import ServerError, tool

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = lmtp
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
mail_location = maildir:{folder}/box
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
lmtp_save_to_detail_mailbox = no
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/box allow_all_users=yes
}}
passdb {{
  driver = static
  args = nopassword=y
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class DovecotInstance:
    """Running inside a `with`."""

    def __init__(self):
        self.folder = None
        self.process = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.folder.chmod(0o755)
        box = self.folder / "box"
        box.mkdir(mode=0o755)
        owner = pwd.getpwnam("nobody")
        os.chown(box, owner.pw_uid, owner.pw_gid)
        (self.folder / "state").mkdir()
        (self.folder / "dovecot.conf").write_text(CONFIG.format(folder=self.folder))
        try:
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
        self.process = subprocess.Popen(
            [tool("dovecot"), "-F", "-c", str(self.folder / "dovecot.conf")], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        end = time.monotonic() + 30
        while not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise ServerError(f"Dovecot does not start: {self.tail()}")
            time.sleep(0.1)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def socket(self):
        return self.folder / "run" / "lmtp"

    @property
    def box(self):
        """The Maildir that everything is delivered to."""
        return self.folder / "box"

    def tail(self, lines=5):
        log = self.folder / "log"
        return " | ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
