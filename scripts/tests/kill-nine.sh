#!/usr/bin/env bash
# SIGKILL during a stream of mail: every acknowledged message is in the Maildir, whole; the server starts again.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
for round in 1 2 3; do
    start_server
    disown "$server"
    python3 "$top/scripts/tests/kill_nine.py" "$port" "$server" "$maildir" "$round" || fail "round $round"
    while kill -0 "$server" 2>/dev/null; do sleep 0.05; done
    server=
done

start_server
[ -z "$(find "$work/spool" -type f)" ] || fail "the spool was not swept: $(find "$work/spool" -type f | head -n 3)"
stop_server
