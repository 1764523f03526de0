#!/usr/bin/env bash
# Every RFC that the sources cite stands in the table of docs/rfc.md with yes, partly or no; citations have the form
# `RFC 5321 §4.1.4`. Prints what is not so; exit status 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
cited=$(grep -rhoE --include='*.swift' --include='*.c' --include='*.h' --include='*.md' 'RFC [0-9]+' Sources |
    sort -u | sed 's/RFC //' || true)
listed=$(sed -nE 's/^\| *([0-9]+) *\| *(yes|partly|no) *\|.*/\1/p' docs/rfc.md)

for number in $cited; do
    if ! grep -qx "$number" <<<"$listed"; then
        echo "RFC $number is not in docs/rfc.md; it is cited in $(grep -rlE "RFC $number\b" Sources | head -n 1)"
        status=1
    fi
done
for number in $(sort <<<"$listed" | uniq -d); do
    echo "RFC $number stands in docs/rfc.md twice"
    status=1
done
if grep -E '^\| *[0-9]+ *\|' docs/rfc.md | grep -vE '^\| *[0-9]+ *\| *(yes|partly|no) *\| *[^ |]'; then
    echo "these lines of docs/rfc.md have no yes, partly or no, or no remark"
    status=1
fi
if grep -rnE --include='*.swift' '//.*(RFC-?[0-9]{3,5}([^0-9A-Za-z]|$)|RFC [0-9]+,? (section|sec\.|§ ))' Sources; then
    echo "citations have the form: RFC 5321 §4.1.4"
    status=1
fi
[ "$status" -ne 0 ] || echo "rfc: $(wc -w <<<"$cited") cited, all listed"
exit "$status"
