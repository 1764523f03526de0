#!/usr/bin/env bash
# The admin endpoint and programs that others wrote: a Prometheus, its Python client's parser, Schemathesis, a browser.
# And mail, while the endpoint is treated badly.
#
#   INTEROP_ADMIN=prometheus,page scripts/interop/admin.sh     some parts only; all are listed in admin.py beside it
#   INTEROP_SERVER   the program qpserver; without it the release build is made and taken
#
# What is not in Debian comes from PyPI into .build/interop-venv.
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/setup.sh test interop
if [ -z "${INTEROP_SERVER:-}" ]; then
    scripts/setup.sh build
    swift build -c release --product qpserver
    INTEROP_SERVER="$(swift build -c release --show-bin-path)/qpserver"
fi
export INTEROP_SERVER PYTHONDONTWRITEBYTECODE=1

venv=.build/interop-venv
wanted=scripts/interop/requirements.txt
if ! cmp -s "$wanted" "$venv/installed"; then
    rm -rf "$venv"
    mkdir -p .build
    python3 -m venv "$venv"
    timeout 300 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/installed"
fi
exec timeout 600 "$venv/bin/python" scripts/interop/admin.py
