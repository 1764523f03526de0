#!/usr/bin/env python3
"""AUTH as smtplib and a bare socket speak it.

auth.py dialogues PORT: each mechanism of smtplib, and what a client may do wrong.
auth.py flood PORT COUNT: so many logins with bcrypt at once, beside sessions that send mail.
"""

import base64
import smtplib
import socket
import sys
import threading

USER, PASSWORD = "ann@example.com", "open sesame"


def check(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")


class Bare:
    """A client that sends what it likes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.file = self.socket.makefile("rb")
        self.answer()

    def answer(self):
        while True:
            line = self.file.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return ""
            if line[3:4] != "-":
                return line

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.answer()

    def close(self):
        self.file.close()
        self.socket.close()


def b64(text):
    return base64.b64encode(text.encode()).decode()


def login(port, mechanism, password):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo("client.example")
        client.user, client.password = USER, password
        method = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
        try:
            code, text = client.auth(mechanism, method)
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code
        print(f"    smtplib {mechanism}: {code} {text.decode()}")
        client.sendmail(USER, ["someone@elsewhere.example"], "Subject: x\r\n\r\ny\r\n")
        return code


def dialogues(port):
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo("client.example")
        offer = client.esmtp_features.get("auth", "").split()
        print("    offered:", " ".join(offer))
        check(offer == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"], f"offer {offer}")
    for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
        check(login(port, mechanism, PASSWORD) == 235, mechanism)
        check(login(port, mechanism, "wrong-secret") == 535, mechanism + " with a wrong password")

    good, bad = b64(f"\0{USER}\0{PASSWORD}"), b64(f"\0{USER}\0wrong-secret")
    rows = [
        ("cancelled", [("AUTH PLAIN", "334"), ("*", "501"), ("NOOP", "250")]),
        ("bad base64", [("AUTH PLAIN", "334"), ("=", "501"), ("NOOP", "250")]),
        ("bad base64 at once", [("AUTH PLAIN !", "501")]),
        ("no mechanism", [("AUTH", "501")]),
        ("unknown mechanism", [("AUTH NTLM", "504")]),
        ("empty password", [("AUTH PLAIN " + b64(f"\0{USER}\0"), "535")]),
        ("a line too long", [("AUTH PLAIN", "334"), ("A" * 13000, "500 5.5.6"), ("NOOP", "250")]),
        ("a long line", [("AUTH PLAIN", "334"), ("A" * 12284, "535")]),
        ("within a mail", [("MAIL FROM:<a@b.example>", "250"), ("AUTH PLAIN " + good, "503")]),
        ("twice", [("AUTH PLAIN " + good, "235"), ("AUTH PLAIN " + good, "503")]),
        ("unknown user", [("AUTH PLAIN " + b64("\0nobody@example.com\0x"), "535")]),
        ("attempts", [("AUTH PLAIN " + bad, "535"), ("AUTH PLAIN " + bad, "535"), ("AUTH PLAIN " + bad, "535")]),
    ]
    for name, steps in rows:
        client = Bare(port)
        client.say("EHLO client.example")
        for line, expected in steps:
            answer = client.say(line)
            check(answer.startswith(expected), f"{name}: {line[:40]}: {answer}")
            if name in ("unknown user",) or line.endswith(bad):
                # Nobody learns more than that it failed.
                check(answer.split(" [")[0] == "535 5.7.8 authentication failed", answer)
        if name == "attempts":
            check(client.answer().startswith("421 4.7.0"), "no 421 after three attempts")
            check(client.answer() == "", "not closed after three attempts")
        client.close()
        print("    as expected:", name)


def flood(port, count):
    """Mail goes on while logins wait for their turn."""
    answers, lock, begun = [], threading.Lock(), threading.Barrier(count + 1)
    response = "AUTH PLAIN " + b64("\0bob@example.com\0secret")

    def attempt():
        client = Bare(port)
        client.say("EHLO client.example")
        begun.wait()
        answer = client.say(response)
        with lock:
            answers.append(answer[:3])
        client.close()

    threads = [threading.Thread(target=attempt) for _ in range(count)]
    for thread in threads:
        thread.start()
    begun.wait()
    mails = 0
    while True:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
            client.sendmail("a@sender.example", ["b@example.com"], "Subject: x\r\n\r\ny\r\n")
        with lock:
            done = len(answers)
        if done >= count:
            break
        mails += 1
    for thread in threads:
        thread.join()
    print(f"    {count} logins: {({code: answers.count(code) for code in set(answers)})}; mails meanwhile: {mails}")
    check(set(answers) <= {"235", "454"}, f"answers {set(answers)}")
    check(answers.count("235") >= count // 2, f"too few got in: {answers.count('235')}")
    check(mails >= 5, f"only {mails} mails went through while logins waited")


if __name__ == "__main__":
    if sys.argv[1] == "dialogues":
        dialogues(int(sys.argv[2]))
    else:
        flood(int(sys.argv[2]), int(sys.argv[3]))
