# SPDX-License-Identifier: GPL-2.0-or-later
"""Last words of crashes, as anybody may say them: a line in a file, and nothing else."""
import os
import re

import pytest

from conftest import assert_right, until
from fakeimage import RAM, linux_image
from fakemachine import HEADER, READ, Sealing, hello, last_words
from test_sealed import Keys

NAME, OLD_NAME = "last-words.log", "last-words.log.1"
FILE_MAX = 64 << 10
LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ 127\.0\.0\.1 52:54:00:12:34:56 "


def kept(server, host, name=NAME):
    path = server.dir / host / name
    return path.read_text() if path.exists() else ""


def say(wire, server, text, host=b"host", **more):
    wire.sendto(last_words(text, host, **more), server.address)


def heard(server, count=1):
    until(lambda: server.text().count("last words of a crash: ") >= count)


@pytest.mark.parametrize("with_key", [False, True])
def test_a_line_is_kept_and_nothing_is_answered(serve, machine, wire, tmp_path, with_key):
    keys = Keys(tmp_path, host=None) if with_key else None
    server = serve(*(keys.options if keys else []))
    say(wire, server, b"no server answered")
    say(wire, server, b"fenced memory was changed", session=7)
    heard(server, 2)
    assert re.fullmatch(f"{LINE}no server answered\n{LINE}fenced memory was changed\n",
                        kept(server, "host"))
    assert "host: 127.0.0.1 says last words of a crash: no server answered\n" in server.text()
    # What comes back to this socket first is the answer to what it says next.
    datagram = hello(9, host=b"host", ranges=[(0, 1 << 30, RAM)])
    if keys:
        datagram = Sealing(keys.public, keys.psk["host"]).wrap(datagram)
    wire.sendto(datagram, server.address)
    _, _, kind, _, session, _ = HEADER.unpack_from(wire.recv(2048))
    assert (kind & 0x3F, session) == (READ, 9)
    image = linux_image(1, mib=6)
    more = {"sealing": Sealing(keys.public)} if keys else {}
    assert_right(server, machine(server, image, 0x77, host="good", **more).run().text, image)


@pytest.mark.parametrize("text, host", [
    (b"", b"host"), (b"x" * 128, b"host"), (b"words", b"h" * 64), (b"a\nb", b"host"),
    (b"\x1b[2Jgone", b"host"), (b"words", b"ho\nst"), (b"\xc3\xa4", b"host"), (b"words", b"\xff"),
])
def test_what_cannot_be_printed_is_refused(serve, wire, text, host):
    server = serve()
    say(wire, server, text, host)
    until(lambda: "refused: " in server.text())
    assert "a string without its end, or not to be printed" in server.stop()
    assert os.listdir(server.dir) == []


@pytest.mark.parametrize("form", [0x40, 0x80, 0xC0])
def test_it_has_one_form(serve, wire, form):
    server = serve()
    datagram = bytearray(last_words(b"words"))
    datagram[5] |= form
    wire.sendto(datagram, server.address)
    wire.sendto(last_words(b"words") + b"\0", server.address)
    until(lambda: server.text().count("refused: ") == 2)
    assert "stopped; 2 datagrams were refused" in server.stop()
    assert os.listdir(server.dir) == []


@pytest.mark.parametrize("host", [b"../../escape", b"..", b".", b".hidden", b"a/b", b"/etc",
                                  b"a b", b"-rf", b""])
def test_no_name_leads_outside(serve, wire, tmp_path, host):
    server = serve()
    before = sorted(os.listdir(tmp_path))
    say(wire, server, b"words", host)
    heard(server)
    server.stop()
    assert sorted(os.listdir(tmp_path)) == before
    assert server.dumps() == [f"52-54-00-12-34-56/{NAME}"]


def test_a_link_in_its_place_is_not_followed(serve, wire):
    """Not even within DIR, where the sandbox would let it."""
    server = serve()
    say(wire, server, b"first")
    heard(server)
    target = server.dir / "target"
    target.write_text("precious")
    target.chmod(0o666)
    (server.dir / "host" / NAME).unlink()
    (server.dir / "host" / NAME).symlink_to("../target")
    say(wire, server, b"second")
    heard(server, 2)
    assert "second; not kept: " in server.text() and target.read_text() == "precious"


@pytest.mark.parametrize("with_key", [False, True])
def test_a_flood_is_bounded(serve, machine, wire, tmp_path, with_key):
    """In what is taken of it, on the disk, in the log; and dumps go on."""
    keys = Keys(tmp_path) if with_key else None
    server = serve(*(keys.options if keys else []))
    for number in range(20000):
        say(wire, server, b"%05d " % number + b"x" * 100)
    image = linux_image(1, mib=6)
    more = {"sealing": Sealing(keys.public)} if keys else {}
    assert_right(server, machine(server, image, 0x77, host="good", **more).run().text, image)
    sizes = [os.stat(server.dir / "host" / name).st_size for name in (NAME, OLD_NAME)]
    assert all(0 < size <= FILE_MAX for size in sizes)
    log = server.stop()
    assert len(log.splitlines()) < 400
    # With a key the kernel drops what netdumpd has no time to read.
    assert with_key or "last words, but there are too many just now" in log


def test_names_are_bounded(serve, wire):
    server = serve()
    say(wire, server, b"words", b"known")
    heard(server)
    for number in range(4096):
        (server.dir / f"other{number}").mkdir()
    say(wire, server, b"words", b"stranger")
    say(wire, server, b"again", b"known")
    heard(server, 3)
    server.stop()
    assert "stranger: 127.0.0.1 says last words of a crash: words; not kept: too many hosts" in (
        server.text())
    assert not (server.dir / "stranger").exists()
    assert kept(server, "known").count("\n") == 2


@pytest.mark.parametrize("options, why", [
    (["--keep-free", "1000T"], r"the disk is full"),
    (["--quota", "1K"], r"the quota of 0 MiB is reached \(--quota\)")])
def test_the_quota_holds(serve, wire, options, why):
    server = serve(*options)
    for number in range(2000):
        say(wire, server, b"x" * 100)
    heard(server)
    until(lambda: re.search(f"not kept: {why}", server.text()))
    server.stop()
    assert len(kept(server, "host")) <= 4096


def test_a_host_is_not_counted_for_a_line(serve, wire):
    """That takes a look at each file of each of its dumps, for anybody's datagram."""
    server = serve("--quota-host", "1K")
    say(wire, server, b"first")
    say(wire, server, b"second")
    heard(server, 2)
    server.stop()
    assert kept(server, "host").count("\n") == 2
