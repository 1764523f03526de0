#!/usr/bin/env bash
# testssl.sh looks at STARTTLS of our release build: nothing above LOW, nothing below TLS 1.2, no weak suite.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"

# An authority and a certificate of it, for the clients that want more than one that signs itself.
openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=Interop Authority" -keyout "$work/ca.key" \
    -out "$work/ca.crt" 2>/dev/null
write_config
openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$config/mx.key" -out "$work/mx.csr" 2>/dev/null
openssl x509 -req -in "$work/mx.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 90 \
    -out "$config/mx.crt" \
    -extfile <(printf '%s\n' 'subjectAltName=DNS:localhost,IP:127.0.0.1' 'extendedKeyUsage=serverAuth' \
        'crlDistributionPoints=URI:http://localhost/ca.crl') 2>/dev/null
printf 'certificate mx.crt\nkey mx.key\n' >"$config/tls"
start_server

scan=$(command -v testssl || command -v testssl.sh) || fail "testssl.sh is missing; scripts/setup.sh interop has it"
"$scan" --quiet --color 0 --warnings off --nodns none --starttls smtp --add-ca "$work/ca.crt" --protocols \
    --std --server-preference --server-defaults --fs --vulnerable --jsonfile "$work/found.json" --ip 127.0.0.1 \
    "localhost:$port" >"$work/testssl" 2>&1 || true
[ -s "$work/found.json" ] || fail "testssl.sh found nothing: $(tail -n 5 "$work/testssl")"
grep -E '^ *[A-Za-z]' "$work/testssl" | cut -c1-110 | sed 's/^/    /'
python3 - "$work/found.json" <<'PYTHON' || fail "testssl.sh: see above"
import json
import re
import sys

found = json.load(open(sys.argv[1]))
severe = [row for row in found if row["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
bad = [f"{row['id']} {row['severity']}: {row['finding']}" for row in severe]
facts = {row["id"]: row["finding"] for row in found}
for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
    if not facts.get(name, "").startswith("not offered"):
        bad.append(f"{name}: {facts.get(name)}")
for name in ("TLS1_2", "TLS1_3"):
    if not facts.get(name, "").startswith("offered"):
        bad.append(f"{name}: {facts.get(name)}")
suites = facts.get("FS_ciphers", facts.get("PFS_ciphers", "")).split()
strong = r"TLS_(AES|CHACHA20)_.*|ECDHE-(ECDSA|RSA)-(AES(128|256)-GCM-SHA(256|384)|CHACHA20-POLY1305)"
bad += [f"suite {suite}" for suite in suites if not re.fullmatch(strong, suite)]
if bad or not suites:
    print("FAILED", suites, *bad, sep="\n    ")
    sys.exit(1)
print(f"ok     testssl.sh: {len(found)} findings, none above LOW; {', '.join(suites)}")
PYTHON
stop_server
