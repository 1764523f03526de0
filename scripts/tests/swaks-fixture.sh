#!/usr/bin/env bash
# A real client (swaks) sends a fixture; the file in the Maildir equals it, below the fields that the server added.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
start_server
# swaks puts a line end of its own behind the last line, so that one goes without.
head -c -1 "$top/scripts/tests/fixture.eml" >"$work/lf.eml"
sed 's/$/\r/' "$top/scripts/tests/fixture.eml" | head -c -2 >"$work/crlf.eml"

for fixture in "$work/lf.eml" "$work/crlf.eml"; do
    rm -rf "$maildir/new"/*
    swaks --server "127.0.0.1:$port" --helo client.example --from sender@sender.example --to user@example.com \
        --data "@$fixture" >"$work/dialog" 2>&1 || fail "swaks: $(tail -n 5 "$work/dialog")"
    [ "$(find "$maildir/new" -type f | wc -l)" -eq 1 ] || fail "not one file in $maildir/new"
    [ -z "$(find "$maildir/tmp" -type f)" ] || fail "a file was left in $maildir/tmp"
    python3 - "$maildir" >"$work/delivered" <<'PYTHON'
import sys
from maildir import messages
(recipient, trace, rest), = messages(sys.argv[1])
assert b"\nReceived: from " in b"\n" + trace, trace
assert b"Return-Path: <sender@sender.example>" in trace, trace
assert recipient == "user@example.com", trace
sys.stdout.buffer.write(rest)
PYTHON
    cmp "$work/delivered" "$top/scripts/tests/fixture.eml" || fail "$fixture came out differently"
done
stop_server
