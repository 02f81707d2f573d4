# SPDX-License-Identifier: GPL-2.0-or-later
"""The dump that a machine would have given at level 0: its headers, and QEMU's view of memory."""

import os

from .vmcore import EHDR, PHDR, PT_LOAD, PT_NOTE, merged

PAGE = 4096
CHUNK = 64 << 20             # saved at once
STEP = 1 << 20               # holes in the file are at least as large
KERNEL_MAP = 0xffffffff80000000


def write(path, vmcore, expected, save, scratch):
    """Make the file `path`.

    vmcore: the dump, for its notes and where the kernel maps memory; expected: (start, end) of
    RAM; save(phys, size, path): QEMU writes memory to a file; scratch: the path of that file.
    """
    ranges = merged((-(-start // PAGE) * PAGE, end // PAGE * PAGE) for start, end in expected)
    text = [load for load in vmcore.all_loads if load.virt >= KERNEL_MAP]
    direct = next(load for load in vmcore.all_loads if load.virt < KERNEL_MAP)
    loads = [(direct.virt - direct.phys + start, start, end) for start, end in ranges]
    if text:
        start, end = min(load.phys for load in text), max(load.end for load in text)
        loads.insert(0, (text[0].virt - text[0].phys + start, start, end))
    notes_at = EHDR.size + (1 + len(loads)) * PHDR.size
    places, at = {}, -(-(notes_at + len(vmcore.notes)) // PAGE) * PAGE
    for start, end in ranges:
        places[start] = at
        at += end - start
    fields = list(vmcore.ehdr)
    fields[5], fields[10] = EHDR.size, 1 + len(loads)
    with open(path, "wb") as file:
        file.write(EHDR.pack(*fields))
        size = len(vmcore.notes)
        file.write(PHDR.pack(PT_NOTE, 0, notes_at, 0, 0, size, size, 4))
        for virt, start, end in loads:
            base = max(first for first in places if first <= start)
            file.write(PHDR.pack(PT_LOAD, 7, places[base] + start - base, virt, start,
                                 end - start, end - start, 0))
        file.write(vmcore.notes)
        for start, end in ranges:
            for phys in range(start, end, CHUNK):
                save(phys, min(CHUNK, end - phys), scratch)
                _append(file, places[start] + phys - start, scratch)
        file.truncate(at)


def _append(file, at, scratch):
    try:
        with open(scratch, "rb") as memory:
            while step := memory.read(STEP):
                if step.count(0) != len(step):
                    file.seek(at)
                    file.write(step)
                at += len(step)
    finally:
        os.unlink(scratch)
