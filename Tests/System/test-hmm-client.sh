#!/usr/bin/env bash
# hmm-client in scripts: exit statuses, literals, and the ways to say where the server is.
source "${0%/*}/support.bash"
need ncat

certificates certs ci
certificates strangers ci
serve server --plain-loopback 0 --unix "$HMM_TMP/socket"
as_ci=(--ca certs/ca.pem --cert certs/ci.pem --key certs/ci.key)
uri=hmms://localhost:$port

# script STATUS EXPECTED INPUT [ARGUMENT...]: INPUT and EXPECTED with escapes.
script() {
    local expected_status=$1 expected=$2 input=$3
    shift 3
    printf '%b' "$expected" >expected
    printf '%b' "$input" >input
    status=0
    timeout "$patience" "$client" "$@" <input >out 2>err || status=$?
    same "hmm-client $* <<< '$input'" expected out
    [[ $status == "$expected_status" ]] || fail "hmm-client $* <<< '$input': exit status $status: $(cat err)"
}

noverb='- NOVERB ENOSYS : no such verb; `help` lists them\n'

# MARK: 0 and 1, with and without --keep-going

script 0 '+\n' 'ping\n' "${as_ci[@]}" "$uri"
script 0 '+\n' 'ping' "${as_ci[@]}" "$uri"
script 0 '' '' "${as_ci[@]}" "$uri"
script 0 '+\n+\n* bye QUIT\n' 'ping\nquit\n' "${as_ci[@]}" "$uri"
script 0 '+ mm=1\n+ va=0x10000 len=4096 prot=rw kind=anon-private\n+ n=5\n= data="a\\nb\\nc"\n+ n=5\n' \
    'mm.create\nmmap 1 0x10000 1p\nwrite 1 0x10000 {5}\na\nb\nc\nread 1 0x10000 5\n' "${as_ci[@]}" "$uri"
script 0 '+ mm=1\n+ va=0x10000 len=4096 prot=rw kind=anon-private\n+ n=3\n= data={3}\na\nb\n+ n=3\n' \
    'mm.create\nmmap 1 0x10000 1p\nwrite 1 0x10000 hex:610a62\nread 1 0x10000 3 literal\n' "${as_ci[@]}" "$uri"
script 0 '+t1\n+\n' '#t1 ping\n; a remark\n\nping\n' "${as_ci[@]}" "$uri"
script 1 "+\n$noverb" 'ping\nfrobnicate\nping\n' "${as_ci[@]}" "$uri"
script 1 "+\n$noverb+\n" 'ping\nfrobnicate\nping\n' "${as_ci[@]}" --keep-going "$uri"
is "nothing to complain about" "$(cat err)" ''

# A request after one that is refused has no effect: it was never sent.
connect watcher ci
ask watcher 'mm.create' '+ mm=1'
script 1 "$noverb" 'frobnicate\nmm.create\n' "${as_ci[@]}" "$uri"
ask watcher 'mm.create' '+ mm=2'

# MARK: 64, 2 and 3

script 64 '' '' --frobnicate
script 64 '' '' "${as_ci[@]}" http://localhost
script 64 '' '' "${as_ci[@]}" hmm://example.org
script 64 '' '' --ca ./nowhere.pem "$uri"
script 64 '' '' --ca certs/ca.pem --cert certs/ci.pem --key certs/server.key "$uri"
grep -q 'certs/' err || fail "a key that does not fit: no file is named: $(cat err)"

script 2 '' 'ping\n' --ca strangers/ca.pem --cert certs/ci.pem --key certs/ci.key "$uri"
script 2 '' 'ping\n' --ca certs/ca.pem --cert strangers/ci.pem --key strangers/ci.key "$uri"
script 2 '' 'ping\n' --ca certs/ca.pem "$uri"
script 2 '' 'ping\n' "${as_ci[@]}" --server-name elsewhere.example "$uri"
script 2 '' 'ping\n' "${as_ci[@]}" --connect-timeout 1 "hmm://127.0.0.1:$port"
script 2 '' 'ping\n' "hmm+unix://$HMM_TMP/nobody"
script 0 '+\n' 'ping\n' --insecure --cert certs/ci.pem --key certs/ci.key "$uri"

