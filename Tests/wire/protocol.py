"""Requests made from what the server says of itself: `hmmd --dump-protocol`."""

import json
import subprocess

from hypothesis import strategies as st

PAGE = 4096
BASE = 0x10000
#: Pages that everything happens in, so that requests meet one another.
SPAN = 24

#: Verbs that end what the machine needs, change what others may do, or are answered only when they are wrong.
LEFT_OUT = {"quit", "config", "hello", "to-ram", "ack"}


def load(hmmd):
    return json.loads(subprocess.run([hmmd, "--dump-protocol"], check=True, capture_output=True).stdout)


def kind(argument):
    (name, parameters), = argument["kind"].items()
    return name, parameters.get("_0", [])


def values(argument):
    """Values of the form of an argument; most are such that the request can mean something."""
    name, choices = kind(argument)
    address = st.integers(0, SPAN).map(lambda page: hex(BASE + page * PAGE))
    length = st.integers(1, 6).map(lambda pages: f"{pages}p")
    if argument["name"] == "pfn":
        return st.sampled_from(["1024", "0x200000"])
    if argument["name"] in ("count", "fail-alloc", "deadline", "version"):
        return st.sampled_from(["1", "2"])
    if choices == ["server", "client"]:
        # A driver that is asked would have to answer.
        return st.just("server")
    if argument["name"] == "lease":
        return st.sampled_from(["5000", "60000"])
    return {
        "number": st.sampled_from(["0", "1", "4096", "2p", "0x3000"]),
        "numbers": st.lists(st.integers(1, 40).map(str), min_size=1, max_size=4).map(" ".join),
        "id": st.integers(1, 6).map(str) | st.just("4294967295"),
        "address": st.integers(0, SPAN * PAGE - 1).map(lambda offset: hex(BASE + offset)),
        "page": address,
        "length": length | st.integers(1, 3 * PAGE).map(str),
        "pages": length,
        "name": st.sampled_from(["gpu0", "gpu1", "f0", "f1", "u0", "system"]),
        "flag": st.sampled_from(["yes", "no"]),
        "choice": st.sampled_from(choices or ["none"]),
        "choices": st.lists(st.sampled_from(choices or ["none"]), min_size=1, max_size=2, unique=True).map(",".join),
        "protection": st.sampled_from(["none", "r", "rw", "rx", "w"]),
        "data": st.binary(min_size=1, max_size=12).map(lambda octets: "hex:" + octets.hex()),
        "pattern": st.sampled_from(["00", "4a", "4a+", "ints", "-ints"]),
    }[name]


def requests(protocol):
    """Well-formed requests of every verb, with the spec of the verb: `(spec, line)`."""
    return st.one_of([line(spec) for spec in protocol["verbs"] if spec["name"] not in LEFT_OUT])


@st.composite
def line(draw, spec):
    text = spec["name"]
    for argument in spec["arguments"]:
        is_required = "required" in argument["need"]
        if not is_required and not draw(st.integers(0, 3)) == 0:
            continue
        name, _ = kind(argument)
        value = draw(values(argument))
        text += f" {value}" if name == "numbers" else f" {argument['name']}={value}"
    return spec, text
