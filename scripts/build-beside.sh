#!/usr/bin/env bash
# Builds a package that depends on the server's, in the server's own folder of what is built: its dependencies are
# compiled already, in the same versions.
#
#   scripts/build-beside.sh debug|release FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."

# A build that finds a plan there follows it, whichever package it was made for.
forget_plan() { rm -f ".build/$1.yaml"; }

[ ! -f Package.resolved ] || cp Package.resolved "$2/Package.resolved"
forget_plan "$1"
trap 'forget_plan "$1"' EXIT
swift build -c "$1" --package-path "$2" --scratch-path .build
