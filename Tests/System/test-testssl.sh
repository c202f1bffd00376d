#!/usr/bin/env bash
# What testssl.sh finds in the listener: protocols, ciphers, forward secrecy, certificate, known vulnerabilities. It asks
# nobody but the server.
source "${0%/*}/support.bash"
need testssl openssl python3

"$hmmd" cert make certs --tenant ci --days 90 >/dev/null
# It has no certificate to show. Where one is required its handshake ends by an alert, which it sees or not, as the case
# may be; so it may come without one. test-tls.sh has those that may not.
serve server --verify optional --anonymous-tenant guest
connect resident ci

# Severities are OK, INFO, LOW, MEDIUM, HIGH and CRITICAL; DEBUG, WARN and FATAL are about the scan itself.
cat >judge.py <<'END'
import json, sys

# Certificates that `hmmd cert make` makes are for trying out: their authority tells of no revocations.
EXPLAINED = {"cert_revocation"}
# testssl.sh looks for a service that it knows above TLS, and ours is none.
SCAN = {("service", "DEBUG")}

findings = json.load(open(sys.argv[1]))
seen = {finding["id"] for finding in findings}
missing = {"TLS1_3", "cert_trust", "ROBOT", "heartbleed"} - {name.split(" ")[0] for name in seen}
bad = [finding for finding in findings
       if finding["severity"] not in ("OK", "INFO", "LOW") and finding["id"].split(" ")[0] not in EXPLAINED
       and (finding["id"], finding["severity"]) not in SCAN]
for finding in bad:
    print(finding["id"], finding["severity"], finding["finding"])
if missing:
    print("not looked at:", *sorted(missing))
print("note:", len(findings), "findings")
# 3: the scan had trouble of its own, and found nothing else.
sys.exit(3 if bad and not missing and all(finding["severity"] in ("WARN", "FATAL") for finding in bad)
         else bool(bad or missing))
END

# scan WHAT
scan() {
    local status=3
    # Its own connections time out on a busy machine; it says so, and is asked again.
    for _ in 1 2 3; do
        [ "$status" = 3 ] || break
        rm -f "$1.json"
        # Debian's OpenSSL has no engine for GOST, and need not be asked for one.
        NO_ENGINE=true timeout 100 testssl --quiet --color 0 --warnings off --nodns none --fast -p -s -f -P -S -U \
            --add-ca certs/ca.pem --jsonfile "$1.json" "localhost:$port" >"$1.out" 2>"$1.err" </dev/null || true
        status=0
        python3 judge.py "$1.json" || status=$?
    done
    [ "$status" = 0 ] || fail "$1: see above, and $(tail -n 3 "$1.err")"
    ask resident ping '+'
}

scan 'TLS-1.3'
