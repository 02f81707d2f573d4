# SPDX-License-Identifier: GPL-2.0-or-later
"""All levels of one crash: the pages are makedumpfile's, whatever it knows the kernel by."""

import mmap
import os

import pytest

from crashagain import assert_whole_but_for, crash_again
from lablib import diskdump
from lablib.vmcore import EHDR, PHDR

PAGE = 4096
ZERO, BITS = 1, (2, 4, 8, 16)


@pytest.mark.parametrize("level", range(32))
def test_the_pages_are_makedumpfiles(whole, vmlinux, level, scratch):
    kdump = os.path.join(scratch, "kdump")
    out = diskdump.left_out(whole, level, kdump)
    assert out == diskdump.left_out(whole, level, kdump, vmlinux)
    dump = crash_again(whole, level, os.path.join(scratch, "dumps"))
    assert_whole_but_for(out, dump, level, whole)


def test_each_bit_leaves_out_what_no_other_does(whole, scratch):
    """Else the test above would take one for another; 4 leaves out what 2 does, and more."""
    kdump = os.path.join(scratch, "kdump")
    assert not diskdump.left_out(whole, ZERO, kdump)
    out = {tuple(diskdump.left_out(whole, bit, kdump)) for bit in BITS}
    assert len(out) == len(BITS) and () not in out


@pytest.mark.parametrize("damage", ["page-gone", "byte-other"])
def test_damage_is_seen(whole, damage, scratch):
    """That the first test can fail."""
    out = diskdump.left_out(whole, 31, os.path.join(scratch, "kdump"))
    dump = crash_again(whole, 31, os.path.join(scratch, "dumps"))
    assert_whole_but_for(out, dump, 31, whole)
    with open(dump.file("vmcore"), "r+b") as file, mmap.mmap(file.fileno(), 0) as core:
        ehdr = EHDR.unpack_from(core)
        last = ehdr[5] + (ehdr[10] - 1) * PHDR.size
        kind, flags, offset, virt, phys, size, _, align = PHDR.unpack_from(core, last)
        if damage == "page-gone":
            size -= PAGE
            PHDR.pack_into(core, last, kind, flags, offset, virt, phys, size, size, align)
        else:
            core[offset] ^= 1
    with pytest.raises(AssertionError):
        assert_whole_but_for(out, dump, 31, whole)
