#!/usr/bin/env bash
# The example, a program of one's own with a plugin of its own: it builds, serves, and what the plugin does is in the
# mail that it took: the argument's word, the client's name, and the number of the visit.
# limit: 300 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

timeout 240 "$top/scripts/build-beside.sh" debug "$top/Examples/Greeter" >"$work/build" 2>&1 || {
    tail -n 20 "$work/build"
    fail "Examples/Greeter does not build, or not within 240 s"
}
greeter=$top/.build/debug/Greeter

write_config
rm "$config/listen"
printf 'rcpt_ok\ngreeter hello\nqueue/maildir %s\n' "$maildir" >"$config/plugins"

# A wrong argument stops the start and names file and line.
ended=0
sed 's/^greeter.*/greeter/' -i "$config/plugins"
timeout 20 "$greeter" --config "$config" --listen "127.0.0.1:$port" >"$log" 2>&1 || ended=$?
[ "$ended" -eq 1 ] || fail "exit status $ended with a wrong plugin line"
grep -q 'plugins:2:.*the word to greet with' "$log" || fail "the start does not name the wrong line"
sed 's/^greeter.*/greeter hello/' -i "$config/plugins"

"$greeter" --config "$config" --listen "127.0.0.1:$port" >"$log" 2>&1 &
server=$!
wait_for_log '\bready\b' 30
python3 - "$port" <<'PYTHON' || fail "see above"
import sys
from smtp_client import Client
for name in ("first.example", "second.example"):
    with Client(int(sys.argv[1])) as client:
        client.greet(name)
        code, text = client.mail("sender@sender.example", "user@example.com", b"Subject: hi\r\n\r\ntext\r\n")
        assert code == 250, f"the mail got {code} {text}"
        client.quit()
PYTHON
for field in 'hello, first.example, visit 1' 'hello, second.example, visit 2'; do
    [ "$(grep -rlx "X-Greeting: $field" "$maildir/new" | wc -l)" -eq 1 ] || fail "no mail with 'X-Greeting: $field'"
done
stop_server
