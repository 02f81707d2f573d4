# SPDX-License-Identifier: GPL-2.0-or-later
"""Living systems that ask for drivers, and what they are given: GIVE, TAKE, and the record."""
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
import threading
import time

import pytest

import fakemachine
import noise
from conftest import (BUILD, INSTALLED, assert_kept, assert_right, ctl, files_of, noise_bytes,
                      until)
from fakeimage import file_image, linux_image, plain_image
from fakemachine import (CRASH, DRIVERS, GIVE_BYTES, LOG, TAKE_MAX, TEST, Faults, Sealing, take)

COMPLETE, INCOMPLETE = 0, 1
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STANDIN = os.environ.get("NETDUMP_STANDIN", "build/tests/standin")
RELEASE = "6.1.0-fake"
REQUEST = f"{RELEASE}\npci:v00008086d0000100E\nusb:v1D6Bp0002\n".encode()


class Catalogue:
    """A netdumpd whose answers are files."""

    def __init__(self, serve, folder, *options, **answers):
        self.serve, self.folder, self.options = serve, folder, options
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        for name, data in answers.items():
            self.put(name, data)
        self.start()

    def put(self, name, data):
        (self.folder / name).write_bytes(data)
        (self.folder / name).chmod(0o644)

    def start(self, port=0, **more):
        self.server = self.serve("--drivers", str(self.folder), *self.options, build=STANDIN,
                                 port=port, **more)

    def again(self, how="kill"):
        getattr(self.server, how)()
        self.start(self.server.address[1])


@pytest.fixture
def catalogue(serve, tmp_path):
    def make(answer, *options):
        return Catalogue(serve, tmp_path / "drivers", *options, **{RELEASE: answer})

    return make


def assert_given(server, one, answer, request=REQUEST):
    assert one.done.status == COMPLETE, one.done.text
    assert one.taken() == answer
    info = assert_kept(server, one.done.text, request, "request")
    assert files_of(server, one.done.text) == ["info.json", "request"]
    assert info["kind"] == "drivers" and info["release"] == RELEASE
    assert info["answer_bytes"] == len(answer) and info["modules"] == request.count(b"\n")


@pytest.mark.parametrize("size", [1, GIVE_BYTES - 1, GIVE_BYTES, GIVE_BYTES + 1,
                                  TAKE_MAX * GIVE_BYTES, 500001])
def test_drivers_are_given(catalogue, machine, size):
    answer = noise_bytes(size, size)
    server = catalogue(answer).server
    one = machine(server, file_image(REQUEST), 30, kind=DRIVERS)
    one.run()
    assert_given(server, one, answer)


@pytest.mark.parametrize("faults", [
    dict(loss=0.3), dict(duplicate=0.3), dict(reorder=0.3),
    dict(loss=0.1, duplicate=0.1, reorder=0.1, damage=0.05),
], ids=lambda f: "-".join(f"{k}{v}" for k, v in f.items()))
@pytest.mark.parametrize("seed", [1, 2])
def test_loss_costs_drivers_time_only(catalogue, machine, faults, seed):
    answer = noise_bytes(31, 100001)
    server = catalogue(answer).server
    one = machine(server, file_image(REQUEST), 31, kind=DRIVERS, faults=Faults(seed, **faults))
    one.run()
    assert_given(server, one, answer)


def test_a_long_request(catalogue, machine):
    request = RELEASE.encode() + b"".join(b"\npci:%d" % i for i in range(5000)) + b"\n"
    server = catalogue(b"answer").server
    one = machine(server, file_image(request), 32, kind=DRIVERS)
    one.run()
    assert_given(server, one, b"answer", request)


def test_the_list_of_modules_is_kept(catalogue, machine):
    order = b"".join(b"%064x  module%d.ko\n" % (i, i) for i in range(3))
    tar = b"order".ljust(124, b"\0") + b"%011o\0" % len(order)
    server = catalogue(tar.ljust(512, b"\0") + order + bytes(2000)).server
    done = machine(server, file_image(REQUEST), 33, kind=DRIVERS).run()
    assert (server.dir / done.text / "order").read_bytes() == order


