# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference kernel in a bare guest: each way to crash, and what it leaves behind.

QEMU's own multiboot loader boots it.  Where a test wants netdump, a handoff block and a
fake DINI are put into memory before the machine starts.
"""

import re
import struct
import zlib

import pytest

from guest import DINI_PHYS, HANDOFF_PHYS, Guest, handoff, load_args

BUILD = "build"
PAGE = 4096
DIRECT = 0xFFFF888000000000
MASK = (1 << 64) - 1


def dini():
    with open(f"{BUILD}/tests/fake_dini.bin", "rb") as file:
        return file.read()


def start(words, *args, image="ref.elf", memory="64M"):
    return Guest("-kernel", f"{BUILD}/stub/{image}", "-append", words, *args, memory=memory)


def start_with_dini(folder, words, memory="256M"):
    pieces = load_args(folder, block=(HANDOFF_PHYS, handoff(dini())), dini=(DINI_PHYS, dini()))
    return start(words, *pieces, memory=memory)


def expected_page(phys):
    """What stub/multiboot/fill.h says about a filled page."""
    number = phys // PAGE
    kind = number // 64 % 3
    if kind == 0:
        lines = (f"ref page {phys:#018x} line {line:02}".ljust(63, ".") + "\n"
                 for line in range(64))
        return "".join(lines).encode()
    if kind == 1:
        x = (number + 1) * 0x9E3779B97F4A7C15 & MASK
        words = []
        for _ in range(512):
            x ^= x << 13 & MASK
            x ^= x >> 7
            x ^= x << 17 & MASK
            words.append(x)
        return struct.pack("<512Q", *words)
    return bytes(PAGE)


CRASHES = [
    ("ud2", r"ref: panic: invalid opcode, rip 0x[0-9a-f]{16}$"),
    ("pagefault", r"ref: panic: page fault at 0xffff8880000a0000, rip 0x[0-9a-f]{16}$"),
    ("stack", r"ref: panic: double fault \(stack overflow\) at 0x[0-9a-f]{16}, rip "),
    ("panic", r"ref: panic: asked for by crash=panic$"),
]


@pytest.mark.parametrize("word,line", CRASHES)
def test_each_crash_says_why_and_that_there_is_no_netdump(word, line):
    with start(f"crash={word}", memory="6G") as guest:
        guest.wait_line("ref: halted")
        assert re.search(line, guest.text, re.M), guest.text
        assert "ref: no netdump\nref: halted\n" in guest.text


@pytest.mark.parametrize("words", ["", "crash=none"])
def test_without_a_crash_it_idles(words):
    with start(words) as guest:
        guest.wait_line("ref: idle")
        assert "panic" not in guest.text


def test_flat_image_with_addresses_in_its_header():
    with start("crash=panic", image="ref-aout.bin") as guest:
        guest.wait_line("ref: halted")
        assert "ref: panic: asked for by crash=panic" in guest.text


def test_64_bit_elf_is_the_same_code():
    with open(f"{BUILD}/stub/ref-elf64.elf", "rb") as file:
        wide = file.read()
    with open(f"{BUILD}/stub/ref.elf", "rb") as file:
        narrow = file.read()
    assert (wide[4], narrow[4]) == (2, 1)
    offset64, _, paddr64, filesz64, memsz64 = struct.unpack_from("<5Q", wide, 64 + 8)
    offset32, _, paddr32, filesz32, memsz32 = struct.unpack_from("<5I", narrow, 52 + 4)
    assert (paddr64, filesz64, memsz64) == (paddr32, filesz32, memsz32)
    assert wide[offset64:offset64 + filesz64] == narrow[offset32:offset32 + filesz32]


def test_modules_and_map_are_printed(tmp_path):
    data = bytes(range(256)) * 33
    path = tmp_path / "module.bin"
    path.write_bytes(data)
    with start("crash=none", "-initrd", f"{path} first words") as guest:
        guest.wait_line("ref: idle")
        match = re.search(r"ref: module 0x([0-9a-f]+)-0x([0-9a-f]+) (.*) crc32 0x([0-9a-f]+)\n",
                          guest.text)
        assert match, guest.text
        assert int(match[2], 16) - int(match[1], 16) == len(data)
        assert match[3] == f"{path} first words"
        assert int(match[4], 16) == zlib.crc32(data)
        assert "ref: map 0x0-0x9fc00 type 1\n" in guest.text
        assert "ref: mem_lower 639 mem_upper 64384\n" in guest.text


def test_memory_says_where_it_belongs_above_4_gib_too():
    with start("crash=panic fill=some", memory="6G") as guest:
        guest.wait_line("ref: halted")
        for base in (0x4000000, 0xBFF00000, 0x100000000, 0x1BFF00000):
            for number in range(3):
                phys = base + number * 64 * PAGE
                assert guest.memory(phys, PAGE) == expected_page(phys), hex(phys)


def test_fill_all_leaves_no_page_and_spares_the_modules(tmp_path):
    path = tmp_path / "module.bin"
    path.write_bytes(b"module" * 4000)
    with start("fill=all", "-initrd", str(path)) as guest:
        guest.wait_line("ref: idle")
        match = re.search(r"ref: module 0x([0-9a-f]+)-", guest.text)
        assert guest.memory(int(match[1], 16), 24000) == path.read_bytes()
        base = 0x2000000
        data = guest.memory(base, 256 * PAGE)
        for at in range(0, len(data), PAGE):
            assert data[at:at + PAGE] == expected_page(base + at), hex(base + at)


def test_fill_random_is_incompressible_all_over():
    with start("fill=random") as guest:
        guest.wait_line("ref: idle")
        data = guest.memory(0x2000000, 256 * PAGE)
        assert len(zlib.compress(data)) >= len(data)


def test_secret_is_where_it_says():
    with start("fill=none secret=hunter2") as guest:
        guest.wait_line("ref: idle")
        match = re.search(r"ref: secret at 0x([0-9a-f]+)\n", guest.text)
        assert guest.memory(int(match[1], 16), 8) == b"hunter2\0"


def test_dini_gets_a_whole_core_header(tmp_path):
    with start_with_dini(tmp_path, "crash=ud2 fill=none") as guest:
        guest.wait_line("ref: halted")
        assert f"ref: handoff block at {HANDOFF_PHYS:#x}, found" in guest.text
        assert "ref: dini refused 3\nref: halted\n" in guest.text
        match = re.search(r"entered ok elfcorehdr (\S+) bytes (\S+) cr3 (\S+) idt (\S+)\n",
                          guest.text)
        assert match, guest.text
        phys, size, cr3, idt = (int(value, 16) for value in match.groups())
        assert cr3 and idt
        rip = int(re.search(r"invalid opcode, rip (0x[0-9a-f]+)", guest.text)[1], 16)
        core_header_is_right(guest, phys, size, rip)


def core_header_is_right(guest, phys, size, rip):
    header = guest.memory(phys, size)
    assert header[:7] == b"\x7fELF\x02\x01\x01"
    kind, machine = struct.unpack_from("<HH", header, 16)
    count, = struct.unpack_from("<H", header, 56)
    assert (kind, machine, size) == (4, 62, 64 + count * 56)
    segments = [struct.unpack_from("<IIQQQQQQ", header, 64 + i * 56) for i in range(count)]

    loads = [(s[4], s[4] + s[5]) for s in segments if s[0] == 1]
    ram = [(int(a, 16), int(b, 16)) for a, b in
           re.findall(r"ref: map (\S+)-(\S+) type 1\n", guest.text)]
    assert loads == [(a + PAGE - 1 & -PAGE, b & -PAGE) for a, b in ram]
    for s in segments:
        assert s[0] == 4 or (s[2] == s[4] and s[3] == DIRECT + s[4] and s[5] == s[6])

    notes = read_notes(guest.memory(segments[0][2], segments[0][5]))
    assert notes[b"VMCOREINFO"] == (0, b"OSRELEASE=netdump-ref-1\nPAGESIZE=4096\n")
    kind, prstatus = notes[b"CORE"]
    assert (kind, len(prstatus)) == (1, 336)
    assert struct.unpack_from("<Q", prstatus, 112 + 16 * 8)[0] == rip
    assert struct.unpack_from("<I", prstatus, 32)[0] == 1


def read_notes(data):
    notes = {}
    at = 0
    while at < len(data):
        name_bytes, desc_bytes, kind = struct.unpack_from("<III", data, at)
        at += 12
        name = data[at:at + name_bytes].rstrip(b"\0")
        at += (name_bytes + 3) & ~3
        notes[name] = (kind, data[at:at + desc_bytes])
        at += (desc_bytes + 3) & ~3
    return notes


def test_overwritten_dini_is_not_entered(tmp_path):
    """The pattern goes over DINI here, since QEMU's map has no fence."""
    with start_with_dini(tmp_path, "crash=panic fill=some") as guest:
        guest.wait_line("ref: halted")
        assert "ref: refused: fenced memory was changed\nref: halted\n" in guest.text
        assert "fake dini" not in guest.text


def test_stack_overflow_reaches_dini_too(tmp_path):
    with start_with_dini(tmp_path, f"crash=stack fill=none netdump={HANDOFF_PHYS:#x}") as guest:
        guest.wait_line("ref: halted")
        assert f"ref: handoff block at {HANDOFF_PHYS:#x}, by name" in guest.text
        assert "fake dini: entered ok" in guest.text


def test_page_fault_says_if_fenced_memory_is_mapped(tmp_path):
    """It is here, since QEMU's map has no fence; tests/lab/test_config.py has a machine with one."""
    with start_with_dini(tmp_path, "crash=pagefault fill=none") as guest:
        guest.wait_line("ref: halted")
        assert "ref: fenced memory is mapped\n" in guest.text
        assert "ref: panic: page fault at 0xffff8880000a0000" in guest.text
        assert "fake dini: entered ok" in guest.text
