# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: Apache-2.0
# check_rules_test.sh - the other half of check_rules.sh --self-test: in a copy of the tree every rule is
# broken once, and the finding must appear. Sourced; it uses the rule_ functions.

declare -A clean_of # what a rule finds before anything is planted

plant() { # plant RULE FILE LINE SAID: the finding appears with the line appended to the file, and only then
    local clean planted
    [ "${clean_of[$1]+set}" ] || clean_of[$1]=$("rule_$1")
    clean=${clean_of[$1]}
    mkdir -p "$(dirname "$2")" && { [ ! -e "$2" ] || cp "$2" "$2.kept"; }
    printf '%b\n' "$3" >>"$2"
    planted=$("rule_$1")
    rm "$2" && { [ ! -e "$2.kept" ] || mv "$2.kept" "$2"; }
    if grep -qF "$4" <<<"$planted" && ! grep -qF "$4" <<<"$clean"; then echo "found: $1: $4"; else echo "NOT FOUND: $1: $4"; missed=1; fi
}
self_test() {
    local name missed=0 spdx='/* SPDX-License-Identifier: Apache-2.0 */'
    scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
    cp -r CMakeLists.txt .clang-format src tests "$scratch" && mkdir -p "$scratch/plugins" && cd "$scratch" || return 1
    for name in strcpy strcat sprintf vsprintf strtok atoi atol gets gmtime localtime alloca; do
        plant banned plugins/x/x.c "void f(void)\n{\n$name (0); }" 'plugins/x/x.c:3: banned function'
    done
    plant banned src/mail/x.c 'void f(void) { exit(1); }' 'src/mail/x.c:1: exit() outside src/main.c'
    for name in pcap.h pcap/pcap.h openssl/evp.h ndpi_api.h json-c/json.h zlib.h zstd.h xxhash.h yaml.h librdkafka/rdkafka.h curl/curl.h; do
        plant third_party src/x509/zz.c "#include <$name>" 'src/x509/zz.c:1: '
    done
    plant upward src/mail/x.h '#include "../tls/tls.h"' 'src/mail/x.h:1: include of a parent folder'
    plant words src/mail/x.c 'int x; /* TODO */' 'src/mail/x.c:1: unfinished work'
    for name in x.c x.h x.def x.sh x.py CMakeLists.txt; do plant spdx "src/new/$name" 'x' "src/new/$name:1: no SPDX"; done
    plant length src/mail/x.c "$spdx$(printf '\\n%.0s' {1..501})" 'src/mail/x.c:502: over 500 lines'
    plant version CMakeLists.txt 'project(x VERSION 9.9.9)' 'not the version of CMakeLists.txt, 9.9.9'
    plant headers src/mail/x.h 'size_t x(void);' 'src/mail/x.h:1: does not compile alone'
    plant headers src/mail/y.h '#include "flow.h"' 'src/mail/y.h:1: does not compile alone'
    plant headers src/flow/y.h '#include "session.h"' 'src/flow/y.h:1: does not compile alone'
    plant flow src/capture/CMakeLists.txt 'starttap_stage(capture SOURCES x.c SEES base packet USES x)' 'capture does not see packet'
    plant flow src/mail/CMakeLists.txt 'target_include_directories(mail PUBLIC ../flow)' 'mail opens folders by itself'
    plant flow src/base/tls.h 'struct x;' 'src/tls/tls.h:1: can be included by capture, which does not see tls'
    command -v clang-format >/dev/null && plant format src/mail/x.c 'int  x ;' 'src/mail/x.c:1: layout'
    return $missed
}
