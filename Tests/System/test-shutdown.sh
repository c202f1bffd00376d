#!/usr/bin/env bash
# SIGTERM lets clients finish, a second one does not.
source "${0%/*}/support.bash"
need openssl

certificates certs ci other

for signal in TERM INT; do
    serve "idle-$signal" --unix "$HMM_TMP/socket"
    connect a ci
    connect b other
    kill -s "$signal" "$server"
    hear a '\* note : ?*' '\* bye SHUTDOWN'
    hear b '\* note : ?*' '\* bye SHUTDOWN'
    hear_end a
    hear_end b
    ended "$server"
    [[ $status == 0 ]] || fail "SIG$signal: exit status $status"
    grep -q 'msg=stopped' "$log" || fail "SIG$signal: the log does not say so"
    [[ ! -e socket ]] || fail "SIG$signal: the Unix socket is still there"
done

# busy NAME FLAG...: a server with a request that waits: `waiting`, for an ack of `driver`.
busy() {
    serve "$@"
    connect waiting ci
    connect driver ci
    ask driver 'mm.create' '+ mm=1'
    ask driver 'mmap 1 0x10000 1p' '+ va=*'
    ask driver 'dev.create gpu0' '+ *'
    ask driver 'mirror 1 gpu0 lease=3600000' '+ mirror=1 *'
    say waiting 'munmap 1 0x10000 1p'
    hear driver '!1 inval mirror=1 *'
}

refuses() { ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

# What waits is finished; meanwhile the server serves those it has, and nobody else.
busy drain --drain-seconds 3600
kill -TERM "$server"
hear waiting '\* note : ?*'
hear driver '\* note : ?*'
eventually "new connections to be refused" refuses
ask driver 'ping' '+'
ask driver 'pending' '= *verb=munmap*' '+ rows=1'
say driver 'ack 1'
hear waiting '+ pages=0 acked=1 fenced=0 *' '\* bye SHUTDOWN'
hear driver '\* bye SHUTDOWN'
hear_end waiting
hear_end driver
ended "$server"
[[ $status == 0 ]] || fail "a drained server: exit status $status"

# The time is over: no good-bye.
busy late --drain-seconds 0.3
kill -TERM "$server"
hear waiting '\* note : ?*'
hear driver '\* note : ?*'
hear_end waiting
hear_end driver
ended "$server"
[[ $status == 0 ]] || fail "a server that has waited long enough: exit status $status"

# The second signal.
busy hurry --drain-seconds 3600
kill -TERM "$server"
hear waiting '\* note : ?*'
hear driver '\* note : ?*'
kill -TERM "$server"
hear_end waiting
hear_end driver
ended "$server"
[[ $status == 0 ]] || fail "a server in a hurry: exit status $status"

# Nobody there, and nobody asks for patience.
serve alone --drain-seconds 3600
kill -TERM "$server"
ended "$server"
[[ $status == 0 ]] || fail "a server without clients: exit status $status"
