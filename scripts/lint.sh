#!/usr/bin/env bash
# Form and rules of the sources: swift-format, what each module may not contain, citations of RFCs, and paths of a
# developer's machine. Prints every finding; exit status 1 if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

findings=0

# report TITLE TEXT: counts a finding unless the text is empty.
report() {
    [ -n "$2" ] || return 0
    findings=$((findings + 1))
    printf 'lint: %s\n' "$1"
    printf '%s\n' "$2" | sed 's/^/    /'
}

# code PATTERN FOLDER...: lines of Swift that match, comments left out.
code() {
    local pattern=$1 folder folders=()
    shift
    for folder in "$@"; do [ ! -d "$folder" ] || folders+=("$folder"); done
    [ ${#folders[@]} -gt 0 ] || return 0
    { grep -rnE --include='*.swift' "$pattern" "${folders[@]}" || true; } |
        { grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' || true; }
}

# outside PATTERN: drops findings in files whose path matches.
outside() { grep -vE "^($1):" || true; }

sources=()
for path in Package.swift Sources Tests Examples Benchmarks; do [ ! -e "$path" ] || sources+=("$path"); done
report 'swift-format (make fmt mends most of it)' \
    "$(swift format lint --strict --parallel --recursive "${sources[@]}" 2>&1 || true)"

report 'QPSMTP is values: no async' "$(code '\basync\b' Sources/QPSMTP)"

report 'NIO belongs to QPServer' "$(code 'import +(struct |class |enum |protocol |func )?NIO' \
    Sources/QPSMTP Sources/QPHooks Sources/QPPlugins Sources/QPActors Sources/QPTelemetry)"

effects='\bDate\(\)|\bDate\.now\b|(Continuous|Suspending)Clock\b|\bFile(Manager|Handle)\b|\bProcess(Info)?\b[.(]'
effects+='|\bURLSession\b|\bSystemRandomNumberGenerator\b|\b(Bool|Double|U?Int[0-9]*)\.random\(|\.(randomElement|shuffled?)\('
effects+='|(^|[^.A-Za-z_])(socket|connect|open|fopen|unlink|rename|link|getenv|time|clock_gettime|usleep|sleep)\('
effects+='|import +(Foundation|Dispatch)\b'
report 'effects come from the context of the running hook, nowhere else' \
    "$(code "$effects" Sources/QPHooks Sources/QPPlugins Sources/QPActors | { grep -vE '\bfunc [a-z]+\(' || true; })"

# Handlers that wait run in tasks: of sessions in Session+Waiting, of clients that are not sessions yet in LoopArrival,
# which belongs to admission, those in shadow mode in +Shadows of both; a plugin's work beside the sessions runs in Generation's BackgroundRun, nothing else there.
report 'tasks are made in Session+Waiting, LoopArrival, their +Shadows and BackgroundRun only' "$(
    code '\bTask(<[^>]*>)?(\.[a-zA-Z]*(detached|immediate)[a-zA-Z]*)? *[({]' Sources/QPActors |
        outside 'Sources/QPActors/(Session\+Waiting|LoopArrival|(Session|LoopArrival)\+Shadows)\.swift' |
        { grep -vE '^Sources/QPActors/Generation\.swift:[0-9]+: +if task == nil \{ task = Task \{ await work\(\) \} \}$' || true; }
)"

traps='\btry!|\bas!|\bfatalError\(|\bpreconditionFailure\(|\bassertionFailure\('
report 'what arrives must not reach a trap' "$(code "$traps" Sources)"

unchecked='@unchecked|nonisolated\(unsafe\)|@preconcurrency import'
report 'unchecked only in QPActors/Loop*.swift, QPServer and QPTestKit' "$(
    code "$unchecked" Sources | outside 'Sources/(QPActors/Loop[A-Za-z+]*\.swift|QPServer/.*|QPTestKit/.*|QPConsole/.*)'
)"

report 'the C library stays out of QPHooks' "$(code 'import +(Glibc|Musl|Darwin)\b' Sources/QPHooks)"
report 'plugins import QPHooks, and nothing that touches the outside' "$(
    code '^(public |package |internal |@_exported public )?import ' Sources/QPPlugins |
        { grep -vE 'import (QPHooks|Synchronization|RegexBuilder|_StringProcessing)$' || true; }
)"

rfc=$(scripts/rfc.sh 2>&1) || report 'citations of RFCs' "$rfc"

# Paths that only exist here: this checkout and its parent, the home folder, the toolchain unless it is a system's own.
toolchain=$(cd "$(dirname "$(readlink -f "$(command -v swift)")")/../.." && pwd)
here=("$PWD" "$(dirname "$PWD")" "$HOME")
case $toolchain in / | /usr | /usr/local) ;; *) here+=("$toolchain") ;; esac
for path in "${here[@]}"; do
    case $path in / | /home | /usr | /usr/local | /tmp | /var | /srv | /opt) continue ;; esac
    literal=$(printf '%s' "$path" | sed 's/[][\.*^$+?(){}|]/\\&/g')
    report "a path of this machine in a file of the project ($path)" \
        "$(git ls-files -z --cached --others --exclude-standard |
            xargs -0 -r grep -nIE "(^|[^A-Za-z0-9_./-])$literal(/|[^A-Za-z0-9_./-]|\$)" -- 2>/dev/null || true)"
done

[ "$findings" -eq 0 ] || { echo "lint: $findings rules broken"; exit 1; }
echo 'lint: no findings'
