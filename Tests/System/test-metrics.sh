#!/usr/bin/env bash
# /metrics, /livez and /readyz, read by curl and judged by promtool.
source "${0%/*}/support.bash"
need openssl curl promtool

certificates certs ci
serve server --metrics 127.0.0.1:0 --max-connections 3
metrics=$(sed -n 's/.*msg=listening.* metrics=\([^ ]*\).*/\1/p' "$log")
connect a ci
ask a 'mm.create' '+ mm=1'
ask a 'nonsense' '- NOVERB *'

# code METHOD PATH [OPTION...]: the status, with the answer in ./body.
code() { curl -s -o body -w '%{http_code}' -X "$1" "${@:3}" "http://$metrics$2"; }

is "the status of /metrics" "$(code GET /metrics)" 200
promtool check metrics <body || fail "promtool has something to say"
cp body all
sed -n '/^groups:/,/^```/p' "$root/docs/operations.md" | grep -v '^```' >rules.yml
promtool check rules rules.yml >out 2>&1 || fail "the rules of docs/operations.md: $(cat out)"
cp "$system/alerts.yml" .
promtool test rules alerts.yml >out 2>&1 || fail "the rules of docs/operations.md do not fire as they should: $(cat out)"
# metric LINE: it is there, word for word.
metric() { grep -qxF -- "$1" all || fail "no line '$1'"; }
metric 'hmmd_requests_total{verb="mm.create"} 1'
metric 'hmmd_requests_refused_total{code="NOVERB"} 1'
metric 'hmmd_connections{transport="tls"} 1'
metric 'hmmd_connection_limit 3'
metric 'hmmd_accept_failures_total 0'
metric 'hmmd_tenant_connections{tenant="ci"} 1'
metric 'hmmd_handshakes_total{result="ok"} 1'
end=$(date -d "$(openssl x509 -noout -enddate -in certs/server.pem | cut -d= -f2)" +%s)
metric "hmmd_certificate_not_after_seconds $end"
grep -q "^process_open_fds [1-9]" all || fail "no open files"

