#!/usr/bin/env bash
# The queue plugins and the real systems behind them: Postfix (SMTP with STARTTLS, cleanup), Dovecot (LMTP), Exim (batch
# SMTP), and a program in the place of qmail-queue, which Debian has not. Needs root, as Postfix does.
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/setup.sh build test interop
if [ -z "${INTEROP_SERVER:-}" ]; then
    swift build -c release --product qpserver
    INTEROP_SERVER="$(swift build -c release --show-bin-path)/qpserver"
fi
# Installed, Exim would take Postfix' place: it is only unpacked.
if [ -z "${EXIM:-}" ]; then
    exim=$(mktemp -d)
    trap 'rm -rf "$exim"' EXIT
    (cd "$exim" && apt-get download -q exim4-daemon-light >/dev/null 2>&1 && dpkg-deb -x exim4-daemon-light_*.deb .)
    EXIM=$exim/usr/sbin/exim4
fi
export EXIM
export INTEROP_SERVER PYTHONDONTWRITEBYTECODE=1
python3 scripts/interop/queues.py
