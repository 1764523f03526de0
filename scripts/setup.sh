#!/usr/bin/env bash
# Installs what is missing of the Debian packages that the project needs beside a Swift toolchain.
#
#   scripts/setup.sh [build] [test] [interop] [bench]     which needs; build if none is named
#
# Says nothing if everything is there. Asks no questions, and starts no service of a package it installs.
set -euo pipefail

# group, how to see whether it is there, package
needs='
build   program:pkg-config   pkg-config
build   header:ares.h        libc-ares-dev
build   header:idn2.h        libidn2-dev
build   header:sqlite3.h     libsqlite3-dev
build   header:pcre2.h       libpcre2-dev
build   header:curses.h      libncurses-dev
build   header:crypt.h       libcrypt-dev
build   program:openssl      openssl
test    program:swaks        swaks
test    program:smtp-source  postfix
test    program:cdb          tinycdb
test    program:strace       strace
test    program:python3      python3
test    program:perl         perl
test    program:promtool     prometheus
test    program:curl         curl
test    perl:Net::SSLeay     libnet-ssleay-perl
test    program:sslscan      sslscan
test    program:tmux         tmux
test    program:mandoc       mandoc
test    program:unbound      unbound
test    program:gsasl        gsasl
test    program:haproxy      haproxy
interop program:prometheus   prometheus
interop program:doveadm      dovecot-core
interop program:chromium     chromium
interop program:dovecot      dovecot-core
interop file:/usr/lib/dovecot/lmtp dovecot-lmtpd
interop program:testssl      testssl.sh
interop program:msmtp        msmtp
interop glob:/usr/lib/*/sasl2/libscram.so libsasl2-modules
interop python:ensurepip     python3-venv
bench   program:smtp-sink    postfix
bench   program:strace       strace
bench   program:valgrind     valgrind
bench   program:strip        binutils
bench   program:python3      python3
bench   program:tmux         tmux
bench   program:unbound      unbound
'

is_there() {
    case $1 in
        perl:*) perl "-M${1#perl:}" -e 1 2>/dev/null ;;
        python:*) python3 -c "import ${1#python:}" 2>/dev/null ;;
        file:*) [ -e "${1#file:}" ] ;;
        glob:*) compgen -G "${1#glob:}" >/dev/null ;;
        program:*) PATH=$PATH:/usr/sbin:/sbin command -v "${1#program:}" >/dev/null ;;
        header:*)
            [ -e "/usr/include/${1#header:}" ] || [ -e "/usr/local/include/${1#header:}" ] \
                || compgen -G "/usr/include/*-linux-gnu/${1#header:}" >/dev/null
            ;;
    esac
}

# Runs as root.
install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        # Asked by the packages before they start a service; 101 forbids it.
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    if printf '%s\n' "$@" | grep -qx postfix; then
        echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
    fi
    local options=(-y -q --no-install-recommends -o Dpkg::Use-Pty=0)
    if ! apt-get install "${options[@]}" "$@"; then
        apt-get update -q
        apt-get install "${options[@]}" "$@"
    fi
}

if [ "${1:-}" = --install ]; then
    shift
    install_packages "$@"
    exit
fi

if ! command -v swift >/dev/null; then
    echo "setup: there is no Swift toolchain in PATH; see https://www.swift.org/install" >&2
    exit 1
fi

packages=()
while read -r group what package; do
    [ -n "$group" ] || continue
    case " ${*:-build} " in *" $group "*) ;; *) continue ;; esac
    is_there "$what" && continue
    case " ${packages[*]:-} " in *" $package "*) ;; *) packages+=("$package") ;; esac
done <<<"$needs"
[ ${#packages[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: missing, by the names of their Debian packages: ${packages[*]}" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: as root, run: apt-get install ${packages[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "setup: installing ${packages[*]} with ${as_root[*]:+sudo }apt-get; this usually takes less than a minute"
started=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! ${as_root[@]+"${as_root[@]}"} bash "$0" --install "${packages[@]}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed" >&2
    exit 1
fi
echo "setup: done in $((SECONDS - started)) s"
