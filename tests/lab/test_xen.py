# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Xen with the stock kernel as its first domain: either of them crashes."""

import os
import re
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

MAP = re.compile(r"^dini: map ([0-9a-f]+) \+ ([0-9a-f]+) kind (\d)$", re.M)
XEN_MAP = re.compile(r"^\(XEN\)  \[([0-9a-f]+), ([0-9a-f]+)\] \((\w+)\)$", re.M)
DOMAIN_MAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) : (\w.*)$", re.M)
XEN_CRASH_INFO, XEN_CRASH_REGISTERS = 0x1000001, 0x1000002


def fence(text):
    found = [(int(start, 16), int(start, 16) + int(size, 16))
             for start, size, kind in MAP.findall(text) if kind != "1"]
    assert len(found) >= 4
    return found


def joined(ranges):
    """Ranges as (start, end), those that meet as one."""
    whole = []
    for start, end in sorted(ranges):
        if whole and start <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(end, whole[-1][1])
        else:
            whole.append((start, end))
    return whole


def reserved(pattern, text, word):
    return joined((int(start, 16), int(end, 16) + 1)
                  for start, end, kind in pattern.findall(text) if kind == word)


def covered(fenced, ranges):
    return all(any(start <= first and last <= end for start, end in ranges)
               for first, last in fenced)


def notes(path):
    """(name, type) of each note, in order."""
    with open(path, "rb") as file:
        (segment,) = [s for s in ELFFile(file).iter_segments() if s["p_type"] == "PT_NOTE"]
        at, end, found = segment["p_offset"], segment["p_offset"] + segment["p_filesz"], []
        while at < end:
            file.seek(at)
            name_bytes, bytes_, kind = (int.from_bytes(file.read(4), "little") for _ in range(3))
            found.append((file.read(name_bytes).rstrip(b"\0").decode(), kind))
            at += 12 + (name_bytes + 3) // 4 * 4 + (bytes_ + 3) // 4 * 4
    return found


@pytest.mark.run("xen")
def test_a_crash_of_the_first_domain_is_right(run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    assert run.facts["check"]["right"] and run.facts["check"]["pages_different"] == 0
    assert run.facts["check"]["pages_compared"] > 250000
    assert "(XEN) Hardware Dom0 crashed: Executing kexec image on cpu" in run.serial()
    assert run.facts["panic"] == "Kernel panic - not syncing: sysrq triggered crash"
    assert run.facts["release"] in run.serial()


@pytest.mark.run("xen-hypervisor")
def test_a_crash_of_xen_is_right(run):
    text = run.serial()
    assert run.status == 0, run.stderr + text[-2000:]
    assert run.facts["check"]["right"] and run.facts["check"]["pages_different"] == 0
    assert re.search(r"^\(XEN\) 'C' pressed -> triggering crashdump$", text, re.M)
    assert "Kernel panic" not in text and not run.facts["panic"]


@pytest.mark.run("xen-hypervisor")
def test_its_first_domain_s_log_comes_too(run):
    with open(run.file("dmesg.txt"), encoding="utf-8") as log:
        text = log.read()
    assert "Linux version " in text and "lab.crash=key" in text
    assert run.facts["seconds_to_first_log"] is not None


@pytest.mark.run("xen")
def test_fence_is_reserved_in_both_maps(run):
    text = run.serial()
    fenced = fence(text)
    assert covered(fenced, reserved(XEN_MAP, text, "reserved"))
    listing = text[text.index("init: iomem begin"):text.index("init: iomem end")]
    assert covered(fenced, reserved(DOMAIN_MAP, listing, "Reserved"))
    assert not covered([(0x100000, 0x101000)], reserved(XEN_MAP, text, "reserved"))


@pytest.mark.run("xen")
def test_notes_are_those_of_both(run):
    found = notes(run.file("vmcore"))
    assert found.count(("Xen", XEN_CRASH_INFO)) == 1
    assert found.count(("CORE", 1)) == found.count(("Xen", XEN_CRASH_REGISTERS)) == 2
    assert found.count(("VMCOREINFO", 0)) == found.count(("VMCOREINFO_XEN", 0)) == 1


@pytest.mark.run("xen")
def test_its_pages_are_not_told_apart(run):
    """At level 31: what Linux says of its pages is of numbers that are not the machine's."""
    excluded = run.facts["check"]["pages_excluded"]  # page 0, in part
    assert run.facts["pages"] == run.facts["check"]["pages_compared"] + sum(excluded.values())
    with open(run.file("info.json"), encoding="utf-8") as info:
        text = info.read()
    assert '"level": null' in text and '"xen": "4.17' in text
    assert "all pages: what the domains of Xen have is not told apart" in text


@pytest.mark.run("xen")
def test_makedumpfile_takes_it_and_crash_knows_its_release(run):
    small = os.path.join(run.out, "small.vmcore")
    done = subprocess.run(["makedumpfile", "-E", "-X", "-d", "1", run.file("vmcore"), small],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert 1 << 20 < os.path.getsize(small) < os.path.getsize(run.file("vmcore"))
    done = subprocess.run(["crash", "--osrelease", run.file("vmcore")], capture_output=True,
                          text=True, check=False)
    assert done.stdout.split()[-1:] == [run.facts["release"]], done.stdout
