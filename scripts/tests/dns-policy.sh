#!/usr/bin/env bash
# limit: 180 s
# What plugins decide by the DNS, asked of a real DNS server, and what they do when it is broken or gone.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

write_config
python3 "$top/scripts/tests/dns_policy.py" "$QPSERVER" "$work" "$port"
