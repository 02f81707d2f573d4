# SPDX-License-Identifier: GPL-2.0-or-later
"""DINI in a bare guest where the machine does not end: tests/guest/dini_guest has the rest."""

from guest import Guest


def test_an_exception_in_the_seals_check_obeys_the_action():
    with Guest("-machine", "q35", "-device", "pcie-root-port,id=root1,chassis=1", "-device",
               "e1000e,bus=root1", "-kernel", "build/tests/dini_guest.elf", "-initrd",
               "build/dini/dini.bin", "-append", "early", memory="5G") as guest:
        guest.wait_line("dini: halt")
        assert "dini: exception 6 at 10000" in guest.text
