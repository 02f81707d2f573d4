# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices and IOMMUs as a system leaves them; test_dump.py has that the dumps are right."""

import itertools
import json
import os
import re
import socket
import subprocess
import tempfile
import threading

import pytest

from conftest import BUILD, Q35, RUN_S, command
from lablib.process import BUSY_S

TRANSLATES, REMAPS = 1 << 31, 1 << 25  # VT-d's status
AMD_ON = 1


def before_and_after(kind, what, text):
    """A unit's register, as DINI found and left it."""
    found = re.search(rf"^dini: iommu [0-9a-f]+: {kind} off, {what} was ([0-9a-f]+), "
                      r"is ([0-9a-f]+)$", text, re.M)
    assert found, text[-2000:]
    return int(found[1], 16), int(found[2], 16)


@pytest.mark.run("vt-d")
def test_linux_left_vt_d_on(run):
    before, after = before_and_after("vt-d", "status", run.serial())
    assert before & TRANSLATES and before & REMAPS
    assert not after & (TRANSLATES | REMAPS)


@pytest.mark.run("amd-vi")
def test_linux_left_amd_vi_on(run):
    before, after = before_and_after("amd-vi", "control", run.serial())
    assert before & AMD_ON and not after & AMD_ON


@pytest.mark.run("domain")
def test_a_device_reaches_its_domain_alone(run):
    text = run.serial()
    own = text.index("ref: dma to own memory done")
    fenced = text.index("ref: dma to fenced memory tried")
    (refused,) = re.finditer(r"^ref: iommu refused 0x[0-9a-f]+000 to device ", text, re.M)
    assert own < fenced < refused.start()
    before, after = before_and_after("vt-d", "status", text)
    assert before & TRANSLATES and not after & TRANSLATES


def test_without_a_domain_the_same_device_breaks_the_seal(start):
    """So the device does write, and what it wrote is found out, and told at the next boot."""
    console = start("SERIAL 0 115200\nDEFAULT ref\nPROMPT 0\nLABEL ref\n  KERNEL netdump.c32\n"
                    "  APPEND insecure -- ref.elf crash=panic dma=check fill=none\n",
                    {"ref.elf": os.path.join(BUILD, "stub", "ref.elf")}, machine="q35",
                    nic="rtl8139", mem="64M", bootfile="lpxelinux.0", reboots=True,
                    qemu_arg=["-device", "edu,dma_mask=0xffffffff"])
    console.wait(r"^ref: dma to own memory done")
    console.wait(r"^ref: refused: fenced memory was changed")
    console.wait(r"^ref: halted")
    assert "dini: entered" not in console.text()
    console.lab.machine.monitor("system_reset")
    console.wait(r"^netdump: last words of the crash before this boot: fenced memory was changed")
    assert console.lab.server.lines.wait(  # by lpxelinux's own network
        re.compile(r"says last words of a crash: fenced memory was changed$", re.M), BUSY_S)


def test_a_machine_check_is_told(start):
    """Not a silent reset: memory that a machine crashed of is read again."""
    console = start("SERIAL 0 115200\nDEFAULT ref\nPROMPT 0\nLABEL ref\n  KERNEL netdump.c32\n"
                    "  APPEND insecure deadline=1 action=hold -- ref.elf crash=panic fill=none\n",
                    {"ref.elf": os.path.join(BUILD, "stub", "ref.elf")}, nic="rtl8139",
                    mem="64M", server=False)
    console.wait(r"^dini: hold")
    console.lab.machine.monitor("mce 0 1 0xb200000000000000 0x5 0 0")
    console.wait(r"^dini: exception 18 at ")


FRAME_S = 0.05  # between two: the e1000's ring of 256 is not full before the dump is over


class Traffic:
    """Broadcasts to a NIC of QEMU's, one after the other, each of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ndlab-")  # a socket's path is short
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self._path("here"))
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._send)

    def _path(self, name):
        return os.path.join(self.folder.name, name)

    def qemu_args(self):
        words = ["-netdev", f"dgram,id=n1,local.type=unix,local.path={self._path('there')},"
                 f"remote.type=unix,remote.path={self._path('here')}",
                 # a slot behind the NIC that boots, which is to be eth0
                 "-device", "e1000,netdev=n1,romfile=,addr=0x10"]
        return [f"--qemu-arg={word}" for word in words]

    def _send(self):
        for number in itertools.count():
            if self.ended.wait(FRAME_S):
                return
            head = b"\xff" * 6 + b"\x52\x54\0\0\0\x99" + b"\x88\xb5"  # for experiments
            try:
                self.socket.sendto(head + number.to_bytes(4, "big") * 350, self._path("there"))
            except OSError:
                pass  # QEMU is not there yet, or no more

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *what):
        self.ended.set()
        self.thread.join()
        self.socket.close()
        self.folder.cleanup()


def test_a_nic_that_receives_writes_no_more(tmp_path):
    """Linux has given it memory for frames that come while that memory is read."""
    with Traffic() as traffic:
        done = subprocess.run(command(tmp_path, *Q35, "--check", *traffic.qemu_args()),
                              capture_output=True, text=True, timeout=RUN_S, check=False)
    with open(tmp_path / "serial.log", encoding="utf-8", errors="replace") as log:
        assert "init: eth1 receives" in log.read()
    assert json.loads(done.stdout)["check"]["pages_different"] == 0
    assert done.returncode == 0, done.stderr
