#!/usr/bin/env bash
# auth/auth_dovecot and a Dovecot of its own (needs root, as Dovecot does): right and wrong passwords, Dovecot ended,
# started again, hung.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"

[ "$(id -u)" -eq 0 ] || { echo "skip   Dovecot: only root can start one"; exit 0; }
chmod 755 "$work"
mkdir -p "$work/lib"
echo 'ann:{PLAIN}open sesame' >"$work/users"
chmod 644 "$work/users"
cat >"$work/dovecot.conf" <<CONF
base_dir = $work/run
state_dir = $work/lib
log_path = $work/dovecot.log
protocols =
ssl = no
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = username_format=%u $work/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  unix_listener auth-client {
    mode = 0666
  }
}
CONF
dovecot=
start_dovecot() {
    rm -rf "$work/run"
    PATH=$PATH:/usr/sbin dovecot -F -c "$work/dovecot.conf" &
    dovecot=$!
    for _ in $(seq 100); do
        [ ! -S "$work/run/auth-client" ] || return 0
        kill -0 "$dovecot" 2>/dev/null || break
        sleep 0.1
    done
    fail "Dovecot does not start: $(cat "$work/dovecot.log")"
}
end_dovecot() {
    if [ -n "$dovecot" ]; then
        local children
        children=$(pgrep -P "$dovecot" || true)
        # Its processes outlive a mere TERM of their master as long as somebody uses them.
        # shellcheck disable=SC2086
        kill -KILL "$dovecot" $children 2>/dev/null || true
        wait "$dovecot" 2>/dev/null || true
    fi
    dovecot=
}
trap 'end_dovecot; finish' EXIT

write_config
printf 'auth/auth_dovecot socket %s\nrcpt_ok\nqueue/maildir %s\n' "$work/run/auth-client" "$maildir" >"$config/plugins"
echo 0 >"$config/tls_before_auth"
start_dovecot
start_server

# attempt MECHANISM PASSWORD CODE: smtplib authenticates and gets this code.
attempt() {
    python3 - "$port" "$@" <<'PYTHON' || fail "$*"
import smtplib, sys
port, mechanism, password, expected = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), timeout=60) as client:
    client.ehlo("client.example")
    client.user, client.password = "ann", password
    try:
        code = client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()))[0]
    except smtplib.SMTPAuthenticationError as error:
        code = error.smtp_code
print(f"ok     auth/auth_dovecot: {mechanism} {code}")
sys.exit(code != int(expected))
PYTHON
}
attempt PLAIN 'open sesame' 235
attempt LOGIN 'open sesame' 235
attempt PLAIN wrong 535
attempt PLAIN 'open sesame' 235
end_dovecot
attempt PLAIN 'open sesame' 454
start_dovecot
attempt PLAIN 'open sesame' 235
# Hung: the socket is there and nobody reads.
children=$(pgrep -P "$dovecot" -x auth)
# shellcheck disable=SC2086
kill -STOP $children
attempt PLAIN 'open sesame' 454
# shellcheck disable=SC2086
kill -CONT $children
attempt PLAIN 'open sesame' 235
! grep -aq 'open sesame' "$log" || fail "the log has the password"
stop_server
