# SPDX-License-Identifier: GPL-2.0-or-later
"""Another program before pxelinux.0: the firmware that is kept is then iPXE's own, or iPXE's over
the UNDI of the NIC's ROM."""

import re

import pytest

from conftest import NBPS


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.run(name), id=name)
                                  for name in NBPS])
def test_the_dump_comes_through_its_firmware(name, run):
    assert run.status == 0, run.serial()[-2000:] or run.stderr
    assert run.facts["check"]["pages_different"] == 0 < run.facts["check"]["pages_compared"]
    assert "firmware's memory is not kept" not in run.serial()


def chain(run):
    """What dnsmasq sent, in order."""
    with open(f"{run.out}/dnsmasq.log", encoding="utf-8") as log:
        return re.findall(r"sent \S*/(\S+) to", log.read())


@pytest.mark.run("undionly")
def test_the_rom_starts_ipxe_and_ipxe_starts_pxelinux(run):
    files = chain(run)
    assert files[:2] == ["rom.ipxe", "undionly.kpxe"] and files.count("rom.ipxe") == 1
    assert "pxelinux.0" in files[2:]


@pytest.mark.run("undionly")
def test_a_call_that_hangs_in_one_of_two_layers_is_ended(run):
    assert re.search(r"^dini: firmware call .. did not return", run.serial(), re.M)


@pytest.mark.run("undionly-line-held-control")
def test_a_line_that_another_device_holds_breaks_the_dump(run):
    """Where DINI leaves that as it is."""
    assert "breaker: irq-storm: done" in run.serial()
    assert re.search(r"^dini: left out, as skip= says: 2$", run.serial(), re.M)
    assert run.status == 1 and not run.facts["complete"]


@pytest.mark.run("undionly-flip")
def test_the_roms_own_firmware_is_sealed_too(run):
    """It lies above iPXE's in base memory, where PXELINUX itself does not look."""
    assert run.status == 0, run.serial()[-2000:] or run.stderr
    serial = run.serial()
    assert "breaker: firmware-flip: done" in serial
    assert "ref: refused: fenced memory was changed" in serial
