#!/usr/bin/env bash
# What tenants do is recorded, replayed, and made a transcript of, also after the server was killed.
source "${0%/*}/support.bash"
need openssl ncat

recorded_whole() { "$hmmd" replay --output none "$1" 2>&1 | grep -q 'no divergence' && ! "$hmmd" replay --output none "$1" 2>&1 | grep -q 'cut off'; }
larger_than() { (($(stat -c %s "$1") > $2)); }

certificates certs ci other
serve calm --record recordings --record-output
[[ $(stat -c %a recordings) == 700 ]] || fail "the folder is open to others"
connect driver ci
connect process ci
ask process 'mm.create' '+ mm=1'
ask process 'mmap 1 0x10000 4p' '+ va=*'
ask process 'write 1 0x10000 hello' '+ n=5'
ask driver 'dev.create gpu0' '+ *'
ask driver 'mirror 1 gpu0 lease=600000' '+ mirror=1 *'
say process 'munmap 1 0x10000 1p'
hear driver '!1 inval *'
say driver 'ack 1'
hear process '+ pages=1 acked=1 *'
ask process 'quit' '+' '\* bye QUIT'
hear_end process
end_input driver
logged 'msg=recording file='
kill -TERM "$server"
ended "$server"
[[ $status == 0 ]] || fail "the server: exit status $status"

