#!/usr/bin/env bash
# The file is synchronised, linked into new/, and the folder synchronised, before the client hears 250.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
start_server strace -f -y -s 64 -o "$work/trace" \
    -e trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2,write,writev,sendto,sendmsg
tracer=$server
python3 - "$port" <<'PYTHON'
import sys
from smtp_client import Client
with Client(int(sys.argv[1])) as client:
    client.greet()
    code, text = client.mail("sender@sender.example", "user@example.com", b"Subject: durable\r\n\r\ntext\r\n")
    assert code == 250, (code, text)
    client.quit()
PYTHON
kill -TERM "$(cat "/proc/$tracer/task/$tracer/children")"
wait_for_end 20
python3 "$top/scripts/tests/durable.py" "$work/trace" "$maildir" || fail "see above"
