#!/usr/bin/env bash
# Claims 94 to 100 of queue/qmqp-forward with a real server, a real QMQP server behind it, and a message of 50 MB.
# limit: 180 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

qmqp_port=$(python3 -c 'import servers; print(servers.free_port())')
mkdir "$work/qmqp"
echo K >"$work/qmqp/mode"
python3 "$top/scripts/tests/qmqp_server.py" "$qmqp_port" "$work/qmqp" 2>"$work/qmqp.log" &
qmqp=$!
end_qmqp() {
    kill "$qmqp" 2>/dev/null || true
    finish
}
trap end_qmqp EXIT

write_config "queue/qmqp-forward 127.0.0.1 $qmqp_port"
echo 60000000 >"$config/databytes"
until python3 -c "import servers, sys; sys.exit(not servers.accepts($qmqp_port))"; do
    kill -0 "$qmqp" || fail "the QMQP server ended: $(cat "$work/qmqp.log")"
    sleep 0.1
done
rm -f "$work/qmqp"/*.json

start_server
python3 "$top/scripts/tests/qmqp.py" "$port" "$work/qmqp" "$server" 50000000 || fail "see above; $(cat "$work/qmqp.log")"
grep -q "forwarding to 127.0.0.1:$qmqp_port" "$log" || fail "the log does not say where mail goes"

# Nobody listens any more.
kill "$qmqp"
wait "$qmqp" 2>/dev/null || true
python3 - "$port" <<'PYTHON'
import sys
from smtp_client import Client
with Client(int(sys.argv[1])) as client:
    client.greet()
    code, text = client.mail("sender@sender.example", "a@example.com", b"Subject: x\r\n\r\ny\r\n")
    assert code == 451, (code, text)
    client.quit()
PYTHON
grep -q "Failed to connect to 127.0.0.1:$qmqp_port" "$log" || fail "the log does not say that nobody listens"
stop_server
