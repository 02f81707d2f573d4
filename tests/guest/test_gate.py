# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate that PXELINUX leaves behind, in a bare guest: all cases are gate_guest.c's."""

from guest import Guest

TESTS = "build/tests"


def test_the_gate():
    with Guest("-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel",
               f"{TESTS}/gate_guest.elf", "-initrd",
               f"{TESTS}/gate.bin,{TESTS}/fake_undi.bin", memory="64M") as guest:
        guest.wait_end()
        assert guest.text.endswith("guest: PASS\n"), guest.text
        assert guest.process.returncode == 33
