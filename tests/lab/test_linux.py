# SPDX-License-Identifier: GPL-2.0-or-later
"""netdump.ko in Debian's stock kernel: a dump without memory kept for a crash kernel."""

import json
import os
import pathlib
import re
import struct
import sys

import pytest
from conftest import BUILD, ROOT
from elftools.elf.elffile import ELFFile
from lablib import kmodule
from lablib.guest import Guest
from lablib.initramfs import module_archive, system_archive

sys.path.append(os.path.join(ROOT, "tests", "guest"))

import guest as bare  # noqa: E402  (needs the path above)

RIP = 112 + 16 * 8  # struct elf_prstatus: where the registers begin, and which of them
KERNEL_HALF = 1 << 63


def status(run):
    """What netdump-status said before the crash: {fact: its first line}."""
    return dict(re.findall(r"^init: status: (\w[\w ]*?) {2,}(.*)$", run.serial(), re.M))


@pytest.mark.run("module")
def test_every_byte_is_the_machines(run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    check = run.facts["check"]
    assert check["right"] and check["pages_different"] == 0 and not check["superfluous"]
    assert run.facts["crash_kernel_mib"] == 0
    assert "crashkernel=" not in run.serial()
    assert run.facts["panic"] == "Kernel panic - not syncing: sysrq triggered crash"


@pytest.mark.run("module")
def test_the_server_hears_why(run):
    with open(run.file("info.json"), encoding="utf-8") as info:
        assert json.load(info)["reason"] == "sysrq triggered crash"


def instruction_pointers(vmcore):
    """Of each CPU, out of its note; user space's are below the kernel's half."""
    with open(vmcore, "rb") as file:
        notes = [note for segment in ELFFile(file).iter_segments("PT_NOTE")
                 for note in segment.iter_notes() if note["n_type"] == "NT_PRSTATUS"]
        return [struct.unpack_from("<Q", note["n_descdata"], RIP)[0] for note in notes]


@pytest.mark.run("module")
def test_each_cpu_has_its_registers(run):
    """CPU 2 panicked in the kernel; three others were busy, and say where."""
    found = instruction_pointers(run.file("vmcore"))
    assert len(found) == 4 and all(found)
    assert found[2] >= KERNEL_HALF
    assert any(pointer < KERNEL_HALF for pointer in found)  # a shell that loops is rarely elsewhere


@pytest.mark.run("module")
def test_the_state_is_there_to_look_at(run):
    facts = status(run)
    assert facts["armed"] == "yes" and facts["seal"] == "holds"
    assert "init: netdump-status ends with 0" in run.serial()
    assert re.fullmatch(r"0000:00:\w\w\.\d, (\w\w:){5}\w\w, driver e1000", facts["nic"])
    assert facts["server"].endswith(":6668")
    assert facts["security"] == "the servers' keys"
    fence = re.findall(r"^init: status: .*?(0x\w+)-(0x\w+) (\w+), (\d+) of (\d+) pages mapped",
                       run.serial(), re.M)
    assert {name for _, _, name, _, _ in fence} == {"gate", "undi", "dini"}
    assert all(mapped == "0" for begin, _, _, mapped, _ in fence if int(begin, 16) >= 1 << 20)


@pytest.mark.run("module")
def test_a_block_that_is_not_to_be_believed_is_told_in_words(run):
    said = dict(re.findall(r"^init: spoiled (\w+): (.*)$", run.serial(), re.M))
    assert said == {
        "version": "no: the handoff block is of version 2, and this module knows 3",
        "contents": "no: the handoff block is damaged"}


@pytest.mark.run("module-refused")
def test_a_panic_goes_on_where_there_is_no_dump(run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    text = run.serial()
    assert "stub: refused: fenced memory was changed" in text
    assert "stub: on with the panic" in text
    after = text[text.index("stub: on with the panic"):]
    assert "netdump: no dump: stub: fenced memory was changed" in after
    assert "Rebooting in" in after


BY_KEXEC = "stub: ELF core header at"  # what only the crash image says


@pytest.mark.run("module-stands-back")
def test_a_crash_kernel_goes_first(run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    assert status(run)["armed"] == "no: a crash kernel is loaded, and goes first"
    assert "init: netdump-status ends with 1" in run.serial()
    assert BY_KEXEC in run.serial()


@pytest.mark.run("module-first")
def test_unless_it_is_told_to_go_first(run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    assert status(run)["armed"] == "yes"
    assert BY_KEXEC not in run.serial()


OVMF = "/usr/share/ovmf/OVMF.fd"


def test_a_system_booted_by_uefi_is_told_so(tmp_path):
    system = Guest(BUILD)
    system.prepare(print)
    module_archive(tmp_path / "modules.cpio",
                   [kmodule.build_netdump(system, print), *kmodule.TOOLS])
    archives = [tmp_path / "modules.cpio", system_archive(system)]
    (tmp_path / "initrd").write_bytes(b"".join(pathlib.Path(path).read_bytes()
                                               for path in archives))
    with bare.Guest("-machine", "q35", "-bios", OVMF, "-kernel", system.vmlinuz,
                    "-initrd", str(tmp_path / "initrd"), "-append",
                    "console=ttyS0,115200 lab.driver=0 lab.kexec=0 lab.module lab.stop") as machine:
        machine.wait_line("init: netdump-status ends with 1")
        assert machine.wait_line("init: status: armed").endswith(
            "no: the system was booted by UEFI, which leaves no UNDI")
