# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that are full, and limits that say when they count as full."""
import json
import os
import subprocess
import threading

import pytest

from conftest import BUILD, FAULTYFILES, INSTALLED, USER, assert_right, until
from fakeimage import PAGE, linux_image, plain_image

COMPLETE, INCOMPLETE, REFUSED = 0, 1, 2


def blocks(path):
    return sum(os.lstat(os.path.join(at, name)).st_blocks * 512
               for at, folders, files in os.walk(path) for name in files)


def test_a_host_that_has_had_its_share(serve, machine):
    server = serve("--quota-host", "11M")
    images = {n: linux_image(n, mib=10, zero=0.2) for n in (1, 2, 3)}
    assert machine(server, images[1], 1, host="greedy").run().status == COMPLETE
    done = machine(server, images[2], 2, host="greedy").run()
    assert done.status == INCOMPLETE and "--quota-host" in done.text
    path = [d for d in server.dumps() if d.endswith(".partial")][0]
    info = server.info(path)
    assert info["why"] == done.text and info["status"] == "incomplete" and info["missing"]
    assert (server.dir / path / "map.json").exists()
    until(lambda: done.text in server.text())
    assert blocks(server.dir / "greedy") < 24 << 20
    refused = machine(server, images[3], 3, host="greedy").run()
    assert refused.status == REFUSED and "--quota-host" in refused.text
    # others are not concerned
    other = machine(server, images[3], 4, host="modest").run()
    assert other.status == COMPLETE
    assert_right(server, other.text, images[3])


def test_holes_are_not_counted(serve, machine):
    server = serve("--quota", "16M", "--quota-host", "16M")
    for session in (1, 2, 3):
        image = linux_image(session, mib=64, zero=1)
        done = machine(server, image, session).run()
        assert done.status == COMPLETE
        assert (server.dir / done.text / "vmcore").stat().st_size > 60 << 20


def test_the_limit_of_all_dumps(serve, machine):
    server = serve("--quota", "12M")
    done = [machine(server, linux_image(n, mib=8, zero=0.2), n, host=f"h{n}").run()
            for n in range(1, 5)]
    statuses = [d.status for d in done]
    assert statuses[0] == COMPLETE and statuses[-1] == REFUSED and "--quota)" in done[-1].text
    server.stop()
    again = serve("--quota", "12M")  # counts what it finds
    refused = machine(again, linux_image(5, mib=6), 5, host="h5").run()
    assert refused.status == REFUSED
    again.stop()
    roomy = serve("--quota", "1G")
    assert machine(roomy, linux_image(5, mib=6), 5, host="h5").run().status == COMPLETE


def test_a_dump_that_stopped_at_its_quota_goes_on_with_a_larger_one(serve, machine):
    server, image = serve("--quota", "5M"), linux_image(6, mib=12, zero=0)
    assert machine(server, image, 6).run().status == INCOMPLETE
    server.stop()
    again = serve("--quota", "4G")
    done = machine(again, image, 6).run()
    assert done.status == COMPLETE
    assert_right(again, done.text, image)
    assert again.info(done.text)["resumed"] == 1


def test_what_is_to_stay_free(serve, machine):
    server = serve("--keep-free", "1000T")
    done = machine(server, linux_image(7, mib=6), 7).run()
    assert done.status == REFUSED and "--keep-free" in done.text
    assert server.dumps() == [] or server.dumps() == ["fake"]


def test_a_folder_that_it_makes_is_on_the_disk(tmp_path):
    """What is promised of a dump would be worth nothing otherwise."""
    env = {**os.environ, "LD_PRELOAD": FAULTYFILES, "FAULTYFILES": "syncfs:1+:EIO"}
    words = [os.path.join(INSTALLED, "netdumpd"), "--dir", str(tmp_path / "new"), "--insecure",
             "--listen", "127.0.0.1:0", *USER]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "new: Input/output error" in done.stderr
    assert os.listdir(tmp_path) == [], "it would be found there and believed"


@pytest.mark.parametrize("words", [
    ("--quota", "x"), ("--quota", "-1"), ("--quota", "1Q"), ("--quota", "1GB"),
    ("--quota", "99999999999999999999"), ("--quota-host", "16777216T"), ("--keep-free", ""),
    ("--map", "3601"), ("--map", "-1")])
