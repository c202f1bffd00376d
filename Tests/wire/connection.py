"""A connection to a server over TLS: lines out, answers in, events kept."""

import dataclasses
import os
import socket
import ssl


@dataclasses.dataclass
class Answer:
    """What came for one request: rows, and the keys or the error of the last line."""

    ok: bool
    rows: list
    keys: dict
    code: str = ""


class Closed(Exception):
    """The server has ended the connection."""


def words(text):
    """The pairs of a line; a quoted value may hold spaces."""
    pairs, at = {}, 0
    while at < len(text):
        equals = text.index("=", at)
        key, at = text[at:equals], equals + 1
        if text[at:at + 1] == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            value, end = text[at:end + 1], end + 1
        else:
            end = text.find(" ", at)
            end = len(text) if end < 0 else end
            value = text[at:end]
        pairs[key] = value
        at = end + 1
    return pairs


class Connection:
    """Asks with a tag of its own each time, so answers are told from what else comes."""

    # Far longer than anything takes: a machine can be slow.
    PATIENCE = 30

    def __init__(self, tenant=1):
        suffix = "" if tenant == 1 else f"_{tenant}"
        context = ssl.create_default_context(cafile=os.environ["HMMD_CA"])
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["hmm/1"])
        context.load_cert_chain(os.environ[f"HMMD_CERT{suffix}"], os.environ[f"HMMD_KEY{suffix}"])
        plain = socket.create_connection((os.environ["HMMD_HOST"], int(os.environ["HMMD_PORT"])), self.PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=os.environ["HMMD_HOST"])
        self.stream = self.socket.makefile("rb")
        self.asked = 0
        self.events = []
        self.next_event = 1
        self.partial = {}
        self.answers = {}
        self.greeting = self.line()
        assert self.greeting.startswith("* HMM/1 "), self.greeting

    def close(self):
        self.stream.close()
        self.socket.close()

    def line(self):
        """The next line, decoded; a literal that follows it is read and kept as `{n}`."""
        line = self.stream.readline()
        if not line.endswith(b"\n"):
            raise Closed(line)
        text = line[:-1].removesuffix(b"\r").decode("ascii")
        if text.startswith("=") and text.endswith("}"):
            count = int(text[text.rindex("{") + 1:-1])
            octets = self.stream.read(count)
            end = self.stream.readline()
            assert end in (b"\n", b"\r\n"), end
            text = text[:text.rindex("{")] + "hex:" + octets.hex()
        return text

    def send(self, line):
        """Sends a request and returns the tag its answer will have."""
        self.asked += 1
        tag = f"t{self.asked}"
        self.socket.sendall(f"#{tag} {line}\n".encode())
        return tag

    def take(self):
        """Takes one line: part of an answer, or an event."""
        text = self.line()
        if text.startswith("!"):
            head, _, rest = text[1:].partition(" ")
            name, _, rest = rest.partition(" ")
            assert int(head) == self.next_event, f"{text} instead of event {self.next_event}"
            self.next_event += 1
            self.events.append((int(head), name, words(rest)))
        elif text.startswith("* bye"):
            raise Closed(text)
        elif not text.startswith("*"):
            self.take_answer(text)

    def take_answer(self, text):
        head, _, rest = text.partition(" ")
        kind, tag = head[0], head[1:]
        assert kind in "=+-", text
        # One answer for each request, with its tag, and nothing after it.
        assert tag not in self.answers and 1 <= int(tag[1:]) <= self.asked, text
        rows = self.partial.setdefault(tag, [])
        if kind == "=":
            rows.append(words(rest))
        elif kind == "+":
            self.answers[tag] = Answer(True, self.partial.pop(tag), words(rest))
        else:
            code, errno, _ = (rest + " ").split(" ", 2)
            assert errno.startswith("E"), text
            del self.partial[tag]
            self.answers[tag] = Answer(False, rows, {}, code)

    def wait(self, tag):
        while tag not in self.answers:
            self.take()
        return self.answers[tag]

    def ask(self, line):
        return self.wait(self.send(line))

    def acknowledge(self):
        """Lets go of everything it was told to."""
        numbers = [number for number, name, keys in self.events if name == "inval" and "lease" in keys]
        self.events = []
        if numbers:
            # Nothing answers an acknowledgement that something waited for.
            self.socket.sendall(f"ack {' '.join(map(str, numbers))}\n".encode())
