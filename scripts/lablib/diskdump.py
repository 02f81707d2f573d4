# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages that makedumpfile keeps of a vmcore at a level, from the bitmaps of its kdump format."""

import os
import struct
import subprocess

from .process import LabError
from .vmcore import merged

PAGE = 4096
HEAD = struct.Struct("<8si390s6xQQiiiII")  # struct disk_dump_header, up to max_mapnr
SIGNATURE = b"KDUMP   "


def make(vmcore, level, path, vmlinux=None):
    """makedumpfile's dump at a level of a whole vmcore.

    What it knows of the kernel is VMCOREINFO's, or a vmlinux's with debug symbols.
    """
    symbols = ["-x", vmlinux] if vmlinux else []
    done = subprocess.run(["makedumpfile", "-d", str(level), "-l", *symbols, vmcore, path],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"makedumpfile -d {level} {vmcore}: {done.stdout}{done.stderr}")


def left_out(vmcore, level, scratch, vmlinux=None):
    """(start, end) of physical memory that makedumpfile leaves out of a whole vmcore.

    scratch: the path of a file, made and removed.  Zero pages count as kept.
    """
    try:
        make(vmcore, level, scratch, vmlinux)
        there, kept = bitmaps(scratch)
    finally:
        if os.path.exists(scratch):
            os.unlink(scratch)
    return merged((page * PAGE, (page + 1) * PAGE) for page in there - kept)


def bitmaps(path):
    """(pages of the machine's memory, those of them that the file has), by number."""
    with open(path, "rb") as file:
        signature, _, _, _, _, _, block, head_blocks, bitmap_blocks, count = HEAD.unpack(
            file.read(HEAD.size))
        if signature != SIGNATURE:
            raise LabError(f"{path} is not in makedumpfile's kdump format")
        file.seek((1 + head_blocks) * block)
        return tuple(_set(file.read(bitmap_blocks // 2 * block), count) for _ in range(2))


def _set(bitmap, count):
    return {at * 8 + bit for at, byte in enumerate(bitmap) if byte
            for bit in range(8) if byte >> bit & 1 and at * 8 + bit < count}
