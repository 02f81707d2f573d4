# SPDX-License-Identifier: GPL-2.0-or-later
"""What living systems send: logs and dry runs; test_drivers.py has what they ask for."""
import hashlib
import json
import os
import random
import threading

import pytest

import fakemachine
from conftest import assert_kept, assert_right, ctl, files_of, noise_bytes, until
from fakeimage import (PAGE, PT_LOAD, PT_NOTE, RAM, elf_header, file_image, linux_image,
                       plain_image)
from fakemachine import DRIVERS, LOG, TEST, Faults, hello

COMPLETE, INCOMPLETE, REFUSED = 0, 1, 2
ABOVE_THE_LIMIT = (64 << 20) + 1


def log_bytes(seed, count):
    """Text that compresses, bytes that do not, and zeros."""
    rng, out = random.Random(seed), bytearray()
    while len(out) < count:
        out += rng.choice([b"a line of a log, %d\n" % len(out) * 50, rng.randbytes(999),
                           bytes(rng.randrange(9000))])
    return bytes(out[:count])


# --- logs --------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 64, 4095, 4096, 4097, 100001, (1 << 20) + 7, 3 << 20])
def test_a_log_is_kept_byte_for_byte(serve, machine, size):
    server, data = serve(), log_bytes(size, size)
    done = machine(server, file_image(data), 0x1122334455667788, kind=LOG, reason="syslog").run()
    path, = server.dumps()
    assert done == (COMPLETE, path) and path.startswith("fake/") and path.endswith("-55667788")
    assert files_of(server, path) == ["info.json", "log"]
    info = assert_kept(server, path, data)
    assert info["kind"] == "log" and info["name"] == "syslog" and not info["notes"]
    assert "vmcore_bytes" not in info and "crashed" not in info


@pytest.mark.parametrize("faults", [
    dict(loss=0.3), dict(duplicate=0.3), dict(reorder=0.3), dict(damage=0.1),
    dict(loss=0.1, duplicate=0.1, reorder=0.1, damage=0.05),
], ids=lambda f: "-".join(f"{k}{v}" for k, v in f.items()))
def test_a_bad_network_costs_a_log_time_only(serve, machine, faults):
    server, data = serve(), log_bytes(2, 700001)
    done = machine(server, file_image(data), 2, kind=LOG, faults=Faults(2, **faults)).run()
    assert done.status == COMPLETE
    assert_kept(server, done.text, data)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_log_goes_on_after_a_restart(serve, machine, how):
    server, data = serve("--map", "0"), noise_bytes(3, (6 << 20) + 123)
    one = machine(server, file_image(data), 3, kind=LOG)
    one.limit = 3000
    one.run()
    path, = server.dumps()
    until((server.dir / path / "map.json").exists)
    getattr(server, how)()
    before = json.loads((server.dir / path / "map.json").read_text())
    assert before["head_bytes"] == 0 and before["missing"]
    listed, = json.loads(ctl(server, "list", "--json").stdout)
    assert listed["kind"] == "log" and listed["resumable"] and 5 < listed["percent"] < 95
    verified = ctl(server, "verify", path)
    assert verified.returncode == 1 and "the log is incomplete" in verified.stdout
    assert "as it came" in verified.stdout
    again = serve(port=server.address[1])
    one.limit = None
    sent = one.sent
    assert one.run().status == COMPLETE
    assert one.sent - sent < 4000, "it came again"
    assert assert_kept(again, one.done.text, data)["resumed"] == 1


def test_done_is_said_again_by_another_server(serve, machine):
    server = serve()
    one = machine(server, file_image(b"a log\n"), 4, kind=LOG)
    done = one.run()
    server.stop()
    serve(port=server.address[1])
    one.wait_on()
    assert one.run(5) == done and len(server.dumps()) == 1