# The server says good-bye in the middle of a script, or is killed.
talk lost "$client" "${as_ci[@]}" "$uri"
ask lost 'ping' '+'
kill -KILL "$server"
ended "${talkers[lost]}"
[[ $status == 3 ]] || fail "a lost connection: exit status $status"
hear_end lost
is "what it says then" "$(cat lost.err)" 'hmm-client: ?*'
script 2 '' 'ping\n' "${as_ci[@]}" "$uri"
hear_end watcher

serve again --plain-loopback 0 --unix "$HMM_TMP/socket"
uri=hmms://localhost:$port
talk lost "$client" "${as_ci[@]}" "$uri"
ask lost 'ping' '+'
kill -TERM "$server"
hear lost '\* note : *' '\* bye SHUTDOWN'
ended "${talkers[lost]}"
[[ $status == 3 ]] || fail "a server that stops: exit status $status"
hear_end lost
ended "$server"

# MARK: Where the server is

serve last --plain-loopback 0 --unix "$HMM_TMP/socket"
uri=hmms://localhost:$port
mtls='+ version=1 tenant=ci session=c1 role=admin\n'
local='+ version=1 tenant=local session=c1 role=admin\n'
script 0 "$mtls" '' "${as_ci[@]}" "$uri" -c hello
script 0 "$mtls" '' "${as_ci[@]}" "hmms://127.0.0.1:$port" -c hello
script 0 "$mtls" '' "${as_ci[@]}" "localhost:$port" -c hello
script 0 "$mtls" '' --ca certs/ca.pem --cert certs/ci-both.pem "$uri" -c hello
script 0 "$local" '' "hmm://127.0.0.1:$plain_port" -c hello
script 0 "$local" '' "hmm://localhost:$plain_port" -c hello
script 0 "$local" '' "hmm+unix://$HMM_TMP/socket" -c hello
script 0 '+\n+2\n+\n' '' "hmm+unix://$HMM_TMP/socket" -c ping -c '#2 ping' --command ping
script 0 '+ mm=1\n+ va=0x10000 len=4096 prot=rw kind=anon-private\n+ n=2\n' '' "hmm+unix://$HMM_TMP/socket" \
    -c mm.create -c 'mmap 1 0x10000 1p' -c 'write 1 0x10000 {2}' -c hi
export HMMD_URI=$uri HMMD_CA=certs/ca.pem HMMD_CERT=certs/ci.pem HMMD_KEY=certs/ci.key
script 0 "$mtls" 'hello\n'
script 0 "$local" 'hello\n' "hmm://127.0.0.1:$plain_port"
HMMD_CERT=certs/ci-both.pem HMMD_KEY='' script 0 "$mtls" 'hello\n'
HMMD_URI=hmm+unix://$HMM_TMP/socket script 0 "$local" 'hello\n'

# MARK: --ack, and play

script 0 '+ mm=1
+ va=0x10000 len=4096 prot=rw kind=anon-private
+ dev=gpu0
+ mirror=1 seq=1 lease=60000
!1 inval mirror=1 va=0x10000 len=4096 reason=unmap seq=3 lease=60000
+ pages=0 acked=1 fenced=0 seq=4
' 'mm.create\nmmap 1 0x10000 1p\ndev.create gpu0\nmirror 1 gpu0 lease=60000\nmunmap 1 0x10000 1p\n' --ack
grep -q 'ack 1' err || fail "--ack does not say what it sent: $(cat err)"

printf ';; right\nP> ping\nP< +\n' >right.hmm
printf ';; wrong\nP> ping\nP< + pong=1\n' >wrong.hmm
printf 'neither\n' >neither.hmm
script 0 'ok right.hmm\n1 passed, 0 failed\n' '' play right.hmm
script 0 '2 passed, 0 failed\n' '' play --quiet right.hmm right.hmm
status_of "$client" play right.hmm wrong.hmm
[[ $status == 1 && $(tail -n 1 out) == '1 passed, 1 failed' ]] || fail "play wrong.hmm: exit status $status: $(cat out)"
grep -q 'wrong.hmm:3' out || fail "play wrong.hmm: the line is not named: $(cat out)"
status_of "$client" play neither.hmm
((status != 0)) || fail "play neither.hmm: exit status 0: $(cat out)"

