#!/usr/bin/env bash
# Builds the documentation of the libraries that users import into .build/docs; a warning, such as a link to a symbol
# that does not exist, is an error.
#
#   scripts/docs.sh [MODULE...]     without it QPSMTP, QPHooks, QPTelemetry, QPAdminHTTP and QPTestKit
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
[ $# -gt 0 ] || set -- QPSMTP QPHooks QPTelemetry QPAdminHTTP QPTestKit
# In a build folder of its own, where the symbol graphs stay as long as what they were made with.
scratch=$PWD/.build-docs
graphs=$scratch/graphs
mkdir -p "$graphs"
for module in "$@"; do
    swift build --target "$module" --scratch-path "$scratch" \
        -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs"
    rm -rf "$scratch/of-$module" ".build/docs/$module.doccarchive"
    mkdir -p "$scratch/of-$module" .build/docs
    cp "$graphs/$module".symbols.json "$scratch/of-$module/"
    catalog=Sources/$module/$module.docc
    [ -d "$catalog" ] || catalog=
    docc convert ${catalog:+"$catalog"} --additional-symbol-graph-dir "$scratch/of-$module" \
        --fallback-display-name "$module" --fallback-bundle-identifier "qpserver.$module" \
        --warnings-as-errors --output-path ".build/docs/$module.doccarchive"
    echo "docs: .build/docs/$module.doccarchive"
done
