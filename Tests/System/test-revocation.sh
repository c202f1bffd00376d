#!/usr/bin/env bash
# Revocation lists: a certificate on one is refused, and after a reload its open connections are closed.
source "${0%/*}/support.bash"
need openssl

certificates certs ci other
: >index
echo 01 >number
cat >ca.conf <<END
[ca]
default_ca = mine
[mine]
database = $PWD/index
crlnumber = $PWD/number
default_md = sha256
default_crl_days = 2
certificate = $PWD/certs/ca.pem
private_key = $PWD/certs/ca.key
END
list() { openssl ca -config ca.conf -gencrl -out certs/crl.pem 2>err; }
list
serve server --client-crl certs/crl.pem
connect mine ci
connect theirs other
openssl ca -config ca.conf -revoke certs/other.pem 2>err
list
kill -HUP "$server"
logged 'msg="certificates reloaded"'
hear theirs '\* bye REVOKED'
hear_end theirs
ask mine ping +
tls other
status_of "${s_client[@]}"
is "a client whose certificate is revoked" "$(cat out)" ''
grep -q 'alert certificate revoked' err || fail "it was refused otherwise: $(cat err)"
connect more ci

# What is no list keeps the old one.
echo nonsense >certs/crl.pem
kill -HUP "$server"
logged 'level=error msg="certificates not reloaded" reason=.*crl\.pem'
connect evenmore ci
