# SPDX-License-Identifier: GPL-2.0-or-later
"""DINI in a bare guest where the machine does not end, or its firmware does not return:
tests/guest/dini_guest has the rest."""

import re

import pytest

from guest import Guest

TESTS = "build/tests"
HANDOFF_PHYS = 0x70000  # dini_guest.c


def dini_guest(case, *args, machine="q35", modules=()):
    images = ",".join(["build/dini/dini.bin", *modules])
    return Guest("-machine", machine, *args, "-kernel", f"{TESTS}/dini_guest.elf", "-initrd",
                 images, "-append", case, memory="5G")


def behind_a_root_port(case, *args, **kwargs):
    return dini_guest(case, "-device", "pcie-root-port,id=root1,chassis=1", "-device",
                      "e1000e,bus=root1", *args, **kwargs)


def with_firmware(case, *args):
    """Under PXELINUX's gate lies firmware that hangs: fake_rom.asm."""
    return behind_a_root_port(case, *args, modules=(f"{TESTS}/gate.bin", f"{TESTS}/fake_rom.bin"))


def test_an_exception_in_the_seals_check_obeys_the_action():
    with behind_a_root_port("early") as guest:
        guest.wait_line("dini: halt")
        assert "dini: exception 6 at 10000" in guest.text
        assert guest.last_words(HANDOFF_PHYS) == "DINI ran into an exception of the CPU"


# Every mode in every call: gate_guest.c.
@pytest.mark.parametrize("case, call", [("open-real", "06"), ("transmit-long", "08"),
                                        ("isr-protected", "14")])
def test_firmware_that_hangs_costs_a_rung(case, call):
    with with_firmware(f"hang-{case}") as guest:
        guest.wait_end()
        assert f"dini: firmware call {call} did not return in " in guest.text
        assert guest.text.count("did not return") == 1
        assert "guest: every page is right\n" in guest.text
        assert guest.text.endswith("dini: reboot\n")


def test_firmware_that_always_hangs_does_not_hold_the_machine():
    with with_firmware("hang-always-protected") as guest:
        guest.wait_line("dini: halt")
        assert re.fullmatch("firmware call 0[567] did not return", guest.last_words(HANDOFF_PHYS))
        # 15 s each, and the deadline is at 20: by two clocks, which a busy emulator keeps apart
        assert guest.text.count("did not return") <= 6


def test_firmware_that_takes_no_interrupt_resets_the_machine():
    with with_firmware("hang-transmit-open", "-no-shutdown") as guest:
        guest.wait_line("answers")
        guest.wait_reset()
        assert "did not return" not in guest.text
        assert (guest.last_words(HANDOFF_PHYS)
                == "the machine did not come back from its firmware")
