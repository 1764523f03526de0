"""kill_nine.py PORT PID MAILDIR ROUND: streams mail, kills the server in between, compares."""

import os
import random
import signal
import sys
import threading
import time

from maildir import messages
from smtp_client import Client, UnexpectedReply

SESSIONS = 6
port, pid, maildir, number = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
acknowledged = set()
troubles = []
killed = threading.Event()


def text_of(name, size):
    return (f"Subject: {name}\r\n\r\n" + "x" * size + f"\r\nend of {name}\r\n").encode()


def stream(session):
    sizes = random.Random(session)
    count = 0
    try:
        with Client(port) as client:
            client.greet()
            while not killed.is_set():
                name = f"{number}-{session}-{count}"
                count += 1
                # Some are larger than what is kept in memory.
                size = 600_000 if count % 10 == 0 else sizes.randrange(5000)
                code, text = client.mail("sender@sender.example", "user@example.com", text_of(name, size))
                if code != 250:
                    raise UnexpectedReply(f"{code} {text}")
                acknowledged.add(name)
    except (OSError, EOFError):
        if not killed.is_set():
            troubles.append("the connection broke before the kill")
    except UnexpectedReply as reply:
        troubles.append(str(reply))


threads = [threading.Thread(target=stream, args=(session,)) for session in range(SESSIONS)]
for thread in threads:
    thread.start()
end = time.monotonic() + 10
while len(acknowledged) < 60 and time.monotonic() < end and not troubles:
    time.sleep(0.01)
killed.set()
os.kill(pid, signal.SIGKILL)
for thread in threads:
    thread.join()

delivered = []
for _, _, rest in messages(maildir):
    name = rest.split(b"\n", 1)[0].removeprefix(b"Subject: ").decode()
    if not rest.endswith(f"\nend of {name}\n".encode()):
        troubles.append(f"{name} is not whole")
    if name.startswith(number + "-"):
        delivered.append(name)
if len(set(delivered)) != len(delivered):
    troubles.append("a message was delivered twice")
missing = acknowledged - set(delivered)
if missing:
    troubles.append(f"acknowledged and lost: {', '.join(sorted(missing)[:5])} ({len(missing)} in all)")
if len(acknowledged) < 20:
    troubles.append(f"only {len(acknowledged)} messages were acknowledged in 10 s")
print(f"{len(acknowledged)} acknowledged, {len(delivered)} delivered")
if troubles:
    sys.exit("; ".join(sorted(set(troubles))[:5]))
