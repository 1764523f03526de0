#!/usr/bin/env bash
# A HAProxy in front of the server, with the PROXY protocol in both versions: replies, Received, the log, max_conn_ip, bans
# and the admin endpoint know the real client; who is not trusted gets nothing. Then swaks with XCLIENT, LMTP and
# submission.
# limit: 90 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

for name in first second behind plain lmtp submission admin; do
    declare "$name=$(python3 -c 'import servers; print(servers.free_port())')"
done
proxy=

end_proxy() {
    local status=$?
    if [ -n "$proxy" ]; then
        kill "$proxy" 2>/dev/null || true
        { wait "$proxy" || true; } 2>/dev/null
    fi
    set +e
    # What finish looks at.
    (exit "$status")
    finish
}
trap end_proxy EXIT

# shellcheck disable=SC2154
cat >"$work/haproxy.cfg" <<HAPROXY
global
    maxconn 200
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend first
    bind 127.0.0.1:$first
    default_backend first
frontend second
    bind 127.0.0.1:$second
    default_backend second
backend first
    server mx 127.0.0.1:$behind send-proxy
backend second
    option smtpchk EHLO check.example
    server mx 127.0.0.1:$behind send-proxy-v2 check inter 2s
HAPROXY

write_config
printf 'relay\nrcpt_ok\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
echo 127.0.0.0/8 >"$config/relayclients"
echo 127.0.0.1 >"$config/proxy_networks"
echo 127.0.0.1 >"$config/xclient_networks"
printf 'grace_period 3\nmax_conn_ip 3\n' >"$config/limits"
# shellcheck disable=SC2154
printf '127.0.0.1:%s\n127.0.0.1:%s proxy\n127.0.0.1:%s lmtp\n127.0.0.1:%s submission\n' \
    "$plain" "$behind" "$lmtp" "$submission" >"$config/listen"
# shellcheck disable=SC2154
echo "127.0.0.1:$admin" >"$config/admin"
(umask 077 && : >"$config/admin_tokens")
"$QPSERVER" token admin doors >"$work/token"
token=$(sed -n 's/^ *\(qps_.*\)/\1/p' "$work/token")
sed -n 's/^ *\(admin .*\)/\1/p' "$work/token" >>"$config/admin_tokens"
"$QPSERVER" check --config "$config" >"$work/check" || fail "check: $(cat "$work/check")"
start_server

PATH=$PATH:/usr/sbin haproxy -f "$work/haproxy.cfg" -db >"$work/haproxy.log" 2>&1 &
proxy=$!
for one in "$first" "$second"; do
    until python3 -c "import servers, sys; sys.exit(not servers.accepts($one))"; do
        kill -0 "$proxy" 2>/dev/null || fail "HAProxy ended: $(cat "$work/haproxy.log")"
        sleep 0.1
    done
done

python3 "$top/scripts/tests/doors.py" "$first" "$second" "$behind" "$plain" "$admin" "$token" || fail "see above"
grep -q 'Connection from Unknown \[127\.0\.0\.2\]' "$log" || fail "the log does not know the real client"
# HAProxy's own looks whether the server lives (LOCAL).
wait_for_log 'Connection from Unknown \[127\.0\.0\.1\]' 15
grep -q 'PROXY refused from \[127\.0\.0\.9\]: \[127\.0\.0\.9\] is not in proxy_networks' "$log" ||
    fail "the log does not say who was not believed"
grep -q 'PROXY refused from \[127\.0\.0\.1\]: no PROXY header' "$log" || fail "the log does not say what was no header"
grep -rq 'from client\.example (\[127\.0\.0\.2\])' "$maildir/new" || fail "Received does not know the real client"

# XCLIENT, by swaks.
# say PORT ARGUMENT...: swaks; its dialog is in $work/dialog.
say() {
    local server=$1
    shift
    swaks --server "127.0.0.1:$server" --helo client.example --from a@sender.example --to user@example.com "$@" \
        >"$work/dialog" 2>&1
}
say "$plain" --xclient-addr 198.51.100.7 --xclient-name real.example || fail "XCLIENT: $(tail -n 3 "$work/dialog")"
grep -q 'Hello real.example \[198.51.100.7\]' "$work/dialog" || fail "EHLO after XCLIENT: $(cat "$work/dialog")"
grep -rq 'from client\.example (real\.example' "$maildir/new" || fail "Received does not know the client of XCLIENT"
! say "$plain" --xclient-addr 127.0.0.1 --to user@elsewhere.example || fail "a loopback address from the wire relays"
grep -q '^<\*\* 550 ' "$work/dialog" || fail "relaying: $(cat "$work/dialog")"
say "$plain" --to user@elsewhere.example || fail "the relay client itself may not relay"
! say "$plain" --local-interface 127.0.0.9 --xclient-addr 198.51.100.7 || fail "XCLIENT from a stranger"

# LMTP and submission.
say "$lmtp" --protocol LMTP --to user@example.com,other@example.com || fail "LMTP: $(cat "$work/dialog")"
[ "$(grep -c '^<-  250 2.0.0 ' "$work/dialog")" -ge 2 ] || fail "not an answer for each: $(cat "$work/dialog")"
grep -rq 'with LMTP id' "$maildir/new" || fail "no LMTP in Received"
say "$submission" --data 'Subject: mine\n\nbody' || fail "submission from a relay client: $(cat "$work/dialog")"
file=$(grep -rl 'Subject: mine' "$maildir/new" | head -n 1)
grep -q '^Date: ' "$file" && grep -q '^Message-ID: <.*@mx.example.com>' "$file" || fail "no Date, no Message-ID"
rm "$config/relayclients"
echo 203.0.113.1 >"$config/relayclients"
kill -HUP "$server"
wait_for_log 'configuration 2 in use' 20
! say "$submission" || fail "submission without AUTH"
grep -q '^<\*\* 530 5.7.0 ' "$work/dialog" || fail "submission without AUTH: $(cat "$work/dialog")"
stop_server
