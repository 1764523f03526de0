#!/usr/bin/env bash
# Our release build and other programs: mail between it and swaks, and a Postfix of its own (which needs root) as sender
# and as next hop; then every script of scripts/interop: our doors, the queue plugins and what stands behind them, the
# admin endpoint, AUTH, TLS, and the programs that hand in mail.
#
#   INTEROP_COUNT=50 scripts/interop.sh     50 messages in place of 500
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build test
if [ -z "${INTEROP_SERVER:-}" ]; then
    swift build -c release --product qpserver
    INTEROP_SERVER="$(swift build -c release --show-bin-path)/qpserver"
fi
export INTEROP_SERVER PYTHONDONTWRITEBYTECODE=1

QPSERVER=$INTEROP_SERVER scripts/tests/swaks-fixture.sh
echo "ok     swaks to queue/maildir: a fixture came out unchanged"
status=0
python3 scripts/interop/interop.py || status=1
scripts/interop/doors.sh || status=1
scripts/interop/queues.sh || status=1
scripts/interop/admin.sh || status=1
scripts/setup.sh interop
QPSERVER=$INTEROP_SERVER scripts/interop/auth.sh || status=1
QPSERVER=$INTEROP_SERVER scripts/interop/tls.sh || status=1
QPSERVER=$INTEROP_SERVER scripts/interop/submission.sh || status=1
exit $status
