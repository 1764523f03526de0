"""durable.py TRACE MAILDIR: checks the order of system calls in what strace wrote."""

import re
import sys


def calls(trace):
    """System calls in the order of their ends (name, text), with those of sockets in the order of their beginnings."""
    pending = {}
    for line in trace:
        match = re.match(r"(\d+)\s+(.*)", line.rstrip("\n"))
        if not match:
            continue
        thread, text = match.groups()
        begun = re.match(r"(\w+)\((.*) <unfinished \.\.\.>$", text)
        if begun:
            if sends_reply(begun.group(1), begun.group(2)):
                yield begun.groups()
            else:
                pending[thread] = begun.groups()
            continue
        resumed = re.match(r"<\.\.\. (\w+) resumed>(.*)", text)
        if resumed:
            if thread in pending:
                name, arguments = pending.pop(thread)
                yield name, arguments + resumed.group(2)
            continue
        whole = re.match(r"(\w+)\((.*)", text)
        if whole:
            yield whole.groups()


def sends_reply(name, text):
    return name in ("write", "writev", "sendto", "sendmsg") and ("<socket:" in text or "<TCP" in text)


def succeeded(text):
    return text.rstrip().endswith("= 0")


def main():
    maildir = re.escape(sys.argv[2])
    steps = [
        ("354 was sent", lambda name, text: sends_reply(name, text) and '"354' in text),
        ("fsync of the file in tmp/", lambda name, text: name in ("fsync", "fdatasync") and succeeded(text)
            and re.search(rf"<{maildir}/tmp/[^>]+>", text)),
        ("link into new/", lambda name, text: name in ("link", "linkat") and succeeded(text)
            and re.search(rf'"?{maildir}/new/[^"]+"|<{maildir}/new/?>, "[^"]+"', text)),
        ("fsync of the folder new/", lambda name, text: name == "fsync" and succeeded(text)
            and re.search(rf"<{maildir}/new/?>", text)),
        ("250 was sent", lambda name, text: sends_reply(name, text) and '"250' in text),
    ]
    with open(sys.argv[1], errors="replace") as trace:
        seen = list(calls(trace))
    position = next((index for index, call in enumerate(seen) if steps[0][1](*call)), None)
    if position is None:
        sys.exit("no 354 in the trace")
    for what, matches in steps[1:]:
        found = next((index for index in range(position + 1, len(seen)) if matches(*seen[index])), None)
        reply = next((index for index in range(position + 1, len(seen)) if steps[-1][1](*seen[index])), None)
        if found is None or reply is None or found > reply:
            for name, text in seen[position:position + 40]:
                print(f"    {name}({text[:150]}")
            sys.exit(f"not found before the 250: {what}")
        position = found


main()
