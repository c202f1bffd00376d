"""Two tenants and their clients as a state machine over real sockets: what must hold, whatever is asked.

The model knows address spaces, anonymous memory with its bytes, and mirrors. Requests of every other kind, made from the
protocol's own description, are thrown in between on spaces of their own; they must be answered, with a code that the
verb declares, and the connection must live.
"""

import itertools
import os

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

import protocol
from connection import Connection
from protocol import BASE, PAGE, SPAN

PROTOCOL = protocol.load(os.environ["HMMD"])
COMMON = set(PROTOCOL["commonErrors"])
ERRORS = {verb["name"]: COMMON | set(verb["errors"]) for verb in PROTOCOL["verbs"]}
UNKNOWN = "4294967295"
NAMES_A_SPACE = [verb for verb in PROTOCOL["verbs"] if any(
    argument["name"] == "mm" and "required" in argument["need"] for argument in verb["arguments"])]

pages = st.integers(0, SPAN - 1)
lengths = st.integers(1, 4)
octets = st.binary(min_size=1, max_size=40)


class Space:
    """What the model knows of an address space: the bytes of its mapped pages."""

    def __init__(self, client, number):
        self.client = client
        self.number = number
        self.pages = {}
        self.mirrors = []

    def bytes(self, start, count):
        """`count` bytes from `start`, or None where one is not mapped."""
        result = bytearray()
        for at in range(start, start + count):
            page = self.pages.get((at - BASE) // PAGE)
            if page is None:
                return None
            result.append(page[at % PAGE])
        return bytes(result)


class Mirror:
    """A mirror, on a connection that acknowledges when asked."""

    def __init__(self, driver, space, number):
        self.driver = driver
        self.space = space
        self.number = number


class Wire(RuleBasedStateMachine):
    spaces = Bundle("spaces")
    mirrors = Bundle("mirrors")
    tenants = st.sampled_from([0, 1])

    @initialize()
    def connect(self):
        self.process = [Connection(1), Connection(2)]
        self.driver = [Connection(1), Connection(2)]
        # Whatever the protocol allows is tried here, where the model does not look.
        self.wild = [Connection(1), Connection(2)]
        self.mine = [[], []]
        # The number of the last address space each tenant has made.
        self.newest = [0, 0]
        for driver in self.driver:
            assert driver.ask("dev.create model").ok
            assert driver.ask("region.create model 4m").ok

    def teardown(self):
        if not hasattr(self, "process"):
            return
        for process in self.process:
            assert process.ask("check").keys == {"violations": "0"}
        for connection in self.process + self.driver + self.wild:
            connection.close()
        # The next example must not begin before these tenants have gone.
        for tenant in (1, 2):
            while True:
                probe = Connection(tenant)
                answer = probe.ask("dev.list")
                probe.close()
                if not answer.rows:
                    break

    def carry_out(self, client, line, drivers):
        """Asks, while `drivers` acknowledge what they are told; returns the answer and who was told of what."""
        tag = client.send(line)
        told = []
        # The answer waits for acknowledgements, so they are looked for whenever it has not come.
        for turn in itertools.count():
            if tag in client.answers:
                return client.answers[tag], told
            assert turn < 1000, (line, client.ask("pending"))
            for driver in drivers:
                driver.ask("ping")
                told += [keys for _, name, keys in driver.events if name == "inval"]
                driver.acknowledge()
            client.ask("ping")

    # MARK: The model

    @rule(target=spaces, tenant=tenants)
    def create_space(self, tenant):
        answer = self.process[tenant].ask("mm.create")
        assert answer.ok, answer
        space = Space(tenant, int(answer.keys["mm"]))
        assert all(space.number > other.number for other in self.mine[tenant])
        self.mine[tenant].append(space)
        self.newest[tenant] = space.number
        return space

    @rule(space=spaces, page=pages, length=lengths)
    def map(self, space, page, length):
        answer = self.process[space.client].ask(f"mmap {space.number} {hex(BASE + page * PAGE)} {length}p")
        taken = any(number in space.pages for number in range(page, page + length))
        assert answer.ok != taken and (answer.ok or answer.code == "EXISTS"), answer
        if answer.ok:
            space.pages.update((number, bytearray(PAGE)) for number in range(page, page + length))

    @rule(space=spaces, page=pages, length=lengths)
    def unmap(self, space, page, length):
        drivers = [self.driver[space.client]]
        line = f"munmap {space.number} {hex(BASE + page * PAGE)} {length}p"
        answer, told = self.carry_out(self.process[space.client], line, drivers)
        assert answer.ok, answer
        mapped = [number for number in range(page, page + length) if number in space.pages]
        # Who mirrors the range is told before the answer; nobody else is.
        numbers = {mirror.number for mirror in space.mirrors} if mapped else set()
        assert {int(keys["mirror"]) for keys in told} == numbers, (told, numbers)
        assert int(answer.keys["acked"]) == len(told)
        for number in mapped:
            del space.pages[number]

    @rule(space=spaces, page=pages, offset=st.integers(0, PAGE - 1), data=octets)
    def write(self, space, page, offset, data):
        start = BASE + page * PAGE + offset
        line = f"write {space.number} {hex(start)} hex:{data.hex()}"
        answer, _ = self.carry_out(self.process[space.client], line, [self.driver[space.client]])
        before = space.bytes(start, len(data))
        assert answer.ok == (before is not None), (answer, start)
        if not answer.ok:
            assert answer.code == "NOMAP", answer
            return
        for at, byte in enumerate(data, start):
            space.pages[(at - BASE) // PAGE][at % PAGE] = byte

    @rule(space=spaces, page=pages, offset=st.integers(0, PAGE - 1), count=st.integers(1, 64))
    def read(self, space, page, offset, count):
        start = BASE + page * PAGE + offset
        line = f"read {space.number} {hex(start)} {count} as=hex"
        answer, _ = self.carry_out(self.process[space.client], line, [self.driver[space.client]])
        expected = space.bytes(start, count)
        assert answer.ok == (expected is not None), answer
        if answer.ok:
            assert answer.rows[0]["data"] == "hex:" + expected.hex()

    @rule(target=mirrors, space=spaces)
    def mirror(self, space):
        answer = self.driver[space.client].ask(f"mirror {space.number} model lease=60000")
        assert answer.ok and int(answer.keys["seq"]) % 2 == 1, answer
        mirror = Mirror(self.driver[space.client], space, int(answer.keys["mirror"]))
        space.mirrors.append(mirror)
        return mirror

    @rule(mirror=mirrors, page=pages, length=lengths, access=st.sampled_from("rw"))
    def fault(self, mirror, page, length, access):
        line = f"fault {mirror.number} {hex(BASE + page * PAGE)} {length}p {access}"
        answer, _ = self.carry_out(mirror.driver, line, [mirror.driver])
        mapped = all(number in mirror.space.pages for number in range(page, page + length))
        assert answer.ok == mapped, answer
        if answer.ok:
            assert sum(int(row["pages"]) for row in answer.rows) == length
            assert all("r" in row["perm"] for row in answer.rows)

    @rule(mirror=mirrors, page=pages, length=lengths, to=st.sampled_from(["model", "system"]))
    def migrate(self, mirror, page, length, to):
        space = mirror.space
        line = f"migrate {space.number} {hex(BASE + page * PAGE)} {length}p to={to}"
        answer, _ = self.carry_out(mirror.driver, line, [mirror.driver])
        assert answer.ok or answer.code == "NOMAP", answer

    @rule(mirror=mirrors, page=pages, data=octets)
    def device_write(self, mirror, page, data):
        space, start = mirror.space, BASE + page * PAGE
        line = f"dev.write {mirror.number} {hex(start)} hex:{data.hex()}"
        answer, _ = self.carry_out(mirror.driver, line, [mirror.driver])
        assert answer.ok == (page in space.pages), answer
        if answer.ok:
            space.pages[page][:len(data)] = data

    @rule(mirror=mirrors, page=pages)
    def device_read(self, mirror, page):
        line = f"dev.read {mirror.number} {hex(BASE + page * PAGE)} 64 as=hex"
        answer, _ = self.carry_out(mirror.driver, line, [mirror.driver])
        expected = mirror.space.bytes(BASE + page * PAGE, 64)
        assert answer.ok == (expected is not None), answer
        if answer.ok:
            assert answer.rows[0]["data"] == "hex:" + expected.hex()

    # MARK: Anything at all

    @rule(tenant=tenants, request=protocol.requests(PROTOCOL))
    def anything(self, tenant, request):
        spec, line = request
        answer = self.unmodelled(tenant, spec, line)
        if answer is None:
            return
        assert answer.ok or answer.code in ERRORS[spec["name"]], (line, answer)
        if answer.ok:
            assert set(answer.keys) <= {key["name"] for key in spec["reply"]}, (line, answer)
        declared = {key["name"] for key in spec["rows"]}
        assert all(set(row) <= declared for row in answer.rows), (line, answer)

    def unmodelled(self, tenant, spec, line):
        """Carries out a request unless it names an object of the model."""
        known = {str(space.number) for space in self.mine[tenant]}
        known |= {str(mirror.number) for space in self.mine[tenant] for mirror in space.mirrors} | {"1"}
        pairs = dict(word.split("=", 1) for word in line.split() if "=" in word)
        ids = {argument["name"] for argument in spec["arguments"] if protocol.kind(argument)[0] == "id"}
        if known & {value for key, value in pairs.items() if key in ids}:
            return None
        answer, _ = self.carry_out(self.wild[tenant], line, [self.wild[tenant], self.driver[tenant]])
        if answer.ok and spec["name"] in ("mm.create", "mm.fork"):
            self.newest[tenant] = int(answer.keys["mm"])
        if answer.ok and "migration" in answer.keys:
            # Its pages would be held until somebody ends it.
            assert self.wild[tenant].ask(f"migrate.abort {answer.keys['migration']}").ok
        return answer

    @rule(tenant=tenants, verb=st.sampled_from(NAMES_A_SPACE), data=st.data())
    def what_is_not_mine_does_not_exist(self, tenant, verb, data):
        """An id that only the other tenant has and one that nobody has are the same to this one."""
        foreign = [number for number in range(self.newest[tenant] + 1, self.newest[1 - tenant] + 1)]
        _, line = data.draw(protocol.line(verb))
        numbers = [str(number) for number in foreign[-1:]] + [UNKNOWN]
        answers = [self.wild[tenant].ask(" ".join(
            f"mm={number}" if word.startswith("mm=") else word for word in line.split())) for number in numbers]
        assert not any(answer.ok for answer in answers), (line, answers)
        assert len({answer.code for answer in answers}) == 1, (line, answers)
        assert answers[0].code in {"NOMM"} | ERRORS[verb["name"]], (line, answers)

    @rule(tenant=tenants, octets=st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126,
                                                                  exclude_characters="{}"), max_size=60))
    def nonsense(self, tenant, octets):
        """Printable rubbish costs an answer, never the connection."""
        answer = self.wild[tenant].ask("x" + octets)
        assert not answer.ok and answer.code in COMMON | {"NOVERB"}, answer

    @rule(tenant=tenants)
    def acknowledging_nothing_is_told(self, tenant):
        assert self.wild[tenant].ask("ack 99999").code == "NOEVENT"

    @invariant()
    def everybody_lives(self):
        if hasattr(self, "process"):
            for connection in self.process + self.driver + self.wild:
                assert connection.ask("ping").ok
                connection.acknowledge()


settings.register_profile(
    "gate", derandomize=True, max_examples=int(os.environ.get("WIRE_EXAMPLES", "200")), stateful_step_count=40,
    deadline=None, database=None, suppress_health_check=list(HealthCheck))
settings.register_profile("long", settings.get_profile("gate"), derandomize=False, print_blob=True)
if "WIRE_NO_SHRINK" in os.environ:
    settings.register_profile("raw", settings.get_profile("long"), phases=[Phase.generate])
settings.load_profile(os.environ.get("WIRE_PROFILE", "gate"))

TestWire = Wire.TestCase

if __name__ == "__main__":
    import unittest
    unittest.main()
