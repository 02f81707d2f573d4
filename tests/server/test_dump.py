# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps that must arrive, whatever the network does to them."""
import os
import subprocess
import threading
import time

import pytest

import fakemachine
from conftest import BUILD, assert_right, until
from fakeimage import linux_image, plain_image, PAGE
from fakemachine import Faults

COMPLETE, INCOMPLETE = 0, 1


def test_a_dump_arrives(serve, machine):
    server, image = serve(), linux_image(1)
    done = machine(server, image, 0x1122334455667788).run()
    assert done.status == COMPLETE
    path, = server.dumps()
    assert done.text == path and path.startswith("fake/") and path.endswith("-55667788")
    assert_right(server, path, image)
    info = server.info(path)
    assert info["reason"] == "test crash" and info["session"] == "1122334455667788"
    assert {f["kind"] for f in info["fenced"]} == {"gate", "dini"}
    # zero pages are holes
    stat = (server.dir / path / "vmcore").stat()
    assert stat.st_blocks * 512 < stat.st_size * 3 // 4


@pytest.mark.parametrize("faults", [
    dict(loss=0.05), dict(loss=0.3), dict(duplicate=0.3), dict(reorder=0.3), dict(damage=0.1),
    dict(loss=0.1, duplicate=0.1, reorder=0.1, damage=0.05),
], ids=lambda f: "-".join(f"{k}{v}" for k, v in f.items()))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_network_costs_time_only(serve, machine, faults, seed):
    server, image = serve(), linux_image(seed, mib=6)
    assert machine(server, image, seed, faults=Faults(seed, **faults)).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    info = server.info(path)
    if faults.get("loss"):
        assert info["reasked_pages"] > 0
    else:
        assert info["timeouts"] < 20
    if faults == dict(duplicate=0.3):
        assert info["duplicates"] > 0


def test_a_ring_that_wrapped_and_scattered(serve, machine):
    server, image = serve(), linux_image(9, records=900, count_bits=8, text_bits=14)
    assert machine(server, image, 9).run().status == COMPLETE
    assert_right(server, server.dumps()[0], image)


def test_the_log_comes_first(serve, machine):
    server, image = serve("--silence", "1"), linux_image(2, mib=16)
    one = machine(server, image, 2)
    one.limit = 200  # then it is gone
    one.run()
    until(lambda: "incomplete: fake/" in server.text())
    path, = server.dumps()
    assert path.endswith(".partial")
    assert (server.dir / path / "dmesg.txt").read_text() == image.log
    info = server.info(path)
    assert info["status"] == "incomplete" and "silent" in info["why"] and info["missing"]
    assert info["seconds_to_end"] >= 1


def test_a_machine_without_a_core_header(serve, machine):
    server, image = serve(), plain_image(3)
    assert machine(server, image, 3).run().status == COMPLETE
    path, = server.dumps()
    assert_right(server, path, image)
    assert "no ELF core header" in server.info(path)["notes"]


def test_memory_that_cannot_be_read_is_said_to_be_absent(serve, machine):
    server, image = serve(), plain_image(4)
    one = machine(server, image, 4)
    real = image.is_ram
    image.is_ram = lambda number: number != 300 and real(number)
    image.pages[300] = bytes(PAGE)
    assert one.run().status == COMPLETE
    info = server.info(server.dumps()[0])
    assert info["absent_pages"] == 1
    assert info["absent"] == [{"phys": "0x12c000", "bytes": PAGE}]


def test_many_machines_at_once(serve, machine):
    server, results = serve(), {}
    images = {n: linux_image(n, mib=6) for n in range(1, 9)}
    fakes = {n: machine(server, images[n], n, host=f"rack-{n}", faults=Faults(n, loss=0.02))
             for n in images}

    def go(n):
        results[n] = fakes[n].run()

    threads = [threading.Thread(target=go, args=(n,)) for n in fakes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[n].status == COMPLETE for n in fakes)
    for n, image in images.items():
        assert_right(server, results[n].text, image)


def test_done_means_on_disk(serve, machine):
    server, seen = serve(), []
    one = machine(server, linux_image(5), 5)
    one.on_done = lambda: seen.append(server.dumps())
    one.run()
    # a HELLO that crosses the first DONE brings another
    assert seen and not any(dumps[0].endswith(".partial") for dumps in seen)


def test_done_is_said_again(serve, machine):
    server, image = serve(), linux_image(6)
    one = machine(server, image, 6)
    text = one.run().text
    for _ in range(3):
        one.wait_on()
        assert one.run(5).text == text
    assert len(server.dumps()) == 1