def test_the_last_page_is_cut_whatever_fills_it(serve, machine):
    server, data, image = serve(), noise_bytes(5, 5000), file_image(noise_bytes(6, 8192))
    image.ranges = [(0, len(data), RAM)]
    image.write(0, data)
    done = machine(server, image, 5, kind=LOG).run()
    assert done.status == COMPLETE
    assert_kept(server, done.text, data)


def test_what_the_disk_spoils_of_a_log_comes_again(serve, machine):
    server, data = serve(fault="pwrite:3:flip", fault_name="log"), noise_bytes(7, 1 << 20)
    done = machine(server, file_image(data), 7, kind=LOG).run()
    assert done.status == COMPLETE
    assert assert_kept(server, done.text, data)["reasked_chunks"] == 1


@pytest.mark.parametrize("faulty", [dict(file_limit=1 << 20),
                                    dict(fault="pwrite:9+:ENOSPC", fault_name="log")], ids=str)
def test_a_log_without_room(serve, machine, faulty):
    server = serve(**faulty)
    done = machine(server, file_image(noise_bytes(8, 3 << 20)), 8, kind=LOG).run()
    assert done.status == INCOMPLETE and "the log cannot be written" in done.text
    path, = server.dumps()
    assert path.endswith(".partial") and server.info(path)["why"] == done.text


def test_no_header_is_looked_for_in_a_log(serve, machine):
    head = elf_header([(PT_NOTE, 2 * PAGE, 0, 0, PAGE, PAGE), (PT_LOAD, 0, 0, 0, PAGE, PAGE)])
    server, data = serve(), head.ljust(PAGE, b"\0") + noise_bytes(9, 2 * PAGE)
    image = file_image(data)
    image.elfcorehdr = 1  # none
    assert machine(server, image, 8, kind=LOG).run().status == COMPLETE
    image.write(PAGE, head)
    data = image.read(0, len(data))
    image.elfcorehdr = PAGE
    done = machine(server, image, 9, kind=LOG).run()
    assert done.status == COMPLETE
    assert not assert_kept(server, done.text, data)["notes"]


@pytest.mark.parametrize("said, name", [
    ("kern.log", "kern.log"), ("/var/log/syslog", "syslog"), ("../../etc/passwd", "passwd"),
    ("..", "_."), ("-rf", "_rf"), ("a b\n\x1b[2J", "a_b___2J"), ("", "log"), ("dir/", "log"),
    ("x" * 100, "x" * 63)])
def test_a_logs_name_is_harmless(serve, machine, said, name):
    server = serve()
    done = machine(server, file_image(b"words"), 10, kind=LOG, reason=said).run()
    info = assert_kept(server, done.text, b"words")
    assert info["name"] == name
    assert files_of(server, done.text) == ["info.json", "log"]


WRONG_RANGES = {
    "none": [],
    "two": [(0, PAGE, RAM), (PAGE, PAGE, RAM)],
    "not from 0 on": [(PAGE, PAGE, RAM)],
    "fenced": [(0, PAGE, 2)],
}


@pytest.mark.parametrize("kind", [LOG, TEST, DRIVERS])
@pytest.mark.parametrize("name", WRONG_RANGES)
def test_wrong_ranges_are_refused_in_words(serve, wire, kind, name):
    server = serve()
    wire.sendto(hello(11, kind=kind, ranges=WRONG_RANGES[name]), server.address)
    session, done = fakemachine.parse(wire.recv(2048))
    assert session == 11 and done.status == REFUSED and "is one range" in done.text
    until(lambda: done.text in server.text())
    assert server.dumps() == []


@pytest.mark.parametrize("kind, size", [(LOG, ABOVE_THE_LIMIT), (TEST, ABOVE_THE_LIMIT),
                                        (DRIVERS, (1 << 20) + 1), (LOG, 1 << 62)])
