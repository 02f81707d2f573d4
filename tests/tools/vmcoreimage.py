# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory of a machine that did crash, from its whole dump: what a fake machine serves again.

The same interface as fakeimage.Image.  Behind the machine's memory there is a little more,
with an ELF core header and notes as they were; it is in no PT_LOAD.
"""
import mmap
import struct

from fakeimage import PAGE, PT_LOAD, PT_NOTE, RAM, ZERO_PAGE

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")


class VmcoreImage:
    """Whole pages of physical memory, and what stood in the headers."""

    def __init__(self, path):
        self._file = open(path, "rb")
        self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        ehdr = EHDR.unpack_from(self._bytes)
        phdrs = [PHDR.unpack_from(self._bytes, ehdr[5] + i * PHDR.size) for i in range(ehdr[10])]
        self._loads = [(phys, size, offset) for kind, _, offset, _, phys, size, _, _ in phdrs
                       if kind == PT_LOAD]
        self.loads = [(phys, phys, virt, size) for kind, _, _, virt, phys, size, _, _ in phdrs
                      if kind == PT_LOAD]
        self.elfcorehdr = max(-(-(phys + size) // PAGE) * PAGE for phys, size, _ in self._loads)
        self._extra = self._header(ehdr, phdrs)
        self.ranges = [(phys, size, RAM) for phys, size, _ in self._loads]
        self.ranges.append((self.elfcorehdr, len(self._extra), RAM))

    def _header(self, ehdr, phdrs):
        notes = b""
        at = self.elfcorehdr + -(-(EHDR.size + len(phdrs) * PHDR.size) // PAGE) * PAGE
        table = b""
        for kind, flags, offset, virt, phys, in_file, in_memory, align in phdrs:
            if kind == PT_NOTE:
                offset, notes = at + len(notes), notes + self._bytes[offset:offset + in_file]
            elif kind == PT_LOAD:
                offset = phys
            table += PHDR.pack(kind, flags, offset, virt, phys, in_file, in_memory, align)
        fields = list(ehdr)
        fields[5] = EHDR.size
        head = (EHDR.pack(*fields) + table).ljust(at - self.elfcorehdr, b"\0")
        return head + notes.ljust(-(-len(notes) // PAGE) * PAGE, b"\0")

    def page(self, number):
        phys = number * PAGE
        if phys >= self.elfcorehdr:
            return self._extra[phys - self.elfcorehdr:][:PAGE] or ZERO_PAGE
        for start, size, offset in self._loads:
            if start <= phys < start + size:
                at = offset + phys - start
                return self._bytes[at:at + PAGE]
        return ZERO_PAGE

    def is_ram(self, number):
        phys = number * PAGE
        return any(start <= phys < start + size for start, size, _ in self.ranges)
