#!/usr/bin/env bash
# Lists which of the 110 numbered claims of qpsmtpd's manual no test proves. A Swift test proves claim N if its display
# name begins with "claim N: "; a script of scripts/tests, if it has a line `# claim N: what it shows`. Exit status 1 if
# one is missing.
#
#   scripts/claims.sh           claims without a test
#   scripts/claims.sh --list    every claim with where its tests are
set -euo pipefail
cd "$(dirname "$0")/.."

# What Perl plugins bring waits for them: plugin files in folders and plugin_dirs (7, 8), modules (11, 12) and
# the sample with both (13), methods of Perl plugins (14 to 20, 22, 23). Of 82 STARTTLS waits too, but the rest has to be
# proved.
exempt=" 7 8 11 12 13 14 15 16 17 18 19 20 22 23 "
last=110

proofs=$(
    { grep -rnoE --include='*.swift' '"claim [0-9]+: ' Tests || true; } |
        sed -E 's/^([^:]+):([0-9]+):"claim ([0-9]+): $/\3 \1:\2/'
    { grep -rnoE --include='*.sh' --include='*.py' '^ *# claim [0-9]+: ' scripts/tests || true; } |
        sed -E 's/^([^:]+):([0-9]+): *# claim ([0-9]+): $/\3 \1:\2/'
)

status=0
while read -r number place; do
    [ -n "$number" ] || continue
    if [ "$number" -lt 1 ] || [ "$number" -gt "$last" ]; then
        echo "claims: there is no claim $number: $place"
        status=1
    fi
done <<<"$proofs"

missing=()
for ((number = 1; number <= last; number++)); do
    places=$(awk -v number="$number" '$1 == number { print $2 }' <<<"$proofs")
    [ "${1:-}" != --list ] || echo "$number: $(tr '\n' ' ' <<<"${places:-none}")"
    [ -z "$places" ] || continue
    [[ "$exempt" != *" $number "* ]] || continue
    missing+=("$number")
done

if [ ${#missing[@]} -gt 0 ]; then
    echo "claims: no test for ${missing[*]}"
    exit 1
fi
[ "$status" -ne 0 ] || echo "claims: every claim of 1 to $last has a test, but for those that wait:$exempt"
exit "$status"
