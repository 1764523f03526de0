# shellcheck shell=bash
# lib.sh: what the tests of a whole server share. Sourced, not run.
#
# QPSERVER names the program; without it the debug build is taken. Each test has its own folder, configuration and
# port of 127.0.0.1, and leaves nothing behind.

set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
QPSERVER=${QPSERVER:-$top/.build/debug/qpserver}
export PYTHONPATH=$top/scripts/common PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d "${TMPDIR:-/tmp}/qpserver-test.XXXXXX")
config=$work/config
log=$work/log
maildir=$work/Maildir
port=$(python3 -c 'import servers; print(servers.free_port())')
server=

finish() {
    local status=$?
    if [ -n "$server" ]; then
        kill -KILL "$server" 2>/dev/null || true
        { wait "$server" || true; } 2>/dev/null
    fi
    if [ "$status" -ne 0 ] && [ -s "$log" ]; then
        echo "the server's last lines:"
        tail -n 20 "$log" | cut -c1-300 | sed 's/^/    /'
    fi
    umount -l "$work/disk" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# write_config QUEUE_LINE: a configuration for example.com and localhost.
write_config() {
    mkdir -p "$config"
    mkdir -p -m 700 "$work/spool" "$work/state"
    printf 'rcpt_ok\n%s\n' "${1:-queue/maildir $maildir}" >"$config/plugins"
    printf 'localhost\nexample.com\n' >"$config/rcpthosts"
    echo mx.example.com >"$config/me"
    echo "$work/spool" >"$config/spool_dir"
    echo "$work/state" >"$config/state_dir"
    printf 'grace_period 3\nmax_conn_ip 100\n' >"$config/limits"
    echo "127.0.0.1:$port" >"$config/listen"
    echo 0 >"$config/reverse_dns"
}

# start_server [WRAPPER...]: starts the server and waits until it is ready. $server is the process that was started.
start_server() {
    [ -x "$QPSERVER" ] || fail "$QPSERVER does not exist; swift build makes it"
    : >"$log"
    "$@" "$QPSERVER" serve --config "$config" --pid-file "$work/pid" >>"$log" 2>&1 &
    server=$!
    wait_for_log '\bready\b' 30
}

# wait_for_log PATTERN SECONDS
wait_for_log() {
    local left=$(($2 * 10))
    until grep -Eq "$1" "$log"; do
        kill -0 "$server" 2>/dev/null || fail "the server ended"
        [ "$left" -gt 0 ] || fail "no line with '$1' in the log after $2 s"
        left=$((left - 1))
        sleep 0.1
    done
}

# wait_for_end SECONDS: waits until the server has ended by itself; its exit status is in $ended.
wait_for_end() {
    local left=$(($1 * 10))
    while kill -0 "$server" 2>/dev/null; do
        [ "$left" -gt 0 ] || fail "the server still runs after $1 s"
        left=$((left - 1))
        sleep 0.1
    done
    ended=0
    wait "$server" || ended=$?
    server=
}

stop_server() {
    kill -TERM "$server"
    wait_for_end 15
    [ "$ended" -eq 0 ] || fail "exit status $ended after SIGTERM"
}