def test_sizes_that_make_no_sense(tmp_path, words):
    done = subprocess.run([os.path.join(BUILD, "netdumpd"), "--dir", str(tmp_path), *words],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 64 and words[0] in done.stderr


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_to_the_last_byte(serve, machine, small_disk):
    server, image = serve("--keep-free", "0", folder=small_disk), linux_image(1, mib=8, zero=0)
    one = machine(server, image, 1)
    one.limit = 500
    one.run()
    with open(small_disk / "junk", "wb", buffering=0) as junk:
        with pytest.raises(OSError):
            while True:
                junk.write(bytes(4096))
    one.limit = None
    done = one.run()
    assert done.status == INCOMPLETE and "No space left" in done.text
    path, = [f"fake/{name}" for name in os.listdir(small_disk / "fake")]
    info = server.info(path)
    assert info["why"] == done.text and info["status"] == "incomplete"
    assert json.loads((server.dir / path / "map.json").read_text())["missing"]
    until(lambda: done.text in server.text())
    server.stop()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    again = serve(folder=small_disk)
    done = machine(again, image, 1).run()
    assert done.status == COMPLETE
    assert_right(again, done.text, image)
    info = again.info(done.text)
    assert info["resumed"] == 1 and info["reasked_chunks"] == 0
    again.stop()


def test_a_disk_that_is_nearly_full(serve, machine, small_disk):
    """A twentieth of a small disk is kept free, so nothing ever runs into its end."""
    server, image = serve(folder=small_disk), linux_image(2, mib=16, zero=0)
    done = machine(server, image, 2).run()
    assert done.status == INCOMPLETE
    server.stop()


@pytest.mark.parametrize("fault", [f"pwrite:1:{what}" for what in ("ENOSPC", "EIO")] +
                         ["ftruncate:1:EIO", None])
def test_of_a_dump_without_headers_everything_is_missing(serve, machine, fault):
    """The file has no headers, or nothing came but a part of the ELF core header's page."""
    server = serve("--silence", "1", fault=fault, fault_below="fake", fault_name="vmcore")
    image = linux_image(9, mib=6)
    one = machine(server, image, 9)
    if fault:
        assert one.run().status == INCOMPLETE
    else:
        one.limit = 1
        one.run()
        until(lambda: "fell silent" in server.text())
    path, = server.dumps()
    until(lambda: server.info(path)["status"] == "incomplete")
    info = server.info(path)
    wanted = ([(phys, size) for phys, _, _, size in image.loads] if fault else
              [(phys, size) for phys, size, kind in image.ranges if kind == 1])
    pages = {page for phys, size in wanted
             for page in range(phys // PAGE, (phys + size - 1) // PAGE + 1)}
    assert info["missing_pages"] == len(pages)
    assert sum(span["bytes"] for span in info["missing"]) == info["missing_pages"] * PAGE


def ctl(server, *words):
    return subprocess.run([os.path.join(BUILD, "netdumpctl"), "--dir", str(server.dir), *words],
                          capture_output=True, text=True, timeout=60, check=False)


def test_netdumpctl_of_a_dump_under_way(serve, machine):
    server, image = serve("--map", "0"), linux_image(8, mib=16, zero=0)
    one = machine(server, image, 0xFEED0008)
    one.limit = 2500
    one.run()
    server.stop()
    path, = server.dumps()
    listed = json.loads(ctl(server, "list", "--json").stdout)
    assert len(listed) == 1 and listed[0]["resumable"] and 5 < listed[0]["percent"] < 95
    percent = f"{listed[0]['percent']}%"
    assert percent in ctl(server, "list").stdout
    shown = ctl(server, "show", "feed0008").stdout
    assert "resumable        yes" in shown and "netdumpd was stopped" in shown
    verified = ctl(server, "verify", "feed0008")
    assert verified.returncode == 1 and "is there, and as it came" in verified.stdout
    with open(server.dir / path / "vmcore", "r+b") as core:
        core.seek(100 * PAGE)
        core.write(b"spoilt")
    verified = ctl(server, "verify", "feed0008", "--json")
    assert verified.returncode == 1
    assert "1 of 15 chunks are not as they came" in json.loads(verified.stdout)["why"]
    os.truncate(server.dir / path / "vmcore", 1 << 20)
    assert not json.loads(ctl(server, "list", "--json").stdout)[0]["resumable"]
    assert ctl(server, "verify", "feed0008").returncode == 1
    (server.dir / path / "map.json").unlink()
    shown = ctl(server, "show", "feed0008").stdout
    assert "it has no map" in shown and "there            0 %" in shown
    assert ctl(server, "verify", "feed0008").returncode == 1
    assert ctl(server, "show", "feed0008", "--json").returncode == 0
