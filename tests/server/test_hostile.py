# SPDX-License-Identifier: GPL-2.0-or-later
"""What strangers and broken machines send: counted, logged, bounded, and without effect."""
import os
import random
import re
import socket
import struct

import pytest

import fakemachine
from conftest import assert_right, until
from fakeimage import PT_LOAD, PT_NOTE, RAM, elf_header, linux_image, plain_image
from fakemachine import DATA, DONE, HELLO, READ, data, hello, message


def still_works(server, machine, session=0x77777777):
    image = linux_image(1, mib=6)
    assert_right(server, machine(server, image, session, host="good").run().text, image)


def everything_below(folder):
    return sorted(os.path.join(p, n) for p, d, f in os.walk(folder) for n in d + f)


def mangled_datagrams():
    whole_hello = hello(5, host=b"h", ranges=[(0, 1 << 20, RAM)])
    whole_data = data(5, 1, 1, 0, 1, [(0, 4096, 3, b"")])
    at = lambda d, offset, fmt, value: d[:offset] + struct.pack(fmt, value) + d[
        offset + struct.calcsize(fmt):]
    yield "nothing", b""
    yield "one byte", b"N"
    yield "a header only", whole_hello[:24]
    yield "cut", whole_hello[:-1]
    yield "run long", whole_hello + b"\0"
    yield "larger than a message", at(whole_hello + bytes(1457 - len(whole_hello)), 6, "<H", 1457)
    yield "larger than a packet", at(whole_hello + bytes(1700), 6, "<H", len(whole_hello) + 1700)
    yield "huge", bytes(60000)
    yield "magic", at(whole_hello, 0, "<I", 1)
    yield "version", at(whole_hello, 4, "<B", 9)
    yield "type", at(whole_hello, 5, "<B", 9)
    yield "session 0", at(whole_hello, 8, "<Q", 0)
    yield "range count", at(whole_hello, 46, "<H", 40)
    yield "range count beyond", at(whole_hello, 46, "<H", 65535)
    yield "host without NUL", whole_hello[:48] + b"A" * 64 + whole_hello[112:]
    yield "reason without NUL", whole_hello[:112] + b"A" * 128 + whole_hello[240:]
    yield "range wraps", at(whole_hello, 304, "<Q", 2**64 - 1)[:296] + struct.pack(
        "<QQII", 4096, 2**64 - 1, 1, 0)
    yield "empty range", at(whole_hello, 304, "<Q", 0)
    yield "DATA run long", whole_data + bytes(8)
    yield "record count", at(whole_data, 31, "<B", 200)
    yield "no record and not last", at(at(whole_data[:32], 31, "<B", 0), 30, "<B", 0)
    yield "record off a grain", data(5, 1, 1, 0, 1, [(1, 4096, 3, b"")])
    yield "record of no bytes", data(5, 1, 1, 0, 1, [(0, 0, 3, b"")])
    yield "record wraps", data(5, 1, 1, 0, 1, [(2**64 - 64, 4096, 3, b"")])
    yield "record kind", data(5, 1, 1, 0, 1, [(0, 4096, 9, b"")])
    yield "raw of another length", data(5, 1, 1, 0, 1, [(0, 128, 1, bytes(64))])
    yield "zero with bytes", data(5, 1, 1, 0, 1, [(0, 128, 3, bytes(64))])
    yield "lz4 too large", data(5, 1, 1, 0, 1, [(0, 65536 + 64, 2, bytes(64))])
    yield "stored runs out", at(whole_data, 32 + 12, "<H", 4000)
    yield "a READ", message(READ, 5, 1, struct.pack("<IIHHIQII", 1, 1, 1, 0, 0, 0, 1, 0))
    yield "a DONE", message(DONE, 5, 1, bytes(136))


def test_mangled_datagrams_are_refused(serve, machine, wire):
    server = serve()
    sent = 0
    for name, datagram in mangled_datagrams():
        wire.sendto(datagram, server.address)
        sent += 1
    still_works(server, machine)
    assert f"stopped; {sent} datagrams were refused" in server.stop()
    assert [d.split("/")[0] for d in server.dumps()] == ["good"]


