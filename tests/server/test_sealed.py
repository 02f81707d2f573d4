# SPDX-License-Identifier: GPL-2.0-or-later
"""A server with a key: who is let in, and what strangers, copies and forgeries can do."""
import os
import re
import subprocess
import sys
import threading

import pytest

import fakemachine
import noise
from conftest import BUILD, assert_right, until, USER
from fakeimage import linux_image, plain_image
from fakemachine import Faults, Sealing, data, hello

COMPLETE = 0
TOKEN = b"known to a few.."


class Keys:
    """A server's key and its hosts', in files."""

    def __init__(self, folder, levels=None, **hosts):
        self.private = os.urandom(32)
        self.public = noise.public(self.private)
        self.psk = {name: os.urandom(32) for name in hosts}
        self.psk.update({name: key for name, key in hosts.items() if key})
        self.options = ["--key", self._file(folder / "server.key", self.private.hex())]
        if hosts:
            level = {name: f" level={number}" for name, number in (levels or {}).items()}
            lines = "".join(f"{name} {key.hex()}{level.get(name, '')}\n"
                            for name, key in self.psk.items())
            self.options += ["--host-keys", self._file(folder / "hosts.keys", lines)]

    @staticmethod
    def _file(path, text):
        path.write_text(text)
        path.chmod(0o600)
        return str(path)


@pytest.fixture
def keyed(serve, machine, tmp_path):
    """A server with a key, and machines that know it."""

    class Place:
        def __init__(self, *options, **hosts):
            self.keys = Keys(tmp_path, **hosts)
            self.server = serve(*self.keys.options, *options)

        def machine(self, image, session, psk=None, **more):
            more.setdefault("sealing", Sealing(self.keys.public, psk))
            more.setdefault("token", TOKEN)
            return machine(self.server, image, session, **more)

        def refused(self, words):
            until(lambda: words in self.server.text())

        def refused_count(self):
            return int(re.search(r"stopped; (\d+) datagrams", self.server.stop()).group(1))

        def dumps_only(self, *hosts):
            assert {d.split("/")[0] for d in self.server.dumps()} == set(hosts)

    return Place


def test_a_sealed_dump(keyed):
    place, image = keyed(), linux_image(1)
    secret = b"a word that must not be seen on any wire"
    image.pages[300] = secret + bytes(4096 - len(secret))
    image.pages[301] = secret * 100 + bytes(96)
    one = place.machine(image, 0x1122334455667788)
    seen = []
    deliver = one._deliver
    one._deliver = lambda datagram, damaged: (seen.append(datagram), deliver(datagram, damaged))
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert len(seen) > 100 and not any(secret[:16] in datagram for datagram in seen)
    assert not any(b"fake" in datagram or TOKEN in datagram for datagram in seen)
    forms = {datagram[5] & 0xC0 for datagram in seen}
    assert forms == {noise.HANDSHAKE, noise.SEALED}


@pytest.mark.parametrize("faults", [
    dict(loss=0.1), dict(duplicate=0.3), dict(reorder=0.3), dict(damage=0.1),
    dict(loss=0.1, duplicate=0.1, reorder=0.1, damage=0.05),
], ids=lambda f: "-".join(f"{k}{v}" for k, v in f.items()))
def test_a_bad_network_costs_time_only(keyed, faults):
    place, image = keyed(), linux_image(2, mib=6)
    one = place.machine(image, 2, faults=Faults(2, **faults))
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)


def test_a_host_with_a_key_of_its_own(keyed):
    place, image = keyed(db1=None, web1=None), linux_image(3, mib=6)
    one = place.machine(image, 3, place.keys.psk["db1"], host="it calls itself that")
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert one.done.text.startswith("db1/"), "the file says what it is called"
    # and one without is let in all the same, under another name
    two = place.machine(image, 4, host="stranger")
    assert two.run().status == COMPLETE and two.done.text.startswith("stranger/")


def test_a_host_with_a_level_of_its_own(keyed):
    place = keyed("--level", "16", db1=None, web1=None, levels={"web1": 8})
    image = linux_image(5, uses={0x100: 4, 0x120: "user"})
    for session, (host, level, out) in enumerate([("db1", 16, 16), ("web1", 8, 1)], 1):
        one = place.machine(image, session, place.keys.psk[host])
        assert one.run().status == COMPLETE
        info = place.server.info(one.done.text)
        assert (info["level"], info["excluded_pages"]) == (level, out)


