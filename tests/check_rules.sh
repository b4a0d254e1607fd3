#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_rules.sh - the project's own rules, as far as a machine can see them; run by CTest.
#   tests/check_rules.sh              checks the tree this script lies in
#   tests/check_rules.sh --self-test  plants a breach of every rule in a copy and sees it found
# Every finding is a line "file:line: rule"; any finding makes the exit status 1. CC names the compiler.
set -u
cd "$(dirname "$0")/.." || exit 2
CC=${CC:-cc}

# stage:stages it sees. What they see is seen too. A row against the flow is a change of the architecture.
stages='base: data:base capture:base packet:capture flow:packet mail:base tls:base,data x509:base,data
session:flow,mail,tls,x509 detect:session event:detect,data output:event .:output'
# header:the only file that may include it (a name without a folder: any one file). An output has its own file for a library.
owners='pcap\.h:src/capture/libpcap.c pcap/:src/capture/libpcap.c openssl/:src/base/libcrypto/parts.h|plugins/common/tls.c
ndpi[a-z_/]*\.h:src/flow/ndpi.c json-c/:src/event/json.c|plugins/http/bulk.c zlib\.h:src/capture/source_gzip.c|plugins/http/gzip.c
zstd\.h:one xxhash\.h:one yaml\.h:one librdkafka/:plugins/kafka/kafka.c curl/:plugins/http/request.c'

files() { # files PATTERN...: those below src, plugins and tests with such a name
    local names=() name
    for name; do names+=(-o -name "$name"); done
    find src plugins tests \( -name '.?*' -o -name node_modules \) -prune -o -type f \( "${names[@]:1}" \) -print 2>/dev/null | sort
}
search() { files '*.c' '*.h' '*.def' | grep -E "$1" | xargs -r grep -nHE "$2" /dev/null; }
report() { while IFS=: read -r file line _; do echo "$file:$line: $1"; done; }

rule_banned() {
    search '^(src|plugins)/' '\b(strcpy|stpcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|gmtime|localtime|alloca)[[:space:]]*\(' |
        report 'banned function'
    search '^(src|plugins)/' '\bexit[[:space:]]*\(' | grep -v '^src/main\.c:' | report 'exit() outside src/main.c'
}
rule_third_party() {
    local row header owner found
    for row in $owners; do
        header=${row%:*} owner=${row##*:}
        found=$(search '^(src|plugins)/' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]$header")
        [ "$owner" = one ] && owner=$(printf '%s\n' "$found" | head -n 1 | cut -d: -f1)
        printf '%s' "${found:+$found$'\n'}" | grep -vE "^($owner):" | report "${header//\\/} belongs to $owner alone"
    done
}
rule_upward() { search . '#[[:space:]]*include[[:space:]]*"\.\./' | report 'include of a parent folder'; }
# A masked word of a mail server may be XXX; a mark of unfinished work is not quoted.
rule_words() { search . '\b(TODO|FIXME|XXX)\b' | grep -vE '"[^"]*XXX[^"]*"' | report 'unfinished work'; }
rule_spdx() {
    local file
    for file in $(files '*.c' '*.h' '*.def' '*.sh' '*.py' CMakeLists.txt) CMakeLists.txt; do
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || echo "$file:1: no SPDX line in the first three"
    done
}
rule_length() {
    local file lines
    for file in $(files '*.c' '*.h' '*.sh' '*.py'); do
        lines=$(wc -l <"$file")
        [ "$lines" -le 500 ] || head -n 20 "$file" | grep -qi 'long because' ||
            echo "$file:$lines: over 500 lines without a \"long because\" in the head comment"
    done
}
rule_version() {
    local version
    version=$(sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt | tail -n 1)
    search '^src/' '#define [A-Z_]*VERSION[A-Z_]* "[0-9]' | grep -vF "\"$version\"" | report "not the version of CMakeLists.txt, $version"
}
sees() { # sees STAGE: itself and all it may see
    local row
    row=$(tr ' ' '\n' <<<"$stages" | grep "^${1/./\\.}:")
    echo "$1"
    for row in $(tr ',' ' ' <<<"${row#*:}"); do sees "$row"; done
}
compiles() { # compiles HEADER STAGE...: with the folders of these stages only
    local header=$1 stage folders=()
    shift
    for stage; do folders+=(-iquote "src/$stage"); done
    echo "#include \"$header\"" | $CC -std=c17 -D_DEFAULT_SOURCE -Wall -Wextra -Werror -fsyntax-only "${folders[@]}" -x c - 2>/dev/null
}
rule_headers() {
    local row stage header
    for row in $stages; do
        stage=${row%%:*}
        for header in src/"$stage"/*.h; do
            # shellcheck disable=SC2046
            [ ! -e "$header" ] || compiles "${header##*/}" $(sees "$stage" | sort -u) || echo "$header:1: does not compile alone"
        done
    done
}
rule_flow() { # nothing of a stage that is not seen can be included, and CMake grants no more than the table
    local row stage seen other header
    for row in $stages; do
        stage=${row%%:*} seen=" $(sees "${row%%:*}" | sort -u | tr '\n' ' ')"
        for other in $(tr ' ' '\n' <<<"$stages" | cut -d: -f1); do
            [ "${seen/ $other /}" = "$seen" ] || continue
            header=src/$other/$other.h
            # shellcheck disable=SC2086
            [ -e "$header" ] && compiles "$other.h" $seen && echo "$header:1: can be included by $stage, which does not see $other"
        done
        [ -e "src/$stage/CMakeLists.txt" ] || continue
        for other in $(tr '\n' ' ' <"src/$stage/CMakeLists.txt" | sed -nE "s/.*starttap_stage\($stage [^)]*SEES ([a-z0-9 ]*).*/\1/p"); do
            [ "${seen/ $other /}" != "$seen" ] || echo "src/$stage/CMakeLists.txt:$(grep -n "SEES" "src/$stage/CMakeLists.txt" | head -n 1 | cut -d: -f1): $stage does not see $other"
        done
    done
    grep -nE 'target_(include_directories|link_libraries)' src/*/CMakeLists.txt | while IFS=:/ read -r _ stage file line _; do
        echo "src/$stage/$file:$line: $stage opens folders by itself, not by SEES"
    done
}
rule_format() {
    command -v clang-format >/dev/null || { echo 'layout: skipped, clang-format is not installed' >&2; return; }
    files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror 2>&1 | sed -nE 's/^([^:]+:[0-9]+):.*error:.*/\1: layout is not what clang-format makes of it/p' | sort -u
}
check() {
    local rule found=0 findings
    for rule in banned third_party upward words spdx length version headers flow format; do
        findings=$("rule_$rule")
        [ -z "$findings" ] || { found=1; printf '%s\n' "$findings"; }
    done
    return $found
}

case ${1-} in
--self-test) . tests/check_rules_test.sh && self_test ;;
'') check ;;
*) echo "usage: $0 [--self-test]" >&2; exit 2 ;;
esac
