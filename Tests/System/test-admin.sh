#!/usr/bin/env bash
# The operator's socket, by hand.
source "${0%/*}/support.bash"
need openssl ncat stat python3

certificates certs ci other
serve server --admin "$HMM_TMP/admin" --record recordings --record-output
is "the socket's mode" "$(stat -c %a admin)" 600
connect a ci
connect b ci
connect c other
ask a 'hello client=alpha' '+ version=1 tenant=ci session=c1*'

# As a person does it.
printf 'tenants\nquit\n' | ncat -U admin >said
cat >expected <<'EOF'
* HMM-ADMIN/1 version=X
= tenant=ci age=X connections=2 spaces=0 devices=0 mirrors=0 pending=0 parked=0 rounds=0 frames=0 frame-limit=1048576 requests=1
= tenant=other age=X connections=1 spaces=0 devices=0 mirrors=0 pending=0 parked=0 rounds=0 frames=0 frame-limit=1048576 requests=0
+ rows=2
+
* bye QUIT
EOF
sed -E 's/(age|version)=[0-9.]+/\1=X/g' said >got
same "tenants" expected got

talk op ncat -U admin
hear op '\* HMM-ADMIN/1 version=*'
ask op 'connections tenant=ci' '= tenant=ci connection=1 peer="127.0.0.1:*" transport=tls state=open auth=mtls role=* client=alpha age=* mirrors=0 open-events=0' \
    '= tenant=ci connection=2 *' '+ rows=2'
ask op 'connections' '= tenant=ci *' '= tenant=ci *' '= tenant=other connection=1 *' '+ rows=3'
ask op 'connections tenant=nobody' '+ rows=0'

# What waits, of all tenants.
ask a 'mm.create' '+ mm=1'
ask a 'mmap 1 0x10000 1p' '+ va=*'
ask a 'dev.create gpu0' '+ *'
ask a 'mirror 1 gpu0 lease=3600000' '+ mirror=1 *'
say b '#t munmap 1 0x10000 1p'
hear a '!1 inval mirror=1 *'
ask op '#w pending' '=w tenant=ci op=* verb=munmap session=c2 tag=t mm=1 va=0x10000 len=4096 waits-for=1:1 missing=1 left=*' '+w rows=1'
ask op 'pending tenant=other' '+ rows=0'

# The grammar is the protocol's.
ask op '; a remark' # no answer
ask op 'nonsense' '- NOVERB ENOSYS : *'
ask op 'Tenants' '- SYNTAX EBADMSG : *'
ask op '#t drop' '-t MISSING EINVAL : `drop` needs `tenant`*'
ask op 'drop tenant=ci connection=0' '- BADARG EINVAL : *'
ask op 'drop tenant=ci tenant=ci' '- BADARG EINVAL : `tenant` is given twice'
ask op 'tenants all' '- BADARG EINVAL : *'
ask op 'help nonsense' '- NOVERB *'
ask op 'help drop' '= verb=drop args="tenant \[connection\]" doc=*' '= arg=tenant *' '= arg=connection *' '+ rows=3'
say op limits
hear op '= name=*'
until [[ $heard == '+ rows='* ]]; do
    hear op '*'
    [[ $heard != '= name=server-connections limit='*' unit=connections used=3 '* ]] || seen=yes
done
[[ ${seen:-} == yes ]] || fail "limits do not show the server's"

# One connection goes, and what waited for it goes on.
ask op 'drop tenant=ci connection=1' '+ dropped=1'
hear a '\* bye DROPPED'
hear_end a
hear b '+t pages=0 acked=1 *'
ask op 'drop tenant=ci connection=1' '+ dropped=0'
ask op 'drop other' '+ dropped=1'
hear c '\* bye DROPPED'
hear_end c
ask b ping '+'
logged "msg=\"connections dropped by the operator\" connection=1 count=1 pid=[0-9]* tenant=ci uid=$UID\$"

