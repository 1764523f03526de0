#!/usr/bin/env bash
# Floods: thousands of idle connections and of half-open handshakes, more clients than may enter, clients that reset,
# drip, never read; a small disk, few descriptors, little memory. Afterwards the server lives and has given everything back.
#
#   FULL=1 scripts/tests/floods.sh     all numbers at full size
# limit: 120 s
# shellcheck source=scripts/tests/lib.sh
. "$(dirname "$0")/lib.sh"

flood() {
    local step=$SECONDS
    timeout 300 python3 "$top/scripts/tests/floods.py" "$1" "$port" "$server" "$work" "${FULL:-}" "${2:-}" \
        || fail "$1"
    echo "floods: $1 took $((SECONDS - step)) s"
}

limits() { printf 'grace_period 3\n%s\n' "$*" | tr ',' '\n' >"$config/limits"; }

write_config
[ "$(ulimit -Hn)" -ge 13000 ] || echo "floods: only $(ulimit -Hn) descriptors; fewer idle connections"
ulimit -n "$(ulimit -Hn)"

limits 'max_connections 8000,max_conn_ip 3000,command_timeout 60'
start_server
flood idle
stop_server

limits 'max_connections 8000,max_conn_ip 3000,handshake_timeout 15'
implicit=$(python3 -c 'import servers; print(servers.free_port())')
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=mx.example.com \
    -keyout "$config/mx.key" -out "$config/mx.crt" 2>/dev/null
printf 'certificate mx.crt\nkey mx.key\n' >"$config/tls"
printf '127.0.0.1:%s\n127.0.0.1:%s tls\n' "$port" "$implicit" >"$config/listen"
start_server
flood handshakes "$implicit"
stop_server
rm "$config/tls"
echo "127.0.0.1:$port" >"$config/listen"

limits 'max_connections 50,max_conn_ip 20'
start_server
flood beyond
stop_server

limits 'max_connections 4000,max_conn_ip 3000,command_timeout 4,data_timeout 4'
start_server
flood rude
stop_server

limits 'max_connections 1000,max_conn_ip 0'
start_server bash -c 'ulimit -n 64 && exec "$@"' bash
flood descriptors
stop_server

limits 'max_connections 1000,max_conn_ip 0,message_memory 1M,process_memory 256M'
start_server
flood memory
stop_server

disk=$work/disk
mkdir "$disk"
if mount -t tmpfs -o size=8m tmpfs "$disk" 2>"$work/mount"; then
    mkdir "$disk/spool"
    echo "$disk/spool" >"$config/spool_dir"
    limits 'max_conn_ip 0,spool_free 1M'
    start_server
    flood disk
    stop_server
else
    echo "floods: skipped the disk of 8 MB: mount needs root ($(cat "$work/mount"))"
fi
