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

# Files where a file is meant and where nothing else is said, words where there are few, and the flags of the command that
# none means.
offers() { # offers PATTERN WORD...
    complete_words "${@:2}" >offered
    grep -qx -- "$1" offered || fail "${*:2}: $(cat offered)"
}
mkdir -p some/folder && touch some/server.pem
offers some/server.pem hmmd serve --cert some/ser
offers some/server.pem hmm-client session --ca some/ser
offers optional hmmd serve --verify o
offers --metrics hmmd --metr
offers some/server.pem hmmd --cert some/ser
offers --command hmm-client --comm
complete_words hmmd --vers >offered
is "--version" "$(sort -u offered | tr '\n' ' ')" '*--version *'
for program in hmmd hmm-client; do
    grep -q '^complete -o default -o filenames' "$usr/share/bash-completion/completions/$program" || fail "no files by default"
done
if command -v fish >/dev/null; then
    for line in 'hmmd serve --cert some/ser' 'hmmd --cert some/ser'; do
        fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
            "$usr/share/fish/vendor_completions.d/hmmd.fish" "$line" >offered
        grep -q '^some/server.pem' offered || fail "fish: $line: $(cat offered)"
    done
    fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
        "$usr/share/fish/vendor_completions.d/hmmd.fish" 'hmmd --metr' >offered
    grep -q -- '^--metrics' offered || fail "fish: hmmd --metr: $(cat offered)"
fi
# In zsh completion works only where somebody types: what has become of the line goes to a file.
if command -v zsh >/dev/null; then
    cat >typed.zsh <<'END'
zmodload zsh/zpty
zpty shell zsh -f -i
answer() {
    local end=$((SECONDS + 30))
    rm -f answer
    zpty -w -n shell "$1"
    until [[ -s answer ]]; do
        ((SECONDS < end)) || { print -r -- "no answer to ${(V)1}"; exit 1; }
        # What is shown is not looked at, but it has to be read.
        zpty -r -t shell >/dev/null
        sleep 0.02
    done
    print -r -- "$(<answer)"
}
answer 'fpath=('"$1"$' $fpath); autoload -Uz compinit; compinit -u -D
    complete-and-tell() { zle complete-word; print -r -- "$BUFFER" >new; mv new answer; BUFFER=""; }
    zle -N complete-and-tell; bindkey "^I" complete-and-tell; print loaded >answer\n'
for line in 'hmmd serve --cert some/ser' 'hmmd --metr' 'hmmd --cert some/ser'; do answer "$line"$'\t'; done
END
    zsh -f typed.zsh "$PWD/$usr/share/zsh/site-functions" >out 2>err || fail "zsh: $(cat out err)"
    is "zsh" "$(sed 's/ *$//' out | tr '\n' ';')" \
        'loaded;hmmd serve --cert some/server.pem;hmmd --metrics;hmmd --cert some/server.pem;'
fi

# Prefixes with what shells, sed and systemd take for something else.
odd='/opt/a & b|100%'
"$root/scripts/install" "$HMM_BIN" "$odd" "$HMM_TMP/odd" >out 2>err || fail "install: $(cat err)"
"odd$odd/bin/hmmd" --version >out || fail "$odd: no program"
grep -qxF 'ExecStart=/opt/a\x20&\x20b|100%%/bin/hmmd serve' "odd$odd/lib/systemd/system/hmmd.service" || fail "$odd: the unit"
"$root/scripts/install" "$HMM_BIN" '' "$HMM_TMP/bare" >out 2>err || fail "install: $(cat err)"
grep -qx 'ExecStart=/bin/hmmd serve' bare/lib/systemd/system/hmmd.service || fail "an empty prefix: $(find bare)"
status_of "$root/scripts/install" "$HMM_BIN" usr "$HMM_TMP/bad"
[[ $status == 64 && ! -e bad ]] || fail "a prefix that is no path: exit status $status"
