#!/usr/bin/env bash
# Two tenants on one server: nothing of one exists for the other.
source "${0%/*}/support.bash"
need openssl

certificates certs blue green
serve server
connect blue blue
connect blue2 blue
connect green green

ask blue 'hello' '+ version=1 tenant=blue session=c1 role=admin'
ask green 'hello' '+ version=1 tenant=green session=c1 role=admin'
ask blue 'mm.create' '+ mm=1'
ask blue 'mm.create' '+ mm=2'
ask blue 'mmap 1 0x10000 4p' '+ va=0x10000 *'
ask blue 'write 1 0x10000 secret' '+ n=6'
ask blue 'dev.create gpu0' '+ dev=gpu0'
ask blue 'region.create gpu0 1m' '+ region=1 dev=gpu0 kind=private pfn=* pages=256'
region=$heard
ask blue 'mirror 1 gpu0 0x10000 4p lease=600000' '+ mirror=1 *'
ask blue 'munmap 2 0x10000 1p' '+ pages=0 acked=0 *'

# What is the tenant's is its other connection's, too; a mirror exists there, but is not theirs.
ask blue2 'read 1 0x10000 6' '= data="secret"' '+ n=6'
ask blue2 'fault 1 0x10000 1p' '- DENIED EACCES *'
ask blue2 'mirror.drop 1' '- DENIED EACCES *'

# unknown LINE ID: the other tenant's ID is answered like one that nobody has ever had.
unknown() {
    local line=$1 id=$2 nobody=$3 first
    ask green "${line//@/$id}" '- *'
    first=$heard
    ask green "${line//@/$nobody}" '- *'
    is "${line//@/$id}" "${first//$id/@}" "${heard//$nobody/@}"
    [[ $heard == '- NO'* ]] || fail "$line: $heard"
}
unknown 'maps @' 1 987654
unknown 'read @ 0x10000 6' 2 987654
unknown 'write @ 0x10000 mine' 2 987654
unknown 'mmap @ 0x200000 1p' 2 987654
unknown 'munmap @ 0x10000 1p' 2 987654
unknown 'mprotect @ 0x10000 1p r' 2 987654
unknown 'mm.drop @' 2 987654
unknown 'migrate @ 0x10000 1p system' 2 987654
unknown 'fault @ 0x10000 1p' 1 987654
unknown 'snapshot @ 0x10000 1p' 1 987654
unknown 'dev.read @ 0x10000 6' 1 987654
unknown 'dev.write @ 0x10000 mine' 1 987654
unknown 'mirror.drop @' 1 987654
unknown 'region.create @ 1m' gpu0 nobody

# A round that waits in one tenant is not seen in the other, and cannot be answered from there.
say blue2 '#u munmap 1 0x10000 1p'
hear blue '!1 inval mirror=1 va=0x10000 len=4096 reason=unmap *'
ask green 'pending' '+ rows=0'
ask green 'ack 1' '- NOEVENT ENOENT *'
ask green 'dev.list' '+ rows=0'
ask blue 'pending' '= *waits-for=1:1*' '+ rows=1'
ask blue2 'ping' '+'
say blue 'ack 1'
hear blue2 '+u pages=1 acked=1 fenced=0 *'

# Numbers begin at 1 for everyone, the same names and the same physical range are free.
ask green 'mm.create' '+ mm=1'
ask green 'mmap 1 0x10000 4p' '+ va=0x10000 *'
ask green 'read 1 0x10000 6' '= data="\\x00\\x00\\x00\\x00\\x00\\x00"' '+ n=6'
ask green 'dev.create gpu0' '+ dev=gpu0'
ask green 'region.create gpu0 1m' "$region"
ask green 'mirror 1 gpu0 0x10000 4p' '+ mirror=1 *'
ask green 'munmap 1 0x10000 1p' '!1 inval mirror=1 *'
say green 'ack 1'
hear green '+ pages=0 acked=1 *' # the zero page was read
ask blue 'ping' '+'

# A tenant ends with its last connection.
ask blue 'quit' '+' '\* bye QUIT'
hear_end blue
ask blue2 'maps 1' '= va=0x11000 *' '+ rows=1 *'
ask blue2 'quit' '+' '\* bye QUIT'
hear_end blue2
connect blue blue
ask blue 'maps 1' '- NOMM ENOENT *'
ask blue 'mm.create' '+ mm=1'
ask green 'maps 1' '= va=0x11000 *' '+ rows=1 *'
