#!/usr/bin/env bash
# SIGTERM lets clients finish, a second one does not.
source "${0%/*}/support.bash"
need openssl python3

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

# Whoever read the log has gone: a stranger's nonsense, which is logged, ends nobody's server.
mkfifo deaf
sed -u /msg=listening/q <deaf >first &
reader=$!
log=first
"$hmmd" serve --listen 127.0.0.1:0 --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem 2>deaf &
server=$!
eventually "the server to listen" is_up
ended "$reader"
port=$(sed -n 's/.* tls=127\.0\.0\.1:\([0-9]*\).*/\1/p' first)
for ((i = 0; i < 3; i++)); do
    exec {stranger}<>"/dev/tcp/127.0.0.1/$port"
    printf 'nonsense\n' >&"$stranger"
    cat <&"$stranger" >/dev/null
    exec {stranger}>&-
done
connect a ci
ask a ping '+'
kill -TERM "$server"
ended "$server"
[[ $status == 0 ]] || fail "a log that nobody reads: exit status $status"
hang_up a

# Whoever reads it is slow: nobody waits for that, and what was said last is there in the end.
python3 - "$hmmd" >slow 2>slow.err <<'END' &
import fcntl, os, subprocess, sys, time
ear, mouth = os.pipe()
fcntl.fcntl(mouth, fcntl.F_SETPIPE_SZ, 4096)
server = subprocess.Popen([sys.argv[1], "serve", "--plain-loopback", "0", "--log-level", "debug"], stderr=mouth)
os.close(mouth)
said = b""
while b"msg=listening" not in said: said += os.read(ear, 4096)
print(f"pid={server.pid}", said.decode(), sep="\n", flush=True)
while not os.path.exists("read-on"): time.sleep(0.02)
print(open(ear).read())
sys.exit(server.wait())
END
reader=$!
eventually "the server to listen" has_line slow msg=listening
plain_port=$(sed -n 's/.* plain=127\.0\.0\.1:\([0-9]*\).*/\1/p' slow)
for ((i = 0; i < 100; i++)); do
    exec {client}<>"/dev/tcp/127.0.0.1/$plain_port"
    printf 'ping\nquit\n' >&"$client"
    timeout "$patience" cat <&"$client" >said || fail "connection $i has no answer"
    is "connection $i" "$(sed -n 2p said)" '+'
    exec {client}>&-
done
kill -TERM "$(sed -n 's/^pid=//p' slow)"
touch read-on
ended "$reader"
[[ $status == 0 ]] || fail "a log that is read slowly: exit status $status: $(cat slow.err)"
(($(grep -c 'msg="connection opened"' slow) == 100)) || fail "lines are missing: $(tail -n 3 slow)"
has_line slow msg=stopped || fail "the last line is missing: $(tail -n 3 slow)"
