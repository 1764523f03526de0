"""A Prometheus of its own that scrapes a server each second, with our alert rules."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

from servers import ServerError, accepts, free_port, tool

RULES = Path(__file__).resolve().parent.parent.parent / "contrib/prometheus/qpserver-alerts.yml"

CONFIG = """\
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 5s
rule_files:
  - {rules}
scrape_configs:
  - job_name: qpserver
    authorization:
      credentials_file: {folder}/token
    static_configs:
      - targets: ['127.0.0.1:{port}']
"""


class Prometheus:
    """Running inside a `with`, on 127.0.0.1, everything in a folder."""

    def __init__(self, folder, server):
        self.folder = Path(folder)
        self.server = server
        self.port = free_port()
        self.process = None
        self.log = None

    def __enter__(self):
        (self.folder / "token").write_text(self.server.tokens["scrape"])
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=RULES, folder=self.folder, port=self.server.admin_port))
        self.log = open(self.folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(
            [tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 30
        while not accepts(self.port):
            self.check_alive()
            if time.monotonic() > end:
                self.__exit__()
                raise ServerError("Prometheus does not listen")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        return False

    def said(self):
        return (self.folder / "prometheus.log").read_text(errors="replace").strip()

    def check_alive(self):
        if self.process.poll() is not None:
            raise ServerError(f"Prometheus ended: {self.said()[-500:]}")

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, text):
        """Values by their labels."""
        return {tuple(sorted(row["metric"].items())): float(row["value"][1])
                for row in self.ask("query", query=text)["result"]}

    def check(self):
        """What it has seen in a minute; gives a sentence."""
        scrapes, = self.query('count_over_time(up{job="qpserver"}[1m])').values()
        always_up, = self.query('min_over_time(up{job="qpserver"}[1m])').values()
        target, = self.ask("targets")["activeTargets"]
        if scrapes < 50 or always_up != 1 or target["health"] != "up" or target["lastError"]:
            raise ServerError(f"{scrapes:.0f} scrapes, up at least {always_up}, last error {target['lastError']!r}")

        rates = self.query("sum by (plugin,hook) (rate(qpserver_hook_runs_total[30s]))")
        wanted = [("badmailfrom", "mail"), ("rcpt_ok", "rcpt"), ("queue/discard", "queue")]
        for plugin, hook in wanted:
            if not rates.get((("hook", hook), ("plugin", plugin)), 0) > 0:
                raise ServerError(f"no rate of {plugin} on {hook} in {rates}")

        # Only OpenMetrics knows infos.
        kinds = {row["type"] for row in self.ask("targets/metadata", metric="qpserver_build")}
        if kinds != {"info"}:
            raise ServerError(f"qpserver_build is {kinds or 'unknown'}: OpenMetrics was not spoken")

        rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        sick = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
        firing = [rule["name"] for rule in rules if rule.get("state") == "firing"]
        if not rules or sick or firing:
            raise ServerError(f"{len(rules)} rules; not well: {sick}; firing: {firing}")
        if self.said():
            raise ServerError(f"Prometheus complained: {self.said()[:500]}")
        runs = sum(rates.values())
        return f"{scrapes:.0f} scrapes, {runs:.0f} hook runs a second, {len(rules)} rules evaluated"
