# Sourced by every test: a server, connections to talk over, and waiting for things with a deadline.
# shellcheck shell=bash

: "${HMM_BIN:?start tests with Tests/System/run BIN_DIR}" "${HMM_TMP:?start tests with Tests/System/run BIN_DIR}"
set -Eeuo pipefail
shopt -s inherit_errexit

system=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$system/../.." && pwd)
hmmd=$HMM_BIN/hmmd
client=$HMM_BIN/hmm-client
# Seconds anything may take before the test gives up. Far more than it needs: machines are slow at times.
patience=30

# MARK: Outcomes

fail() {
    echo "line ${BASH_LINENO[-2]}: $*"
    exit 1
}

skip() {
    echo "skip: $*"
    exit 77
}

# need TOOL...: skips the test without them; where everything must run (CI=true) that is a failure.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        [[ ${CI:-} != true ]] || fail "$tool is not installed"
        skip "$tool is not installed"
    done
}

# same WHAT EXPECTED-FILE GOT-FILE: byte for byte.
same() {
    cmp -s "$2" "$3" && return
    echo "$1: expected (-) and got (+):"
    diff -u "$2" "$3" | cat -v | sed 1,2d || true
    fail "$1 differs"
}

# is WHAT GOT PATTERN: text against a glob pattern.
is() { [[ $2 == $3 ]] || fail "$1: expected '$3', got '$2'"; }

# MARK: Waiting

exec {never}<> <(:) # nothing is ever written here

pause() { read -r -t 0.02 -u "$never" || true; }

