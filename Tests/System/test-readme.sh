#!/usr/bin/env bash
# The session that README.md shows, typed into ncat. In a block marked ```session, `> ` begins what is typed; the other
# lines are what comes back, with * for what varies.
source "${0%/*}/support.bash"

readme=$root/README.md
[[ -e $readme ]] || skip "there is no README.md"
awk '/^```session *$/ { on = 1; found = 1; next } /^```/ { on = 0 } on { print } END { exit !found }' "$readme" \
    >session || skip 'README.md has no block marked ```session'
need ncat

certificates certs ci
serve server
talk user ncat --ssl-verify --ssl-trustfile certs/ca.pem --ssl-cert certs/ci.pem --ssl-key certs/ci.key \
    localhost "$port"

# Everything but the * of a line stands for itself.
pattern() { sed 's/[][\\?(]/\\&/g' <<<"$1"; }

greeted=''
typed=0
while IFS= read -r line <&3 || [[ -n $line ]]; do
    # The block may leave out the greeting.
    if [[ -z $greeted ]]; then
        greeted=yes
        hear user '\* HMM/1 *'
        [[ $line != '* HMM/1 '* ]] || {
            is 'the greeting' "$heard" "$(pattern "$line")"
            continue
        }
    fi
    if [[ $line == '> '* ]]; then
        say user "${line#> }"
        typed=$((typed + 1))
    else
        hear user "$(pattern "$line")"
    fi
done 3<session
((typed > 0)) || fail "nothing is typed in the block"
# The block leaves out nothing that comes before the answer to this.
[[ $heard == '* bye '* ]] || ask user '#end-of-readme ping' '+end-of-readme'
