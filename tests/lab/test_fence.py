# SPDX-License-Identifier: GPL-2.0-or-later
"""The fence, in every form in which a system asks for memory.

tests/guest/maps.asm is booted by PXE through netdump.c32 and prints what the BIOS tells it; what
its loader left in memory, and what is fenced, is read through QEMU's monitor.
"""

import os
import re
import struct
from dataclasses import dataclass

import pytest

import contract
from conftest import BUILD

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
RAM, RESERVED = 1, 2  # INT 15h E820's types
CARRY = 1
UNSUPPORTED = 0x86
FILL = 0xEEEEEEEE     # of maps.asm
GATE, UNDI, DINI = 2, 3, 4  # enum nd_range_kind
WORDS, MODULE_WORDS = "some words", "more words"

CONFIG = """SERIAL 0 115200
PROMPT 0
DEFAULT go
LABEL go
  KERNEL netdump.c32
  APPEND {options} -- maps {words} --- ldlinux.c32 {module_words}
"""


@dataclass
class Answer:
    """What a call left in the registers, and in the buffer."""
    flags: int
    eax: int
    ebx: int
    ecx: int
    edx: int
    buffer: list

    def refused(self):
        """With the buffer as it was."""
        return (self.flags & CARRY and self.eax >> 8 & 0xFF == UNSUPPORTED
                and self.buffer == [FILL] * 6)


class Maps:
    """All that a machine with maps.asm said, and what lies in its memory."""

    def __init__(self, console, path):
        console.wait(r"^maps: end")
        self._machine = console.lab.machine
        self._path = str(path)
        lines = [(name, [int(word, 16) for word in words.split()]) for name, words in
                 re.findall(r"^maps: (\S+)((?: [0-9A-F]{8})+)\r?$", console.text(), re.M)]
        self.walk = [answer(words) for name, words in lines if name == "e820"]
        self.answers = {name: answer(words) for name, words in lines if len(words) > 1}
        self.given = dict(lines)["given"][0]
        self.base_kib = dict(lines)["40:13"][0]
        self.e820 = [(low | high << 32, (low | high << 32) + (size | more << 32), kind)
                     for low, high, size, more, kind, _ in (step.buffer for step in self.walk)]

    def memory(self, phys, size):
        self._machine.memory_save(phys, size, self._path)
        with open(self._path, "rb") as saved:
            return saved.read()

    def numbers(self, layout, phys):
        return struct.unpack(layout, self.memory(phys, struct.calcsize(layout)))

    def text(self, phys):
        return self.memory(phys, 256).split(b"\0")[0].decode()

    def fence(self):
        """The handoff block's own list: [(start, end, kind)], all but the system's RAM."""
        at = self.base_kib * KIB  # the gate's segment, which begins with the block
        map_at = contract.offset("nd_handoff", "map")
        block = self.memory(at, contract.size("nd_handoff"))
        assert block.startswith(b"$PXE-NETDUMP-ND$")
        (count,) = struct.unpack_from("<I", block, map_at - 4)
        ranges = [struct.unpack_from("<QQI", block, map_at + i * contract.size("nd_range"))
                  for i in range(count)]
        return [(phys, phys + size, kind) for phys, size, kind in ranges if kind != RAM]

    def high_end(self):
        """Where the RAM that begins at 1 MiB ends."""
        end = MIB
        for start, stop, kind in sorted(self.e820):
            if kind == RAM and start <= end < stop:
                end = stop
        return end


def answer(words):
    return Answer(words[0] & 0xFFFF, *words[1:5], words[5:])


def holds(ranges, kind, start, end):
    """Whether ranges of this kind cover start to end without a gap."""
    for begin, stop, what in sorted(ranges):
        if what == kind and begin <= start < stop:
            start = stop
    return start >= end


def touches(ranges, kind, start, end):
    return any(what == kind and begin < end and start < stop for begin, stop, what in ranges)


def bios_agrees_with_itself(maps):
    """E801, 88h, INT 12h and 40:13 say what E820 says."""
    end = maps.high_end()
    e801, old = maps.answers["e801"], maps.answers["88"]
    low, high = e801.eax & 0xFFFF, e801.ebx & 0xFFFF
    assert not (e801.flags | old.flags) & CARRY
    assert (low, high) == (e801.ecx & 0xFFFF, e801.edx & 0xFFFF)
    assert low == (min(end, 16 * MIB) - MIB) // KIB
    assert high == max(end - 16 * MIB, 0) // (64 * KIB)
    assert old.eax & 0xFFFF == min(end - MIB, 63 * MIB) // KIB
    assert maps.answers["int12"].eax & 0xFFFF == maps.base_kib


def e820_keeps_to_the_interface(maps):
    """ACPI 6.4 section 15: its registers, its end, and what it must not take."""
    assert len(maps.walk) > 3 and maps.walk[-1].ebx == 0
    for step in maps.walk:
        assert not step.flags & CARRY and step.eax == 0x534D4150 and step.ecx == 20
        assert step.buffer[5] == FILL, "no more than the 20 bytes that it says"
    assert maps.answers["exact"].buffer == maps.walk[0].buffer
    for name in ("short", "no-smap", "beyond", "beyond-high"):
        assert maps.answers[name].refused(), name


def is_fenced(maps, fence):
    """Reserved as a whole, not merely missing; and in no map's RAM."""
    assert {kind for *_, kind in fence} == {GATE, UNDI, DINI}
    for start, end, kind in fence:
        assert holds(maps.e820, RESERVED, start, end), (hex(start), hex(end), kind)
        assert not touches(maps.e820, RAM, start, end), (hex(start), hex(end), kind)
        assert start >= maps.base_kib * KIB, "base memory ends before it"
    (gate,) = [start for start, _, kind in fence if kind == GATE]
    assert gate == maps.base_kib * KIB
    assert holds(maps.e820, RAM, 0, gate)