def test_random_bytes(serve, machine, wire):
    server, rng = serve(), random.Random(1)
    head = struct.pack("<IB", fakemachine.MAGIC, fakemachine.VERSION)
    for _ in range(20000):
        body = rng.randbytes(rng.randrange(0, 1460))
        if rng.random() < 0.7:  # past the first gate
            body = (head + bytes([rng.randrange(1, 5)]) + struct.pack("<HQ", len(body) + 16, 1)
                    + body)
        wire.sendto(body, server.address)
    still_works(server, machine)
    log = server.stop()
    assert len(log.splitlines()) < 200, "the log grew with the flood"
    assert re.search("a count does not fit|a malformed record|a string without its end", log)
    assert [d.split("/")[0] for d in server.dumps()] == ["good"]


def test_mutated_data_never_hurts(serve, machine):
    """A machine whose every third DATA has a byte turned, with a checksum that fits."""
    server, rng = serve("--silence", "2"), random.Random(2)
    one = machine(server, linux_image(1, mib=6), 0x99)
    honest = one.answer

    def answer(read):
        for number, datagram in enumerate(honest(read)):
            if number % 3 == 0:
                spoilt = bytearray(datagram)
                spoilt[rng.randrange(24, min(len(spoilt), 80))] = rng.randrange(256)
                datagram = bytes(spoilt)
            yield datagram

    one.answer = answer
    try:
        one.run(8)
    except TimeoutError:
        pass
    one.sock.setblocking(True)
    still_works(server, machine)


def test_a_flood_of_hellos_costs_little(serve, machine, wire):
    server = serve()
    still_works(server, machine, 0x1234)
    before = server.memory_kib()
    ranges = [(i << 32, 1 << 30, RAM) for i in range(40)]
    for i in range(10000):  # an address and a session each
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((f"127.1.{i >> 8}.{i & 255}", 0))
            sender.sendto(hello(0x100000000 + i, host=b"forged-%d" % i, ranges=ranges,
                                elfcorehdr=0x1000), server.address)
    still_works(server, machine, 0x1235)
    assert server.memory_kib() - before < 64 << 10
    assert {d.split("/")[0] for d in server.dumps()} == {"good"}


@pytest.mark.parametrize("host", [
    b"../../escape", b"..", b".", b".hidden", b"a/b", b"/etc", b"name\n", b"\xff\xfe", b"a b",
    b"-rf", b"", b"x" * 63,
])
def test_no_name_leads_outside(serve, tmp_path, machine, host):
    server = serve()
    image = plain_image(1, mib=2)
    one = machine(server, image, 0x42)
    one.host = host.decode("latin-1")
    one.send_hello = lambda: one.sock.send(hello(0x42, state=one.state, host=host,
                                                 ranges=image.ranges, last_read=one.last_read))
    text = one.run().text
    want = host.decode() if host == b"x" * 63 else "52-54-00-12-34-56"
    assert text.split("/")[0] == want
    assert os.listdir(tmp_path) == ["dumps"]


def test_symbolic_links_are_not_followed(serve, machine, tmp_path):
    server = serve()
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, server.dir / "evil")
    done = machine(server, plain_image(1, mib=2), 7, host="evil").run()
    assert done.status == 2 and not os.listdir(outside)


HOSTILE_HEADERS = {
    "overlap": [(PT_LOAD, 1 << 20, 0, 1 << 20, 1 << 20, 1 << 20),
                (PT_LOAD, (1 << 20) + 4096, 0, 1 << 20, 1 << 20, 1 << 20)],
    "wraps": [(PT_LOAD, 2**64 - 4096, 0, 0, 8192, 8192)],
    "everything": [(PT_LOAD, 0, 0, 0, 2**64 - 1, 2**64 - 1)],
    "petabytes": [(PT_LOAD, 1 << 20, 0, 1 << 20, 1 << 50, 1 << 50)],
    "elsewhere": [(PT_LOAD, 1 << 40, 0, 1 << 40, 1 << 30, 1 << 30)],
    "file above memory": [(PT_LOAD, 1 << 20, 0, 1 << 20, 8192, 4096)],
    "notes of a gigabyte": [(PT_NOTE, 1 << 20, 0, 0, 1 << 30, 1 << 30),
                            (PT_LOAD, 1 << 20, 0, 1 << 20, 4096, 4096)],
    "notes everywhere": [(PT_NOTE, (1 << 20) + i, 0, 0, 65536, 65536) for i in range(900)]
    + [(PT_LOAD, 1 << 20, 0, 1 << 20, 4096, 4096)],
    "unaligned": [(PT_LOAD, (1 << 20) + 5, 0, 5, 4093, 4093)],
    "no load": [(PT_NOTE, 1 << 20, 0, 0, 4096, 4096)],
}


