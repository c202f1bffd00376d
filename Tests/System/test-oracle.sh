#!/usr/bin/env bash
# What a real kernel did, over real sockets and TLS: the scenarios here, and all of them if they lie beside the project.
source "${0%/*}/support.bash"

# A scenario whose results are those of no kernel, so that a comparison that finds nothing shows.
mkdir wrong
printf 'proc p0\nproc p1\n' >wrong/wrong.scn
printf '1 proc ok\n2 proc err EIO\n' >wrong/wrong.expected

# oracle STATUS HMM-CLIENT-ARGUMENT...
oracle() {
    local expected=$1
    shift
    status=0
    "$hmmd" --run "$(printf '%q ' "$client" oracle "$@")" >out 2>err || status=$?
    [[ $status == "$expected" ]] || {
        cat out err
        fail "oracle $*: exit status $status instead of $expected"
    }
}

oracle 1 wrong
cat >expected <<'END'
wrong/wrong.scn:2: expected `proc err EIO`, got `proc ok`
wrong: 0 of 1
0 passed, 1 failed
END
same "a difference" expected out

oracle 0 --results wrong
printf '1 proc ok\n2 proc ok\n' >expected
same "results" expected out

mkdir empty
oracle 1 empty
is "no scenarios" "$(cat out)" "0 passed, 0 failed"
oracle 64 nowhere

folders=("$root/Tests/Oracle")
[[ ! -d $root/../shared/oracle ]] || folders+=("$root/../shared/oracle")
oracle 0 "${folders[@]}"
is "every scenario" "$(tail -n 1 out)" "* passed, 0 failed"
echo "note: $(tail -n 1 out)"
