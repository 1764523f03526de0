"""What lies in a Maildir, without the fields that servers put on top."""

import os
import re

TRACE = {b"return-path", b"delivered-to", b"x-original-to", b"received", b"authentication-results"}


def split_trace(content):
    """The fields on top that servers added, and the rest as it was sent (with LF)."""
    position = 0
    while True:
        field = re.compile(rb"([!-9;-~]+):[^\n]*\n(?:[ \t][^\n]*\n)*").match(content, position)
        if not field or field.group(1).lower() not in TRACE:
            return content[:position], content[position:]
        position = field.end()


def messages(maildir):
    """Every delivered message: the recipient in Delivered-To, the added fields and the rest."""
    new = os.path.join(maildir, "new")
    for entry in sorted(os.scandir(new), key=lambda entry: entry.name) if os.path.isdir(new) else []:
        with open(entry.path, "rb") as file:
            trace, rest = split_trace(file.read())
        recipient = re.search(rb"^Delivered-To:[ \t]*<?([^>\n]*)", trace, re.MULTILINE | re.IGNORECASE)
        yield (recipient.group(1).decode("utf-8", "replace") if recipient else None), trace, rest
