#!/usr/bin/env bash
# testssl.sh looks at STARTTLS of our release build: nothing above LOW, nothing below TLS 1.2, no weak suite.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/../tests/lib.sh"

write_config
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=mx.example.com" -addext "subjectAltName=DNS:mx.example.com" \
    -keyout "$config/mx.key" -out "$config/mx.crt" 2>/dev/null
printf 'certificate mx.crt\nkey mx.key\n' >"$config/tls"
start_server

scan=$(command -v testssl || command -v testssl.sh) || fail "testssl.sh is not there; scripts/setup.sh interop installs it"
"$scan" --quiet --color 0 --warnings off --starttls smtp --protocols --server-preference --fs --vulnerable \
    --jsonfile "$work/found.json" "127.0.0.1:$port" >"$work/testssl" 2>&1 || true
[ -s "$work/found.json" ] || fail "testssl.sh found nothing: $(tail -n 5 "$work/testssl")"
python3 - "$work/found.json" <<'PYTHON'
import json
import sys

# BREACH is about HTTP; LUCKY13 and BEAST need suites that are not there.
found = json.load(open(sys.argv[1]))
bad = [row for row in found if row["severity"] in ("MEDIUM", "HIGH", "CRITICAL")]
for row in bad:
    print("FAILED", row["id"], row["severity"], row["finding"])
for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
    assert any(row["id"] == name and "not offered" in row["finding"] for row in found), name
for name in ("TLS1_2", "TLS1_3"):
    assert any(row["id"] == name and row["finding"].startswith("offered") for row in found), name
assert not bad
print(f"ok     testssl.sh: {len(found)} findings, none above LOW")
PYTHON
stop_server
