# SPDX-License-Identifier: GPL-2.0-or-later
"""What one machine, or one administrator, can ask of the server: all of it has an end."""
import os
import re
import resource
import socket
import subprocess
import threading
import time
from types import SimpleNamespace

from conftest import BUILD, INSTALLED, USER, assert_right, until
from fakeimage import (PAGE, PT_LOAD, PT_NOTE, RAM, Image, elf_header, linux_image, plain_image,
                       ring_of_one_text)
from fakemachine import NEW, ZERO, Done, data, hello, parse

COMPLETE, INCOMPLETE, REFUSED = 0, 1, 2
SOON_S = 10  # far below what the case would take without its limit


def answer_zeros(wire, server, session, read):
    """All pages of a READ, as zeros."""
    records = [(phys, count * PAGE, ZERO, b"") for phys, count, _ in read.extents]
    wire.sendto(data(session, 1, read.read_id, 0, 1, records), server.address)


def test_a_huge_machine_that_falls_silent_is_not_hashed(serve, wire):
    server = serve("--silence", "1")
    wire.sendto(hello(9, host=b"huge", ranges=[(0, 8 << 40, RAM)]), server.address)
    answer_zeros(wire, server, 9, parse(wire.recv(2048))[1])
    until(lambda: "fell silent" in server.text())
    until(lambda: server.info(server.dumps()[0])["status"] == "incomplete", SOON_S)
    info = server.info(server.dumps()[0])
    assert info["sha256"] is None and info["missing_pages"] == (8 << 40) // PAGE - 1


def test_the_server_ends_although_much_is_to_be_hashed(serve, machine):
    """All has come, but it is zeros of which a checksum takes longer than anyone waits."""
    server, image = serve(), plain_image(1, mib=2)
    size = 32 << 30
    image.pages, image.ranges = {}, [(0, size, RAM)]
    one = machine(server, image, 10)
    thread = threading.Thread(target=one.run, args=(600,))
    thread.start()
    until(lambda: one.keepalives, 60)
    start = time.monotonic()
    server.stop()
    assert time.monotonic() - start < SOON_S
    assert server.info(server.dumps()[0])["why"] == "netdumpd was stopped"
    one.done = Done(INCOMPLETE, "nobody will say it")
    thread.join()


def test_a_damaged_log_does_not_grow_without_end(serve, machine):
    server = serve()
    image = linux_image(1, ring=ring_of_one_text(11, 14), count_bits=11, text_bits=14)
    done = machine(server, image, 11).run()
    log = (server.dir / done.text / "dmesg.txt").read_bytes()
    assert 32 << 20 < len(log) < 34 << 20 and b"cut here" in log[-100:]