is "/livez" "$(code GET /livez)" 200
is "/livez says" "$(cat body)" ok
is "/readyz" "$(code GET /readyz)" 200
is "a query" "$(code GET '/livez?verbose')" 200
is "another path" "$(code GET /)" 404
is "POST" "$(code POST /metrics)" 405
is "PUT" "$(code PUT /metrics)" 405
is "a body" "$(code GET /metrics -d x)" 400
curl -sI "http://$metrics/metrics" >head
grep -q '^HTTP/1.1 200' head || fail "HEAD: $(cat head)"
grep -qi '^content-type: text/plain; version=0.0.4' head || fail "HEAD: $(cat head)"
is "POST with a body" "$(code POST /metrics -d x)" 405
# Whoever waits to be asked for a body is answered, too.
head -c 100000 /dev/zero >much
is "Expect" "$(code POST /metrics -H 'Expect: 100-continue' --expect100-timeout "$patience" --data-binary @much -m "$patience")" 405
# A page of somebody's, whose name leads here, must not have its visitor's browser read it.
is "another's name" "$(code GET /metrics -H 'Host: example.com')" 421
is "another's name and port" "$(code GET /livez -H "Host: localhost.example.com:${metrics##*:}")" 421
is "our name" "$(code GET /livez -H "Host: LOCALHOST:${metrics##*:}")" 200
is "an address" "$(code GET /livez -H 'Host: [::1]:1')" 200
# statuses: of what comes back for the bytes of standard input, whose end is the end of what the client says.
statuses() { ncat -w "$patience" "${metrics%:*}" "${metrics##*:}" | tr -d '\r' | grep -a '^HTTP' | tr '\n' ';'; }
is "a client that ends its side" "$(printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n' | statuses)" 'HTTP/1.1 200 OK;'
is "no request" "$(printf 'nonsense\r\n\r\n' | statuses)" 'HTTP/1.1 400 Bad Request;'
is "an unfinished one" "$(printf 'GET /livez HTTP/1.1\r\nHost' | statuses)" 'HTTP/1.1 400 Bad Request;'
is "two at once" "$(printf 'nonsense\r\n\r\nGET /livez HTTP/1.1\r\n\r\n' | statuses)" 'HTTP/1.1 400 Bad Request;'
# Too much is not read to its end.
{ printf 'X: ' && head -c 100000 /dev/zero | tr '\0' a; } >much
is "100000 bytes of header" "$(code GET /metrics -H @much)" 431
is "after that" "$(code GET /livez)" 200

# More connections than may be: some get no answer, the rest of the server does not care.
for ((i = 0; i < 20; i++)); do exec {silent[i]}<>"/dev/tcp/${metrics%:*}/${metrics##*:}"; done
ask a ping '+'
for ((i = 0; i < 20; i++)); do exec {silent[i]}>&-; done
alive() { [[ $(code GET /livez || true) == 200 ]]; }
eventually "an answer after the flood" alive

# While it drains it is alive and not ready.
connect driver ci
ask driver 'mmap 1 0x10000 1p' '+ va=*'
ask driver 'dev.create gpu0' '+ *'
ask driver 'mirror 1 gpu0 lease=3600000' '+ mirror=1 *'
say a 'munmap 1 0x10000 1p'
hear driver '!1 inval mirror=1 *'
kill -TERM "$server"
hear driver '\* note : ?*'
is "/readyz of a server that stops" "$(code GET /readyz)" 503
is "/livez of a server that stops" "$(code GET /livez)" 200
say driver 'ack 1'
ended "$server"
is "the exit status" "$status" 0


# Nothing is opened unasked, and a place that is taken is an error.
serve plain
grep -q 'metrics=' "$log" && fail "metrics are served unasked"
status_of "$hmmd" --listen 127.0.0.1:0 --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem \
    --metrics "127.0.0.1:$port"
[[ $status == 1 ]] || fail "a port that is taken: exit status $status"
grep -q "cannot listen on 127.0.0.1:$port" err || fail "a port that is taken: $(cat err)"

# The bound on connections is the one that holds: it changes with a reload, and no more are taken than there is room for,
# so that whoever watches gets in.
limit() { curl -s "http://$metrics/metrics" | sed -n 's/^hmmd_connection_limit //p'; }
is_limit() { [[ $(limit) == "$1" ]]; }
cat >hmmd.yaml <<'END'
server: {max-connections: 7}
END
(
    # Both limits.
    ulimit -n 200
    exec "$hmmd" serve --plain-loopback 0 --metrics 127.0.0.1:0 --loops 1 --config hmmd.yaml 2>bound.log
) &
server=$! log=bound.log
eventually "the server to listen" is_up
metrics=$(sed -n 's/.*msg=listening.* metrics=\([^ ]*\).*/\1/p' "$log")
plain_port=$(sed -n 's/.*msg=listening.* plain=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
is "the limit" "$(limit)" 7
echo 'server: {max-connections: 500}' >hmmd.yaml
kill -HUP "$server"
logged 'level=notice msg="the limit of open files is below --max-connections" max-connections=500 room=134'
eventually "the new limit" is_limit 134
for ((i = 0; i < 160; i++)); do exec {silent[i]}<>"/dev/tcp/127.0.0.1/$plain_port"; done
logged 'reason="too many connections"'
is "/livez of a server that is full" "$(code GET /livez)" 200
for ((i = 0; i < 160; i++)); do exec {silent[i]}>&-; done
kill -TERM "$server"
ended "$server"
# Also of the bound that holds when nobody has named one.
(
    ulimit -n 200
    exec "$hmmd" serve --plain-loopback 0 --loops 1 2>standard.log
) &
server=$! log=standard.log
logged 'max-connections=20000 room=134'
kill -TERM "$server"
ended "$server"