@pytest.mark.parametrize("size", [b"77777777777", b"-1", b"x", b"00000010000"])
def test_a_list_of_modules_that_lies_elsewhere(catalogue, machine, size):
    answer = (b"order".ljust(124, b"\0") + size).ljust(2000, b"\0")
    server = catalogue(answer).server
    one = machine(server, file_image(REQUEST), 34, kind=DRIVERS)
    assert one.run().status == COMPLETE and one.taken() == answer
    order = server.dir / one.done.text / "order"
    assert not order.exists() or not order.read_bytes()


def test_without_a_catalogue_nothing_is_asked(serve, machine):
    server = serve()
    one = machine(server, file_image(REQUEST), 35, kind=DRIVERS)
    assert one.run() == (INCOMPLETE, "this server has no driver catalogue (--drivers DIR)")
    assert one.sent == 1 and server.dumps() == []


def test_a_catalogue_that_is_not_there(tmp_path):
    done = subprocess.run([os.path.join(BUILD, "netdumpd"), "--dir", str(tmp_path / "dumps"),
                           "--insecure", "--user", "root", "--drivers", str(tmp_path / "none")],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "--drivers" in done.stderr and "No such file" in done.stderr


def test_what_the_catalogue_does_not_have(catalogue, machine):
    place = catalogue(b"answer")
    one = machine(place.server, file_image(b"5.10\npci:1\n"), 36, kind=DRIVERS)
    done = one.run()
    assert done == (INCOMPLETE, "no modules for kernel 5.10: No such file or directory")
    path, = place.server.dumps()
    info = place.server.info(path)
    assert path.endswith(".partial") and info["why"] == done.text and info["release"] == "5.10"
    assert info["modules"] == 0 and (place.server.dir / path / "request").exists()


def test_an_answer_of_nothing(catalogue, machine):
    server = catalogue(b"").server
    done = machine(server, file_image(REQUEST), 37, kind=DRIVERS).run()
    assert done.status == INCOMPLETE and "0 bytes" in done.text


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_restarts_while_it_gives(catalogue, machine, how):
    answer = noise_bytes(38, 300 * GIVE_BYTES)
    place = catalogue(answer)
    one = machine(place.server, file_image(REQUEST), 38, kind=DRIVERS)
    give, at = one._take_give, []

    def restart(piece):
        give(piece)
        if len(one.pieces) == 100 and not at:
            at.append(one.gives)
            place.again(how)

    one._take_give = restart
    one.run()
    assert at and one.gives < 400, "what it had was given again"
    assert_given(place.server, one, answer)


def test_another_life_with_another_answer(catalogue, machine):
    place = catalogue(noise_bytes(39, 50001))
    one = machine(place.server, file_image(REQUEST), 39, kind=DRIVERS)
    give = one._take_give

    def restart(piece):
        give(piece)
        if piece.total == 50001 and len(one.pieces) == 20:
            place.put(RELEASE, noise_bytes(40, 60001))
            place.again()

    one._take_give = restart
    one.run()
    assert_given(place.server, one, noise_bytes(40, 60001))


def test_while_it_looks_up_others_go_on_and_it_is_heard(catalogue, machine):
    place, image = catalogue(b"answer", "--silence", "1"), linux_image(41, mib=6)
    place.put(RELEASE + ".wait", b"")
    one = machine(place.server, file_image(REQUEST), 41, kind=DRIVERS)
    with pytest.raises(TimeoutError):
        one.run(1.5)
    assert one.keepalives and not one.total
    done = machine(place.server, image, 42, host="crashed").run()
    assert_right(place.server, done.text, image)
    (place.folder / (RELEASE + ".wait")).unlink()
    one.run()
    assert_given(place.server, one, b"answer")


def test_a_server_ends_though_it_looks_up(catalogue, machine):
    place = catalogue(b"answer")
    place.put(RELEASE + ".wait", b"")
    one = machine(place.server, file_image(REQUEST), 43, kind=DRIVERS)
    with pytest.raises(TimeoutError):
        one.run(0.5)
    place.server.stop()
    path, = place.server.dumps()
    assert place.server.info(path)["why"] == "netdumpd was stopped"


def test_more_than_are_looked_up_at_once(catalogue, machine):
    place, results = catalogue(b"answer"), {}
    place.put(RELEASE + ".wait", b"")
    many = [machine(place.server, file_image(REQUEST), 100 + n, kind=DRIVERS, host=f"h{n}")
            for n in range(20)]
    threads = [threading.Thread(target=lambda one=one: results.update({one: one.run()}))
               for one in many]
    for thread in threads:
        thread.start()
    until(lambda: len(place.server.dumps()) == 20)
    (place.folder / (RELEASE + ".wait")).unlink()
    for thread in threads:
        thread.join()
    for one in many:
        assert_given(place.server, one, b"answer")


@pytest.mark.skipif(not os.path.exists(os.path.join(ROOT, "server", "catalogue.c")),
                    reason="there is no catalogue yet")
def test_the_catalogue_itself(serve, machine, tmp_path):
    """In the sandbox, as netdumpd is installed; the record has the list of modules."""
    folder = tmp_path / "modules" / RELEASE
    folder.mkdir(parents=True)
    module = noise_bytes(53, 30001)
    for name, data in (("modules.alias", b"alias pci:v00008086d0000100E* nic\n"),
                       ("modules.dep", b"kernel/nic.ko:\n"), ("kernel/nic.ko", module)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    for path in (tmp_path / "modules", folder, folder / "kernel"):
        path.chmod(0o755)
    server = serve("--drivers", str(tmp_path / "modules"), build=INSTALLED)
    request = f"{RELEASE}\npci:v00008086d0000100Esv0".encode()
    one = machine(server, file_image(request), 53, kind=DRIVERS)
    assert one.run().status == COMPLETE, one.done.text
    order = f"{hashlib.sha256(module).hexdigest()}  nic.ko\n".encode()
    with tarfile.open(fileobj=io.BytesIO(one.taken())) as tar:
        assert tar.getnames() == ["order", "nic.ko"]
        assert [tar.extractfile(name).read() for name in tar.getnames()] == [order, module]
    info = assert_kept(server, one.done.text, request, "request")
    assert info["modules"] == 1 and info["release"] == RELEASE
    assert files_of(server, one.done.text) == ["info.json", "order", "request"]
    assert (server.dir / one.done.text / "order").read_bytes() == order


def listener(one):
    """Takes what comes, and answers READs; says nothing else."""
    def listen(seconds, enough=lambda: False):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not one.done and not enough():
            one.receive()
            while one.reads:
                for datagram in one.answer(one.reads.popleft()):
                    one._send(datagram)
            time.sleep(0.005)
    return listen


def test_the_first_piece_comes_again_until_it_is_taken(catalogue, machine):
    server = catalogue(noise_bytes(44, 3 * GIVE_BYTES)).server
    one = machine(server, file_image(REQUEST), 44, kind=DRIVERS)
    listen, times = listener(one), []
    one._take_give = lambda give: times.append((give.index, time.monotonic()))
    one.send_hello()
    listen(2.5)
    assert {index for index, _ in times} == {0}
    pauses = [b - a for (_, a), (_, b) in zip(times, times[1:])]
    assert 2 <= len(pauses) <= 4 and all(b > 1.2 * a for a, b in zip(pauses, pauses[1:])), pauses
    one._send(take(44, 1, 1, 1))
    listen(10, lambda: times[-1][0] == 1)
    count = len(times)
    listen(1.5)
    assert len(times) == count, "unasked, although it takes"
    one.send_hello()
    listen(10, lambda: len(times) > count)
    assert times[count][0] == 0


def greeted(place, machine, session):
    """A machine to which an answer is given, that has taken one piece: none comes unasked."""
    one = machine(place.server, file_image(REQUEST), session, kind=DRIVERS)
    one.listen, one.indices = listener(one), []
    one._take_give = lambda give: one.indices.append(give.index)
    one.send_hello()
    one.listen(10, lambda: one.indices)
    one._send(take(session, 1, 0, 1))
    one.listen(10, lambda: len(one.indices) > 1)
    one.listen(0.1)
    assert set(one.indices) == {0}
    one.indices.clear()
    return one


@pytest.mark.parametrize("first, count, gives", [
    (0, 1, [0]), (0, 3, [0, 1, 2]), (1, 10, [1, 2]), (2, 1, [2]), (3, 1, None), (3, 10, None),
    (1 << 31, 10, None), ((1 << 32) - 1, 10, None)])
def test_takes_in_and_out_of_range(catalogue, machine, first, count, gives):
    place = catalogue(noise_bytes(45, 2 * GIVE_BYTES + 1))
    one = greeted(place, machine, 45)
    refused = lambda: "pieces that there are not" in place.server.text()
    one._send(take(45, 1, first, count))
    one.listen(10, refused if gives is None else lambda: len(one.indices) == len(gives))
    one.listen(0.05)
    assert one.indices == (gives or []) and refused() == (gives is None)
    one._send(take(45, 1, 0, 0))
    one.listen(10)
    assert one.done.status == COMPLETE


def test_too_many_pieces_at_once(catalogue, machine):
    place = catalogue(noise_bytes(46, 20 * GIVE_BYTES))
    one = greeted(place, machine, 46)
    one._send(take(46, 1, 0, TAKE_MAX + 1))
    one.listen(10, lambda: "a count does not fit" in place.server.text())
    one.listen(0.05)
    assert one.indices == [] and "a count does not fit" in place.server.text()


def test_takes_of_who_asked_for_nothing(catalogue, machine, wire):
    place = catalogue(b"answer")
    wire.sendto(take(47, 1, 0, 1), place.server.address)
    until(lambda: "TAKE of an unknown session" in place.server.text())
    for session, kind, image in ((48, CRASH, plain_image(1, mib=2)),
                                 (49, LOG, file_image(noise_bytes(1, 90000)))):
        one = machine(place.server, image, session, kind=kind)
        honest = one.answer

        def answer(read, one=one, honest=honest):
            yield take(one.session, 1, 0, 10)
            yield from honest(read)
            yield take(one.session, 1, 0, 0)

        one.answer = answer
        assert one.run().status == COMPLETE and not one.gives
        one._send(take(session, 1, 0, 0))
    until(lambda: "there is nothing to take" in place.server.text())


def test_takes_of_another_address(catalogue, machine, wire):
    place = catalogue(b"answer")
    one = greeted(place, machine, 50)
    wire.sendto(take(50, 1, 0, 0), place.server.address)
    until(lambda: "a session of another address" in place.server.text())
    one.listen(0.2)
    assert not one.done


def test_a_done_that_was_lost_is_said_again(catalogue, machine):
    place = catalogue(b"answer")
    one = greeted(place, machine, 51)
    for _ in range(2):
        one.done = None
        one._send(take(51, 1, 0, 0))
        one.listen(10)
        assert one.done.status == COMPLETE


def test_a_machine_that_asks_and_takes_nothing(catalogue, machine):
    place = catalogue(b"answer", "--silence", "1")
    one = machine(place.server, file_image(REQUEST), 52, kind=DRIVERS)
    one._take_give = lambda give: None
    done = one.run(20)
    assert done.status == INCOMPLETE and "nothing new comes" in done.text


# --- keys --------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path):
    private = os.urandom(32)
    path = tmp_path / "server.key"
    path.write_text(private.hex())
    path.chmod(0o600)
    return ("--key", str(path)), lambda: Sealing(noise.public(private))


@pytest.mark.parametrize("faults", [{}, dict(loss=0.1, duplicate=0.1, reorder=0.1)],
                         ids=["good", "bad"])
def test_under_keys(serve, machine, tmp_path, keys, faults):
    options, sealing = keys
    answer, log = noise_bytes(60, 200001), noise_bytes(61, 300001)
    place = Catalogue(serve, tmp_path / "drivers", *options, **{RELEASE: answer})
    more = {"token": b"known to a few..", "faults": Faults(60, **faults)}
    one = machine(place.server, file_image(log), 60, kind=LOG, sealing=sealing(), **more)
    assert_kept(place.server, one.run().text, log)
    one = machine(place.server, file_image(log), 61, kind=TEST, sealing=sealing(), **more)
    assert one.run().status == COMPLETE
    one = machine(place.server, file_image(REQUEST), 62, kind=DRIVERS, sealing=sealing(), **more)
    one.run()
    assert_given(place.server, one, answer)


def test_under_keys_a_hello_crosses_what_is_given(serve, machine, tmp_path, keys):
    """Each brings new keys, with a READ, for a GIVE has no room for a handshake."""
    options, sealing = keys
    answer = noise_bytes(63, 200 * GIVE_BYTES)
    place = Catalogue(serve, tmp_path / "drivers", *options, **{RELEASE: answer})
    request = REQUEST + b"".join(b"pci:%d\n" % i for i in range(1000))
    one = machine(place.server, file_image(request), 63, kind=DRIVERS, sealing=sealing())
    give, honest = one._take_give, one.answer

    def chatty(piece):
        give(piece)
        if one.gives % 7 == 0:
            one.send_hello()

    def answer_and_greet(read):
        if read.read_id > 1:
            one.state = fakemachine.NEW  # else it has lost what it is about to answer
            one.send_hello()
            one.state = fakemachine.IDLE
            time.sleep(0.004)  # HELLOs have a buffer of their own, and come later
        yield from honest(read)

    one._take_give, one.answer = chatty, answer_and_greet
    one.run()
    assert_given(place.server, one, answer, request)


def test_under_keys_a_server_restarts_while_it_gives(serve, machine, tmp_path, keys):
    options, sealing = keys
    answer = noise_bytes(64, 200 * GIVE_BYTES)
    place = Catalogue(serve, tmp_path / "drivers", *options, **{RELEASE: answer})
    one = machine(place.server, file_image(REQUEST), 64, kind=DRIVERS, sealing=sealing())
    give, at = one._take_give, []

    def restart(piece):
        give(piece)
        if len(one.pieces) == 100 and not at:
            at.append(one.gives)
            place.again()

    one._take_give = restart
    one.run()
    assert_given(place.server, one, answer)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(take(65, 1, 0, 0), place.server.address)
        until(lambda: "plain, but this server has a key" in place.server.text())


# --- netdumpctl --------------------------------------------------------------


def test_netdumpctl_tells_them_apart(catalogue, machine):
    server = catalogue(noise_bytes(70, 9000)).server
    image = linux_image(70, mib=6)
    done = {}
    for session, (kind, what) in enumerate([(CRASH, image), (LOG, file_image(b"x" * 3000000)),
                                            (TEST, file_image(noise_bytes(1, 100000))),
                                            (DRIVERS, file_image(REQUEST))], 0xAA00):
        done[kind] = machine(server, what, session, kind=kind, reason="kern.log").run()
        assert done[kind].status == COMPLETE
    listed = {one["path"]: one for one in json.loads(ctl(server, "list", "--json").stdout)}
    assert {listed[done[kind].text]["kind"]: kind for kind in done} == {
        "dump": CRASH, "log": LOG, "test": TEST, "drivers": DRIVERS}
    assert listed[done[CRASH].text]["vmcore_bytes"] and listed[done[CRASH].text]["panic"]
    lines = {line.split()[0]: line for line in ctl(server, "list").stdout.splitlines()}
    for word, ident in (("dump", "aa00"), ("log", "aa01"), ("test", "aa02"), ("drivers", "aa03")):
        assert lines["0000" + ident].split()[2] == word
    assert "Kernel panic" in lines["0000aa00"] and "kern.log" in lines["0000aa01"]
    assert " 2.86 " in lines["0000aa01"] and "MB/s" in lines["0000aa02"]
    assert "3 modules" in lines["0000aa03"] and RELEASE in lines["0000aa03"]
    for kind, words in ((CRASH, "ELF core is well formed"), (LOG, "SHA-256 matches\n"),
                        (TEST, "nothing is kept"), (DRIVERS, "SHA-256 matches\n")):
        verified = ctl(server, "verify", done[kind].text)
        assert verified.returncode == 0 and words in verified.stdout
    shown = ctl(server, "show", "0000aa01").stdout
    assert "kind             log" in shown and "name             kern.log" in shown
    assert "bytes            3000000" in shown and "vmcore" not in shown
    assert "modules          3" in ctl(server, "show", "0000aa03").stdout
    for kind, file in ((LOG, "log"), (DRIVERS, "request")):
        with open(server.dir / done[kind].text / file, "r+b") as kept:
            kept.write(b"spoilt")
        verified = ctl(server, "verify", done[kind].text)
        assert verified.returncode == 1 and f"{file}'s SHA-256" in verified.stdout
