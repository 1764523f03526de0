#!/usr/bin/env bash
# STARTTLS and TLS from the first octet with other programs: openssl s_client, swaks, Python's smtplib, sslscan; then a
# certificate that is renewed on disk, and one that cannot be used.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

implicit=$(python3 -c 'import servers; print(servers.free_port())')

# certificate NAME: a new one, self-signed, in $config.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" \
        -addext "subjectAltName=DNS:$1" -keyout "$work/new.key" -out "$work/new.crt" 2>/dev/null
}

# served [S_CLIENT OPTION...]: the serial number of the certificate that is served.
served() {
    echo QUIT | openssl s_client -connect "127.0.0.1:$port" -starttls smtp "$@" 2>/dev/null \
        | openssl x509 -noout -serial
}

write_config
certificate mx.example.com
mv "$work/new.key" "$config/mx.key"
mv "$work/new.crt" "$config/mx.crt"
printf 'certificate mx.crt\nkey mx.key\n' >"$config/tls"
printf '127.0.0.1:%s\n127.0.0.1:%s tls\n' "$port" "$implicit" >"$config/listen"
start_server

echo "-- openssl s_client"
for version in tls1_2 tls1_3; do
    printf 'EHLO client.example\r\nQUIT\r\n' \
        | openssl s_client -connect "127.0.0.1:$port" -starttls smtp -crlf -quiet -no_ign_eof "-$version" \
            >"$work/starttls" 2>&1 || fail "s_client -$version: $(tail -n 3 "$work/starttls")"
    grep -q '^250 ' "$work/starttls" || fail "no reply to EHLO over $version"
    ! grep -q 'STARTTLS' "$work/starttls" || fail "STARTTLS is offered under TLS"
done
{ sleep 0.5; printf 'QUIT\r\n'; } | openssl s_client -connect "127.0.0.1:$implicit" -quiet -no_ign_eof >"$work/implicit" 2>&1
grep -q '^220 mx.example.com ' "$work/implicit" || fail "no greeting at the port with TLS"
for version in tls1 tls1_1; do
    ! echo QUIT | openssl s_client -connect "127.0.0.1:$port" -starttls smtp "-$version" \
        -cipher 'DEFAULT:@SECLEVEL=0' >/dev/null 2>&1 || fail "$version is taken"
done

echo "-- swaks"
for options in "--tls --port $port" "--tls --tls-protocol tlsv1_2 --port $port" "--tls-on-connect --port $implicit"; do
    rm -rf "$maildir/new"
    # shellcheck disable=SC2086  # words of options
    swaks --server 127.0.0.1 $options --helo client.example --from sender@sender.example --to user@example.com \
        >"$work/dialog" 2>&1 || fail "swaks $options: $(tail -n 5 "$work/dialog")"
    grep -Eq '^=== TLS started with cipher TLSv1\.[23]:' "$work/dialog" || fail "swaks $options: no TLS"
    tr '\n' ' ' <"$(find "$maildir/new" -type f)" | grep -Eq 'with ESMTPS[[:space:]]+\(TLSv1\.[23] TLS_' \
        || fail "swaks $options: no ESMTPS in Received"
done

echo "-- smtplib"
python3 - "$port" "$implicit" "$config/mx.crt" <<'PYTHON'
import smtplib
import socket
import ssl
import sys

port, implicit, certificate = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=certificate)
message = b"Subject: x\r\n\r\ny\r\n"
with smtplib.SMTP("127.0.0.1", port) as client:
    client.ehlo("client.example")
    assert client.has_extn("starttls")
    # The name is the certificate's: the connection goes to an address.
    client._host = "mx.example.com"
    assert client.starttls(context=context)[0] == 220
    assert client.mail("a@b.example")[0] == 503
    client.sendmail("a@b.example", ["user@example.com"], message)
    print(client.sock.version(), client.sock.cipher())
context.check_hostname = False
with smtplib.SMTP_SSL("127.0.0.1", implicit, context=context) as client:
    client.sendmail("a@b.example", ["user@example.com"], message)
# Whoever says goodbye under TLS and of TLS is let go at once.
with context.wrap_socket(socket.create_connection(("127.0.0.1", implicit), 10)) as client:
    client.recv(512)
    client.sendall(b"QUIT\r\n")
    assert client.recv(512).startswith(b"221 ")
    beneath = client.unwrap()
    beneath.settimeout(1.5)
    assert beneath.recv(1) == b""
PYTHON

echo "-- sslscan"
sslscan --no-colour --starttls-smtp "127.0.0.1:$port" >"$work/scan" || fail "sslscan"
for old in SSLv2 SSLv3 TLSv1.0 TLSv1.1; do
    grep -Eq "^$old +disabled" "$work/scan" || fail "sslscan: $old is not disabled"
done
grep -Eq '^TLSv1.2 +enabled' "$work/scan" && grep -Eq '^TLSv1.3 +enabled' "$work/scan" || fail "sslscan: no TLS 1.2 or 1.3"
! grep -E '^(Accepted|Preferred)' "$work/scan" | grep -Ev 'TLS_|ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM|CHACHA20)' \
    || fail "sslscan: a suite that should not be there"
grep -E '^(Accepted|Preferred)' "$work/scan"

echo "-- renewal"
before=$(served)
certificate mx.example.com
mv "$work/new.crt" "$config/mx.crt"
wait_for_log '/tls:2: error: the key .* does not fit .* the former certificate goes on' 5
[ "$(served)" = "$before" ] || fail "another certificate is served, whose key is not there"
mv "$work/new.key" "$config/mx.key"
left=50
until [ "$(served)" != "$before" ]; do
    [ "$left" -gt 0 ] || fail "the new certificate is not served"
    left=$((left - 1))
    sleep 0.1
done
echo nonsense >"$config/mx.crt"
wait_for_log '/tls:1: error: .* has no certificate in PEM form; the former certificate goes on' 5
[ "$(served)" != "$before" ] || fail "the old certificate is back"
stop_server

echo "-- a start with a bad certificate"
! "$QPSERVER" check --config "$config" >"$work/check" || fail "check finds nothing"
grep -q '/tls:1: error: .* has no certificate in PEM form' "$work/check" || fail "check: $(cat "$work/check")"
