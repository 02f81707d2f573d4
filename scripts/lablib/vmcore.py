# SPDX-License-Identifier: GPL-2.0-or-later
"""The dump as a file: its program headers and its bytes."""

import mmap
import struct
from dataclasses import dataclass

from .process import LabError

PT_LOAD, PT_NOTE = 1, 4
EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")


@dataclass(frozen=True)
class Load:
    """A stretch of physical memory and where the file has it."""
    phys: int
    size: int
    offset: int
    virt: int = 0

    @property
    def end(self):
        return self.phys + self.size


class Vmcore:
    """An ELF64 core, read through a map of the file."""

    def __init__(self, path):
        self._file = open(path, "rb")
        self.bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.bytes[:5] != b"\x7fELF\x02" or len(self.bytes) < EHDR.size:
            raise LabError(f"{path} is no ELF64 core")
        self.ehdr = fields = EHDR.unpack_from(self.bytes)
        self.notes = b""
        phoff, phentsize, phnum = fields[5], fields[9], fields[10]
        self.loads = []
        for i in range(phnum):
            kind, _, offset, virt, phys, in_file, in_memory, _ = PHDR.unpack_from(
                self.bytes, phoff + i * phentsize)
            if kind == PT_NOTE:
                self.notes += self.bytes[offset:offset + in_file]
            if kind != PT_LOAD or in_memory == 0:
                continue
            if in_file != in_memory or offset + in_file > len(self.bytes):
                raise LabError(f"{path}: the range at {phys:#x} has {in_memory:#x} bytes, "
                               f"the file {min(in_file, len(self.bytes) - offset):#x}")
            self.loads.append(Load(phys, in_file, offset, virt))
        self.all_loads = self.loads
        self.loads = _distinct(self.loads)

    def close(self):
        self.bytes.close()
        self._file.close()

    def ranges(self):
        """Physical memory in the dump: disjoint (start, end), in order."""
        return merged((load.phys, load.end) for load in self.loads)


def _distinct(loads):
    """Without those that another one holds, at the same place in the file.

    The kernel's own mapping is such a one: it is there for its addresses.
    """
    kept = []
    for load in sorted(loads, key=lambda load: -load.size):
        if not any(other.offset - other.phys == load.offset - load.phys
                   and other.phys <= load.phys and load.end <= other.end for other in kept):
            kept.append(load)
    return sorted(kept, key=lambda load: load.phys)


def merged(ranges):
    """Disjoint, ascending (start, end) that cover the same."""
    result = []
    for start, end in sorted(ranges):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return result


def without(ranges, holes):
    """What of the ranges lies in no hole."""
    result = []
    holes = merged(holes)
    for start, end in merged(ranges):
        for hole_start, hole_end in holes:
            if hole_end <= start or hole_start >= end:
                continue
            if start < hole_start:
                result.append((start, hole_start))
            start = max(start, hole_end)
        if start < end:
            result.append((start, end))
    return result
