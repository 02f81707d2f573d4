# SPDX-License-Identifier: GPL-2.0-or-later
"""A dump that is interrupted goes on where it was, and what the disk spoils comes again."""
import hmac
import json
import os
import threading
import time

import pytest

from conftest import assert_right, until
from fakeimage import PAGE, linux_image, plain_image
from fakemachine import FakeMachine, hello

COMPLETE, INCOMPLETE, REFUSED = 0, 1, 2
EARLY_PAGES = 400  # header, notes, page tables and log are read again in each life


class Watched:
    """A machine in a thread, with the pages that each life of the server asked it for."""

    def __init__(self, machine, server, image, session, **more):
        self.one = machine(server, image, session, **more)
        self.asked = set()
        self.one.on_read = self.read
        self.error = None
        self.thread = threading.Thread(target=self.go)
        self.thread.start()

    def read(self, read):
        for extent in read.extents:
            self.asked.update(range(extent[0] // PAGE, extent[0] // PAGE + extent[1]))

    def go(self):
        try:
            self.one.run(120)
        except TimeoutError as error:
            self.error = error

    def sent(self, more):
        target = self.one.sent + more
        until(lambda: self.one.sent >= target or self.one.done)

    def join(self):
        self.thread.join(150)
        assert not self.error, self.error
        return self.one.done


def the_map(server):
    path, = server.dumps()
    return json.loads((server.dir / path / "map.json").read_text())


def pages_of(spans):
    return {page for first, count in spans for page in range(first, first + count)}


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_is_in_the_map_is_not_asked_for_again(serve, machine, how):
    server, image = serve("--map", "0"), linux_image(8, mib=32, zero=0.2, compressible=0)
    watched = Watched(machine, server, image, 8)
    until(lambda: server.dumps() and (server.dir / server.dumps()[0] / "map.json").exists())
    watched.sent(4000)
    getattr(server, how)()
    sent = watched.one.sent
    before = the_map(server)
    missing = pages_of(before["missing"])
    everything = sum(count for _, count in before["extents"])
    assert 0 < len(missing) < everything
    watched.asked.clear()
    again = serve(port=server.address[1])
    assert watched.join().status == COMPLETE
    path, = again.dumps()
    assert_right(again, path, image)
    assert missing <= watched.asked and len(watched.asked - missing) < EARLY_PAGES
    assert f"{len(missing)} of {everything} pages are missing" in again.text()
    info = again.info(path)
    assert info["resumed"] == 1 and info["datagrams"] > 0.9 * sent
    assert info["reasked_chunks"] == 0
    assert sorted(os.listdir(again.dir / path)) == ["dmesg.txt", "info.json", "vmcore"]


def test_what_waits_to_be_written_is_in_no_map(serve, machine):
    """The machine falls silent with memory in a row, and the server dies after the next map."""
    server, image = serve("--map", "0"), linux_image(14, mib=8, zero=0, compressible=0)
    one = machine(server, image, 14)
    one.limit = 2000
    one.run(60)
    path, = server.dumps()
    until((server.dir / path / "map.json").exists)
    until(lambda: time.time() - (server.dir / path / "map.json").stat().st_mtime > 1.5)
    server.kill()
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run(60).status == COMPLETE
    path, = again.dumps()
    assert_right(again, path, image)
    assert again.info(path)["resumed"] == 1 and again.info(path)["reasked_chunks"] == 0


def test_killed_again_and_again(serve, machine):
    """Early pages apart, ten lives of the server ask for each page about once."""
    server, image = serve("--map", "0"), linux_image(9, mib=96, zero=0.1, compressible=0.1)
    watched = Watched(machine, server, image, 9)
    until(lambda: server.dumps() and (server.dir / server.dumps()[0] / "map.json").exists())
    for life in range(10):
        # Each life leaves a map, or the next cannot know that there was one; all are but a third
        # of the dump's datagrams, so that it is not over before.
        until(lambda: the_map(server)["past"]["counts"]["resumed"] == life)
        watched.sent(1500)
        server.kill()
        assert not watched.one.done
        missing = pages_of(the_map(server)["missing"])
        watched.asked.clear()
        server = serve("--map", "0", port=server.address[1])
        watched.sent(500)
        assert len(watched.asked - missing) < EARLY_PAGES
    assert watched.join().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    info = server.info(path)
    assert info["resumed"] == 10
    pages = info["vmcore_bytes"] // PAGE
    assert info["pages"] < pages * 1.2 + 10 * EARLY_PAGES


def test_a_wrong_token_touches_nothing(serve, machine, wire):
    server, image = serve("--map", "0"), linux_image(10, mib=16, zero=0)
    one = machine(server, image, 10, token=b"0123456789abcdef")
    one.limit = 2000
    one.run()
    server.stop()
    path, = server.dumps()
    state = lambda: {name: (server.dir / path / name).stat().st_mtime_ns
                     for name in os.listdir(server.dir / path)}
    before = state()
    again = serve(port=server.address[1])
    wire.sendto(hello(10, host=b"fake", ranges=image.ranges, token=b"0123456789abcdeX"),
                again.address)
    until(lambda: "another token" in again.text())
    assert state() == before
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    assert again.info(one.done.text)["resumed"] == 1


def test_absent_pages_are_remembered(serve, machine):
    server, image = serve("--map", "0"), plain_image(11, mib=16)
    absent = range(300, 310)
    real = image.is_ram
    image.is_ram = lambda number: number not in absent and real(number)
    for number in absent:
        image.pages[number] = bytes(PAGE)
    one = machine(server, image, 11)
    one.limit = 1500
    one.run()
    server.stop()
    missing = pages_of(the_map(server)["missing"])
    assert missing and not missing & set(absent)
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    info = again.info(one.done.text)
    assert info["absent"] == [{"phys": hex(300 * PAGE), "bytes": 10 * PAGE}]
    assert info["absent_pages"] == 10


def test_a_machine_whose_network_was_gone_comes_back(serve, machine):
    server, image = serve("--silence", "1", "--map", "0"), linux_image(12, mib=16, zero=0)
    one = machine(server, image, 12)
    one.limit = 2000
    one.run()
    until(lambda: "incomplete: fake/" in server.text())
    assert one.done is None, "told although it may come back"
    info = server.info(server.dumps()[0])
    assert info["status"] == "incomplete" and "silent" in info["why"]
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(server, one.done.text, image)
    assert server.info(one.done.text)["resumed"] == 1


def test_another_server_takes_over(serve, machine, tmp_path):
    image = linux_image(13, mib=16, zero=0)
    first, second = serve(), serve(folder=tmp_path / "second")
    watched = Watched(machine, first, image, 13, others=[second.address])
    watched.sent(2000)
    first.kill()
    assert watched.join().status == COMPLETE
    assert_right(second, watched.one.done.text, image)
    path, = first.dumps()
    assert path.endswith(".partial")


def interrupted(serve, machine, session):
    """A dump of which about a half is there, and the folder that it is in."""
    server, image = serve("--map", "0"), linux_image(session, mib=8, zero=0)
    one = machine(server, image, session)
    one.limit = 900
    one.run()
    server.stop()
    path, = server.dumps()
    return server, image, one, server.dir / path


def map_change(sealed=True, **changes):
    def change(folder):
        value = json.loads((folder / "map.json").read_text())
        seal = value.pop("seal")
        compact = lambda: json.dumps(value, separators=(",", ":"))
        sum_of = lambda: hmac.new(bytes(16), compact().encode(), "sha256").hexdigest()
        assert seal == sum_of(), "the machine's token is the key"
        for key, new in changes.items():
            value[key] = new(value[key]) if callable(new) else new
        value["seal"] = sum_of() if sealed else seal
        (folder / "map.json").write_text(compact())
    return change


def resize(by):
    return lambda folder: os.truncate(folder / "vmcore", (folder / "vmcore").stat().st_size + by)


USELESS_MAPS = {
    "damaged": lambda folder: (folder / "map.json").write_text('{"version": 1,'),
    "empty": lambda folder: (folder / "map.json").write_bytes(b""),
    "deep": lambda folder: (folder / "map.json").write_text("[" * 100000),
    "huge": lambda folder: os.truncate(folder / "map.json", 1 << 30),
    "a list": lambda folder: (folder / "map.json").write_text("[]"),
    "version": map_change(version=2),
    "session": map_change(session="0000000000000099"),
    "negative": map_change(bytes=-1),
    "exabytes": map_change(bytes=1 << 62),
    "chunks": map_change(chunk_bytes=4096),
    "no sums": map_change(sums=[]),
    "sums": map_change(sums=lambda s: ["x" * 16] * len(s)),
    "missing elsewhere": map_change(missing=[[1 << 40, 1]]),
    "missing wraps": map_change(missing=[[4096, (1 << 63) - 1]]),
    "missing descends": map_change(missing=[[300, 1], [290, 1]]),
    "missing is no list": map_change(missing={}),
    "too many": map_change(missing=[[2 * i, 1] for i in range(20000)]),
    "extents": map_change(extents=lambda e: [[e[0][0], e[0][1] - 1], [1 << 30, 1], *e[1:]]),
    "head": map_change(head_sum="0" * 16),
    "claims all": map_change(sealed=False, missing=[]),
    "claims other sums": map_change(sealed=False, sums=lambda s: ["0" * 16] * len(s)),
    "the file is shorter": resize(-4096),
    "the file is longer": resize(4096),
}


@pytest.mark.parametrize("name", USELESS_MAPS)
def test_a_map_of_no_use_starts_over(serve, machine, name):
    server, image, one, folder = interrupted(serve, machine, 20)
    USELESS_MAPS[name](folder)
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    info = again.info(one.done.text)
    assert "started over: map.json" in info["notes"] and info["resumed"] == 0
    assert "started over: map.json" in again.text()
    assert again.dumps() == [one.done.text], "not in the same folder"


def test_checksums_that_are_wrong_cost_a_chunk_each(serve, machine):
    server, image, one, folder = interrupted(serve, machine, 21)
    map_change(sums=lambda s: ["0123456789abcdef"] * len(s))(folder)
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    assert again.info(one.done.text)["reasked_chunks"] > 2


def test_what_the_disk_lost_comes_again(serve, machine):
    """Bytes that changed while no server ran: a hole, and something where a hole was."""
    server, image, one, folder = interrupted(serve, machine, 22)
    with open(folder / "vmcore", "r+b") as core:
        size = core.seek(0, 2)
        core.seek(200000)
        core.write(bytes(8192))
        core.seek(size - 4096 * 3)  # still missing: it comes, and is right
        core.write(b"Z" * 4096)
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    assert again.info(one.done.text)["reasked_chunks"] == 1
    assert "does not read back as it came" in again.text()


def test_stray_bytes_in_a_hole_are_removed(serve, machine):
    server, image = serve("--map", "0"), plain_image(23, mib=4)
    image.pages = {number: page for number, page in image.pages.items() if number > 700}
    one = machine(server, image, 23)
    one.limit = 150
    one.run()
    server.stop()
    path, = server.dumps()
    with open(server.dir / path / "vmcore", "r+b") as core:
        core.seek(40 * PAGE)
        core.write(b"stray")
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)
    assert again.info(one.done.text)["reasked_chunks"] == 1


def test_a_bit_that_turns_on_its_way_to_the_disk(serve, machine):
    server = serve(fault="pwrite:400:flip")
    image = linux_image(24, mib=8, zero=0)
    assert machine(server, image, 24).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    assert server.info(path)["reasked_chunks"] == 1
    server.stop()
    assert ", reached" in server.text()


def test_a_disk_that_never_gives_back_what_it_got(serve, machine):
    server = serve(fault="pread:1+:flip", fault_below="fake")
    done = machine(server, linux_image(25), 25).run()
    assert done.status == INCOMPLETE and "does not read back as it came" in done.text
    path, = server.dumps()
    info = server.info(path)
    assert info["why"] == done.text and info["reasked_chunks"] == 3
    assert info["missing_pages"] >= 256 - 2  # the chunk
    assert len(pages_of(the_map(server)["missing"])) == info["missing_pages"]


def test_headers_that_the_disk_spoils(serve, machine):
    server = serve(fault="pwrite:1:flip", fault_below="fake", fault_name="vmcore")
    image = linux_image(26)
    one = machine(server, image, 26)
    one.on_done = one.send_hello  # as one that crosses DONE, and brings another
    done = one.run()
    one.on_done = None
    assert done.status == INCOMPLETE and "headers do not read back" in done.text
    server.stop()
    again = serve(port=server.address[1])
    one.wait_on()
    assert one.run().status == COMPLETE
    assert_right(again, one.done.text, image)


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_final_folder_is_synced_before_it_is_called_so(serve, machine, nth):
    """It may be of a server that was killed between rename and fsync: vmcore, dmesg.txt,
    info.json and three folders.  After a sync that fails nobody knows, and all comes anew."""
    server, image = serve(), linux_image(27, mib=6)
    one = machine(server, image, 27)
    assert one.run().status == COMPLETE
    path = one.done.text
    server.kill()
    again = serve(port=server.address[1], fault=f"fsync:{nth}:EIO")
    one.wait_on()
    sent = one.sent
    assert one.run().status == COMPLETE and one.done.text == path
    assert (one.sent - sent > 100) == (nth <= 6)
    assert ("not known to be on the disk" in again.text()) == (nth <= 6)
    assert again.dumps() == [path]
    assert_right(again, path, image)


def test_done_is_only_for_whose_dump_it_was(serve, machine):
    """A dump under a machine's name and session's number, as anyone may send one, does not end the
    machine's own."""
    server, images = serve(), [linux_image(seed, mib=6) for seed in (28, 29)]
    strangers = machine(server, images[0], 28, token=b"a stranger's own").run()
    assert strangers.status == COMPLETE
    server.stop()
    again = serve(port=server.address[1])
    one = machine(again, images[1], 28, token=b"the machine's...")
    assert one.run().status == COMPLETE and one.done.text != strangers.text
    assert_right(again, one.done.text, images[1])
    assert_right(again, strangers.text, images[0])
    again.stop()
    third = serve(port=server.address[1])
    sent, done = one.sent, one.done
    one.wait_on()
    assert one.run() == done and one.sent - sent < 10
    third.stop()
