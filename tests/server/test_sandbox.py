# SPDX-License-Identifier: GPL-2.0-or-later
"""netdumpd as it is installed, without the holes that sanitizers need in its sandbox.

What the sandbox refuses is in tests/unit/sandbox_test.c; here is what has to go on in it.
"""
import os
import subprocess

import pytest

from conftest import INSTALLED, assert_right, until
from fakeimage import linux_image, plain_image
from fakemachine import Faults

NETDUMPD = os.path.join(INSTALLED, "netdumpd")


def status_at_work(server, machine):
    """What the kernel says of a server that has received something."""
    assert machine(server, plain_image(1, mib=2), 9).run().status == 0
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines)


def test_nothing_is_left_of_privileges(serve, machine):
    now = status_at_work(serve(build=INSTALLED), machine)
    assert now["NoNewPrivs"] == "1" and now["Seccomp"] == "2"
    assert "0" not in now["Uid"].split() and "0" not in now["Gid"].split()
    assert int(now["CapEff"], 16) == int(now["CapPrm"], 16) == 0


def test_whole_dumps_arrive(serve, machine):
    server = serve(build=INSTALLED)
    for session in (1, 2):
        image = linux_image(session, mib=8)
        one = machine(server, image, session, faults=Faults(session, 0.05, 0.05, 0.05))
        assert_right(server, one.run().text, image)


def test_a_dump_that_stops_is_kept(serve, machine):
    server = serve("--silence", "1", build=INSTALLED)
    one = machine(server, plain_image(1, mib=8), 3)
    one.limit = 100
    one.run()
    until(lambda: server.dumps() and server.info(server.dumps()[0])["status"] == "incomplete")


def test_a_full_disk_is_an_error_as_before(serve, machine):
    server = serve(build=INSTALLED, file_limit=1 << 20)
    assert machine(server, plain_image(1, mib=8), 4).run().status == 1


def test_a_server_that_is_stopped_ends_well(serve, machine):
    server = serve(build=INSTALLED)
    one = machine(server, plain_image(1, mib=8), 5)
    one.limit = 100
    one.run()
    until(server.dumps)
    server.stop()
    assert server.info(server.dumps()[0])["why"] == "netdumpd was stopped"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start it as root")
def test_it_does_not_stay_root(tmp_path):
    run = subprocess.run([NETDUMPD, "--dir", str(tmp_path / "dumps")], text=True, timeout=30,
                         capture_output=True)
    assert run.returncode == 1 and "--user NAME" in run.stderr and run.stderr.count("\n") == 1
    assert not (tmp_path / "dumps").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_root_can_insist(serve, machine):
    now = status_at_work(serve("--user", "root", build=INSTALLED), machine)
    assert now["Uid"].split() == ["0"] * 4 and now["Seccomp"] == "2"
