"""What the benchmark scripts share: building the generator, starting servers on one core and load on another, statistics."""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CIPHER = "TLS_AES_128_GCM_SHA256"


class Failure(Exception):
    """Something that makes figures impossible; its text is for the user."""


def add_options(parser: argparse.ArgumentParser, *, pairs: int | None = None, seconds: float) -> None:
    """The options of every script; without `pairs` the script has none."""
    parser.add_argument("--hmmd", type=pathlib.Path, default=ROOT / ".build/release/hmmd", metavar="PATH",
                        help="the server (default .build/release/hmmd)")
    if pairs:
        parser.add_argument("--pairs", type=int, default=pairs, metavar="N",
                            help=f"interleaved repetitions (default {pairs})")
    parser.add_argument("--seconds", type=float, default=seconds, metavar="S",
                        help=f"length of one measurement (default {seconds:g})")
    parser.add_argument("--server-cpu", type=int, default=0, metavar="N", help="core of the servers (default 0)")
    parser.add_argument("--load-cpu", type=int, default=1, metavar="N", help="core of the generator (default 1)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write every measurement there")


def main(body) -> None:
    """Runs `body` so that servers end with it, however it ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        body()
    except Failure as failure:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)


class Bench(contextlib.ExitStack):
    """Certificates and servers of one run; leaving it ends the servers that it has started, and removes its files."""

    def __init__(self, options: argparse.Namespace):
        super().__init__()
        self.options = options
        self.log: list[dict] = []
        if options.server_cpu == options.load_cpu:
            raise Failure("server and load need a core each")
        if not options.hmmd.exists():
            raise Failure(f"{options.hmmd} is missing: swift build -c release --product hmmd, or --hmmd PATH")
        run(["make", "-s", "-C", HERE])
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory(prefix="hmmd-bench-")))
        self.certs = self.folder / "certs"
        run([options.hmmd, "cert", "make", self.certs])
        warn_if_busy()

    # Servers

    def hmmd(self, *, client_certificates: bool = True, flags: list[str] = []) -> "Server":
        verify = ["--client-ca", self.certs / "ca.pem"]
        if not client_certificates:
            verify = ["--verify", "off", "--anonymous-tenant", "ci"]
        port = free_port()
        return self.start("hmmd", port, "hmm", client_certificates, [
            self.options.hmmd, "serve", "--listen", f"127.0.0.1:{port}", "--cert", self.certs / "server.pem",
            "--key", self.certs / "server.key", *verify, "--loops", "1", "--log-level", "warning", *flags])

    def redis(self) -> "Server":
        if not shutil.which("redis-server"):
            raise Failure("redis-server is missing; it must be built with TLS")
        port = free_port()
        return self.start("redis", port, "resp", True, [
            "redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1",
            "--tls-cert-file", self.certs / "server.pem", "--tls-key-file", self.certs / "server.key",
            "--tls-ca-cert-file", self.certs / "ca.pem", "--tls-auth-clients", "yes",
            "--tls-protocols", "TLSv1.3", "--tls-ciphersuites", CIPHER,
            "--save", "", "--appendonly", "no", "--dir", self.folder])

    def bare(self, largest: int) -> "Server":
        port = free_port()
        return self.start("bare", port, "bare", True, [
            HERE / ".build/bare-server", str(port), self.certs / "server.pem", self.certs / "server.key",
            self.certs / "ca.pem", str(largest)])

    def start(self, name: str, port: int, protocol: str, client_certificates: bool, command: list) -> "Server":
        output = self.folder / f"{name}-{port}.log"
        with open(output, "wb") as log:
            process = subprocess.Popen(
                pinned(self.options.server_cpu, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.callback(stop, process)
        wait_for(name, process, port, output)
        return Server(name, process, port, protocol, client_certificates)

    def stop(self, server: "Server") -> None:
        """Ends a server early."""
        stop(server.process)

    # Load

    def load(self, server: "Server", mode: str, **settings) -> dict:
        """One run of the generator; settings are its options without the dashes."""
        command = [HERE / ".build/loadgen", "--port", str(server.port), "--protocol", server.protocol, "--mode", mode,
                   "--ca", self.certs / "ca.pem", "--cipher", CIPHER, "--server-pid", str(server.process.pid)]
        if server.client_certificates:
            command += ["--cert", self.certs / "ci.pem", "--key", self.certs / "ci.key"]
        for name, value in {"seconds": self.options.seconds, **settings}.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        # What the generator warns of is in its figures too; print_table shows it.
        result = json.loads(run(pinned(self.options.load_cpu, command), quiet=True))
        if result["tls"] != "TLSv1.3" or result["cipher"] != CIPHER:
            raise Failure(f"{server.name} agreed on {result['tls']} {result['cipher']}, not on {CIPHER}")
        result["server"] = server.name
        self.log.append(result)
        return result

    def write_json(self, summary) -> None:
        if self.options.json:
            document = {"summary": summary, "measurements": self.log}
            self.options.json.write_text(json.dumps(document, indent=1) + "\n")


class Server:
    def __init__(self, name: str, process: subprocess.Popen, port: int, protocol: str, client_certificates: bool):
        self.name = name
        self.process = process
        self.port = port
        self.protocol = protocol
        self.client_certificates = client_certificates


def pinned(cpu: int, command: list) -> list:
    return ["taskset", "-c", str(cpu), *command]


def run(command: list, *, quiet: bool = False) -> str:
    """The output of a command. What it says on standard error goes to the user; when quiet, only if it fails."""
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if quiet else None, text=True)
    if result.returncode != 0:
        raise Failure(f"{' '.join(str(word) for word in command)} failed\n{result.stderr or ''}".rstrip())
    return result.stdout


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(name: str, process: subprocess.Popen, port: int, output: pathlib.Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Failure(f"{name} does not listen; it said:\n{output.read_text(errors='replace')}")


def warn_if_busy() -> None:
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: load average {load:.2f}: others use this machine, expect ±30 % and worse", file=sys.stderr)


class Spread:
    """Median, least and largest of some values."""

    def __init__(self, values):
        values = list(values)
        self.median = statistics.median(values)
        self.low = min(values)
        self.high = max(values)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"

    def as_dict(self) -> dict:
        return {"median": self.median, "min": self.low, "max": self.high}


HEALTH_HEADER = ["generator", "disturbed"]


def health(runs: list[dict]) -> list[str]:
    """Two cells: the generator's share of its core, and the share of time that others kept ours from running. The worst
    of all runs; marked where it spoils the figures."""
    generator = max(run["gen_cpu"] for run in runs)
    disturbed = max(max(run["gen_waited"], run["server_waited"]) for run in runs)
    return [f"{generator:.2f}" + ("!" if generator >= 0.98 else ""), f"{disturbed:.0%}" + ("!" if disturbed > 0.05 else "")]


def print_footnotes() -> None:
    print("\ngenerator: share of its core that the generator used; with `!` it measured itself, the server may be faster."
          "\ndisturbed: share of the time that others had our cores; with `!` repeat on a quiet machine.")


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Columns as wide as they need to be; the first one to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())
