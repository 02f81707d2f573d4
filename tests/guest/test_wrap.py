# SPDX-License-Identifier: GPL-2.0-or-later
"""A wrapped kernel at both of its entries: what it finds there is as if it were not wrapped.

A fake loader, a fake kernel and a fake DINI that refuses stand in for the real ones;
tests/lab/test_kdump.py has those.
"""

import struct
import sys

import pytest

from guest import (DINI_PHYS, HANDOFF_PHYS, LAST_WORDS_AT, LAST_WORDS_BYTES, Guest, handoff,
                   load_args)

import bzimage  # guest.py knows where

sys.path.insert(0, "scripts")

from lablib.guest import Guest as DebianGuest  # noqa: E402  (needs the path above)

TESTS = "build/tests"
KERNEL_PHYS = 0x345000
HIGH_PHYS = 0x100345000
ORDER_PHYS = 0x302000   # fake_boot.inc
CORE_HEADER = 0x301000
ENTRIES = {32: 0, 64: 0x200}
CRASH = f"elfcorehdr={CORE_HEADER:#x} netdump={HANDOFF_PHYS:#x}"


def content(path):
    with open(path, "rb") as file:
        return file.read()


def dini():
    return content(f"{TESTS}/fake_dini.bin")


def start(folder, bits, words, phys=KERNEL_PHYS, memory="256M", **pieces):
    status, said, image = bzimage.wrap(folder, bzimage.bzimage(content(f"{TESTS}/fake_kernel.bin")))
    assert status == 0, said
    order = struct.pack("<QI", phys + ENTRIES[bits], bits == 64)
    args = load_args(folder, kernel=(phys, bzimage.protected_mode(image)),
                     order=(ORDER_PHYS, order), **pieces)
    return Guest("-kernel", f"{TESTS}/fake_loader.bin", "-append", words, *args, memory=memory)


def ends_in_the_kernel(guest, bits, phys=KERNEL_PHYS):
    assert guest.wait_line("fake kernel: ") == f"fake kernel: ok, {bits}-bit", guest.text
    kernel = bytearray(content(f"{TESTS}/fake_kernel.bin"))
    assert guest.memory(phys, len(kernel)) == kernel


@pytest.mark.parametrize("bits", ENTRIES)
def test_what_is_no_crash_just_boots(tmp_path, bits):
    with start(tmp_path, bits, f"quiet netdump={HANDOFF_PHYS:#x}",
               block=(HANDOFF_PHYS, handoff(dini())), dini=(DINI_PHYS, dini())) as guest:
        ends_in_the_kernel(guest, bits)
        assert "stub:" not in guest.text and "fake dini" not in guest.text


@pytest.mark.parametrize("bits", ENTRIES)
def test_when_dini_refuses_the_kernel_goes_on(tmp_path, bits):
    with start(tmp_path, bits, CRASH, block=(HANDOFF_PHYS, handoff(dini())),
               dini=(DINI_PHYS, dini())) as guest:
        ends_in_the_kernel(guest, bits)
        assert f"fake dini: entered ok elfcorehdr {CORE_HEADER:#018x}" in guest.text
        assert "stub: refused: dini says 3\nstub: on to the crash kernel\n" in guest.text


@pytest.mark.parametrize("bits", ENTRIES)
def test_a_broken_seal_keeps_dini_out(tmp_path, bits):
    changed = bytearray(dini())
    changed[0x123] ^= 0x10
    with start(tmp_path, bits, CRASH, block=(HANDOFF_PHYS, handoff(dini())),
               dini=(DINI_PHYS, bytes(changed))) as guest:
        ends_in_the_kernel(guest, bits)
        assert "stub: refused: fenced memory was changed\nstub: on to the" in guest.text
        assert "fake dini" not in guest.text
        assert last_words(guest) == "stub: fenced memory was changed"


def last_words(guest):
    words = guest.memory(HANDOFF_PHYS + LAST_WORDS_AT, LAST_WORDS_BYTES)
    return words.split(b"\0")[0].decode()


def test_above_4_gib_the_kernel_goes_on(tmp_path):
    with start(tmp_path, 64, CRASH, phys=HIGH_PHYS, memory="5G",
               block=(HANDOFF_PHYS, handoff(dini())), dini=(DINI_PHYS, dini())) as guest:
        ends_in_the_kernel(guest, 64, HIGH_PHYS)
        assert "stub: loaded above 4 GiB, where no dump begins: on to the kernel\n" in guest.text
        assert "fake dini" not in guest.text


@pytest.fixture(scope="module")
def stock():
    """Debian's kernel, as the lab has it."""
    debian = DebianGuest("build")
    debian.prepare(print)
    with open(debian.vmlinuz, "rb") as file:
        return file.read()


def test_debians_kernel_just_boots(tmp_path, stock):
    """By the BIOS's loader and the kernel's own real-mode code."""
    status, said, _ = bzimage.wrap(tmp_path, stock)
    assert (status, said) == (0, "")
    with Guest("-kernel", str(tmp_path / "wrapped"), "-append",
               f"console=ttyS0,115200 panic=-1 netdump={HANDOFF_PHYS:#x}") as guest:
        guest.wait_line("Linux version 6.1.")
        assert "stub:" not in guest.text


def test_the_fake_kernel_runs_without_being_wrapped(tmp_path):
    """So its verdicts are not the wrapping's."""
    for bits, entry in ENTRIES.items():
        order = struct.pack("<QI", KERNEL_PHYS + entry, bits == 64)
        args = load_args(tmp_path, order=(ORDER_PHYS, order),
                         kernel=(KERNEL_PHYS, content(f"{TESTS}/fake_kernel.bin")))
        with Guest("-kernel", f"{TESTS}/fake_loader.bin", "-append", CRASH, *args) as guest:
            ends_in_the_kernel(guest, bits)
