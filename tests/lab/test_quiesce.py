# SPDX-License-Identifier: GPL-2.0-or-later
"""Devices and IOMMUs as a system leaves them; test_dump.py has that the dumps are right."""

import os
import re

import pytest

from conftest import BUILD

TRANSLATES, REMAPS = 1 << 31, 1 << 25  # VT-d's status
AMD_ON = 1


def before_and_after(kind, what, text):
    """A unit's register, as DINI found and left it."""
    found = re.search(rf"^dini: iommu [0-9a-f]+: {kind} off, {what} was ([0-9a-f]+), "
                      r"is ([0-9a-f]+)$", text, re.M)
    assert found, text[-2000:]
    return int(found[1], 16), int(found[2], 16)


@pytest.mark.run("vt-d")
def test_linux_left_vt_d_on(run):
    before, after = before_and_after("vt-d", "status", run.serial())
    assert before & TRANSLATES and before & REMAPS
    assert not after & (TRANSLATES | REMAPS)


@pytest.mark.run("amd-vi")
def test_linux_left_amd_vi_on(run):
    before, after = before_and_after("amd-vi", "control", run.serial())
    assert before & AMD_ON and not after & AMD_ON


@pytest.mark.run("domain")
def test_a_device_reaches_its_domain_alone(run):
    text = run.serial()
    own = text.index("ref: dma to own memory done")
    fenced = text.index("ref: dma to fenced memory tried")
    (refused,) = re.finditer(r"^ref: iommu refused 0x[0-9a-f]+000 to device ", text, re.M)
    assert own < fenced < refused.start()
    before, after = before_and_after("vt-d", "status", text)
    assert before & TRANSLATES and not after & TRANSLATES


def test_without_a_domain_the_same_device_breaks_the_seal(start):
    """So the device does write, and what it wrote is found out."""
    console = start("SERIAL 0 115200\nDEFAULT ref\nPROMPT 0\nLABEL ref\n  KERNEL netdump.c32\n"
                    "  APPEND insecure -- ref.elf crash=panic dma=check fill=none\n",
                    {"ref.elf": os.path.join(BUILD, "stub", "ref.elf")}, machine="q35",
                    nic="rtl8139", mem="64M", server=False,
                    qemu_arg=["-device", "edu,dma_mask=0xffffffff"])
    console.wait(r"^ref: dma to own memory done")
    console.wait(r"^ref: refused: fenced memory was changed")
    console.wait(r"^ref: halted")
    assert "dini: entered" not in console.text()
