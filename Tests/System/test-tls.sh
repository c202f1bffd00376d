#!/usr/bin/env bash
# Who is refused at the door, and how; the server serves on.
source "${0%/*}/support.bash"
need openssl ncat

certificates certs ci
certificates strangers ci
serve server
connect resident ci

# refused WHAT ALERT: what the s_client of the array gets: an alert of that number, not one byte of the protocol.
refused() {
    local status=0
    timeout "$patience" "${s_client[@]}" >out 2>err </dev/null || status=$?
    [[ ! -s out ]] || fail "$1: got '$(cat out)'"
    ((status != 0)) || fail "$1: exit status 0"
    grep -q "SSL alert number $2\$" err || fail "$1: no alert $2: $(cat err)"
    ask resident ping '+'
}

# welcome WHAT: the s_client of the array can converse.
welcome() {
    printf 'quit\n' | timeout "$patience" "${s_client[@]}" >out 2>err || fail "$1: exit status $?"
    is "$1" "$(tail -n 2 out)" '+
\* bye QUIT'
}

# MARK: Certificates

s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem)
refused "no certificate" 116
s_client+=(-cert strangers/ci.pem -key strangers/ci.key)
refused "a certificate of another authority" 48
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem
    -cert certs/server.pem -key certs/server.key)
refused "a server's certificate" 43

# A certificate of our authority that names nobody: the connection ends before the greeting, without an alert.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout nobody.key -out nobody.csr \
    -subj '/CN=Not A Tenant' 2>err
openssl x509 -req -in nobody.csr -CA certs/ca.pem -CAkey certs/ca.key -days 1 -out nobody.pem 2>err
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem -cert nobody.pem -key nobody.key)
timeout "$patience" "${s_client[@]}" >out 2>err </dev/null || true
is "a certificate that names no tenant" "$(cat out)" ''
logged 'names no tenant'

# A certificate of our authority that was valid until yesterday.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout old.key -out old.csr \
    -subj '/CN=ci' 2>err
mkdir -p authority
: >authority/index
printf '[ca]\ndefault_ca = any\n[any]\ndatabase = authority/index\nnew_certs_dir = authority\npolicy = p\nrand_serial = yes
[p]\ncommonName = supplied\n' >authority/ca.cnf
openssl ca -batch -config authority/ca.cnf -in old.csr -cert certs/ca.pem -keyfile certs/ca.key -md sha256 -notext \
    -startdate 200101000000Z -enddate "$(date -u -d yesterday +%y%m%d%H%M%SZ)" -out old.pem 2>err
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem -cert old.pem -key old.key)
refused "a certificate that has expired" 45

# A tenant can also be the common name.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout named.key -out named.csr \
    -subj '/CN=by-name' 2>err
openssl x509 -req -in named.csr -CA certs/ca.pem -CAkey certs/ca.key -days 1 -out named.pem 2>err
status_of "$client" --ca certs/ca.pem --cert named.pem --key named.key "hmms://localhost:$port" -c hello
is "a tenant by common name" "$(cat out)" '+ version=1 tenant=by-name session=c1 role=admin'

# MARK: No TLS

# Only these bytes may come: a fatal alert, in clear text.
alert() {
    local got
    got=$(timeout "$patience" ncat 127.0.0.1 "$port" | od -An -tx1)
    is "$1" "$got" ' 15 03 0? 00 02 02 ??'
    ask resident ping '+'
}
printf 'ping\nping\n' | alert "plain text"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' | alert "HTTP"
head -c 4096 /dev/zero | alert "zeros"

# MARK: Application protocol, name and version

tls ci -alpn foo
refused "the application protocol foo" 120
tls ci -alpn foo,hmm/1
welcome "several application protocols"
tls ci
welcome "no application protocol"
tls ci -alpn hmm/1
welcome "hmm/1"
tls ci -servername elsewhere.example
welcome "another server name"
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -noservername -CAfile certs/ca.pem
    -cert certs/ci.pem -key certs/ci.key)
welcome "no server name"

tls ci -tls1_2
refused "TLS 1.2" 70
tls ci -tls1_1 -cipher 'DEFAULT@SECLEVEL=0'
refused "TLS 1.1" 70
tls ci -tls1_3
welcome "TLS 1.3"

# Nothing to resume by, and so no early data either.
timeout "$patience" openssl s_client -connect "127.0.0.1:$port" -CAfile certs/ca.pem -cert certs/ci.pem \
    -key certs/ci.key -sess_out session >out 2>err <<<quit
grep -q '^Max Early Data' out session 2>/dev/null && fail "a session to resume: $(cat out)"
[[ ! -e session ]] || fail "a session ticket came"

if command -v sslscan >/dev/null; then
    # offers EXPECTED: the versions, as sslscan sees them.
    offers() {
        timeout "$patience" sslscan --no-colour --no-ciphersuites --no-groups --no-heartbleed "127.0.0.1:$port" >out
        is "what sslscan finds" "$(awk '/^(SSL|TLS)v.* +enabled$/ { print $1 }' out | paste -sd ' ')" "$1"
        grep -q 'TLSv1.2 *\(dis\|en\)abled' out || fail "sslscan says nothing: $(cat out)"
    }
    offers 'TLSv1.3'
else
    offers() { :; }
    echo "note: without sslscan, which is not installed"
fi
ask resident ping '+'

serve old --tls-min 1.2
tls ci -tls1_2
welcome "TLS 1.2 with --tls-min 1.2"
tls ci -tls1_2 -no_ticket -alpn hmm/1
welcome "TLS 1.2 with an application protocol"
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem -tls1_2)
timeout "$patience" "${s_client[@]}" >out 2>err </dev/null && fail "TLS 1.2 without certificate: exit status 0"
is "TLS 1.2 without certificate" "$(cat out)" ''
tls ci -tls1_1 -cipher 'DEFAULT@SECLEVEL=0'
timeout "$patience" "${s_client[@]}" >out 2>err </dev/null && fail "TLS 1.1: exit status 0"
is "TLS 1.1 with --tls-min 1.2" "$(cat out)" ''
tls ci
welcome "TLS 1.3 with --tls-min 1.2"
offers 'TLSv1.2 TLSv1.3'

# `R` at the beginning of a line makes s_client ask for a renegotiation, which nobody answers but with a refusal.
s_client=(openssl s_client -connect "127.0.0.1:$port" -CAfile certs/ca.pem -cert certs/ci.pem -key certs/ci.key -tls1_2)
exec {lines}> >(timeout "$patience" "${s_client[@]}" >out 2>err)
echo R >&"$lines"
eventually "a refusal to renegotiate" grep -q 'no renegotiation' err
exec {lines}>&-
grep -q '^Compression: NONE' out || fail "compression: $(cat out)"
grep -q 'New, TLSv1.2' out || fail "TLS 1.2: $(cat out)"

# MARK: Without certificate, by permission; and without the permission to be silent about the protocol

serve optional --verify optional --anonymous-tenant guest --require-alpn
s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile certs/ca.pem -alpn hmm/1)
printf 'hello\nquit\n' | timeout "$patience" "${s_client[@]}" >out 2>err
is "an anonymous client" "$(cat out)" '\* HMM/1 auth=none *
+ version=1 tenant=guest session=c1 role=admin
+
\* bye QUIT'
tls ci
timeout "$patience" "${s_client[@]}" >out 2>err </dev/null && fail "--require-alpn: exit status 0"
is "--require-alpn" "$(cat out)" ''
tls ci -alpn hmm/1
welcome "--require-alpn with hmm/1"