def test_done_is_said_again_by_another_server(serve, machine):
    server, image = serve(), linux_image(7)
    one = machine(server, image, 7)
    text = one.run().text
    server.stop()
    serve(port=server.address[1])
    one.wait_on()
    assert one.run(5).text == text
    assert len(server.dumps()) == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_restarts_asks_anew(serve, machine, how):
    server, image = serve(), linux_image(8, mib=32, zero=0, compressible=0)
    one, again = machine(server, image, 8), []
    result = []
    thread = threading.Thread(target=lambda: result.append(one.run()))
    thread.start()
    until(lambda: one.sent > 3000)
    if how == "stop":
        server.stop()
    else:
        server.kill()
    again.append(serve(port=server.address[1]))
    thread.join(60)
    assert result and result[0].status == COMPLETE
    path, = again[0].dumps()  # the folder was taken over
    assert_right(again[0], path, image)


def test_a_full_disk_spares_the_others(serve, machine):
    server = serve(file_limit=7 << 20)
    large = machine(server, linux_image(1, mib=16), 1, host="large")
    small_image = linux_image(2, mib=6)
    small = machine(server, small_image, 2, host="small")
    thread = threading.Thread(target=large.run)
    thread.start()
    assert small.run().status == COMPLETE
    thread.join(30)
    assert large.done.status == INCOMPLETE and large.done.text
    assert_right(server, small.done.text, small_image)
    path = [d for d in server.dumps() if d.startswith("large/")][0]
    assert path.endswith(".partial")
    assert server.info(path)["status"] == "incomplete"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_fills_up_on_the_way(serve, machine, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], check=True)
    try:
        server = serve(folder=folder)
        done = machine(server, linux_image(1, mib=16, zero=0), 1).run()
        assert done.status == INCOMPLETE
        assert "No space left" in done.text
        server.stop()
    finally:
        subprocess.run(["umount", folder], check=True)


def test_stopped_on_the_way_it_says_so(serve, machine):
    server, image = serve(), linux_image(3, mib=32, zero=0)
    one = machine(server, image, 3)
    thread = threading.Thread(target=lambda: pytest.raises(TimeoutError, one.run, 2))
    thread.start()
    until(lambda: one.sent > 1000)
    server.stop()
    path, = server.dumps()
    assert path.endswith(".partial")
    info = server.info(path)
    assert info["why"] == "netdumpd was stopped" and info["missing"]
    thread.join()


def test_idle_machines_cost_no_cpu(serve, machine):
    server = serve()
    machine(server, linux_image(1), 1).run()
    ticks = lambda: sum(map(int, open(f"/proc/{server.process.pid}/stat").read().split()[13:15]))
    before = ticks()
    time.sleep(1)
    assert ticks() - before <= 5


def ctl(server, *words):
    return subprocess.run([os.path.join(BUILD, "netdumpctl"), "--dir", str(server.dir), *words],
                          capture_output=True, text=True, timeout=60, check=False)


def test_netdumpctl(serve, machine):
    server, image = serve(), linux_image(1)
    path = machine(server, image, 0xABCDEF0123).run().text
    listed = ctl(server, "list")
    assert listed.returncode == 0 and "cdef0123" in listed.stdout
    assert "Kernel panic" in listed.stdout and "complete" in listed.stdout
    shown = ctl(server, "show", "cdef0123")
    assert shown.returncode == 0 and path in shown.stdout and "6.1.0-fake" in shown.stdout
    assert ctl(server, "show", path, "--json").stdout.count("sha256") == 1
    assert ctl(server, "verify", "cdef0123").returncode == 0
    assert ctl(server, "verify", "00000000").returncode == 1
    assert ctl(server, "frobnicate").returncode == 64
    assert ctl(server, "show").returncode == 64
    assert ctl(server, "--help").returncode == 0
    with open(server.dir / path / "vmcore", "r+b") as core:
        core.seek(200000)
        byte = core.read(1)
        core.seek(200000)
        core.write(bytes([byte[0] ^ 1]))
    wrong = ctl(server, "verify", "cdef0123", "--json")
    assert wrong.returncode == 1 and '"ok": false' in wrong.stdout


def test_netdumpctl_finds_the_second_of_a_name(serve, machine):
    """DATE.2-ID: DATE-ID was another session's already."""
    server = serve()
    path = machine(server, plain_image(1, mib=2), 0xABCDEF0123).run().text
    second = path.replace("-cdef0123", ".2-cdef0123")
    for name in (second, second + ".partial"):
        (server.dir / path).rename(server.dir / name)
        path = name
        shown = ctl(server, "show", "cdef0123")
        assert shown.returncode == 0 and f"/{name}\n" in shown.stdout


def test_fake_and_contract_agree_on_sizes():
    assert len(fakemachine.hello(1, ranges=[(0, 4096, 1)] * 40)) == 296 + 24 * 40
    assert len(fakemachine.data(1, 1, 1, 0, 1, [])) == 32