def hoarder(server, machine, number, pages):
    """A machine with notes of so many pages, of which it keeps the last one back."""
    image, notes = Image(), 1 << 20
    image.ranges = [(0, notes + pages * PAGE, RAM)]
    image.elfcorehdr = PAGE
    image.write(PAGE, elf_header(
        [(PT_NOTE, notes + at * PAGE, 0, 0, 16 * PAGE, 16 * PAGE) for at in range(0, pages, 16)]
        + [(PT_LOAD, 0, 0, 0, PAGE, PAGE)]))
    last = notes // PAGE + pages - 1
    image.write(last * PAGE, bytes(range(256)) * 16)
    one = machine(server, image, number, host=f"hoarder{number}")
    parts = one._parts
    one._parts = lambda read: (part for part in parts(read) if part[0] // PAGE != last)
    one.asked = set()  # READs that were answered but for that page, and again and again

    def on_read(read):
        if [(phys // PAGE, count) for phys, count, _ in read.extents] == [(last, 1)]:
            one.asked.add(read.read_id)

    one.on_read = on_read
    return one


def test_early_pages_take_no_memory_and_no_log_from_others(serve, machine):
    """18 sessions with 15 MiB of notes each that never end; others have all that is theirs."""
    server = serve("--level", "0")
    before = server.memory_kib()
    hoarders = [hoarder(server, machine, number, 3840) for number in range(1, 19)]
    threads = [threading.Thread(target=one.run, args=(120,)) for one in hoarders]
    for thread in threads:
        thread.start()
    try:
        until(lambda: all(one.asked for one in hoarders), 60)
        assert server.memory_kib() - before < 64 << 10
        images = {number: linux_image(number, mib=6) for number in range(100, 140)}
        victims = [machine(server, image, number, host=f"victim{number}")
                   for number, image in images.items()]
        running = [threading.Thread(target=one.run, args=(120,)) for one in victims]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        for one in victims:
            assert_right(server, one.done.text, images[one.session])
            assert not server.info(one.done.text)["notes"]
        assert not any(one.done for one in hoarders), "they hold nothing"
    finally:
        for one in hoarders:
            one.done = one.done or Done(INCOMPLETE, "nobody will say it")
        for thread in threads:
            thread.join()


def test_a_machine_whose_first_reads_were_lost_gets_more(serve, wire):
    """The server stops asking unasked after a few; each further HELLO brings one READ."""
    server = serve()
    wire.settimeout(0.5)
    reads, end = 0, time.monotonic() + 60
    while reads < 10:
        assert time.monotonic() < end, f"{reads} READs"
        wire.sendto(hello(12, state=NEW, host=b"deaf", ranges=[(0, 1 << 20, RAM)]), server.address)
        try:
            reads += parse(wire.recv(2048)) is not None
        except TimeoutError:
            pass
    assert server.dumps() == []


def test_two_sessions_that_look_alike_get_folders_of_their_own(serve, machine):
    server = serve()
    images = [linux_image(seed, mib=8) for seed in (1, 2)]
    both = [machine(server, image, (number << 32) | 0xABC, host="same")
            for number, image in enumerate(images, 1)]
    threads = [threading.Thread(target=one.run) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert both[0].done.text != both[1].done.text
    for one, image in zip(both, images):
        assert one.done.status == COMPLETE
        assert_right(server, one.done.text, image)


def test_a_page_that_never_comes_ends_the_dump(serve, machine):
    server, image = serve("--silence", "2"), plain_image(1, mib=4)
    image.pages[300] = bytes(range(256)) * 16
    one = machine(server, image, 13)
    parts = one._parts
    one._parts = lambda read: (part for part in parts(read) if part[0] // PAGE != 300)
    done = one.run()
    assert done == Done(INCOMPLETE, "the machine answers, but nothing new comes")
    info = server.info(server.dumps()[0])
    assert info["missing"] == [{"phys": hex(300 * PAGE), "bytes": PAGE}]
    assert info["reads"] < 200, "asked at the speed of the wire"


def test_a_folder_that_cannot_be_made_is_left_to_the_next_server(serve, machine):
    server = serve()
    (server.dir / "taken").write_text("a file where the host's folder would be")
    image = plain_image(1, mib=2)
    one = machine(server, image, 14, host="taken")
    done = one.run()
    assert done.status == REFUSED and "Not a directory" in done.text
    assert not [name for name in os.listdir(server.dir) if name != "taken"]
    # no other server had more luck, and meanwhile there is room
    (server.dir / "taken").unlink()
    one.wait_on()
    assert one.run().status == COMPLETE
    assert_right(server, one.done.text, image)


def test_finished_machines_make_room(serve, machine):
    server = serve("--machines", "1")
    for session in (15, 16, 17):
        image = linux_image(session, mib=6)
        done = machine(server, image, session, host=f"h{session}").run(SOON_S)
        assert_right(server, done.text, image)


def test_more_machines_than_open_files_is_refused(tmp_path):
    few = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    done = subprocess.run([os.path.join(BUILD, "netdumpd"), "--dir", str(tmp_path / "dumps"),
                           "--listen", "127.0.0.1:0", "--insecure", "--machines", "1000", *USER],
                          preexec_fn=few,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "--machines 1000" in done.stderr and "ulimit" in done.stderr


def test_open_files_are_enough_for_all(serve, machine, tmp_path):
    """As many machines as there may be, and all of their threads at the disk at once."""
    many = 100
    words = ["--machines", str(many)]
    asked = subprocess.run(
        [os.path.join(BUILD, "netdumpd"), "--dir", str(tmp_path), "--insecure", *USER, *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50)),
        capture_output=True, text=True, timeout=20, check=False).stderr
    server = serve(*words, open_limit=int(re.search(r"(\d+) open files", asked).group(1)),
                   fault="fsync:1+:slow", build=INSTALLED)
    all_of_them = [machine(server, plain_image(1, mib=2), number, host=f"m{number}")
                   for number in range(1, many + 1)]
    threads = [threading.Thread(target=one.run, args=(120,)) for one in all_of_them]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.done and one.done.status for one in all_of_them} == {COMPLETE}, server.text()


def test_who_has_to_wait_is_told_so(serve):
    """More machines at once than may have something in flight: a word now, READs in turn."""
    server, socks, first = serve(), [], []
    for session in range(1, 61):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(SOON_S)
        sock.sendto(hello(session, host=b"m%d" % session, ranges=[(0, 1 << 20, RAM)]),
                    server.address)
        socks.append(sock)
    try:
        for session, sock in enumerate(socks, 1):
            got, read = parse(sock.recv(2048))
            assert got == session
            first.append(bool(read.extents))
            while not read.extents:
                _, read = parse(sock.recv(2048))
    finally:
        for sock in socks:
            sock.close()
    assert first[0] and not all(first), "nobody had to wait"


def test_nobody_reads_the_log(tmp_path, machine):
    """Whatever the log went into is gone, and the dump arrives all the same."""
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [os.path.join(BUILD, "netdumpd"), "--dir", str(tmp_path / "dumps"), "--listen",
         "127.0.0.1:0", "--insecure", *USER], stderr=write_end)
    os.close(write_end)
    try:
        with open(read_end, encoding="ascii") as log:
            host, port = re.search(r"listening on ([\d.]+):(\d+)", log.readline()).groups()
        server = SimpleNamespace(address=(host, int(port)))
        assert machine(server, plain_image(1, mib=2), 18).run(SOON_S).status == COMPLETE
    finally:
        process.terminate()
    assert process.wait(SOON_S) == 0