ask op reload '+'
logged "msg=\"reload by the operator\" pid=[0-9]* uid=$UID\$"
logged 'msg="certificates reloaded"'
cp certs/server.pem kept
echo nonsense >certs/server.pem
ask op reload '- STATE EINVAL : *server.pem*'
cp kept certs/server.pem

# What has no end is not kept.
head -c 9000 /dev/zero | tr '\0' a | ncat -U admin >said || true
is "a line without end" "$(sed -n 2p said)" '- TOOLONG EMSGSIZE : *'
is "after it" "$(sed -n 3p said)" '\* bye FRAMING'

# The operator ends the server: as long as it takes, and it goes on answering meanwhile.
connect driver ci
ask driver 'mirror 1 gpu0 lease=3600000' '+ mirror=2 *'
ask driver 'mmap 1 0x20000 1p' '+ va=*'
say b '#u munmap 1 0x20000 1p'
hear driver '!1 inval mirror=2 *'
ask op drain '+ connections=2'
hear b '\* note : ?*'
hear driver '\* note : ?*'
ask op drain '- STATE EINVAL : *'
ask op reload '- STATE EINVAL : the server is stopping'
logged "msg=\"drained by the operator\" pid=[0-9]* seconds=all uid=$UID\$"
ask op 'pending' '= tenant=ci *' '+ rows=1'
say driver 'ack 1'
hear b '+u *' '\* bye SHUTDOWN'
hear driver '\* bye SHUTDOWN'
hear_end driver
hear_end op
ended "$server"
is "the exit status" "$status" 0
[[ ! -e admin ]] || fail "the socket is still there"

# What the operator did is in the tenants' recordings, which replay.
for file in recordings/*.hmmrec; do
    status_of "$hmmd" replay "$file"
    [[ $status == 0 ]] || fail "replay of $file: $(cat out err)"
    cat out >>replayed
done
# Of one connection its transport says it; of a tenant the engine.
is "what a replay says of drops" "$(grep -c 'bye DROPPED' replayed)" 1

# over: the server has ended, as it should.
over() {
    ended "$server"
    is "the exit status" "$status" 0
    hang_up driver
    hang_up waiting
}

# With a bound on the clients' patience.
busy late --admin "$HMM_TMP/admin" --drain-seconds 3600
printf 'drain seconds=0\n' | ncat -U admin >said
is "drain" "$(sed -n 2p said)" '+ connections=2'
over

# A drain without end is shortened by another one, but not made longer.
busy again --admin "$HMM_TMP/admin" --drain-seconds 3600
printf 'drain seconds=3600\ndrain\ndrain seconds=7200\ndrain seconds=0\n' | ncat -U admin >said
is "four drains" "$(cut -d: -f1 said | tail -n +2 | tr '\n' ';')" '+ connections=2;- STATE EINVAL ;- STATE EINVAL ;+ connections=2;'
over

# By a signal, which leaves --drain-seconds; the next one leaves nothing.
busy signal --admin "$HMM_TMP/admin" --drain-seconds 0.5
printf 'drain\nquit\n' | ncat -U admin >said
hear driver '\* note : ?*'
kill -TERM "$server"
over
busy signals --admin "$HMM_TMP/admin" --drain-seconds 3600
printf 'drain\nquit\n' | ncat -U admin >said
hear driver '\* note : ?*'
kill -TERM "$server"
ask driver ping '+'
kill -TERM "$server"
over

# Who commands and leaves at once is obeyed, and known.
busy hasty --admin "$HMM_TMP/admin" --drain-seconds 3600
python3 -c '
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.connect(sys.argv[1])
one.sendall(b"drain seconds=0\n")
one.close()' admin
over
grep -q "msg=\"drained by the operator\" pid=[0-9]* seconds=0 uid=$UID\$" "$log" || fail "the log: $(tail -n 5 "$log")"

# A path that cannot be a socket's.
status_of "$hmmd" --check --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem \
    --admin "/$(printf '%0200d' 0)"
[[ $status == 1 && $(cat out) == *"--admin"*"a path of 1 to 107 bytes"* ]] || fail "a long path: $status $(cat out err)"
