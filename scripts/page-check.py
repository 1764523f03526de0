#!/usr/bin/env python3
"""The page of the admin endpoint in a real browser, against a running server.

    scripts/page-check.py http://127.0.0.1:8025 2525 [--shots FOLDER]

The first is the admin endpoint, the second the SMTP port of the same server on 127.0.0.1. The server must take a HELO
of any form, and some plugin must log something in a session at LOGDEBUG. Needs chromium in PATH. Exit status 1 and a
line that says what failed, 2 if there is no browser.

    PAGE_CHECK_TOKEN   a token for the page, entered as an operator would
"""

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "common"))

from devtools import Browser, BrowserError
from smtp_client import Client, UnexpectedReply

ROWS = "[...document.querySelectorAll('#sessions-table tbody tr')].map((row) => row.textContent)"
PLUGINS = "[...document.querySelectorAll('#log-lines .plugin-name')].map((name) => name.textContent)"
HOSTILE = "<img/src=x/onerror=document.title='broken-into'>"


class Check:
    """The steps, in order; each raises if something is not as it should be."""

    def __init__(self, browser, base, port, shots):
        self.browser, self.base, self.port, self.shots = browser, base.rstrip("/"), port, shots

    def run(self):
        steps = [self.loads, self.session_comes_and_goes, self.query_filters, self.query_error, self.hostile_helo,
                 self.detail, self.log_filter, self.fits, self.console, self.requests]
        for step in steps:
            try:
                step()
            except BaseException:
                self.shot("failed")
                raise
            print(f"page-check: {step.__name__.replace('_', ' ')}: ok", flush=True)

    # Tools

    def shot(self, name):
        if self.shots:
            self.browser.shot(os.path.join(self.shots, f"{name}.png"))

    def type(self, field, text):
        """Puts a text into a field, as typing does."""
        self.browser.value(
            f"(() => {{ const field = document.getElementById({json.dumps(field)}); field.value = {json.dumps(text)};"
            "field.dispatchEvent(new Event('input', { bubbles: true }));"
            "field.dispatchEvent(new Event('change', { bubbles: true })); })()")

    def client(self, helo):
        client = Client(self.port)
        client.reply(220)
        client.say(f"EHLO {helo}", 250)
        return client

    def shown(self, helo, is_shown=True, seconds=15):
        has = f"{ROWS}.some((row) => row.includes({json.dumps(helo)}))"
        self.browser.until(has if is_shown else f"!{has}",
                           f"the session of {helo!r} {'in' if is_shown else 'gone from'} the table", seconds)

    # Steps

    def loads(self):
        problem = self.browser.call("Page.navigate", url=self.base + "/").get("errorText")
        if problem:
            raise BrowserError(f"{self.base}/: {problem}")
        self.browser.until("document.querySelector('#link') !== null", "the page")
        token = os.environ.get("PAGE_CHECK_TOKEN")
        if token:
            self.browser.value(f"document.getElementById('token-open').click();"
                               f"document.getElementById('token-text').value = {json.dumps(token)};"
                               "document.getElementById('token-form').requestSubmit()")
        self.browser.until("document.querySelector('#link').textContent === 'live'", "the first answer of the server")
        self.browser.until("document.querySelectorAll('#numbers dt').length >= 6", "the numbers at the head")
        self.browser.until("document.querySelectorAll('#rates-chart path').length > 3", "the chart")

    def session_comes_and_goes(self):
        helo = f"page-{secrets.token_hex(4)}.example"
        with self.client(helo):
            self.shown(helo)
        self.shown(helo, False)

    def query_filters(self):
        one, other = (f"{word}-{secrets.token_hex(4)}.example" for word in ("one", "other"))
        with self.client(one), self.client(other):
            self.shown(one)
            self.shown(other)
            self.type("query", f"helo={one}")
            self.shown(other, False)
            self.shown(one)
            rows = self.browser.value(ROWS)
            if len(rows) != 1:
                raise BrowserError(f"the query helo={one} leaves {len(rows)} rows, not one: {rows}")
            self.type("query", "")
            self.shown(other)

    def query_error(self):
        self.type("query", "helo=x and plugni=dnsbl")
        text = self.browser.until("document.getElementById('query-error').textContent", "the error of a wrong query")
        if "column 12" not in text.lower() or "plugni" not in text:
            raise BrowserError(f"the error of a wrong query does not say where and what: {text!r}")
        self.shot("query-error")
        self.type("query", "")
        self.browser.until("!document.getElementById('query-error').textContent", "the error goes")

    def hostile_helo(self):
        with self.client(HOSTILE):
            self.shown(HOSTILE)
            found = self.browser.value("document.querySelectorAll('main img, dialog img').length")
            if found or self.browser.value("document.title.includes('broken-into')"):
                raise BrowserError("a HELO became an element of the page")
            self.shot("desktop")

    def detail(self):
        helo = f"detail-{secrets.token_hex(4)}.example"
        with self.client(helo):
            self.shown(helo)
            self.browser.value(
                "[...document.querySelectorAll('#sessions-table tbody tr')]"
                f".find((row) => row.textContent.includes({json.dumps(helo)})).focus()")
            self.browser.key("Enter", "\r")
            self.browser.until(f"document.getElementById('detail').open && document.getElementById('detail-body')"
                               f".textContent.includes({json.dumps(helo)})", "the detail of a session")
            self.shot("detail")
            self.browser.key("Escape")
            self.browser.until("!document.getElementById('detail').open", "Esc closes the detail")

    def log_filter(self):
        self.type("log-level", "LOGDEBUG")
        mail = ["MAIL FROM:<page-check@client.example>", "RCPT TO:<nobody@page-check.example>", "RSET"]
        with self.client("log.example") as client:
            for line in mail:
                client.say(line)
            names = self.browser.until(f"(() => {{ const names = {PLUGINS}; return names.length && names; }})()",
                                       "a line of a plugin in the log")
            chosen = names[-1]
            self.type("log-plugin", chosen)
            others = f"{PLUGINS}.filter((name) => name !== {json.dumps(chosen)}).length"
            self.browser.until(f"{PLUGINS}.length && !{others}", f"only lines of {chosen}")
            before = self.browser.value("document.getElementById('log-lines').textContent")
            with self.client("log-more.example") as second:
                for line in mail:
                    second.say(line)
            self.browser.until(f"document.getElementById('log-lines').textContent !== {json.dumps(before)}",
                               f"further lines of {chosen}")
            plain = "[...document.querySelectorAll('#log-lines li:not(.lost)')]" \
                ".filter((line) => !line.querySelector('.plugin-name')).length"
            if self.browser.value(f"{others} + {plain}"):
                raise BrowserError(f"lines beside those of {chosen} are in the filtered log")
            self.shot("log")
        self.type("log-plugin", "")
        self.type("log-level", "")

    def fits(self):
        """On a phone, and in the dark."""
        self.browser.scheme("dark")
        self.shot("dark")
        self.browser.size(360, 740, mobile=True)
        self.browser.until("innerWidth === 360", "the size of a phone")
        wide = self.browser.value("document.documentElement.scrollWidth")
        self.shot("phone-dark")
        self.browser.scheme("light")
        self.shot("phone")
        if wide > 360:
            raise BrowserError(f"the page is {wide} pixels wide on a phone of 360")
        self.browser.size(1280, 900)

    def console(self):
        """No errors; the answer 400 to the wrong query is one that is meant."""
        found = []
        for event in self.browser.events:
            detail = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(detail["exceptionDetails"].get("exception", {}).get("description")
                             or detail["exceptionDetails"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and detail["type"] in ("error", "assert"):
                found.append(str([argument.get("value", argument.get("description")) for argument in detail["args"]]))
            elif event["method"] == "Log.entryAdded" and detail["entry"]["level"] == "error":
                entry = detail["entry"]
                if entry["source"] == "network" and "400" in entry["text"] and "plugni" in entry.get("url", ""):
                    continue
                found.append(f"{entry['text']} {entry.get('url', '')}")
            elif event["method"] == "Page.javascriptDialogOpening":
                found.append(f"a dialog: {detail['message']}")
        if found:
            raise BrowserError("errors in the console:\n    " + "\n    ".join(found))

    def requests(self):
        """Nothing is asked of another host."""
        asked = {event["params"]["request"]["url"] for event in self.browser.events
                 if event["method"] == "Network.requestWillBeSent"}
        strange = sorted(url for url in asked if not url.startswith((self.base + "/", "data:", "about:")))
        if strange:
            raise BrowserError("requests to others:\n    " + "\n    ".join(strange))
        if not any("/api/v1/sessions?" in url for url in asked):
            raise BrowserError("the page asked for no sessions")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="http://127.0.0.1:PORT of the admin endpoint")
    parser.add_argument("port", type=int, help="the SMTP port on 127.0.0.1")
    parser.add_argument("--shots", help="folder for pictures of the page")
    options = parser.parse_args()
    if options.shots:
        os.makedirs(options.shots, exist_ok=True)
    try:
        browser = Browser()
    except BrowserError as error:
        print(f"page-check: {error}", file=sys.stderr)
        return 2
    try:
        Check(browser, options.base, options.port, options.shots).run()
    except (BrowserError, UnexpectedReply, OSError, EOFError) as error:
        print(f"page-check: FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        browser.close()
    print("page-check: all is well")
    return 0


if __name__ == "__main__":
    sys.exit(main())
