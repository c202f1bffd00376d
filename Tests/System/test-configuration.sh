#!/usr/bin/env bash
# A configuration file: what --check says, tokens over TLS with other people's clients, reload, persistence.
source "${0%/*}/support.bash"
need openssl ncat

certificates certs ci
"$hmmd" token make --tenant lab --role driver --name "joe's" >made
token=$(sed -n 's/^  \([a-z0-9]*\.[A-Za-z0-9_-]*\)$/\1/p' made)
is "the token" "$token" '????????????.*'

# What `token make` prints is what the file needs.
configure() {
    cat >hmmd.yaml <<END
server:
  listen: 127.0.0.1:0
  cert: certs/server.pem
  key: certs/server.key
  client-ca: certs/ca.pem
  verify: optional
default:
  persist: 1h
$1
END
}
with_token="identities:
  tokens:
$(grep -A 4 '^    - id:' made)"
configure "$with_token"
grep -q "name: 'joe''s'" hmmd.yaml || fail "the name is not quoted: $(cat made)"

# --check
status_of "$hmmd" --check --config hmmd.yaml
is "the status of a good file" "$status" 0
is "a good file" "$(cat out)" 'good*1 tokens*'
cat >bad.yaml <<'END'
server:
  listen: 127.0.0.1:0
  cert: certs/server.pem
  key: certs/server.key
  client-ca: certs/ca.pem
  max-conections: 5
  loops: many
tenants:
  ci:
    role: boss
END
status_of "$hmmd" --check --config bad.yaml
is "the status of a bad file" "$status" 1
cat >expected <<'END'
bad.yaml:6:3: unknown key 'max-conections'; did you mean 'max-connections'?
bad.yaml:7:10: loops 'many': expected a number from 1 to 1024
bad.yaml:10:11: role 'boss': expected observer, process, driver, admin
END
same "the errors of a bad file" expected out
sed 's,certs/server.key,certs/none.key,' hmmd.yaml >nokey.yaml
status_of "$hmmd" --check --config nokey.yaml
is "a missing key" "$(cat out)" 'nokey.yaml:4:8: certs/none.key: *'
status_of env HMMD_CONFIG=nowhere.yaml "$hmmd" --check
is "a missing file" "$(cat out)" 'nowhere.yaml: No such file or directory'
status_of "$hmmd" --config bad.yaml
[[ $status != 0 ]] || fail "a server runs on a bad file"
grep -q 'bad.yaml:7:10' err || fail "a start does not tell the place: $(cat err)"

# Tokens
log=$HMM_TMP/server.log
"$hmmd" --config hmmd.yaml 2>"$log" </dev/null &
server=$!
eventually "the server to listen" is_up
port=$(sed -n 's/.*msg=listening.* tls=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
stranger() {
    talk "$1" openssl s_client -quiet -connect "127.0.0.1:$port" -servername localhost -CAfile certs/ca.pem \
        -verify_return_error -verify_hostname localhost -alpn hmm/1
    hear "$1" '* HMM/1 auth=token page=4096 *'
}
stranger one
ask one 'mm.create' '- DENIED EACCES : *'
ask one "auth $token" '+ tenant=lab role=driver'
ask one 'hello' '+ version=1 tenant=lab session=c1 role=driver'
ask one 'dev.create gpu0' '+ dev=gpu0'
stranger two
ask two "auth ${token}x" '- DENIED EACCES : the token is not accepted'
ask two "auth x.${token#*.}" '- DENIED EACCES : the token is not accepted'
ask two 'auth nothing' '- DENIED EACCES : the token is not accepted' '\* bye AUTH'
hear_end two
# At the end of its input ncat ends TCP without a word of TLS, while the first token is looked at.
piped=$(printf 'auth %sx\nauth %s\n#3 ping\n' "$token" "$token" |
    ncat --ssl-verify --ssl-trustfile certs/ca.pem --ssl-alpn hmm/1 localhost "$port")
is 'what a pipe hears' "$piped" '\* HMM/1 auth=token *
- DENIED EACCES : the token is not accepted
+ tenant=lab role=driver
+3'
connect mine ci
ask mine 'mm.create' '+ mm=1'

# A bad file changes nothing; one without the token ends what the token has let in.
cp bad.yaml hmmd.yaml
kill -HUP "$server"
logged 'level=error msg="configuration not reloaded" reason="hmmd.yaml:7:10: ' 1
ask one ping +
configure "$with_token
    - id: another
      hash: '\$scrypt\$ln=10,r=8,p=1\$AAAAAAAAAAAAAAAAAAAAAA\$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
      tenant: ci"
kill -HUP "$server"
logged 'msg="configuration reloaded"' 1
ask one ping +
configure "$(sed "s/^    - id:.*/    - id: another/" <<<"$with_token")"
kill -HUP "$server"
logged 'msg="configuration reloaded"' 2
hear one '\* bye REVOKED'
hear_end one
ask mine 'maps 1' '+ rows=0 *'

# The tenant stays as it was.
ask mine quit + '\* bye QUIT'
hear_end mine
connect again ci
ask again 'mm.create' '+ mm=2'
! grep -q "${token#*.}" "$log" || fail "the log has the token"
