#!/usr/bin/env bash
# The admin endpoint with curl and promtool, over TCP, TLS and a local socket: health, metrics, who may do what, what is
# refused at the start, the story of a refused mail before and after a restart, a kick and its record, drains.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

answer=$work/answer
socket=$work/admin.sock
admin=$(python3 -c 'import servers; print(servers.free_port())')
secure=$(python3 -c 'import servers; print(servers.free_port())')
here=http://127.0.0.1:$admin
declare -A token=([none]='' [wrong]=qps_wrong)

# ask STATUS ARGUMENT...: curl with these arguments must get this status; the body is in $answer.
ask() {
    local expected=$1 status
    shift
    status=$(curl -s --max-time 20 -o "$answer" -D "$work/head" -w '%{http_code}' "$@") || fail "curl $*: status $?"
    [ "$status" = "$expected" ] || fail "curl $*: $status instead of $expected: $(head -c 300 "$answer")"
}

# as WHO STATUS ARGUMENT...: the same with the token of a role; `none` sends none.
as() {
    local who=$1 status=$2
    shift 2
    if [ -n "${token[$who]}" ]; then set -- -H "Authorization: Bearer ${token[$who]}" "$@"; fi
    ask "$status" "$@"
}

# holds EXPRESSION [WORD...]: what python says of the JSON in $answer, as `it`; the words are in `words`.
holds() {
    local expression=$1
    shift
    python3 -c 'import json, sys
it, words = json.load(open(sys.argv[1])), sys.argv[3:]
sys.exit(0 if eval(sys.argv[2]) else 1)' "$answer" "$expression" "$@" ||
        fail "not so: $expression ($*) of $(head -c 500 "$answer")"
}

# make_token ROLE: a token for it; its line for admin_tokens goes there.
make_token() {
    "$QPSERVER" token "$1" "$1-bot" >"$work/token"
    token[$1]=$(sed -n 's/^ *\(qps_.*\)/\1/p' "$work/token")
    sed -n "s/^ *\($1 .*\)/\1/p" "$work/token" >>"$config/admin_tokens"
    [ -n "${token[$1]}" ] || fail "no token in the output of 'token $1'"
}

# refuses_to_start PATTERN FOLDER: a server with this configuration ends with 1 and says so.
refuses_to_start() {
    local status=0
    timeout 20 "$QPSERVER" serve --config "$2" --pid-file "$2/pid" >"$work/second" 2>&1 || status=$?
    [ "$status" -eq 1 ] || fail "exit status $status of a server that should not start: $(tail -n 3 "$work/second")"
    grep -Eq -- "$1" "$work/second" || fail "no '$1' in: $(tail -n 3 "$work/second")"
}

# The sample configuration with files of our own.
cp -R "$top/config" "$config"
write_config
printf 'badmailfrom\nrcpt_ok\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
echo 'bad@sender.example not wanted here' >"$config/badmailfrom"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl" ||
    fail "openssl: $(cat "$work/openssl")"
chmod 600 "$work/key.pem"
(umask 077 && : >"$config/admin_tokens")
for role in scrape viewer operator admin; do make_token "$role"; done
printf '127.0.0.1:%s\n127.0.0.1:%s tls %s %s\nunix:%s\n' \
    "$admin" "$secure" "$work/cert.pem" "$work/key.pem" "$socket" >"$config/admin"

start_server
send() { swaks --server "127.0.0.1:$port" --helo client.example --to user@example.com "$@" >"$work/dialog" 2>&1; }
for _ in 1 2 3; do send --from good@sender.example || fail "swaks: $(tail -n 3 "$work/dialog")"; done
! send --from bad@sender.example || fail "mail from a listed sender was taken"
id=$(sed -nE 's/^<\*\* 550 .*\[([0-9a-z]+\.[0-9]+)\]$/\1/p' "$work/dialog")
[ -n "$id" ] || fail "no id in the refusal: $(grep '<\*\*' "$work/dialog")"

# Health and metrics.
ask 200 "$here/livez"
ask 200 "$here/readyz"
ask 200 "$here/metrics"
promtool check metrics <"$answer" || fail "promtool complains of /metrics"
grep -qx 'qpserver_messages_total{result="queued"} 3' "$answer" || fail "not three mails in /metrics"
grep -qx 'qpserver_hook_runs_total{plugin="badmailfrom",hook="mail",verdict="deny"} 1' "$answer" || fail "no refusal"
ask 200 -H 'Accept: application/openmetrics-text; version=1.0.0' "$here/metrics"
grep -qi '^content-type: application/openmetrics-text; version=1.0.0' "$work/head" || fail "no OpenMetrics"
[ "$(tail -n 1 "$answer")" = '# EOF' ] || fail "the last line of OpenMetrics is $(tail -n 1 "$answer")"
# promtool reads the older format only, in which counters and infos have their ending already in TYPE and HELP.
awk '$1 == "#" && $2 == "TYPE" { ending[$3] = $4 == "counter" ? "_total" : $4 == "info" ? "_info" : "" }
     $1 == "#" && ($2 == "EOF" || $2 == "UNIT") { next }
     $1 == "#" { sub(/info$/, "gauge"); $3 = $3 ending[$3] } { print }' "$answer" >"$work/plain"
promtool check metrics <"$work/plain" || fail "promtool complains of OpenMetrics"

# Who may do what. The table: who, status, method, path.
while read -r who status method path; do
    as "$who" "$status" -X "$method" "$here$path"