def silent(one, seconds=1.5):
    """It gets no answer, however often it asks."""
    with pytest.raises(TimeoutError):
        one.run(seconds)
    assert one.hellos > 2 and not one.reads and not one.last_read


def test_who_is_not_let_in(keyed):
    place, image = keyed(db1=None), plain_image(1, mib=2)
    key = place.keys.public
    wrong = {
        "another server's key": (Sealing(noise.public(os.urandom(32))), "x"),
        "a host's key that is not in the file": (Sealing(key, os.urandom(32)), "x"),
        "the name of a host that has a key, without it": (Sealing(key), "db1"),
        "no key at all": (None, "x"),
    }
    for session, (sealing, host) in enumerate(wrong.values(), 1):
        silent(place.machine(image, session, sealing=sealing, host=host))
    for words in ("does not open with our keys", "not in our file",
                  "without the key that its host has", "plain, but this server has a key"):
        place.refused(words)
    place.dumps_only()


def test_an_insecure_server_takes_nothing_sealed(serve, machine):
    server = serve()
    silent(machine(server, plain_image(1, mib=2), 1, sealing=Sealing(noise.public(bytes(32)))))
    until(lambda: "a form that is not allowed" in server.text())
    assert server.dumps() == []


class Copies(Faults):
    """Sends everything, and a second time what `pick` names, a bit later."""

    def __init__(self, pick, late=0):
        super().__init__()
        self.pick, self.late, self.kept, self.copied = pick, late, [], 0

    def apply(self, datagram):
        out = [(datagram, False)]
        if self.pick(datagram):
            self.kept.append(datagram)
        if len(self.kept) > self.late:
            out.append((self.kept.pop(0), False))
            self.copied += 1
        return out


@pytest.mark.parametrize("late", [0, 5, 500])
def test_copies_are_refused(keyed, late):
    place, image = keyed(), linux_image(4, mib=8, zero=0.1)
    one = place.machine(image, 4)
    one.faults = Copies(lambda datagram: datagram[5] == noise.SEALED | 3, late)
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    info = place.server.info(one.done.text)
    assert one.faults.copied > 500 and info["duplicates"] == 0
    assert not info["late"] or info["timeouts"], "late, but not for having been asked for again"
    assert place.refused_count() >= one.faults.copied


def test_a_hello_is_taken_once(keyed):
    place, image = keyed(), linux_image(5, mib=6)
    one = place.machine(image, 5)
    one.faults = Copies(lambda datagram: datagram[5] == noise.HANDSHAKE | 1)
    one.run()
    assert_right(place.server, one.done.text, image)
    assert one.faults.copied >= 1
    place.refused("came before")


class Turned(Faults):
    """Every third sealed datagram comes once more, before the genuine, with one bit turned."""

    def __init__(self):
        super().__init__()
        self.count = self.turned = 0

    def apply(self, datagram):
        self.count += 1
        if datagram[5] & noise.SEALED == 0 or self.count % 3:
            return [(datagram, False)]
        self.turned += 1
        # anywhere behind magic, version, type and length, the session aside
        at = self.rng.choice([*range(16, 24), *range(24, len(datagram))])
        spoilt = bytearray(datagram)
        spoilt[at] ^= 1 << self.rng.randrange(8)
        return [(bytes(spoilt), False), (datagram, False)]


def test_a_turned_bit_is_noticed(keyed):
    """With a UDP checksum that fits: only the tag tells."""
    place, image = keyed(), linux_image(6, mib=6)
    one = place.machine(image, 6)
    one.faults = Turned()
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert one.faults.turned > 100 and place.server.info(one.done.text)["refused"] == 0
    assert place.refused_count() >= one.faults.turned


def test_what_others_forge_goes_nowhere(keyed, wire):
    """A stranger who sees the session and knows the server's public key, as everybody may."""
    place, image = keyed(), linux_image(7, mib=8)
    one = place.machine(image, 7)
    stranger = Sealing(place.keys.public)
    stranger.keys = noise.Keys(os.urandom(32), os.urandom(32))
    forged = [0]

    def forge(read):
        for datagram in (
                data(7, 1, read.read_id, 0, 1, [(read.extents[0][0], 64, 1, b"Z" * 64)]),
                stranger.wrap(data(7, 1, read.read_id, 0, 1,
                                   [(read.extents[0][0], 64, 1, b"Z" * 64)]))):
            wire.sendto(datagram, place.server.address)
            forged[0] += 1

    one.on_read = forge
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert forged[0] > 20
    assert place.refused_count() >= forged[0]


