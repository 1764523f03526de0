#!/usr/bin/env bash
# contrib/: the alert rules are valid and each one fires and keeps quiet as its tests say; the board is sound; rules and
# board ask only for metrics and labels that docs/metrics.md lists. The tests of QPAdminHTTP compare that list with
# what the server writes.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
rules=$top/contrib/prometheus/qpserver-alerts.yml
tests=$top/contrib/prometheus/qpserver-alerts.test.yml

promtool check rules "$rules"
promtool test rules "$tests"
PYTHONDONTWRITEBYTECODE=1 python3 "$top/scripts/tests/contrib.py" \
    "$top/docs/metrics.md" "$rules" "$tests" "$top"/contrib/grafana/*.json
