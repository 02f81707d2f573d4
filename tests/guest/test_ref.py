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
        assert "ref: no netdump\nref: crash report: " in guest.text
        assert "ref: end of report\nref: halted\n" in guest.text


@pytest.mark.parametrize("word", ["ud2", "panic", "pagefault", "stack"])
def test_the_report_says_what_happened_and_who_called(word):
    with start(f"crash={word} fill=none") as guest:
        guest.wait_line("ref: halted")
        report = guest.text[guest.text.index("ref: crash report: "):]
        reason = re.search("ref: panic: (.*)", guest.text)[1]
        assert report.startswith(f"ref: crash report: {reason}\nref: rip 0x")
        registers = {name: int(value, 16) for name, value in
                     re.findall(r"\b(r\w+|error|cr\d) (0x[0-9a-f]+)", report.split("\n", 1)[1])}
        assert len(registers) == 16 + len(["rip", "rflags", "error"]) + 4
        assert registers["cr0"] & 0x80000001 == 0x80000001
        if "rip" in reason:
            assert registers["rip"] == int(reason.split("rip ")[1], 16)
        if " at " in reason:
            assert registers["cr2"] == int(reason.split(" at ")[1].split(",")[0], 16)
        callers = [int(value, 16) for value in re.findall(r"^ref: called from (\S+)$", report, re.M)]
        assert 0 < len(callers) <= 16
        for phys in callers:  # behind a call of whatever kind
            before = guest.memory(phys - 7, 7)
            assert before[2] == 0xE8 or 0xFF in before, hex(phys)
        assert (len(callers) == 16 and len(set(callers)) == 1) == (word == "stack")


def test_it_resets_the_machine_if_told():
    with start("crash=panic fallback=reboot fill=none") as guest:
        guest.wait_end()
        assert guest.text.endswith("ref: end of report\nref: reboot\n")


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
        assert "ref: dini refused 3\nref: crash report: invalid opcode" in guest.text
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
        assert "ref: refused: fenced memory was changed\nref: crash report: " in guest.text
        assert "fake dini" not in guest.text
        assert guest.last_words() == "fenced memory was changed"


# What boot seals, where there is room for it.
SEALED = {"gate": (HANDOFF_PHYS + 0xC00, 0x1C00), "low copy": (0x93000, 0x500),
          "pci copy": (0x93800, 2 * 260), "firmware": (0x94000, 0x8000),
          "hidden firmware": (0x6F00000, 0x40000)}


def start_sealed(folder, words, flipped=None):
    """With a seal over all of it; one bit of a part that is named has flipped since."""
    data = {name: (phys, zlib.compress(name.encode()).ljust(size, b"\x5a"))
            for name, (phys, size) in SEALED.items()}
    block = handoff(dini(), sealed=data.values(), pci_copy=(SEALED["pci copy"][0], 2))
    data["dini"] = (DINI_PHYS, dini())
    if flipped:
        phys, whole = data[flipped]
        changed = bytearray(whole)
        changed[len(changed) * 3 // 4] ^= 1 << len(changed) % 8
        data[flipped] = (phys, bytes(changed))
    pieces = {name.replace(" ", "-"): piece for name, piece in data.items()}
    return start(words, *load_args(folder, block=(HANDOFF_PHYS, block), **pieces), memory="256M")


def test_a_whole_seal_of_every_part_lets_dini_be_entered(tmp_path):
    with start_sealed(tmp_path, "crash=panic fill=none") as guest:
        guest.wait_line("ref: halted")
        assert "fake dini: entered ok" in guest.text


@pytest.mark.parametrize("part", [*SEALED, "dini"])
def test_a_flipped_bit_leaves_the_crash_to_the_kernel(tmp_path, part):
    with start_sealed(tmp_path, "crash=panic fill=none fallback=reboot", flipped=part) as guest:
        guest.wait_end()
        assert "ref: refused: fenced memory was changed\nref: crash report: asked" in guest.text
        assert guest.text.endswith("ref: end of report\nref: reboot\n")
        assert "fake dini" not in guest.text


def test_a_flipped_bit_of_the_block_too(tmp_path):
    with start_sealed(tmp_path, "crash=panic fill=none fault=handoff-flip") as guest:
        guest.wait_line("ref: halted")
        assert "breaker: handoff-flip: done\n" in guest.text
        assert "ref: refused: the handoff block is damaged\nref: crash report: asked" in guest.text
        assert "fake dini" not in guest.text
        assert guest.last_words() == "the handoff block is damaged"


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