def test_what_is_too_large_is_refused_in_words(serve, wire, kind, size):
    server = serve()
    wire.sendto(hello(12, kind=kind, ranges=[(0, size, RAM)]), server.address)
    _, done = fakemachine.parse(wire.recv(2048))
    assert done.status == REFUSED and "above the limit" in done.text and str(size) in done.text
    assert server.dumps() == []


def test_kinds_that_are_none(serve, machine, wire):
    server = serve()
    for kind in (4, 9, 65535):
        wire.sendto(hello(13, kind=kind, ranges=[(0, PAGE, RAM)]), server.address)
    assert machine(server, file_image(b"words"), 14, kind=LOG).run().status == COMPLETE
    assert "stopped; 3 datagrams were refused" in server.stop()


def test_a_dump_beside_logs(serve, machine):
    server, image = serve(), linux_image(15, mib=6)
    one, results = machine(server, image, 15, host="crashed"), []
    thread = threading.Thread(target=lambda: results.append(one.run()))
    thread.start()
    for session in range(16, 20):
        data = log_bytes(session, 200000)
        done = machine(server, file_image(data), session, kind=LOG, host="alive").run()
        assert_kept(server, done.text, data)
    thread.join()
    assert results[0].status == COMPLETE
    assert_right(server, results[0].text, image)
    assert server.info(results[0].text)["kind"] == "dump"


# --- dry runs ----------------------------------------------------------------


def test_of_a_dry_run_only_is_kept_that_it_was(serve, machine):
    server, data = serve(), noise_bytes(20, (2 << 20) + 5)
    done = machine(server, file_image(data), 20, kind=TEST).run()
    assert done.status == COMPLETE and done.text in server.dumps()
    assert files_of(server, done.text) == ["info.json"]
    info = server.info(done.text)
    assert info["kind"] == "test" and info["status"] == "complete" and info["bytes"] == len(data)
    assert 0 < info["seconds"] < 60 and info["bytes_per_second"] > 1000
    assert info["sha256"] == hashlib.sha256(data).hexdigest(), "it was not read back"


def test_of_a_dry_run_that_stops_too(serve, machine):
    server = serve("--silence", "1", "--map", "0")
    one = machine(server, file_image(noise_bytes(21, 2 << 20)), 21, kind=TEST)
    one.limit = 900
    one.run()
    path, = server.dumps()
    until(lambda: server.info(path)["status"] == "incomplete")
    until(lambda: files_of(server, path) == ["info.json"])
    info = server.info(path)
    assert "silent" in info["why"] and 0 < info["missing_pages"] < 512
    one.limit = None
    assert one.run().status == COMPLETE and server.dumps() == [one.done.text]
    assert files_of(server, one.done.text) == ["info.json"]


def test_a_dry_run_goes_on_after_a_restart(serve, machine):
    server = serve("--map", "0")
    one = machine(server, file_image(noise_bytes(22, 4 << 20)), 22, kind=TEST)
    one.limit = 2000
    one.run()
    path, = server.dumps()
    until((server.dir / path / "map.json").exists)
    server.kill()
    again = serve(port=server.address[1])
    one.limit = None
    assert one.run().status == COMPLETE
    assert again.info(one.done.text)["resumed"] == 1
    assert files_of(again, one.done.text) == ["info.json"]


def test_dry_runs_use_up_no_quota(serve, machine):
    server = serve("--quota", "6M")
    for session in range(23, 26):
        one = machine(server, file_image(noise_bytes(session, 4 << 20)), session, kind=TEST)
        assert one.run().status == COMPLETE, one.done.text


# --- netdumpctl --------------------------------------------------------------


def test_what_has_no_kind_is_a_dump(serve, machine):
    """As all were that were written before there were others."""
    server = serve()
    path = machine(server, plain_image(1, mib=2), 71).run().text
    info = server.info(path)
    del info["kind"]
    (server.dir / path / "info.json").write_text(json.dumps(info))
    assert json.loads(ctl(server, "list", "--json").stdout)[0]["kind"] == "dump"
    assert ctl(server, "verify", path).returncode == 0