# eventually WHAT COMMAND...: until the command succeeds.
eventually() {
    local what=$1 end=$((SECONDS + patience))
    shift
    until "$@"; do
        ((SECONDS < end)) || fail "waited $patience s for $what"
        pause
    done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# A child of this shell that runs. Asked of the shell and not of the system, where the number may be somebody else's.
runs() { [[ $'\n'$(jobs -rp)$'\n' == *$'\n'"$1"$'\n'* ]]; }
has_ended() { ! runs "$1"; }

# ended PID: waits for a child's end; its exit status is then in $status.
ended() {
    eventually "the end of process $1" has_ended "$1"
    status=0
    wait "$1" || status=$?
}

# status_of COMMAND...: its exit status in $status, output in ./out and ./err.
status_of() {
    status=0
    timeout "$patience" "$@" >out 2>err || status=$?
}

# MARK: A server

# certificates DIR [TENANT...]
certificates() {
    local folder=$1 tenant tenants=()
    shift
    for tenant in "${@:-ci}"; do tenants+=(--tenant "$tenant"); done
    "$hmmd" cert make "$folder" "${tenants[@]}" >/dev/null
}

has_line() { grep -qs -- "$2" "$1"; }

is_up() {
    has_line "$log" 'msg=listening' || { has_ended "$server" && fail "the server ended: $(cat "$log")"; }
}

# serve NAME [FLAG...]: starts a server with the certificates in ./certs, logging to ./NAME.log. Sets server, log, port
# and, with the flag, plain_port. `@free` is a free port.
serve() {
    log=$HMM_TMP/$1.log
    shift
    "$hmmd" serve --listen 127.0.0.1:0 --cert certs/server.pem --key certs/server.key --client-ca certs/ca.pem "$@" \
        2>"$log" </dev/null &
    server=$!
    eventually "the server to listen" is_up
    port=$(sed -n 's/.*msg=listening.* tls=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
    plain_port=$(sed -n 's/.*msg=listening.* plain=127\.0\.0\.1:\([0-9]*\).*/\1/p' "$log")
}

# logged PATTERN [COUNT]: waits for so many lines (1) in the server's log.
logged() { eventually "'$1' in the log" has_lines "$1" "${2:-1}"; }

has_lines() { (($(grep -c -- "$1" "$log") >= $2)); }

# MARK: Talking

declare -A ears=() mouths=() talkers=()

# talk NAME COMMAND...: starts a client and holds its input and output. Its errors go to ./NAME.err.
talk() {
    local name=$1 ear mouth
    shift
    mkfifo "$name.in" "$name.out"
    # Nobody but the test holds a client's input, or its end would not be seen.
    (
        for mouth in "${mouths[@]}"; do exec {mouth}>&-; done
        exec "$@"
    ) <"$name.in" >"$name.out" 2>"$name.err" &
    talkers[$name]=$!
    exec {mouth}>"$name.in" {ear}<"$name.out"
    rm "$name.in" "$name.out"
    mouths[$name]=$mouth
    ears[$name]=$ear
}

# tls TENANT [OPTION...]: what s_client needs to be that tenant, in the array s_client. A word more means s_client's.
tls() {
    local tenant=$1
    shift
    s_client=(openssl s_client -quiet -connect "127.0.0.1:$port" -servername localhost -CAfile certs/ca.pem
        -verify_return_error -verify_hostname localhost -cert "certs/$tenant.pem" -key "certs/$tenant.key" "$@")
}

# connect NAME TENANT [OPTION...]: a connection that sends bytes as they are, greeted.
connect() {
    local name=$1 s_client
    tls "${@:2}" -alpn hmm/1
    talk "$name" "${s_client[@]}"
    hear "$name" '* HMM/1 auth=mtls page=4096 *'
}

# raw NAME FORMAT: printf's escapes are bytes. A connection that has gone is not noticed here but when listening.
raw() {
    trap '' PIPE
    # shellcheck disable=SC2059
    printf "$2" 2>/dev/null >&"${mouths[$1]}" || true
    trap - PIPE
}

# say NAME LINE...
say() {
    local name=$1 line
    shift
    for line in "$@"; do raw "$name" "$(escaped "$line")\\n"; done
}

escaped() {
    local text=${1//\\/\\\\}
    printf '%s' "${text//%/%%}"
}

# hear NAME PATTERN...: the next lines must be like that. The last one is in $heard.
hear() {
    local name=$1 pattern outcome
    shift
    for pattern in "$@"; do
        outcome=0
        IFS= read -r -t "$patience" -u "${ears[$name]}" heard || outcome=$?
        ((outcome == 0)) || fail "$name: expected '$pattern', got $(ending "$outcome") '$heard'"
        [[ $heard == $pattern ]] || fail "$name: expected '$pattern', got '$heard'"
    done
}

ending() { (($1 > 128)) && echo "nothing for $patience s" || echo "the end"; }

# ask NAME LINE PATTERN...
ask() {
    say "$1" "$2"
    hear "$1" "${@:3}"
}

# hear_end NAME: the connection must end here, and nothing more be said.
hear_end() {
    local outcome=0
    IFS= read -r -t "$patience" -u "${ears[$1]}" heard || outcome=$?
    ((outcome == 1)) && [[ -z $heard ]] || fail "$1: expected the end, got '$heard' or $(ending "$outcome")"
    hang_up "$1"
}

# end_input NAME: closes the client's standard input.
end_input() {
    local mouth=${mouths[$1]}
    exec {mouth}>&-
    unset "mouths[$1]"
}

# hang_up NAME: stops the client, as if its machine had gone.
hang_up() {
    local ear=${ears[$1]}
    # It may be ending by itself at this moment.
    if runs "${talkers[$1]}"; then kill -KILL "${talkers[$1]}" 2>/dev/null || true; fi
    wait "${talkers[$1]}" 2>/dev/null || true
    [[ -z ${mouths[$1]:-} ]] || end_input "$1"
    exec {ear}<&-
    unset "ears[$1]" "talkers[$1]"
}

# MARK: A server that is at work

# busy NAME FLAG...: a server as `serve` starts it, with a request of the connection `waiting` that waits for an
# acknowledgement of the connection `driver`.
busy() {
    serve "$@"
    connect waiting ci
    connect driver ci
    ask driver 'mm.create' '+ mm=1'
    ask driver 'mmap 1 0x10000 1p' '+ va=*'
    ask driver 'dev.create gpu0' '+ *'
    ask driver 'mirror 1 gpu0 lease=3600000' '+ mirror=1 *'
    say waiting 'munmap 1 0x10000 1p'
    hear driver '!1 inval mirror=1 *'
}

# MARK: The end

stop_children() {
    local pid end
    for pid in $(jobs -rp); do kill "$pid"; done
    # A server takes the second one for a reason to hurry.
    for pid in $(jobs -rp); do kill "$pid"; done
    for pid in $(jobs -rp); do
        end=$((SECONDS + 5))
        until has_ended "$pid" || ((SECONDS > end)); do pause; done
        if runs "$pid"; then kill -KILL "$pid"; fi
        wait "$pid"
    done
} 2>/dev/null

finish() {
    local status=$? file
    trap - EXIT ERR
    set +e
    stop_children
    if ((status != 0 && status != 77)); then
        for file in ./*.log ./*.err err; do
            [[ -s $file ]] || continue
            echo "--- $file"
            tail -n 40 "$file"
        done
    fi
    exit "$status"
}

cd "$HMM_TMP"
trap finish EXIT
trap 'exit 143' TERM
trap '((BASH_SUBSHELL)) || echo "line $LINENO: status $?: $BASH_COMMAND" >&2' ERR