@pytest.mark.parametrize("name", HOSTILE_HEADERS)
def test_hostile_core_headers(serve, machine, name):
    server, image = serve(), plain_image(1, mib=4)
    image.elfcorehdr = 2 << 20
    image.write(image.elfcorehdr, elf_header(HOSTILE_HEADERS[name]))
    done = machine(server, image, 0x50).run(20)
    path, = server.dumps()
    info = server.info(path)
    assert info["vmcore_bytes"] <= 8 << 20, "a claim became a file"
    assert info["datagrams"] < 5000
    if name in ("wraps", "file above memory", "notes of a gigabyte", "no load"):
        assert "ELF core header" in info["notes"] and done.status == 0
    if name == "everything":  # its memory starts where RAM does: cut to it
        assert "cut" in info["notes"]


def test_absurd_ram_maps_are_refused(serve, machine):
    server, image = serve(), plain_image(1, mib=2)
    image.ranges = [(1 << 20, 1 << 62, RAM)]
    done = machine(server, image, 0x51).run(20)
    assert done.status == 1 and "16 TiB" in done.text
    path, = server.dumps()
    assert (server.dir / path / "vmcore").stat().st_size == 0


def test_a_session_belongs_to_its_address(serve, machine, wire):
    server, image = serve(), linux_image(1, mib=8)
    one = machine(server, image, 0x60)
    honest = one.answer

    def answer(read):
        for phys, count, _ in read.extents:  # a stranger answers first, with other bytes
            wire.sendto(data(0x60, 1, read.read_id, 0, 0, [(phys, 64, 1, b"Z" * 64)]),
                        server.address)
        yield from honest(read)

    one.answer = answer
    assert one.run().status == 0
    assert_right(server, one.done.text, image)
    assert "a session of another address" in server.text()


def test_data_that_nobody_asked_for(serve, machine):
    """Right address, right session, but memory that no READ names: it leaves no trace."""
    server, image = serve(), linux_image(1, mib=6)
    one = machine(server, image, 0x61)
    honest = one.answer

    def answer(read):
        for phys in (1 << 45, (1 << 64) - 4096, 0xFF000):
            yield data(0x61, 1, read.read_id, 900, 0, [(phys, 64, 1, b"Y" * 64)])
        yield data(0x61, 1, read.read_id, 2000, 0, [(1 << 20, 64, 1, b"Y" * 64)])
        yield from honest(read)

    one.answer = answer
    assert one.run().status == 0
    assert_right(server, one.done.text, image)
    assert server.info(one.done.text)["refused"] > 0


def test_the_table_of_machines_is_bounded(serve, machine, wire):
    server = serve("--machines", "2")
    holders = [machine(server, linux_image(n, mib=16, zero=0), n, host=f"h{n}") for n in (1, 2)]
    for one in holders:
        one.limit = 60
        one.run()
    wire.sendto(hello(3, host=b"third", ranges=[(0, 1 << 20, RAM)]), server.address)
    until(lambda: "the table of machines is full" in server.text())


def test_read_ids_that_are_used_up_are_not_believed(serve, wire):
    server = serve()
    for session, last_read in (3, 2**32 - 1), (4, 2**31 - 2), (5, 7):
        wire.sendto(hello(session, ranges=[(0, 1 << 20, RAM)], last_read=last_read), server.address)
        got, read = fakemachine.parse(wire.recv(2048))
        assert got == session and read.read_id == (1 if session == 3 else last_read + 1)


def test_nothing_is_written_for_a_machine_that_never_answers(serve, wire):
    server = serve()
    wire.sendto(hello(3, host=b"mute", ranges=[(0, 1 << 20, RAM)]), server.address)
    session, read = fakemachine.parse(wire.recv(2048))
    assert session == 3 and sum(n for _, n, _ in read.extents) == 1
    assert server.dumps() == []
    wire.sendto(data(3, 1, read.read_id, 0, 1, [(read.extents[0][0], 4096, 3, b"")]),
                server.address)
    until(server.dumps)
