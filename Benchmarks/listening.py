"""What the benchmarks that start a server of their own have in common."""
import re


def port(server, listener):
    """The port of 127.0.0.1 that `server`, whose stderr is a pipe, says it listens on as `listener`; it may have other
    things to say first."""
    for line in server.stderr:
        if found := re.search(listener + r"=127\.0\.0\.1:(\d+)", line):
            return int(found.group(1))
    raise SystemExit(f"the server ended with status {server.wait()}")
