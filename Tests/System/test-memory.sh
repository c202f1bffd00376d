#!/usr/bin/env bash
# Memory that a tenant gives back goes back to the system, and so does all of it when the tenant goes.
source "${0%/*}/support.bash"
need openssl

certificates certs ci
serve server

# In MiB.
resident() { awk '/^VmRSS:/ { print int($2 / 1024) }' "/proc/$server/status"; }
below() { (($(resident) < $1)); }

# Both tenants' first connections have allocated what every loop keeps.
connect warm ci
ask warm ping '+'
ask warm quit '+' '\* bye QUIT'
hear_end warm
before=$(resident)
slack=48

connect a ci
ask a 'mm.create' '+ mm=1'
ask a 'mmap 1 0x10000 256m' '+ va=*'
ask a 'write 1 0x10000 data="x" len=256m' '+ n=268435456'
full=$(resident)
((full >= before + 240)) || fail "256 MiB written, yet the server grew from $before to $full MiB"
ask a 'read 1 0x1000f000 2' '= data="xx"' '+ n=2'
ask a 'munmap 1 0x10000 256m' '+ pages=65536 *'
eventually "memory to be returned after munmap, $(resident) of $full MiB, $before before" below $((before + slack))
unmapped=$(resident)

# Again, in another address space, on a device, and with a client that just goes.
ask a 'mm.create' '+ mm=2'
ask a 'mmap 2 0x10000 256m' '+ va=*'
ask a 'write 2 0x10000 data="y" len=256m' '+ n=268435456'
ask a 'dev.create gpu0' '+ *'
ask a 'region.create gpu0 128m' '+ *'
ask a 'migrate 2 0x10000 128m gpu0' '= *'
(($(resident) >= before + 240)) || fail "the second 256 MiB are not there: $(resident) MiB"
hang_up a
eventually "memory to be returned with the tenant, $(resident) MiB, $before before" below $((before + slack))

# Nothing adds up over many tenants' lives.
for ((i = 0; i < 3; i++)); do
    connect a ci
    ask a 'mm.create' '+ mm=1'
    ask a 'mmap 1 0x10000 64m' '+ va=*'
    ask a 'write 1 0x10000 data="z" len=64m' '+ n=67108864'
    ask a 'quit' '+' '\* bye QUIT'
    hear_end a
done
eventually "memory to be returned after three more" below $((before + slack))
echo "note: $before MiB at first, $full with 256 MiB written, $unmapped after munmap, $(resident) at the end"
