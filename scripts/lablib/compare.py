# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a dump is right: its bytes against what QEMU's monitor sees in memory.

Every PT_LOAD is compared at its p_paddr, the one that kexec-tools reads from its
backup copy among them: nothing but the firmware may have changed low memory
since.  What may differ is in EXCLUDED, as bytes, each with its reason.
"""

import mmap
import os
from dataclasses import dataclass, field

from .vmcore import merged, without

PAGE = 4096
CHUNK = 64 << 20  # saved and compared at once
STEP = 1 << 20    # compared in one go; looked into page by page where it differs

EXCLUDED = (
    (0x0, 0x500, "interrupt vectors and BIOS data area, restored for the firmware"),
)
FIRST_DIFFERENT = 16


@dataclass
class Result:
    """What comparing found."""
    compared: int = 0
    excluded: dict = field(default_factory=dict)   # reason -> pages
    different: int = 0
    first_different: list = field(default_factory=list)
    missing: list = field(default_factory=list)    # (start, end) that no PT_LOAD has
    absent: list = field(default_factory=list)     # (start, end) that DINI could not read
    left_out: int = 0                              # pages that the level does without
    superfluous: list = field(default_factory=list)    # (start, end) of it that is there

    def right(self):
        return bool(self.compared) and not (self.different or self.missing or self.absent
                                           or self.superfluous)

    def as_json(self):
        def hexed(ranges):
            return [[f"{start:#x}", f"{end:#x}"] for start, end in ranges]
        return {"right": self.right(), "pages_compared": self.compared,
                "pages_excluded": self.excluded, "pages_different": self.different,
                "first_different": [f"{phys:#x}" for phys in self.first_different],
                "missing": hexed(self.missing), "absent": hexed(self.absent),
                "pages_left_out": self.left_out, "superfluous": hexed(self.superfluous)}


def compare(vmcore, expected, absent, save, scratch, left_out=()):
    """Compare a vmcore with memory.

    expected: (start, end) of the RAM that ought to be in it; absent: what the
    server says DINI could not read; save(phys, size, path) has QEMU write
    memory to a file; scratch: the path of that file, made and removed; left_out:
    (start, end) that the dump's level does without.
    """
    result = Result(absent=[pair for pair in merged(absent)
                            if without([pair], vmcore.ranges()) != [pair]])
    whole = [(-(-start // PAGE) * PAGE, end // PAGE * PAGE) for start, end in expected]
    result.missing = without(whole, [*vmcore.ranges(), *left_out])
    result.left_out = sum(end - start for start, end in left_out) // PAGE
    result.superfluous = without(left_out, without(left_out, vmcore.ranges()))
    for start, end in vmcore.ranges():
        for phys in range(start, end, CHUNK):
            size = min(CHUNK, end - phys)
            try:
                save(phys, size, scratch)
                _compare_chunk(vmcore, phys, size, scratch, result)
            finally:
                if os.path.exists(scratch):
                    os.unlink(scratch)
    return result


def _compare_chunk(vmcore, chunk, size, path, result):
    with open(path, "rb") as file, \
            mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as memory:
        for load in vmcore.loads:
            start, end = max(load.phys, chunk), min(load.end, chunk + size)
            for phys in range(start, end, STEP):
                length = min(STEP, end - phys)
                dumped = load.offset + phys - load.phys
                _compare_step(phys, memory[phys - chunk:phys - chunk + length],
                              vmcore.bytes[dumped:dumped + length], result)


def _compare_step(phys, seen, dumped, result):
    pages = -(-len(seen) // PAGE)
    excluded = [entry for entry in EXCLUDED if entry[0] < phys + len(seen) and entry[1] > phys]
    if not excluded and seen == dumped:
        result.compared += pages
        return
    at = 0
    while at < len(seen):
        here = phys + at
        size = min(PAGE - here % PAGE, len(seen) - at)
        _compare_page(here, seen[at:at + size], dumped[at:at + size], result)
        at += size


def _compare_page(phys, seen, dumped, result):
    for start, end, reason in EXCLUDED:
        if start < phys + len(seen) and end > phys:
            low, high = max(start - phys, 0), min(end - phys, len(seen))
            seen = seen[:low] + seen[high:]
            dumped = dumped[:low] + dumped[high:]
            key = f"bytes {start:#x} to {end:#x}: {reason}"
            result.excluded[key] = result.excluded.get(key, 0) + 1
    result.compared += 1
    if seen != dumped:
        result.different += 1
        if len(result.first_different) < FIRST_DIFFERENT:
            offset = next(i for i, (a, b) in enumerate(zip(seen, dumped)) if a != b)
            result.first_different.append(phys + offset)