@pytest.mark.parametrize("same_address", [True, False])
def test_a_session_is_not_given_away(keyed, machine, wire, same_address):
    """A HELLO with the session's number but another token, genuine in all else."""
    place, image = keyed(), linux_image(8, mib=8)
    one = place.machine(image, 8)
    thief = Sealing(place.keys.public)
    stolen = []

    def steal(read):
        if len(stolen) < 5:
            # ahead of the owner's seq, so that it is not refused as a copy
            stolen.append(thief.wrap(hello(8, 1000 + len(stolen), host=b"thief",
                                           ranges=image.ranges, token=b"a guess........." )))
            sock = one.sock if same_address else wire
            (sock.send(stolen[-1]) if same_address else
             sock.sendto(stolen[-1], place.server.address))

    one.on_read = steal
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert len(stolen) == 5
    if same_address:
        place.refused("another token")
    place.dumps_only("fake")


class Overtaken(Faults):
    """Somebody sends each HELLO from an address of his own before it comes from the machine's."""

    def __init__(self, wire, address):
        super().__init__()
        self.wire, self.address, self.repeated = wire, address, []

    def apply(self, datagram):
        if datagram[5] == noise.HANDSHAKE | 1:
            self.repeated.append(datagram)
            self.wire.sendto(datagram, self.address)
        return [(datagram, False)]


def test_a_hello_that_others_repeat_first_keeps_nobody_out(keyed, wire):
    place, image = keyed(), linux_image(14, mib=6)
    one = place.machine(image, 14)
    one.faults = Overtaken(wire, place.server.address)
    assert one.run(10).status == COMPLETE
    assert_right(place.server, one.done.text, image)
    for datagram in one.faults.repeated:
        wire.sendto(datagram, place.server.address)
    place.dumps_only("fake")


def test_a_hello_repeated_to_the_next_life_keeps_nobody_out(serve, keyed, wire):
    """Of a dump under way: the new server has not heard of it, and first hears a copy."""
    place, image = keyed("--map", "0"), linux_image(15, mib=16, zero=0)
    one = place.machine(image, 15)
    one.faults = Overtaken(wire, place.server.address)
    one.limit = 2000
    one.run()
    place.server.stop()
    again = serve(*place.keys.options, port=place.server.address[1])
    for datagram in one.faults.repeated:
        wire.sendto(datagram, again.address)
    until(lambda: "HELLO from" in again.text())
    one.limit = None
    assert one.run(10).status == COMPLETE
    assert_right(again, one.done.text, image)
    assert again.info(one.done.text)["resumed"] == 1
    assert again.dumps() == [one.done.text]


def test_a_hello_repeated_during_a_dump_is_of_no_use(keyed, wire):
    place, image = keyed(), linux_image(16, mib=8)
    one = place.machine(image, 16)
    one.faults = Faults()
    hellos, real = [], one.faults.apply
    one.faults.apply = lambda d: hellos.append(d) or real(d) if d[5] & noise.HANDSHAKE else real(d)
    reads = [0]

    def repeat(_):
        reads[0] += 1
        if reads[0] > 3:
            wire.sendto(hellos[0], place.server.address)

    one.on_read = repeat
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    place.refused("another address")
    place.dumps_only("fake")


def test_two_machines_that_claim_one_session(keyed):
    """Its number is no secret: each has a dump of its own."""
    place = keyed()
    images = [linux_image(seed, mib=8) for seed in (1, 2)]
    first = place.machine(images[0], 9, host="first", token=b"the first's own.")
    second = place.machine(images[1], 9, host="second", token=b"the second's own")
    met = []

    def meet(_):
        if not met:
            met.append(None)
            second.run(4)

    first.on_read = meet
    assert first.run().status == COMPLETE and second.done.status == COMPLETE
    assert_right(place.server, first.done.text, images[0])
    assert_right(place.server, second.done.text, images[1])
    place.dumps_only("first", "second")


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_restarts_goes_on(serve, keyed, how):
    place, image = keyed(), linux_image(10, mib=32, zero=0, compressible=0)
    one, result = place.machine(image, 10), []
    thread = threading.Thread(target=lambda: result.append(one.run()))
    thread.start()
    until(lambda: one.sent > 3000)
    getattr(place.server, how)()
    again = serve(*place.keys.options, port=place.server.address[1])
    thread.join(60)
    assert result and result[0].status == COMPLETE
    assert_right(again, one.done.text, image)
    # and says so to a machine that asks again
    one.wait_on()
    assert one.run(10).status == COMPLETE


