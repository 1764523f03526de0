"""The admin endpoint between programs that others wrote.

    INTEROP_SERVER   the program qpserver (set by scripts/interop/admin.sh)
    INTEROP_ADMIN    parts to run, with commas: prometheus parser schema page rude descriptors (all)
    INTEROP_SHOTS    folder for pictures of the page (.build/page-check)
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "scripts/common"))

from prometheus_client.openmetrics.parser import text_string_to_metric_families

import admin_prometheus
import admin_rude
import admin_schema
from admin_server import AdminServer
from servers import ServerError, tool
from smtp_client import Client, UnexpectedReply

PARTS = ["prometheus", "parser", "schema", "page", "rude", "descriptors"]
PROGRAM = os.environ["INTEROP_SERVER"]


def server(folder, **options):
    """A server with tokens for three roles."""
    return AdminServer(PROGRAM, folder, roles=("scrape", "viewer", "operator"), **options)


def send(port, sender="good@sender.example"):
    """One mail; gives the last reply."""
    with Client(port) as client:
        client.greet()
        code, text = client.say(f"MAIL FROM:<{sender}>")
        if code == 250:
            client.say("RCPT TO:<user@example.com>", 250)
            code, text = client.data(b"Subject: hi\r\n\r\ntext\r\n")
        client.quit()
        return code, text


def prometheus():
    """A Prometheus scrapes for a minute, while mail arrives."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, server(folder) as ours:
        with admin_prometheus.Prometheus(folder, ours) as theirs:
            source = [tool("smtp-source"), "-s", "4", "-m", "100", "-l", "2000", "-f", "good@sender.example", "-t",
                      "user@example.com", f"127.0.0.1:{ours.port}"]
            begun = time.monotonic()
            while time.monotonic() - begun < 60:
                theirs.check_alive()
                subprocess.run(source, check=True, timeout=60)
                time.sleep(0.3)
            return theirs.check()