def is_placed(maps, *things):
    """What the loader put somewhere lies in RAM that the system may use."""
    for start, size in things:
        assert size and holds(maps.e820, RAM, start, start + size), (hex(start), size)


def boot(start, form, mem, options="insecure"):
    config = CONFIG.format(options=options, words=WORDS, module_words=MODULE_WORDS)
    return start(config, {"maps": os.path.join(BUILD, "tests", f"maps.{form}")}, server=False,
                 mem=mem)


def fenced(console, tmp_path):
    """The maps of a machine with the fence, which are sound, and have it."""
    maps = Maps(console, tmp_path / "memory")
    e820_keeps_to_the_interface(maps)
    bios_agrees_with_itself(maps)
    bios = maps.answers["c0"]
    assert not bios.flags & CARRY and not bios.eax & 0xFF00, "what is not the fence's is the BIOS's"
    is_fenced(maps, maps.fence())
    return maps


def above_4_gib(maps):
    return max(end for _, end, kind in maps.e820 if kind == RAM) > 4 * GIB


@pytest.mark.parametrize("mem", ["32M", "512M", "5G"])
def test_linux_set_up_sees_the_fence(start, tmp_path, mem):
    """As the real-mode set-up of Linux asks, which makes Linux's own E820 table of it."""
    maps = fenced(boot(start, "bzimage", mem), tmp_path)
    assert above_4_gib(maps) == (mem == "5G")
    params = maps.given  # boot protocol 2.12, "The Real-Mode Kernel Header"
    (table_entries,) = maps.numbers("<B", params + 0x1E8)
    assert not table_entries, "the loader leaves that to the set-up"
    ramdisk, ramdisk_bytes = maps.numbers("<II", params + 0x218)
    (line,) = maps.numbers("<I", params + 0x228)
    (high,) = maps.numbers("<I", params + 0x214)
    assert maps.text(line).endswith(f" {WORDS} {MODULE_WORDS}")
    is_placed(maps, (params, 64 * KIB), (line, 256), (ramdisk, ramdisk_bytes), (high, 4 * KIB))


@pytest.mark.parametrize("mem", ["64M", "5G"])
def test_multiboot_sees_the_fence(start, tmp_path, mem):
    """What the loader says, and what the BIOS says to who goes back to real mode."""
    maps = fenced(boot(start, "multiboot", mem), tmp_path)
    assert above_4_gib(maps) == (mem == "5G")
    # multiboot 0.6.96 section 3.3
    flags, lower, upper, _, line, count, modules = maps.numbers("<7I", maps.given)
    map_bytes, map_at = maps.numbers("<2I", maps.given + 44)
    assert flags & 0x4D == 0x4D  # memory, command line, modules, map
    assert lower == maps.base_kib and upper == (maps.high_end() - MIB) // KIB
    given = [maps.numbers("<IQQI", map_at + at) for at in range(0, map_bytes, 24)]
    assert [(phys, phys + size, kind) for _, phys, size, kind in given] == maps.e820
    assert count == 1
    module, module_end, module_line = maps.numbers("<3I", modules)
    assert maps.text(line).endswith(WORDS) and maps.text(module_line).endswith(MODULE_WORDS)
    is_placed(maps, (module, module_end - module), (modules, 16), (line, 256),
              (module_line, 256), (map_at, map_bytes), (maps.given, 88))


def test_without_netdump_the_same_memory_is_ram(start, tmp_path):
    """So the fence, and not the BIOS, is what the other tests see."""
    consoles = [boot(start, "bzimage", "64M", options) for options in ("insecure", "fallback=boot")]
    maps, bare = [Maps(console, tmp_path / "memory") for console in consoles]
    bios_agrees_with_itself(bare)
    assert bare.base_kib > maps.base_kib and bare.high_end() > maps.high_end()
    for begin, end, kind in maps.fence():
        if kind in (GATE, DINI):
            assert holds(bare.e820, RAM, begin, end), (hex(begin), hex(end), kind)


MEM_LINE = r"\[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]"


@pytest.mark.run("e1000")
def test_linux_has_the_fence_as_reserved(run):
    """By its own words: the BIOS's map in dmesg, and /proc/iomem."""
    fence = [(int(phys, 16), int(phys, 16) + int(size, 16)) for phys, size in
             re.findall(r"^dini: map ([0-9a-f]+) \+ ([0-9a-f]+) kind [234]$", run.serial(), re.M)]
    assert len(fence) >= 3
    with open(run.file("dmesg.txt"), encoding="utf-8") as log:
        bios = [(int(first, 16), int(last, 16) + 1, kind) for first, last, kind in
                re.findall(rf"BIOS-e820: {MEM_LINE} (\w+)", log.read())]
    listing = re.search(r"^init: iomem begin$(.*)^init: iomem end$", run.serial(), re.M | re.S)
    iomem = [(int(first, 16), int(last, 16) + 1, name) for first, last, name in
             re.findall(r"^([0-9a-f]+)-([0-9a-f]+) : (.*)$", listing[1], re.M)]
    for start, end in fence:
        assert holds(bios, "reserved", start, end) and not touches(bios, "usable", start, end)
        # Linux adds names of its own between 640 KiB and 1 MiB, and page 0.
        assert holds(iomem, "Reserved", start, end), (hex(start), hex(end))
        assert not touches(iomem, "System RAM", start, end), (hex(start), hex(end))
