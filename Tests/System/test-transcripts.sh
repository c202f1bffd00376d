#!/usr/bin/env bash
# Every transcript and every lesson of the tutorial, over real sockets and TLS.
source "${0%/*}/support.bash"

cd "$root"
mapfile -t files < <(find Tests/Transcripts docs/tutorial -name '*.hmm' | sort)
((${#files[@]} > 0)) || fail "no transcripts in $root/Tests/Transcripts"

out=$HMM_TMP/out
status=0
"$hmmd" --run "$(printf '%q ' "$client" play --timeout "$patience" "${files[@]}")" >"$out" 2>&1 || status=$?
[[ $status == 0 && $(tail -n 1 "$out") == "${#files[@]} passed, 0 failed" ]] || {
    grep -v '^ok ' "$out"
    fail "exit status $status of ${#files[@]} transcripts"
}
echo "note: $(tail -n 1 "$out")"
