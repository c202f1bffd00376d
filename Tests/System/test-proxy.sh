#!/usr/bin/env bash
# `hmm-client proxy`: what a bad network does to a connection, and what the server makes of it.
source "${0%/*}/support.bash"
need ncat openssl socat

# MARK: Usage

status_of "$client" proxy --latency 50 --to localhost:1
is "a time without a unit" "$status" 64
status_of "$client" proxy --stall-after driver:1 --to localhost:1
is "a side that is none" "$status" 64
status_of "$client" proxy --stall-after 1 --cut-after client:1 --to localhost:1
is "two endings" "$status" 64
status_of "$hmmd" --run "$client proxy -- bash -c 'exit 7'"
is "the exit status is the command's" "$status" 7

# proxy NAME [FLAG...]: starts a proxy before the server. Sets proxy and proxy_port.
proxy() {
    local name=$1
    shift
    "$client" proxy --to "127.0.0.1:$port" "$@" >"$name.proxy" 2>"$name.proxy.err" </dev/null &
    proxy=$!
    eventually "the proxy to listen" test -s "$name.proxy"
    proxy_port=$(sed 's/.*://' "$name.proxy")
}

# MARK: Bytes are bytes

head -c 100000 /dev/urandom >bytes
socat -d -d -t 30 TCP-LISTEN:0,bind=127.0.0.1,fork EXEC:cat 2>echo-server.err &
eventually "socat to listen" has_line echo-server.err 'listening on'
port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' echo-server.err)
proxy echo --segment 3 --latency 1ms --rate 50m
timeout "$patience" ncat 127.0.0.1 "$proxy_port" <bytes >back
cmp bytes back || fail "$(stat -c %s back) bytes came back, or others"
kill "$proxy"

proxy short --cut-after server:1000
timeout "$patience" ncat 127.0.0.1 "$proxy_port" <bytes >back 2>err || true
# A reset may overtake what the system has not handed over yet.
size=$(stat -c %s back)
((size <= 1000)) || fail "$size bytes came although it was cut after 1000"
cmp -n "$size" back bytes || fail "other bytes came before the cut"
kill "$proxy"

# MARK: Transcripts over a bad network are the same

cd "$root"
mapfile -t files < <(find Tests/Transcripts/session -name '*.hmm' | sort)
cd "$HMM_TMP"
play=$(printf '%q ' "$client" play --quiet --timeout "$patience" "${files[@]/#/$root/}")
status_of "$hmmd" --run "$client proxy --segment 1 -- $play"
[[ $status == 0 ]] || fail "one byte at a time: $(cat out err)"
status_of "$hmmd" --run "$client proxy --segment 1 --latency 5ms -- $client play --quiet $root/Tests/Transcripts/day.hmm"
[[ $status == 0 ]] || fail "one byte at a time, late: $(cat out err)"

# MARK: A network that fails

certificates certs ci
serve server --log-level debug --idle-timeout 8
direct_port=$port
connect P ci
ask P 'dev.create gpu' '+ dev=gpu'

# driver NAME FLAG...: a driver behind a proxy of its own mirrors the memory of a new address space of P. Sets mm.
driver() {
    local name=$1 mirror
    proxy "$name" "${@:2}"
    port=$proxy_port
    connect "$name" ci
    port=$direct_port
    ask P mm.create '+ mm=*'
    mm=${heard#+ mm=}
    ask P "mmap $mm 0x10000 1p" '+ va=0x10000 *'
    ask P "write $mm 0x10000 \"x\"" '+ n=1'
    ask "$name" "mirror $mm gpu lease=2000" '+ mirror=*'
    mirror=${heard#+ mirror=}
    ask "$name" "fault ${mirror%% *} 0x10000 1p" '= va=0x10000 *' '+ pages=1 *'
}

# pad NAME: as many bytes as are passed on before the network fails.
pad() {
    local comment count
    comment=$(head -c 8000 /dev/zero | tr '\0' x)
    for count in 1 2 3 4; do say "$1" "; $comment"; done
}

# Cut while the server waits for an acknowledgement: the mirror ends with its connection, which counts as letting go.
driver cut --cut-after client:20000
say P "munmap $mm 0x10000 1p"
hear cut '!1 inval mirror=* va=0x10000 len=4096 reason=unmap *'
pad cut
hear P '+ pages=1 acked=1 fenced=0 *'
hear_end cut
kill "$proxy"

# What the client sends is taken no more: its acknowledgement does not arrive, and the lease ends the wait.
driver stall --stall-after client:20000
pad stall
say P "munmap $mm 0x10000 1p"
hear stall '!1 inval mirror=* va=0x10000 len=4096 reason=unmap *'
say stall 'ack 1'
hear P '+ pages=1 acked=0 fenced=1 *'
hear stall '!2 fenced mirror=*'
hang_up stall
kill "$proxy"

# Half open: the driver has gone and nobody tells. Its lease ends the wait, and at last the server drops it.
driver half --half-open-after client:20000
pad half
hang_up half
say P "munmap $mm 0x10000 1p"
hear P '+ pages=1 acked=0 fenced=1 *'

# Whoever says nothing is dropped in the end, P too: nothing of the tenant is left.
logged 'msg="connection closed"' 4
connect Q ci
ask Q dev.list '+ rows=0'
ask Q mm.create '+ mm=1'