def parser():
    """The parser of prometheus_client reads OpenMetrics and finds what happened."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, server(folder) as ours:
        for _ in range(3):
            send(ours.port)
        if send(ours.port, "bad@sender.example")[0] != 550:
            raise ServerError("a listed sender was not refused")
        text = ours.get("/metrics", accept="application/openmetrics-text; version=1.0.0").decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        runs = {(sample.labels["plugin"], sample.labels["hook"], sample.labels["verdict"]): sample.value
                for sample in families["qpserver_hook_runs"].samples}
        expected = {("badmailfrom", "mail", "deny"): 1, ("badmailfrom", "mail", "declined"): 3,
                    ("rcpt_ok", "rcpt", "ok"): 3, ("queue/discard", "queue", "ok"): 3}
        for key, count in expected.items():
            if runs[key] != count:
                raise ServerError(f"{runs[key]} runs of {key}, not {count}")
        if families["qpserver_build"].type != "info" or families["qpserver_hook_duration_seconds"].unit != "seconds":
            raise ServerError("types or units are not as declared")
        samples = sum(len(family.samples) for family in families.values())
        return f"{len(families)} families, {samples} samples"


def schema():
    """Schemathesis asks everything that the OpenAPI document offers, in three roles; mail goes on afterwards."""
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, server(folder) as ours:
        told = []
        for role in (None, "viewer", "operator"):
            for sender in ("good@sender.example", "bad@sender.example", ""):
                send(ours.port, sender)
            with Client(ours.port) as held:
                held.greet("held.example")
                page = ours.json("/api/v1/sessions?query=helo%3Dheld.example", role="viewer")
                told.append(admin_schema.run(folder, ours, role, page["sessions"][0]["id"]))
                if role == "operator":
                    held.reply(421)
        ours.get("/api/v1/drain", method="DELETE", role="operator")
        ours.get("/api/v1/soft-bounce", method="PUT", role="operator", body={"enabled": False})
        for ban in ours.json("/api/v1/bans"):
            ours.get(f"/api/v1/bans/{ban['id']}", method="DELETE", role="operator")
        ours.get("/api/v1/plugins/badmailfrom", method="PATCH", role="operator", body={"mode": "on"})
        for sender, code in (("good@sender.example", 250), ("bad@sender.example", 550)):
            reply = send(ours.port, sender)
            if reply[0] != code:
                raise ServerError(f"afterwards mail of {sender} got {reply}")
        return "; ".join(told)


def page():
    """The page in a browser."""
    shots = os.environ.get("INTEROP_SHOTS", str(TOP / ".build/page-check"))
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, server(folder) as ours:
        send(ours.port)
        send(ours.port, "bad@sender.example")
        words = [sys.executable, str(TOP / "scripts/page-check.py"), ours.base, str(ours.port), "--shots", shots]
        # Without a token the page shows no names of clients.
        environment = {**os.environ, "PAGE_CHECK_TOKEN": ours.tokens["viewer"]}
        result = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180, check=False)
        if result.returncode != 0:
            raise ServerError(f"{result.stdout}{result.stderr}".strip().replace("\n", "\n    "))
        return f"{result.stdout.count(': ok')} steps; pictures in {os.path.relpath(shots, TOP)}"


def rude():
    """200 mails go in while the endpoint has clients that drip, send nonsense or never read."""
    count = 200
    with tempfile.TemporaryDirectory(prefix="interop-") as folder:
        with server(folder, plugins=["badmailfrom", "rcpt_ok", "queue/maildir {folder}/Maildir"]) as ours:
            with admin_rude.SlowHeads(ours.admin_port, 200) as slow, admin_rude.StalledWatcher(ours.admin_port):
                nonsense = threading.Thread(target=admin_rude.nonsense, args=(ours.admin_port, 500))
                nonsense.start()
                begun = time.monotonic()
                subprocess.run(
                    [tool("smtp-source"), "-s", "10", "-m", str(count), "-l", "2000", "-f", "good@sender.example", "-t",
                     "user@example.com", f"127.0.0.1:{ours.port}"], check=True, timeout=60)
                wall = time.monotonic() - begun
                ours.get("/livez")
                nonsense.join(60)
                if nonsense.is_alive():
                    raise ServerError("nonsense is still being answered after a minute")
                held = slow.open
            delivered = len(os.listdir(f"{folder}/Maildir/new"))
            queued = ours.metric('qpserver_messages_total{result="queued"}')
            if delivered != count or queued != count:
                raise ServerError(f"{delivered} of {count} mails in the Maildir, {queued:.0f} counted")
            ours.get("/api/v1/overview")
            return f"{count} mails in {wall:.1f} s beside {held} slow connections and 500 malformed requests"


def descriptors():
    """Every descriptor is taken by SMTP, and the endpoint answers."""
    wrapper = ["bash", "-c", 'ulimit -n 64 && exec "$@"', "bash"]
    with tempfile.TemporaryDirectory(prefix="interop-") as folder, server(folder, wrapper=wrapper) as ours:
        clients = []
        try:
            for _ in range(150):
                clients.append(Client(ours.port))
            for _ in range(20):
                ours.get("/livez", timeout=5)
                overview = ours.json("/api/v1/overview", timeout=5)
        finally:
            for client in clients:
                client.close()
        refused = overview["totals"]["refused"]
        if refused == 0 or overview["descriptors_limit"] != 64 or overview["sessions"] < overview["sessions_limit"]:
            raise ServerError(f"descriptors were not scarce: {overview}")
        end = time.monotonic() + 20
        while True:
            try:
                if send(ours.port)[0] == 250:
                    break
            except (UnexpectedReply, EOFError, OSError):
                pass
            if time.monotonic() > end:
                raise ServerError("no mail goes in after the clients have gone")
            time.sleep(0.2)
        return f"{overview['sessions']} sessions, {overview['descriptors']} of 64 descriptors, {refused} refused"


def main():
    wanted = [name for name in os.environ.get("INTEROP_ADMIN", "").split(",") if name] or PARTS
    if unknown := set(wanted) - set(PARTS):
        sys.exit(f"INTEROP_ADMIN: {', '.join(sorted(unknown))}: none of {', '.join(PARTS)}")
    status = 0
    for name in PARTS:
        if name not in wanted:
            continue
        part, begun = globals()[name], time.monotonic()
        try:
            told = part()
        except (ServerError, UnexpectedReply, subprocess.SubprocessError, OSError, EOFError) as trouble:
            print(f"FAILED {part.__doc__}\n    {trouble}", flush=True)
            status = 1
            continue
        print(f"ok     {part.__doc__}\n       {told} ({time.monotonic() - begun:.0f} s)", flush=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
