#!/usr/bin/env bash
# What `make install` puts where, manual pages that say what the programs say, and completion that completes.
source "${0%/*}/support.bash"
need python3 man mandoc

"$root/scripts/install" "$HMM_BIN" /usr "$HMM_TMP/root" >out 2>err || fail "install: $(cat err)"
usr=root/usr
for program in hmmd hmm-client; do
    is "$program" "$("$usr/bin/$program" --help | head -n 1)" 'OVERVIEW: *'
done
grep -q '^ExecStart=/usr/bin/hmmd serve$' "$usr/lib/systemd/system/hmmd.service" || fail "the unit"

# Every flag of every command is in the page, and nothing there is malformed.
for page in man8/hmmd.8 man1/hmm-client.1 man7/hmm-protocol.7; do
    status_of mandoc -T lint -W warning "$usr/share/man/$page"
    [[ $status == 0 ]] || fail "$page: $(cat out)"
    status_of man -l --warnings -Tutf8 "$usr/share/man/$page"
    [[ $status == 0 && ! -s err ]] || fail "$page: $(cat err)"
    sed 's/.\x08//g; s/\x1b\[[0-9;]*m//g; s/‐/-/g; s/−/-/g' out >"${page##*/}.txt"
done
flags() { "$HMM_BIN/$1" --experimental-dump-help | python3 -c '
import json, sys
def walk(command):
    for argument in command.get("arguments", []):
        for name in argument.get("names", []):
            if name["kind"] == "long" and argument["shouldDisplay"]: print("--" + name["name"])
    for each in command.get("subcommands", []):
        if each["commandName"] != "help": walk(each)
walk(json.load(sys.stdin)["command"])' | sort -u; }
for page in hmmd.8 hmm-client.1; do
    flags "${page%.*}" >flags
    (($(wc -l <flags) > 10)) || fail "no flags of ${page%.*}"
    while read -r flag; do
        grep -qE -- "(^|[^-a-z])$flag([^-a-z]|$)" "$page.txt" || fail "$page does not say $flag"
    done <flags
done
"$hmmd" --dump-protocol | python3 -c 'import json, sys; [print(v["name"]) for v in json.load(sys.stdin)["verbs"]]' >verbs
while read -r verb; do
    grep -qE "^ +$verb\$" hmm-protocol.7.txt || fail "hmm-protocol.7 does not say $verb"
done <verbs

# complete PROGRAM WORD...: what bash offers for the last word.
complete_words() {
    bash --norc -c '
        source "$1"; shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
        COMP_POINT=${#COMP_LINE}
        function=$(complete -p "$1" | sed "s/.*-F \([^ ]*\).*/\1/")
        "$function" "$1" "${@: -1}" "${@: -2:1}"
        printf "%s\n" "${COMPREPLY[@]}"' complete "$usr/share/bash-completion/completions/$1" "$@" | sed 's/ *$//'
}
complete_words hmmd serve --metr >offered
grep -qx -- '--metrics' offered || fail "hmmd serve --metr: $(cat offered)"
complete_words hmmd ce >offered
grep -qx cert offered || fail "hmmd ce: $(cat offered)"
complete_words hmm-client session --comm >offered
grep -qx -- '--command' offered || fail "hmm-client session --comm: $(cat offered)"