file=(recordings/*.hmmrec)
whole=("${file[@]}")
[[ ${#file[@]} == 1 && $(stat -c %a "${file[0]}") == 600 ]] || fail "not one recording: ${file[*]}"
status_of "$hmmd" replay "${file[0]}"
[[ $status == 0 ]] || fail "replay: status $status: $(cat out err)"
is "the last line" "$(tail -n 1 out)" 'replayed * inputs, * bytes, no divergence'
has_line out 'c2< + pages=1 acked=1' || fail "the output lacks the answer: $(cat out)"
has_line out 'c1< !1 inval mirror=1' || fail "the output lacks the event: $(cat out)"
status_of "$hmmd" replay --output 2 "${file[0]}"
is "one connection's bytes" "$(head -n 2 out | tail -n 1)" '+ mm=1'
status_of "$hmmd" replay --list "${file[0]}"
has_line out 'c2> munmap 1 0x10000 1p' || fail "the list lacks a request: $(cat out)"

# It plays against a server as a transcript.
"$hmmd" transcript "${file[0]}" >calm.hmm
"$hmmd" --run "$(printf '%q ' "$client" play --timeout "$patience" calm.hmm)" >out 2>&1 || fail "$(cat out calm.hmm)"

# A changed byte is noticed.
cp "${file[0]}" damaged
printf 'X' | dd of=damaged bs=1 seek=$(($(stat -c %s damaged) - 40)) conv=notrunc status=none
status_of "$hmmd" replay damaged
[[ $status == 1 ]] || fail "a damaged recording: status $status"
has_line err 'damaged at byte' || fail "it does not say so: $(cat err)"
for command in replay transcript; do
    for file in certs/ca.pem nowhere; do
        status_of "$hmmd" $command "$file"
        [[ $status == 2 ]] && has_line err "$file: " || fail "$command: $file is no recording: status $status"
    done
done

# What cannot be read, or written, has its status and is said.
mkfifo pipe
for file in pipe recordings; do
    status_of "$hmmd" replay "$file"
    [[ $status == 2 ]] && has_line err "$file: not a regular file" || fail "$file: status $status: $(cat err)"
done
for command in replay transcript; do
    status_of bash -c '"$@" >/dev/full' - "$hmmd" $command "${whole[0]}"
    [[ $status == 3 ]] && has_line err 'standard output: ' || fail "$command to a full disk: status $status: $(cat err)"
    status_of bash -c '"$@" >&-' - "$hmmd" $command "${whole[0]}"
    [[ $status == 3 ]] && has_line err 'standard output: ' || fail "$command to nowhere: status $status: $(cat err)"
    status_of "$hmmd" $command --memory 1m "${whole[0]}"
    [[ $status == 2 ]] && has_line err 'allow it by --memory' || fail "$command in 1 MiB: status $status: $(cat err)"
done

# What is cut off is kept, and nothing is lost of what is there already.
cp "${whole[0]}" cut
truncate -s -10 cut
cp cut torn
status_of "$hmmd" transcript torn
[[ $status == 0 ]] && has_line err 'torn tail: ' || fail "a torn transcript: status $status: $(cat err)"
status_of "$hmmd" replay --output none --repair torn
[[ $status == 0 && -s torn.torn ]] || fail "the repair: status $status: $(cat err)"
cat torn torn.torn | cmp - cut || fail "the parts are not the whole"
cp cut torn
status_of "$hmmd" replay --output none --repair torn
[[ $status == 2 ]] && has_line err 'torn.torn: ' && cmp torn cut || fail "over another one: status $status: $(cat err)"

# A length that is damaged looks like a torn tail, and is none: it stays as it is.
cp "${whole[0]}" damaged
header=$((20 + $(od -An -t u4 -j 8 -N 4 damaged)))
printf '\001' | dd of=damaged bs=1 seek=$((header + 3)) conv=notrunc status=none
cp damaged before
status_of "$hmmd" replay --output none --repair damaged
[[ $status == 1 ]] && has_line err 'damaged at byte' && cmp damaged before || fail "status $status: $(cat err)"

# MARK: On request

# By ncat, as a CI job would: among its first lines, and leaving ends it.
mkdir asked
serve asked --record asked --record-on-request
as_ci=(ncat --ssl --ssl-verify --ssl-trustfile certs/ca.pem --ssl-cert certs/ci.pem --ssl-key certs/ci.key
    --ssl-alpn hmm/1 localhost "$port")
printf 'mm.create\nrecord start\nmmap 1 0x10000 1p\nquit\n' >lines
timeout "$patience" "${as_ci[@]}" <lines >said || fail "ncat: $(cat said)"
name=$(sed -n 's/^+ state=on rule=on-request file=\([^ ]*\).*/\1/p' said)
[[ -s asked/$name && $name == hmmd-*.hmmrec ]] || fail "no file '$name': $(cat said)"
eventually "the end of the recording" recorded_whole "asked/$name"
status_of "$hmmd" replay "asked/$name"
[[ $status == 0 ]] || fail "replay: status $status: $(cat out err)"
[[ ! -s err ]] || fail "it is not whole: $(cat err)"
has_line out 'c1< + va=0x10000' || fail "what came after is not there: $(cat out)"
"$hmmd" transcript "asked/$name" >asked.hmm 2>err
[[ ! -s err ]] || fail "it comes out differently as a transcript: $(cat err asked.hmm)"
! grep -q record\  asked.hmm || fail "the transcript asks for a recording"
"$hmmd" --run "$(printf '%q ' "$client" play --timeout "$patience" asked.hmm)" >out 2>&1 || fail "$(cat out asked.hmm)"

# Ended by a client, whole from then on; the other client hears of it.
connect asker ci
connect other ci
ask asker 'record start' '+ state=on rule=on-request file=*'
name=${heard#*file=} name=${name%% *}
ask other 'mm.create' '+ mm=1'
ask asker 'record stop' "+ state=off rule=on-request file=$name reason=stopped"
hear other "\* note : the recording $name has ended: stopped"
status_of "$hmmd" replay --output none "asked/$name"
[[ $status == 0 ]] || fail "replay of a file that has just ended: status $status: $(cat out err)"
ask other 'record start' "- STATE EINVAL : the recording $name has ended: *"
ask other 'quit' '+' '\* bye QUIT'
hear_end other
hang_up asker

# Killed while it is recorded on request: what has been written replays.
connect asker ci
ask asker 'record start' '+ state=on *'
name=${heard#*file=} name=${name%% *}
raw asker "$(printf 'ping\\n%.0s' {1..5000})"
eventually "some of it to be written" larger_than "asked/$name" 10000
cp "asked/$name" before
status_of "$hmmd" replay --output none --repair "asked/$name"
[[ $status == 2 ]] && has_line err 'a server is writing it' || fail "a repair while it is written: status $status: $(cat err)"
(($(stat -c %s "asked/$name") >= $(stat -c %s before))) || fail "it was cut off while it was written"
kill -KILL "$server"
wait "$server" 2>/dev/null || true
hang_up asker
status_of "$hmmd" replay --output none --repair "asked/$name"
[[ $status == 0 ]] || fail "after a kill: status $status: $(cat out err)"
has_line err 'cut off' || fail "it does not say that the server was killed: $(cat err)"
status_of "$hmmd" replay --output none "asked/$name"
[[ $status == 0 ]] && ! has_line err 'torn' || fail "after the repair: $(cat err)"

# Without a directory there is nothing to ask for.
status_of "$hmmd" --record-on-request --plain-loopback 0
[[ $status == 64 || $status == 1 ]] && has_line err 'needs --record' || fail "status $status: $(cat err)"

# Killed under load, at different moments. What has been written replays to its last whole input.
for delay in 0.15 0.3 0.45; do
    rm -rf recordings
    serve "killed-$delay" --record recordings --plain-loopback 0
    connect steady ci
    for ((n = 0; n < 4; n++)); do say steady 'mm.create' 'ping' "write 1 0x10000 {3}" 'abc'; done
    (while printf 'ping\nmm.create\nlimits\n'; do :; done 2>/dev/null | nc 127.0.0.1 "$plain_port" >/dev/null 2>&1) &
    flood=$!
    read -r -t "$delay" -u "$never" || true
    kill -KILL "$server"
    wait "$server" 2>/dev/null || true
    kill "$flood" 2>/dev/null || true
    wait "$flood" 2>/dev/null || true
    hang_up steady
    for file in recordings/*.hmmrec; do
        status_of "$hmmd" replay --output none --repair "$file"
        [[ $status == 0 ]] || fail "after a kill: status $status: $(cat out err)"
        has_line err 'cut off' || fail "it does not say that the server was killed: $(cat err)"
        status_of "$hmmd" replay --output none "$file"
        [[ $status == 0 ]] && ! has_line err 'torn' || fail "after the repair: $(cat err)"
    done
done
