#!/usr/bin/env bash
# Every claim of qpsmtpd's manual has a test, but for those that wait.
set -euo pipefail
"$(dirname "$0")/../claims.sh"
