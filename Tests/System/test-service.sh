#!/usr/bin/env bash
# What systemd asks of a service: notifications, a watchdog, sockets that it has bound, units that it understands.
source "${0%/*}/support.bash"
need openssl python3 ncat curl

certificates certs ci
python3 "$system/listener.py" notify "$HMM_TMP/notify" >>heard.by 2>notify.err &
eventually "the one who listens" has_line heard.by bound
heard_by() { eventually "'$1'" has_line heard.by "$1"; }

export NOTIFY_SOCKET=$HMM_TMP/notify WATCHDOG_USEC=200000
serve server
heard_by '^READY=1,STATUS=listening$'
heard_by '^WATCHDOG=1$'
kill -HUP "$server"
heard_by '^RELOADING=1,MONOTONIC_USEC=[0-9]*$'
ready_again() { (($(grep -c '^READY=1,' heard.by) == 2)); }
eventually "the end of the reload" ready_again
cp certs/server.pem kept.pem
echo rubbish >certs/server.pem
kill -HUP "$server"
heard_by '^READY=1,STATUS=listening; not reloaded: .*certs/server.pem'
cp kept.pem certs/server.pem
kill -TERM "$server"
heard_by '^STOPPING=1'
ended "$server"
is "the exit status" "$status" 0

# An operator's drain is no end yet: systemd would give it so many seconds and then kill. Nothing is read again.
: >heard.by
busy drained --admin "$HMM_TMP/drain.sock" --drain-seconds 3600
printf 'drain\nquit\n' | ncat -U drain.sock >said
heard_by '^STATUS=draining$'
kill -HUP "$server"
logged 'msg="not reloaded" reason="the server is stopping"'
: >heard.by
heard_by '^WATCHDOG=1$'
grep -q STOPPING heard.by && fail "a drain is taken for the end: $(cat heard.by)"
say driver 'ack 1'
heard_by '^STOPPING=1'
ended "$server"
is "the exit status" "$status" 0
grep -q RELOADING heard.by && fail "a reload while it stops: $(cat heard.by)"
hang_up driver
hang_up waiting

# A watchdog of another process.
: >heard.by
export WATCHDOG_PID=1
serve foreign
heard_by '^READY=1'
kill -TERM "$server"
heard_by '^STOPPING=1'
ended "$server"
grep -q WATCHDOG heard.by && fail "a sign of life for another process"
unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID

# Nobody listens there.
NOTIFY_SOCKET=$HMM_TMP/nobody serve unheard
connect a ci
ask a ping '+'
kill -TERM "$server"
ended "$server"

# Sockets from outside; addresses of the flags are not used.
log=$HMM_TMP/given.log
python3 "$system/listener.py" pass tls=0 metrics=0 metrics=0 "unix=$HMM_TMP/u" "admin=$HMM_TMP/a" "admin=$HMM_TMP/b" -- \
    "$hmmd" serve --listen 192.0.2.1:7423 --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem \
    --metrics 192.0.2.1:1 --unix /nowhere/u --admin /nowhere/a 2>"$log" </dev/null &
server=$!
eventually "the server to listen" is_up
port=$(sed -n 's/^tls=//p' "$log")
connect b ci
ask b ping '+'
places=()
for place in $(sed -n 's/^metrics=//p' "$log"); do
    places+=("127.0.0.1:$place")
    is "/readyz" "$(curl -s -m "$patience" "http://127.0.0.1:$place/readyz")" ok
done
((${#places[@]} == 2)) || fail "not two sockets for metrics: $(cat "$log")"
# The log has the places in use, not those of flags.
logged "msg=listening admin=$HMM_TMP/a,$HMM_TMP/b .*metrics=${places[0]},${places[1]} .*unix=$HMM_TMP/u "
printf 'quit\n' | ncat -U b >said
is "the second admin socket" "$(sed -n 2p said)" '+'
printf 'hello\nquit\n' | ncat -U u >said
is "the Unix socket" "$(sed -n 2p said)" '+ version=1 tenant=local *'
printf 'tenants\nquit\n' | ncat -U a >said
is "the admin socket" "$(sed -n 2p said)" '= tenant=ci *'
kill -TERM "$server"
ended "$server"
is "the exit status" "$status" 0
[[ -S u && -S a ]] || fail "sockets of others were removed"

# given WHAT PATTERN LISTENER-ARGUMENT...: the server does not start.
given() {
    status_of python3 "$system/listener.py" pass "${@:3}" -- \
        "$hmmd" serve --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem
    [[ $status == 1 ]] || fail "$1: exit status $status"
    grep -q -- "$2" err || fail "$1: $(cat err)"
}
given "a socket nobody asked for" "the inherited socket 'admin': no setting asks for it" tls=0 "admin=$HMM_TMP/d"
given "a name nobody knows" "its name must be one of tls, unix, admin, metrics" web=0
given "a socket of another family" "no stream socket of the right family" "tls=$HMM_TMP/c"

# Meant for another process, so not for us.
LISTEN_PID=1 LISTEN_FDS=1 LISTEN_FDNAMES=tls serve own
kill -TERM "$server"
ended "$server"

# `[::]` is every address of both families, as a socket that systemd has bound. In a network of its own, for it is every address.
if command -v ip >/dev/null && unshare --map-root-user --net true 2>/dev/null; then
    unshare --map-root-user --net bash -c '
        ip link set lo up
        "$1" serve --listen "[::]:7423" --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem 2>both &
        until grep -q msg=listening both; do kill -0 $! || exit 1; sleep 0.1; done
        for host in 127.0.0.1 "[::1]"; do
            "$2" session -c ping --ca certs/ca.pem --cert certs/ci.pem --key certs/ci.key "hmms://$host:7423" || break
        done
        kill $! && wait $!' - "$hmmd" "$client" >out 2>err || fail "[::]: $(cat err both)"
    (($(grep -cx '+' out) == 2)) || fail "[::]: $(cat out err)"
else
    echo "note: without a network of its own [::] was not tried"
fi

# The units, as far as they can be judged without systemd at work.
if command -v systemd-analyze >/dev/null; then
    mkdir units
    for unit in hmmd.service hmmd.socket hmmd-admin.socket; do
        sed -e "s|@BINDIR@/hmmd|$hmmd|" -e '/^Documentation=/d' "$root/packaging/systemd/$unit" >"units/$unit"
    done
    status_of systemd-analyze verify units/hmmd.service units/hmmd.socket units/hmmd-admin.socket
    [[ $status == 0 && ! -s err ]] || fail "systemd-analyze verify: $(cat err)"
    # 0 is shut off from everything, 10 from nothing.
    status_of systemd-analyze security --offline=true --threshold=15 units/hmmd.service
    [[ $status == 0 ]] || fail "exposure above 1.5: $(tail -n 1 out)"
else
    echo "note: without systemd-analyze the units were not judged"
fi
