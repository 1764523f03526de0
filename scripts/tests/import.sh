#!/usr/bin/env bash
# `import` reads the DBM files of a qpsmtpd server with the machine's perl, and says clearly what it cannot read.
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

if ! command -v perl >/dev/null; then
    echo "skipped: there is no perl"
    exit
fi

write_config

# refuses PATTERN ARGUMENT...: ends with 1 and a line that matches.
refuses() {
    local pattern=$1 status=0
    shift
    "$QPSERVER" import "$@" --config "$config" >"$work/out" 2>&1 || status=$?
    [ "$status" -eq 1 ] || fail "import $*: status $status: $(cat "$work/out")"
    grep -Eq "$pattern" "$work/out" || fail "import $* does not say '$pattern': $(cat "$work/out")"
}

# says LINE ARGUMENT...: ends with 0 and that line.
says() {
    local line=$1
    shift
    "$QPSERVER" import "$@" --config "$config" >"$work/out" 2>&1 || fail "import $*: $(cat "$work/out")"
    grep -Fq "$line" "$work/out" || fail "import $* does not say '$line': $(cat "$work/out")"
}

# database KIND FILE: key and value, one a line, from standard input.
database() {
    perl -MFcntl -e '
        my ($kind, $file) = @ARGV;
        eval "require $kind; 1" or exit 3;
        tie(my %entries, $kind, $file, O_CREAT | O_RDWR, 0600) or die "$kind: $!";
        while (<STDIN>) { chomp; my ($key, $value) = split /\t/; $entries{eval "\"$key\""} = $value }' "$1" "$2"
}

now=$(date +%s)
for kind in AnyDBM_File DB_File NDBM_File SDBM_File; do
    rm -rf "$work/state" "$work/old" && mkdir -m 700 "$work/state" "$work/old"
    file=$work/old/denysoft_greylist.dbm
    {
        printf '3221225985:Ann\\@Example.org:bob\\@example.com\t%s:1:2:0\n' "$((now - 100))"
        printf '3221225986\t%s:1:0:3\n' "$now"
        printf '3221225987\t%s:1:0:3\n' "$((now - 4000000))"
        printf '3221225988:a\\0b\\n\\e\t%s:1:0:3\n' "$now"
        printf '3221225989\t-1:1:0:3\n'
    } | database "$kind" "$file" || { [ $? -eq 3 ] && continue || fail "no $kind was made"; }
    for name in "$file" "${file%.dbm}" "$file.pag"; do
        says 'greylist: 2 entries could be imported, 1 too old, 2 not understood' greylist "$name" --dry-run
    done
    [ ! -e "$work/state/plugins.sqlite" ] || fail "--dry-run wrote"
    says 'greylist: 2 entries imported, 1 too old, 2 not understood' greylist "$file"
    python3 - "$work/state/plugins.sqlite" <<'PYTHON' || fail "$kind: the store holds something else"
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT namespace, key, value, ends FROM entry ORDER BY key").fetchall()
assert [row[1] for row in rows] == [b"192.0.2.1:ann@example.org:bob@example.com", b"192.0.2.2"], rows
for namespace, key, value, ends in rows:
    assert namespace == b"greylisting" and ends == (int(value.split(b":")[0]) + 3110400) * 10**9, rows
PYTHON
done

printf '3221225985\t0:1:20:30\n' | database AnyDBM_File "$work/old/karma.dbm"
says 'karma: 1 entries imported, 0 too old, 0 not understood' karma "$work/old/karma.dbm"

printf 'ann@example.org\\tyes\\n' | database AnyDBM_File "$work/old/other.dbm"
refuses 'this is no karma database' karma "$work/old/other.dbm"
refuses 'no such file' greylist "$work/old/nothing.dbm"
head -c 20000 /dev/urandom >"$work/old/noise.dbm"
refuses 'cannot read' greylist "$work/old/noise.dbm"
refuses 'cannot be imported' dspam "$work/old/karma.dbm"
program=$QPSERVER
without_perl() { /usr/bin/env PATH=/nonexistent "$program" "$@"; }
QPSERVER=without_perl refuses 'no perl in PATH' karma "$work/old/karma.dbm"
start_server
refuses 'stop the server first' karma "$work/old/karma.dbm"
says 'karma: 1 entries could be imported' karma "$work/old/karma.dbm" --dry-run
stop_server