def test_a_machine_that_lost_its_keys_gets_new_ones(keyed):
    """As after a word with another server in between."""
    place, image = keyed(), linux_image(11, mib=16)
    one = place.machine(image, 11)
    reads = [0]

    def forget(_):
        reads[0] += 1
        if reads[0] % 10 == 0:
            one.sealing.keys = one.sealing.before = None
            one.reads.clear()

    one.on_read = forget
    assert one.run().status == COMPLETE
    assert_right(place.server, one.done.text, image)
    assert reads[0] > 20 and one.hellos > 2


def test_a_lost_answer_is_said_again(keyed):
    """Without another HELLO: the server repeats it while nothing comes."""
    place, image = keyed(), linux_image(12, mib=6)
    one = place.machine(image, 12)
    lost = []

    class First(Faults):
        def apply(self, datagram):
            if not lost:
                lost.append(datagram)
                return []
            return [(datagram, False)]

    one.faults_in = First()
    one.send_hello()
    hellos = one.hellos
    until(lambda: one.receive() or one.reads)
    assert lost and one.hellos == hellos
    one.run()
    assert_right(place.server, one.done.text, image)


@pytest.fixture
def flood():
    """Starts floods of forged HELLOs; end() says how many they were."""
    running = []

    class Flood:
        def __init__(self, server):
            self.process = subprocess.Popen(
                [sys.executable, fakemachine.__file__.replace("fakemachine", "flood"),
                 "%s:%u" % server.address], stdout=subprocess.PIPE, text=True)
            running.append(self.process)

        def end(self):
            self.process.terminate()
            return int(self.process.communicate(timeout=30)[0])

    yield Flood
    for process in running:
        process.kill()
        process.wait()


def drops(server):
    """Datagrams that found a buffer full: of the socket for dumps, and of that for strangers."""
    inodes = []
    for fd in sorted(map(int, os.listdir(f"/proc/{server.process.pid}/fd"))):
        link = os.readlink(f"/proc/{server.process.pid}/fd/{fd}")
        inodes += [link[8:-1]] if link.startswith("socket:") else []
    with open("/proc/net/udp", encoding="ascii") as table:
        rows = {row.split()[9]: int(row.split()[12]) for row in list(table)[1:]}
    return [rows[inode] for inode in inodes if inode in rows]


def test_a_flood_of_hellos_holds_up_no_dump(keyed, flood):
    """It begins in the middle of the dump, which goes on once the flood is at its height."""
    place, image = keyed(), linux_image(13, mib=32, zero=0.2)
    one = place.machine(image, 13)
    one.limit = 100
    one.run()
    before = place.server.memory_kib()
    many = flood(place.server)
    until(lambda: drops(place.server)[1] > 5000)
    one.limit = None
    assert one.run(120).status == COMPLETE
    assert many.end() > 5000 and drops(place.server)[0] == 0
    assert_right(place.server, one.done.text, image)
    assert place.server.memory_kib() - before < 64 << 10
    place.dumps_only("fake")
    assert len(place.server.stop().splitlines()) < 1000, "the log grew with the flood"


def netdumpd(*words):
    return subprocess.run([os.path.join(BUILD, "netdumpd"), *USER, *words], capture_output=True, text=True,
                          timeout=60, check=False)


def test_without_a_key_it_does_not_start(tmp_path):
    where = ["--dir", str(tmp_path / "dumps"), "--listen", "127.0.0.1:0"]
    none = netdumpd(*where)
    assert none.returncode == 1 and "netdumpd keygen" in none.stderr and "--key" in none.stderr
    keys = Keys(tmp_path, db1=None)
    both = netdumpd(*where, *keys.options, "--insecure")
    assert both.returncode == 64 and "--insecure" in both.stderr
    assert netdumpd(*where, "--insecure", "--host-keys", keys.options[3]).returncode == 64
    assert netdumpd(*where, "--host-keys", keys.options[3]).returncode == 64
    (tmp_path / "server.key").chmod(0o644)
    readable = netdumpd(*where, *keys.options)
    assert readable.returncode == 1 and "server.key" in readable.stderr
    assert not (tmp_path / "dumps").exists()


def test_a_port_is_one_servers(serve, tmp_path):
    server = serve()
    second = netdumpd("--dir", str(tmp_path / "other"), "--listen",
                      "%s:%u" % server.address, "--insecure")
    assert second.returncode == 1 and "Address already in use" in second.stderr
