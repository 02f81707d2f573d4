# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware that does not return: the ROM's own code, changed under it while it sends."""

import os
import re
import socket
import time

from .process import BUSY_S, LabError

LOOP = "ebfe"     # jmp to itself
ABOVE = 1 << 20   # iPXE's protected-mode segment begins above; nobody else's does
TRIES = 2000      # of which a good part finds it there
PAUSE_S = 0.002
STATE = re.compile(r"[RE]IP=(\w+).*^CS =\w+ (\w+).*^IDT= *(\w+).*^CR0=(\w+)", re.M | re.S)


def hang(machine):
    """The next instruction that iPXE runs in protected mode becomes an endless loop."""
    for _ in range(TRIES):
        machine.pause()
        eip, base, vectors, cr0 = (int(field, 16) for field in
                                   STATE.search(machine.monitor("info registers")).groups())
        # not on its way to real mode and back, when it has no vectors and no cause to hang
        if cr0 & 0x80000001 == 1 and min(base, vectors) >= ABOVE:
            _write(machine, (base + eip) & 0xffffffff, LOOP)
            return
        machine.go_on()
        time.sleep(PAUSE_S)
    raise LabError("the firmware was never seen in protected mode")


def _write(machine, linear, code):
    """By QEMU's gdb server, which lets the machine go on when it is left."""
    path = os.path.join(machine.sockets, "gdb")
    machine.monitor(f"gdbserver unix:{path},server=on,wait=off")
    with socket.socket(socket.AF_UNIX) as gdb:
        gdb.settimeout(BUSY_S)
        gdb.connect(path)
        for command in f"M{linear:x},{len(code) // 2:x}:{code}", "D":
            gdb.sendall(b"$%s#%02x" % (command.encode(), sum(command.encode()) & 0xff))
            if b"$OK" not in _answer(gdb):
                raise LabError(f"QEMU's gdb server refuses {command}")
            gdb.sendall(b"+")
    machine.monitor("gdbserver none")


def _answer(gdb):
    seen = b""
    while not re.search(rb"\$[^#]*#..", seen):
        more = gdb.recv(4096)
        if not more:
            raise LabError("QEMU's gdb server is gone")
        seen += more
    return seen
