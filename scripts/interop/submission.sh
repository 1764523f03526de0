#!/usr/bin/env bash
# Programs that hand in mail at our submission listener, with AUTH under STARTTLS: swaks, openssl s_client, Python's
# smtplib, msmtp, gsasl, and a Postfix with SASL (which needs root). Their dialogues are printed.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"

user=ann@example.com
password='open sesame'
recipient=someone@elsewhere.example
sent=0

write_config
printf 'auth/auth_flat_file\nrcpt_ok\nqueue/maildir %s\n' "$maildir" >"$config/plugins"
echo "$user:$password" >"$config/flat_auth_pw"
chmod 600 "$config/flat_auth_pw"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$config/mx.key" -out "$config/mx.crt" 2>/dev/null
printf 'certificate mx.crt\nkey mx.key\n' >"$config/tls"
echo "127.0.0.1:$port submission" >"$config/listen"
start_server

# dialogue FILE: what was said, without the message; one more mail is expected.
dialogue() {
    tr -d '\r' <"$1" | grep -E '^ ?(<[-~]|[-~]>|=== TLS|<--|-->|send:|reply: b|[2345][0-9][0-9][ -]|AUTH|TLS)' \
        | cut -c1-160 | sed 's/^/    /'
    sent=$((sent + 1))
}

# arrived NAME: everything that was sent lies in the Maildir, and came authenticated under TLS.
arrived() {
    local files
    files=$(find "$maildir/new" -type f 2>/dev/null | wc -l)
    [ "$files" -eq "$sent" ] || fail "$1: $files messages are there, $sent were sent"
    [ "$(grep -rlE 'with (UTF8|E)SMTPSA' "$maildir/new" | wc -l)" -eq "$sent" ] || fail "$1: no ESMTPSA in Received"
    echo "ok     $1"
}

for mechanism in PLAIN LOGIN CRAM-MD5; do
    swaks --server 127.0.0.1 --port "$port" --tls --helo client.example --from "$user" --to "$recipient" \
        --auth "$mechanism" --auth-user "$user" --auth-password "$password" >"$work/swaks" 2>&1 \
        || fail "swaks with $mechanism: $(cat "$work/swaks")"
    dialogue "$work/swaks"
    arrived "swaks --tls --auth $mechanism"
    ! swaks --server 127.0.0.1 --port "$port" --tls --helo client.example --from "$user" --to "$recipient" \
        --auth "$mechanism" --auth-user "$user" --auth-password wrong >"$work/swaks" 2>&1 \
        || fail "swaks got in with a wrong password by $mechanism"
    grep -q '535 5.7.8' "$work/swaks" || fail "swaks with a wrong password by $mechanism: $(cat "$work/swaks")"
done
! swaks --server 127.0.0.1 --port "$port" --tls --helo client.example --from "$user" --to "$recipient" \
    >"$work/swaks" 2>&1 || fail "mail was taken without AUTH"
grep -q ' 530 5.7.0' "$work/swaks" || fail "swaks without AUTH: $(cat "$work/swaks")"
! swaks --server 127.0.0.1 --port "$port" --helo client.example --from "$user" --to "$recipient" \
    --auth PLAIN --auth-user "$user" --auth-password "$password" >"$work/swaks" 2>&1 || fail "AUTH was taken in clear"
echo "ok     swaks: no AUTH in clear, no mail without AUTH"

coproc client {
    exec openssl s_client -connect "127.0.0.1:$port" -starttls smtp -CAfile "$config/mx.crt" -verify_return_error \
        -quiet 2>"$work/s_client"
}
# shellcheck disable=SC2154  # of coproc
say() {
    local line
    printf '%s\r\n' "$1" >&"${client[1]}"
    echo "    -> $1"
    while IFS= read -r -t 30 line <&"${client[0]}"; do
        line=${line%$'\r'}
        echo "    <- $line"
        case $line in "$2 "*) return 0 ;; [0-9][0-9][0-9]-*) ;; *) break ;; esac
    done
    fail "s_client: no $2 after $1: $(tail -n 3 "$work/s_client")"
}
say 'EHLO client.example' 250
say "AUTH PLAIN $(printf '\0%s\0%s' "$user" "$password" | base64 -w0)" 235
say "MAIL FROM:<$user>" 250
say "RCPT TO:<$recipient>" 250
say DATA 354
say $'Subject: by s_client\r\n\r\nx\r\n.' 250
say QUIT 221
sent=$((sent + 1))
arrived 'openssl s_client'

python3 - "$port" "$config/mx.crt" "$user" "$password" "$recipient" >"$work/smtplib" 2>&1 <<'PYTHON' \
    || fail "smtplib: $(cat "$work/smtplib")"
import smtplib
import ssl
import sys

port, certificate, user, password, recipient = sys.argv[1:]
with smtplib.SMTP("127.0.0.1", int(port), timeout=60) as client:
    client.set_debuglevel(1)
    client.starttls(context=ssl.create_default_context(cafile=certificate))
    client.login(user, password)
    client.sendmail(user, [recipient], "Subject: by smtplib\r\n\r\nx\r\n")
PYTHON
dialogue "$work/smtplib"
arrived 'smtplib'

for mechanism in plain login cram-md5 scram-sha-1 scram-sha-256; do
    cat >"$work/msmtprc" <<CONF
account default
host 127.0.0.1
port $port
tls on
tls_starttls on
tls_trust_file $config/mx.crt
auth $mechanism
user $user
password "$password"
from $user
CONF
    chmod 600 "$work/msmtprc"
    printf 'Subject: by msmtp\n\nx\n' | msmtp --file="$work/msmtprc" --debug "$recipient" >"$work/msmtp" 2>&1 \
        || fail "msmtp with $mechanism: $(cat "$work/msmtp")"
    dialogue "$work/msmtp"
    arrived "msmtp with $mechanism"
done

for mechanism in SCRAM-SHA-1 SCRAM-SHA-256; do
    # Bound to TLS it only knows tls-exporter.
    timeout 30 gsasl --smtp --no-cb --verbose --mechanism "$mechanism" --x509-ca-file "$config/mx.crt" \
        --authentication-id "$user" --password "$password" --connect "127.0.0.1:$port" </dev/null >"$work/gsasl" 2>&1 \
        || true
    tr -d '\r' <"$work/gsasl" | grep -E '^(2[0-9][0-9]|334|5[0-9][0-9])[ -]' | cut -c1-160 | sed 's/^/    /' || true
    grep -q '^235 2.7.0' "$work/gsasl" || fail "gsasl with $mechanism: $(cat "$work/gsasl")"
    echo "ok     gsasl with $mechanism under STARTTLS"
done
stop_server
! grep -aqE "$password|b3BlbiBzZXNhbWU" "$log" || fail "the log has the password"

INTEROP_SERVER=$QPSERVER python3 "$top/scripts/interop/submission.py"
