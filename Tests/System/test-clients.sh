#!/usr/bin/env bash
# One conversation, typed into ncat, openssl, socat and hmm-client: each gets the same bytes back.
source "${0%/*}/support.bash"
need ncat openssl socat

certificates certs ci
serve server --plain-loopback 0 --unix "$HMM_TMP/socket"

asked=$system/conversation.txt
answered=$system/conversation.expected
sed 1d "$answered" >without-greeting
sed 's/auth=mtls/auth=local/' "$answered" >local-answered
# `quit` is the last line asked, its answer and `* bye QUIT` the last two answered.
head -n -1 "$asked" >without-quit
head -n -2 "$answered" >without-bye

# try WHAT EXPECTED-FILE INPUT-FILE COMMAND...: through pipes, as in `printf … | COMMAND`.
try() {
    local what=$1 expected=$2 input=$3 outcome=0
    shift 3
    cat "$input" | timeout "$patience" "$@" 2>err | cat >out || outcome=$?
    same "$what" "$expected" out
    ((outcome == 0)) || fail "$what: exit status $outcome"
}

ncat=(ncat --ssl-verify --ssl-trustfile certs/ca.pem --ssl-cert certs/ci.pem --ssl-key certs/ci.key)
try "ncat --no-shutdown" "$answered" "$asked" "${ncat[@]}" --no-shutdown localhost "$port"
try "ncat" "$answered" "$asked" "${ncat[@]}" localhost "$port"
try "ncat --ssl-alpn" "$answered" "$asked" "${ncat[@]}" --ssl-alpn hmm/1 localhost "$port"
try "ncat, ending without quit" without-bye without-quit "${ncat[@]}" localhost "$port"

openssl=(openssl s_client -quiet -connect "localhost:$port" -CAfile certs/ca.pem -verify_return_error
    -verify_hostname localhost -cert certs/ci.pem -key certs/ci.key)
try "openssl s_client" "$answered" "$asked" "${openssl[@]}" -alpn hmm/1
try "openssl s_client without ALPN" "$answered" "$asked" "${openssl[@]}"

# -t: how long socat waits for the server once its input has ended; half a second unless told.
socat=(socat -t "$patience" - "OPENSSL:localhost:$port,cafile=certs/ca.pem,cert=certs/ci-both.pem")
try "socat" "$answered" "$asked" "${socat[@]}"
try "socat, ending without quit" without-bye without-quit "${socat[@]}"

try "ncat without TLS" local-answered "$asked" ncat 127.0.0.1 "$plain_port"
try "ncat to the Unix socket" local-answered "$asked" ncat -U socket

hmm_client=("$client" --keep-going --ca certs/ca.pem --cert certs/ci.pem --key certs/ci.key "hmms://localhost:$port")
cat "$asked" | timeout "$patience" "${hmm_client[@]}" >out 2>err && fail "hmm-client: exit status 0 after a refusal"
same "hmm-client" without-greeting out
head -n -2 without-greeting >quiet-end
cat without-quit | timeout "$patience" "${hmm_client[@]}" >out 2>err && fail "hmm-client: exit status 0 after a refusal"
same "hmm-client, which says quit itself" quiet-end out
