#!/usr/bin/env bash
# Bytes nobody should send. Another tenant is served all the while.
source "${0%/*}/support.bash"
need openssl

certificates certs ci other
serve server
connect bystander other
ask bystander 'mm.create' '+ mm=1'

alive() { ask bystander 'maps 1' '+ rows=0 *'; }

# closed NAME: the server can no longer find requests.
closed() {
    hear "$1" '\* bye FRAMING'
    hear_end "$1"
    alive
}

spaces() { printf '%*s' "$1" ''; }

# MARK: Long lines

connect a ci
say a "ping$(spaces 8187)" # 4 + 8187 + LF = 8192
hear a '+'
raw a "ping$(spaces 8186)\r\n"
hear a '+'
say a "ping$(spaces 8188)"
hear a '- TOOLONG EMSGSIZE : *8192*'
closed a
connect a ci
raw a "#tag ping$(spaces 9000)" # its end never comes
hear a '- TOOLONG EMSGSIZE : *8192*'
closed a

# MARK: Long literals

connect a ci
ask a 'mm.create' '+ mm=*'
ask a 'mmap 1 0x10000 2m' '+ va=*'
head -c 1048576 /dev/zero | tr '\0' x >million
say a 'write 1 0x10000 {1048576}'
cat million >&"${mouths[a]}"
raw a '\n'
hear a '+ n=1048576'
say a '#w write 1 0x10000 {1048577}'
hear a '-w TOOLONG EMSGSIZE : *1048576*'
closed a
connect a ci
say a 'write 1 0x10000 {99999999999}'
hear a '- TOOLONG EMSGSIZE : *'
closed a

# MARK: Bytes that stand nowhere but in literals

connect a ci
ask a 'mm.create' '+ mm=1'
ask a 'mmap 1 0x10000 1p' '+ va=*'
raw a 'ping\0\n'
hear a '- SYNTAX EBADMSG : NUL *'
raw a '\0\0\0\n'
hear a '- SYNTAX EBADMSG : NUL *'
raw a 'ping\rping\n'
hear a '- SYNTAX EBADMSG : a bare CR *'
raw a '; \x1b[2J\n'
hear a '- SYNTAX EBADMSG : *'
raw a 'ping\r\n'
hear a '+'
raw a '\xff\xfe\n'
hear a '- SYNTAX EBADMSG : *'
raw a '#a\xc3\xa9 ping\n'
hear a '- SYNTAX EBADMSG : *'
raw a 'write 1 0x10000 {5}\n\0\r\n\x1b\xff\n'
hear a '+ n=5'
ask a 'read 1 0x10000 5 hex' '= data=hex:000d0a1bff' '+ n=5'
alive

# MARK: Acknowledgements of nothing

ask a 'ack 1' '- NOEVENT ENOENT : *'
ask a '#t ack 18446744073709551615' '-t NOEVENT ENOENT : *'
ask a 'ack 0' '- * : *'
ask a 'ack 18446744073709551616' '- BADARG EINVAL : *'
ask a 'ack -1' '- * : *'
ask a 'ping' '+'
alive

# MARK: A byte at a time, and no protocol at all

for byte in p i n g '\r' '\n'; do raw a "$byte"; done
hear a '+'
hang_up a

# The same bytes each time. Whatever is said to them, the server stays.
openssl enc -aes-128-ctr -K 00 -iv 00 -nosalt -in million -out noise 2>/dev/null
for part in 1 2 3 4 5 6 7 8; do
    connect noise ci
    trap '' PIPE
    tail -c +$((part * 100000)) noise | head -c 65536 2>/dev/null >&"${mouths[noise]}" || true
    trap - PIPE
    raw noise '\n'
    hear noise '- * : *'
    hang_up noise
    alive
done

# MARK: Silence

serve impatient --line-timeout 1 --handshake-timeout 1
hang_up bystander
connect bystander other
ask bystander 'mm.create' '+ mm=1'

halves=('pin' 'write 1 0x10000 {5}\n' 'write 1 0x10000 {5}\nhell' 'write 1 0x10000 {5}\nhello' '; half a remark')
for i in "${!halves[@]}"; do
    connect "half$i" ci
    ask "half$i" 'ping' '+'
    raw "half$i" "${halves[i]}"
done
for i in "${!halves[@]}"; do hear_end "half$i"; done
alive

# Bytes that come one by one do not help: the time is that of the whole line.
connect a ci
slow() {
    raw a x
    local outcome=0
    IFS= read -r -t 0.1 -u "${ears[a]}" heard || outcome=$?
    ((outcome == 1))
}
eventually "a line that drips to be cut off" slow
hang_up a
alive

# Who does not finish a handshake is dropped without a word.
hellos=('' '\x16' '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')
raws=()
for hello in "${hellos[@]}"; do
    exec {raw}<>"/dev/tcp/127.0.0.1/$port"
    printf "$hello" >&"$raw"
    raws+=("$raw")
done
for i in "${!hellos[@]}"; do
    got=$(timeout "$patience" cat <&"${raws[i]}" | od -An -tx1) || fail "a handshake of '${hellos[i]}' is not cut off"
    is "a handshake of '${hellos[i]}'" "$got" ''
done
# Who has finished it may be silent for ever.
alive
