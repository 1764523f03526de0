#!/usr/bin/env bash
# claim 87: AUTH with a real server: Python's smtplib, swaks and gsasl as clients, each mechanism they have; logins that are dear
# beside sessions that are not; nothing secret in the log.
# limit: 300 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
printf 'auth/auth_flat_file\nrcpt_ok\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
echo 0 >"$config/tls_before_auth"
printf 'grace_period 3\nmax_conn_ip 1000\nauth_errors_ip 1000\nmax_connections 2000\n' >"$config/limits"
echo 7 >"$config/loglevel"

echo 'ann@example.com:open sesame' >"$config/flat_auth_pw"
chmod 600 "$config/flat_auth_pw"
start_server
python3 "$top/scripts/tests/auth.py" dialogues "$port" || fail "see above"

for mechanism in PLAIN LOGIN CRAM-MD5; do
    swaks --server 127.0.0.1 --port "$port" --helo client.example --from ann@example.com --to someone@elsewhere.example \
        --auth "$mechanism" --auth-user ann@example.com --auth-password 'open sesame' >"$work/swaks" 2>&1 ||
        fail "swaks with $mechanism: $(cat "$work/swaks")"
    grep -q ' 235 2.7.0' "$work/swaks" || fail "swaks with $mechanism: $(cat "$work/swaks")"
    grep -E '(AUTH|334|235)' "$work/swaks" | sed 's/^/    /'
    if swaks --server 127.0.0.1 --port "$port" --helo client.example --from ann@example.com --to a@elsewhere.example \
        --auth "$mechanism" --auth-user ann@example.com --auth-password wrong >"$work/swaks" 2>&1; then
        fail "swaks got in with a wrong password by $mechanism"
    fi
done

# gsasl MECHANISM PASSWORD
gsasl_client() {
    timeout 30 gsasl --smtp --no-starttls --verbose --mechanism "$1" --authentication-id ann@example.com \
        --password "$2" --connect "127.0.0.1:$port" </dev/null >"$work/gsasl" 2>&1 || true
    sed 's/^/    /' "$work/gsasl" | grep -E '^ *(235|334 |535|AUTH)' || true
}
for mechanism in SCRAM-SHA-1 SCRAM-SHA-256 CRAM-MD5 PLAIN LOGIN; do
    gsasl_client "$mechanism" 'open sesame'
    grep -q '^235 2.7.0' "$work/gsasl" || fail "gsasl with $mechanism: $(cat "$work/gsasl")"
    gsasl_client "$mechanism" wrong
    grep -q '^535 5.7.8' "$work/gsasl" || fail "gsasl with $mechanism and a wrong password: $(cat "$work/gsasl")"
done
stop_server

if grep -aE 'open sesame|b3BlbiBzZXNhbWU|wrong-secret|AGFubkBleGFtcGxlLmNvbQ' "$log"; then
    fail "the log has a secret"
fi
grep -q 'authenticated' "$log" || fail "the log does not say who got in"

# bcrypt with a cost of 10; the password is "secret".
# shellcheck disable=SC2016
echo 'bob@example.com:$2b$10$GhvMmNVjRW29ulnudl.LbuqHiG8cGdhutsp0CrHECIDTo/AV1wpoS' >"$config/flat_auth_pw"
start_server
python3 "$top/scripts/tests/auth.py" flood "$port" 200 || fail "see above"
stop_server