# An ordinary user may do what root may. Whoever runs the tests as one has seen it by now.
ordinary() { (cd / && TMPDIR=/tmp setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all "$@"); }
if ((EUID == 0)) && ordinary test -x "$client"; then
    ordinary "$hmmd" run -- "$client" session -c ping >out 2>err || fail "an ordinary user: $(cat err)"
    is "an ordinary user's ping" "$(cat out)" '+'
fi

# MARK: A token instead of a certificate

unset HMMD_URI HMMD_CA HMMD_CERT HMMD_KEY
"$hmmd" token make --tenant lab --role admin >made
sed -n 's/^  \([a-z0-9]*\.[A-Za-z0-9_-]*\)$/\1/p' made >token
cat >tokens.yaml <<END
server: {listen: '127.0.0.1:0', cert: certs/server.pem, key: certs/server.key, client-ca: certs/ca.pem, verify: optional}
identities:
  tokens:
$(grep -A 3 '^    - id:' made)
END
log=$HMM_TMP/tokens.log
"$hmmd" --config tokens.yaml 2>"$log" </dev/null &
server=$!
eventually "the server to listen" is_up
port=$(sed -n 's/.*msg=listening.* tls=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
uri=hmms://localhost:$port
lab="+ version=1 tenant=lab session=c? role=admin"

# as_lab COMMAND...: its output begins with what `hello` says of the tenant.
as_lab() {
    status_of "$@" <<<hello
    [[ $status == 0 && $(head -n 1 out) == $lab ]] || fail "$*: status $status: $(cat out err)"
}
as_lab "$client" --ca certs/ca.pem --token-file token "$uri"
as_lab env HMMD_CA=certs/ca.pem HMMD_URI="$uri" HMMD_TOKEN_FILE=token "$client"
as_lab env HMMD_CA=certs/ca.pem HMMD_URI="$uri" HMMD_TOKEN="$(<token)" "$client"
# What is said on the command line counts, not a certificate of the environment; that counts more than a token there.
as_lab env HMMD_CERT=certs/ci.pem HMMD_KEY=certs/ci.key "$client" --ca certs/ca.pem --token-file token "$uri"
script 0 '+ mm=1\n' 'mm.create\n' "${as_ci[@]}" "$uri"
lab='+ version=1 tenant=ci *'
as_lab env HMMD_TOKEN="$(<token)" HMMD_CERT=certs/ci.pem HMMD_KEY=certs/ci.key "$client" --ca certs/ca.pem "$uri"

# Every other way to use it.
status_of "$client" bench --ca certs/ca.pem --token-file token --duration 0.1 --warm-up 0 -c 2 "$uri"
[[ $status == 0 ]] || fail "bench: status $status: $(cat out err)"
printf 'D> dev.create gpu0\nD< + dev=gpu0\n' >driver.hmm
status_of "$client" play --ca certs/ca.pem --token-file token --uri "$uri" driver.hmm
[[ $status == 0 ]] || fail "play: status $status: $(cat out err)"

# Refused, or not to be shown.
echo 'x.nothing' >wrong
script 2 '' 'ping\n' --ca certs/ca.pem --token-file wrong "$uri"
has_line err 'DENIED' || fail "a wrong token: $(cat err)"
: >empty
script 64 '' 'ping\n' --ca certs/ca.pem --token-file empty "$uri"
script 64 '' 'ping\n' --ca certs/ca.pem --token-file nowhere "$uri"
script 64 '' 'ping\n' "${as_ci[@]}" --token-file token "$uri"
script 64 '' 'ping\n' --insecure --token-file token "$uri"
script 64 '' 'ping\n' --token-file token hmm://localhost:1
! grep -q "$(cut -d . -f 2 token)" "$log" || fail "the log has the token"
kill "$server"
ended "$server"
