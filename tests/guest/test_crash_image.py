# SPDX-License-Identifier: GPL-2.0-or-later
"""The crash image for stock kernels, entered as kexec's purgatory enters it.

A fake purgatory and a fake DINI stand in for Linux and for the real one, so that each
refusal can be had on purpose.
"""

import struct

import pytest

from guest import (DINI_BYTES, DINI_PHYS, DINI_PHYS_AT, HANDOFF_PHYS, KEPT_BYTES, LAST_WORDS_AT,
                   LAST_WORDS_BYTES, Guest, handoff, load_args)

BUILD = "build"
STUB_BASE = 0x345000
CORE_HEADER = 0x301000


def segment():
    """The image's one segment as kexec loads it, and its size in memory."""
    with open(f"{BUILD}/stub/netdump-kexec.elf", "rb") as file:
        elf = file.read()
    kind, offset, vaddr, paddr, filesz, memsz = struct.unpack_from("<6I", elf, 52)
    assert (kind, offset, vaddr, paddr) == (1, 0, 0, 0)
    return elf[:filesz].ljust(memsz, b"\0")


def dini():
    with open(f"{BUILD}/tests/fake_dini.bin", "rb") as file:
        return file.read()


def start(folder, words, **pieces):
    pieces = {"dini": (DINI_PHYS, dini()), **pieces}
    args = load_args(folder, stub=(STUB_BASE, segment()), **pieces)
    return Guest("-kernel", f"{BUILD}/tests/fake_purgatory.bin", "-append", words, *args)


def test_nothing_to_find_halts_when_told(tmp_path):
    with start(tmp_path, "stub=halt") as guest:
        guest.wait_line("stub: halt")
        assert "stub: no elfcorehdr=" in guest.text
        assert "stub: no handoff block: was the machine booted by netdump.c32?" in guest.text


def test_nothing_to_find_resets_the_machine(tmp_path):
    with start(tmp_path, "stub=halted") as guest:
        guest.wait_end()
        assert "stub: reboot\n" in guest.text


@pytest.mark.parametrize("form,bytes_given", [
    (f"{CORE_HEADER // 1024}K", 0),
    (f"{CORE_HEADER:#x}", 0),
    (f"0x400@{CORE_HEADER:#x}", 0x400),
    (f"2M@{CORE_HEADER}", 0x200000),
])
def test_dini_is_entered_and_may_refuse(tmp_path, form, bytes_given):
    block = (HANDOFF_PHYS, handoff(dini()))
    with start(tmp_path, f"stub=halt elfcorehdr=1 elfcorehdr={form}", block=block) as guest:
        guest.wait_line("stub: halt")
        assert f"stub: handoff block at {HANDOFF_PHYS:#x}, dini at {DINI_PHYS:#x}" in guest.text
        assert (f"fake dini: entered ok elfcorehdr {CORE_HEADER:#018x} bytes {bytes_given:#018x}"
                in guest.text)
        assert "stub: refused: dini says 3" in guest.text
        assert "no handoff" not in guest.text


@pytest.mark.parametrize("word,why", [
    ("elfcorehdr=0x302000", "stub: no ELF core header at 0x302000"),
    ("elfcorehdr=0x100000000", "stub: no ELF core header at 0x100000000"),
    ("elfcorehdr=12x", "stub: elfcorehdr= is no address"),
])
def test_core_header_that_is_none_is_not_passed_on(tmp_path, word, why):
    block = (HANDOFF_PHYS, handoff(dini()))
    with start(tmp_path, f"stub=halt {word}", block=block) as guest:
        guest.wait_line("stub: halt")
        assert why in guest.text
        assert f"entered ok elfcorehdr {0:#018x}" in guest.text


NOTE_AT = 64 + 2 * 56  # behind two program headers


def core_header(count=2, behind=b""):
    """An ELF64 core header with that many empty program headers, and what stands behind two."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 64, 0, 0, 64, 56,
                         count, 0, 0, 0)
    return header.ljust(NOTE_AT, b"\0") + behind.ljust(0x200, b"\0")


def test_another_vmcoreinfo_is_a_note_more(tmp_path):
    """As Xen's first domain has one that kexec-tools leave out."""
    words = "stub=halt elfcorehdr=0x400@0x303000 vmcoreinfo=0x1024@0x0000000138d24100"
    with start(tmp_path, words, block=(HANDOFF_PHYS, handoff(dini())),
               core=(0x303000, core_header())) as guest:
        guest.wait_line("stub: halt")
        header = core_header(3, struct.pack("<IIQQQQQQ", 4, 0, 0x138d24100, 0, 0x138d24100, 0xf00,
                                            0xf00, 0))
        assert guest.memory(0x303000, len(header)) == header
        assert f"elfcorehdr {0x303000:#018x} bytes {0x400:#018x}" in guest.text


@pytest.mark.parametrize("word,header,why", [
    ("vmcoreinfo=0x38d24000", core_header(), "vmcoreinfo= is no BYTES@ADDRESS"),
    ("vmcoreinfo=0@0x38d24000", core_header(), "vmcoreinfo= is no BYTES@ADDRESS"),
    ("vmcoreinfo=1@2", core_header(behind=bytes(55) + b"x"), "has no room for vmcoreinfo="),
    ("vmcoreinfo=1@2", core_header(count=1024), "has no room for vmcoreinfo="),
    ("vmcoreinfo=1@2", core_header(count=72), "has no room for vmcoreinfo="),
    ("vmcoreinfo=1@2 elfcorehdr=223@0x303000", core_header(), "has no room for vmcoreinfo="),
    ("vmcoreinfo=1@2", core_header()[:54] + b"\x20" + core_header()[55:], "has no room for"),
    ("vmcoreinfo=1@2", core_header()[:32] + b"\x48" + core_header()[33:], "has no room for"),
], ids=["no-size", "no-bytes", "full", "many", "page-full", "short", "other-entries", "elsewhere"])
def test_a_core_header_without_room_is_left_alone(tmp_path, word, header, why):
    with start(tmp_path, f"stub=halt elfcorehdr=0x303000 {word}",
               block=(HANDOFF_PHYS, handoff(dini())), core=(0x303000, header)) as guest:
        guest.wait_line("stub: halt")
        assert why in guest.text
        assert guest.memory(0x303000, len(header)) == header
        assert "fake dini: entered ok" in guest.text