done <<'TABLE'
none     200 GET    /metrics
none     200 GET    /api/v1/sessions
none     401 PUT    /api/v1/drain
none     401 GET    /api/v1/audit
wrong    401 GET    /metrics
scrape   200 GET    /metrics
scrape   403 GET    /api/v1/sessions
viewer   200 GET    /api/v1/sessions
viewer   403 PUT    /api/v1/drain
operator 200 DELETE /api/v1/drain
operator 403 GET    /api/v1/audit
admin    200 GET    /api/v1/audit
TABLE
as none 200 "$here/api/v1/whoami"
holds 'it["role"] == "viewer" and it["hides_addresses"]'
ask 200 --unix-socket "$socket" http://localhost/api/v1/whoami
if [ "$(id -u)" -eq 0 ]; then
    holds 'it["role"] == "admin" and it["source"] == "unix"'
    ask 200 --unix-socket "$socket" http://localhost/api/v1/audit
else
    holds 'it["role"] == "operator" and it["source"] == "unix"'
    ask 403 --unix-socket "$socket" http://localhost/api/v1/audit
fi
[ "$(stat -c %a "$socket")" = 600 ] || fail "the socket's mode is $(stat -c %a "$socket")"

# Tokens have no place in addresses; other names than its own are not answered to.
ask 400 "$here/metrics?token=${token[viewer]}"
ask 400 "$here/api/v1/sessions?access_token=${token[admin]}"
ask 421 -H 'Host: attacker.example' "$here/api/v1/overview"
! grep -q qps_ "$log" || fail "a token is in the log"

# TLS.
secure_place=https://127.0.0.1:$secure
as viewer 200 --cacert "$work/cert.pem" "$secure_place/api/v1/overview"
as scrape 200 --cacert "$work/cert.pem" "$secure_place/metrics"
grep -Eq '^qpserver_tls_certificate_expiry_timestamp_seconds\{use="[^"]+"\} [0-9]' "$answer" || fail "no expiry"
! curl -s --max-time 20 -o "$answer" "$secure_place/livez" || fail "curl trusts a certificate that it does not know"

# What does not start: a second server on the same socket, and what the network could reach.
other=$work/other
cp -R "$config" "$other"
mkdir -m 700 "$work/other-state"
echo "$work/other-state" >"$other/state_dir"
echo '127.0.0.1:0' >"$other/listen"
echo "unix:$socket" >"$other/admin"
refuses_to_start "unix:$socket: .*in use" "$other"
ask 200 --unix-socket "$socket" http://localhost/livez
printf '# all of them\n0.0.0.0:%s\n' "$admin" >"$other/admin"
refuses_to_start 'admin:2: .*tls' "$other"
printf '0.0.0.0:%s tls %s %s\n' "$admin" "$work/cert.pem" "$work/key.pem" >"$other/admin"
rm "$other/admin_tokens"
refuses_to_start 'admin:1: .*token' "$other"

# Why a mail was refused, by the id in its reply.
explained() {
    as viewer 200 "$here/api/v1/explain?id=$id"
    holds 'len(it) == 1 and it[0]["session"]["id"] == words[0].split(".")[0]' "$id"
    holds 'it[0]["decision"]["plugin"] == "badmailfrom" and it[0]["decision"]["hook"] == "mail"'
    holds 'it[0]["decision"]["text"] == "not wanted here" and it[0]["session"]["helo"] == "client.example"'
}
explained

# A kick: the session sees 421, and the record has it.
dial() {
    exec {smtp}<>"/dev/tcp/127.0.0.1/$port"
    reply 220
    printf 'HELO %s\r\n' "$1" >&"$smtp"
    reply 250
}
reply() {
    local line
    read -r -t 20 -u "$smtp" line || fail "no $1 from the server"
    [[ $line == "$1"* ]] || fail "'$line' instead of $1"
}
dial kicked.example
as viewer 200 "$here/api/v1/sessions?query=helo%3Dkicked.example"
holds 'len(it["sessions"]) == 1 and it["sessions"][0]["phase"] == "idle"'
live=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["sessions"][0]["id"])' "$answer")
as viewer 403 -X DELETE "$here/api/v1/sessions/$live"
as operator 204 -X DELETE "$here/api/v1/sessions/$live"
reply 421
exec {smtp}<&-
as operator 404 -X DELETE "$here/api/v1/sessions/$live"
as admin 200 "$here/api/v1/audit"
holds '[(row["action"], row["by"], row["result"]) for row in reversed(it) if row["subject"] == words[0]] == [
    ("kick", "viewer-bot", "not allowed"), ("kick", "operator-bot", "done"), ("kick", "operator-bot", words[1])]' \
    "$live" 'no such session'

# Drained by an operator: not ready, and nobody enters, until it is taken back.
as operator 200 -X PUT "$here/api/v1/drain"
ask 503 "$here/readyz"
ask 200 "$here/livez"
! send --from good@sender.example || fail "a drained server took mail"
as operator 200 -X DELETE "$here/api/v1/drain"
ask 200 "$here/readyz"
send --from good@sender.example || fail "swaks after the drain: $(tail -n 3 "$work/dialog")"

# Drained by SIGTERM: not ready, and alive, as long as a session lasts.
dial last.example
kill -TERM "$server"
wait_for_log 'draining' 10
ask 503 "$here/readyz"
grep -q draining "$answer" || fail "/readyz does not say why: $(cat "$answer")"
ask 200 "$here/livez"
printf 'QUIT\r\n' >&"$smtp"
read -r -t 10 -u "$smtp" _ || fail "no reply to QUIT"
exec {smtp}<&-
wait_for_end 15
[ "$ended" -eq 0 ] || fail "exit status $ended after SIGTERM"
[ ! -e "$socket" ] || fail "the socket file was left behind"

# Started again: the story is still there.
start_server
explained
as admin 200 "$here/api/v1/audit"
holds 'any(row["action"] == "kick" and row["subject"] == words[0] for row in it)' "$live"
stop_server
