#!/usr/bin/env bash
# SIGHUP: new certificates for new connections, the old ones if the new ones are no good.
source "${0%/*}/support.bash"
need openssl

certificates first ci
certificates second ci
cp -r first certs
serve server
connect old ci

# The serial number of what the server shows to a new connection.
shown() {
    # It ends with a complaint: it has no certificate to show itself.
    openssl s_client -connect "127.0.0.1:$port" </dev/null >shown 2>/dev/null || true
    serial_of shown
}
serial_of() { openssl x509 -noout -serial -in "$1"; }
serial() { serial_of "$1/server.pem"; }

[[ $(serial first) != "$(serial second)" ]] || fail "both server certificates have one serial number"
is "the certificate at first" "$(shown)" "$(serial first)"

cp second/* certs/
is "the certificate before SIGHUP" "$(shown)" "$(serial first)"
kill -HUP "$server"
logged 'msg="certificates reloaded"'
is "the certificate after SIGHUP" "$(shown)" "$(serial second)"
connect new ci
ask new 'mm.create' '+ mm=1'
ask old 'mm.create' '+ mm=2'

# The authority of clients has changed too.
status_of openssl s_client -quiet -connect "127.0.0.1:$port" -CAfile second/ca.pem -cert first/ci.pem -key first/ci.key
is "a client of the old authority" "$(cat out)" ''
grep -q 'alert unknown ca' err || fail "a client of the old authority: $(cat err)"

# broken WHAT COUNT: the files cannot be used, everything stays as it is.
broken() {
    kill -HUP "$server"
    logged 'level=error msg="certificates not reloaded" reason=' "$2"
    is "the certificate with $1" "$(shown)" "$(serial second)"
    ask old ping '+'
    ask new ping '+'
    rm -r certs
    cp -r second certs
    connect "again$2" ci
    hang_up "again$2"
}
echo nonsense >certs/server.pem
broken "nonsense for a certificate" 1
cp first/server.key certs/server.key
broken "the key of another certificate" 2
rm certs/ca.pem
broken "no authority" 3
: >certs/server.key
broken "an empty key" 4
grep -q 'not reloaded" reason=.*server\.pem' "$log" || fail "the log does not name the file"

cp first/* certs/
kill -HUP "$server"
logged 'msg="certificates reloaded"' 2
is "the certificate at last" "$(shown)" "$(serial first)"
connect last ci
ask last 'mm.create' '+ mm=3'
ask old 'maps 1' '+ rows=0 *'