def test_every_block_is_tried_the_named_one_first(tmp_path):
    other = HANDOFF_PHYS + 0x1000
    with start(tmp_path, f"stub=halt netdump={other:#x}",
               first=(HANDOFF_PHYS, handoff(dini())),
               second=(other, handoff(dini(), phys=other)),
               copy=(other + 0x1000, handoff(dini()))) as guest:
        guest.wait_line("stub: halt")
        places = [line.split()[4] for line in guest.text.split("\n") if "block at" in line]
        assert places == [f"{other:#x},", f"{HANDOFF_PHYS:#x},"]
        assert guest.text.count("fake dini: entered ok") == 2


def test_named_place_that_is_wrong_falls_back_to_the_scan(tmp_path):
    with start(tmp_path, "stub=halt netdump=0x91008",
               block=(HANDOFF_PHYS, handoff(dini()))) as guest:
        guest.wait_line("stub: halt")
        assert "stub: no handoff block where netdump= says" in guest.text
        assert "fake dini: entered ok" in guest.text


def test_damaged_block_is_left_alone(tmp_path):
    block = bytearray(handoff(dini()))
    block[200] ^= 1
    with start(tmp_path, "stub=halt", block=(HANDOFF_PHYS, bytes(block))) as guest:
        guest.wait_line("stub: halt")
        assert "stub: 1 damaged handoff blocks left alone" in guest.text
        assert "stub: no handoff block" not in guest.text
        assert "fake dini" not in guest.text


def test_damaged_block_that_is_named_has_the_last_words(tmp_path):
    block = bytearray(handoff(dini()))
    block[200] ^= 1
    with start(tmp_path, f"stub=halt netdump={HANDOFF_PHYS:#x}",
               block=(HANDOFF_PHYS, bytes(block))) as guest:
        guest.wait_line("stub: halt")
        assert "stub: refused: the handoff block is damaged" in guest.text
        assert "fake dini" not in guest.text
        assert guest.last_words() == "stub: the handoff block is damaged"
        assert guest.memory(HANDOFF_PHYS, LAST_WORDS_AT) == block[:LAST_WORDS_AT]


@pytest.mark.parametrize("member, flip", [(0, 0x1000), (0, 0x10), (4, 0x1000), (4, 0x10), (8, 1)])
def test_what_a_damaged_block_says_of_dini_is_not_believed(tmp_path, member, flip):
    """Its region's address and size, its image's size: DINI's header there says otherwise."""
    block = bytearray(handoff(dini()))
    said = list(struct.unpack_from("<III", block, DINI_PHYS_AT))
    said[member // 4] ^= flip
    struct.pack_into("<III", block, DINI_PHYS_AT, *said)
    with start(tmp_path, f"stub=halt netdump={HANDOFF_PHYS:#x}",
               block=(HANDOFF_PHYS, bytes(block))) as guest:
        guest.wait_line("stub: halt")
        words = guest.memory(HANDOFF_PHYS + LAST_WORDS_AT, LAST_WORDS_BYTES)
        assert words.rstrip(b"\0") == b"stub: the handoff block is damaged"
        assert not any(guest.memory(said[0] + said[1] - KEPT_BYTES, KEPT_BYTES))


@pytest.mark.parametrize("at", [0, 15, 16, 18])
def test_what_may_be_no_block_is_not_written_to(tmp_path, at):
    """One bit of signature, version or size is another."""
    block = bytearray(handoff(dini()))
    block[at] ^= 1
    with start(tmp_path, f"stub=halt netdump={HANDOFF_PHYS:#x}",
               block=(HANDOFF_PHYS, bytes(block))) as guest:
        guest.wait_line("stub: halt")
        assert "stub: no handoff block where netdump= says" in guest.text
        assert guest.memory(HANDOFF_PHYS, len(block)) == block


def test_broken_seal_keeps_dini_out_and_leaves_last_words(tmp_path):
    block = handoff(dini(), seal_crc=0x12345678)
    with start(tmp_path, "stub=halt", block=(HANDOFF_PHYS, block)) as guest:
        guest.wait_line("stub: halt")
        assert "stub: refused: fenced memory was changed" in guest.text
        assert "fake dini" not in guest.text
        assert guest.last_words() == "stub: fenced memory was changed"


def test_the_block_of_another_boot_has_no_words_put_into_the_systems_memory(tmp_path):
    """Whole, but where it says that DINI lies is something else by now."""
    gone = bytes(len(dini()))
    with start(tmp_path, "stub=halt", dini=(DINI_PHYS, gone),
               block=(HANDOFF_PHYS, handoff(dini()))) as guest:
        guest.wait_line("stub: halt")
        assert "stub: refused: fenced memory was changed" in guest.text
        assert not any(guest.memory(DINI_PHYS + DINI_BYTES - KEPT_BYTES, KEPT_BYTES))
