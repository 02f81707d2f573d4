# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps of whole machines: complete, right, and open to those who read them."""

import json
import subprocess
from contextlib import closing

import pytest

from conftest import BUILD, REFUSED_RUNS, RUNS
from lablib.vmcore import Vmcore

PAGE = 4096
HEADERS_BYTES = 14 + 20 + 8  # Ethernet, IP, UDP
FENCE_KIB = 2048  # what the fence may cost at most, besides crashkernel=1M
READ_S = 600


def each_run(*names):
    names = names or [name for name in RUNS if name not in REFUSED_RUNS]
    return [pytest.param(name, marks=pytest.mark.run(name), id=name) for name in names]


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=READ_S, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", each_run())
def test_every_byte_is_the_machines(name, run):
    assert run.status == 0, run.stderr + run.serial()[-2000:]
    check = run.facts["check"]
    assert check["right"] and check["pages_different"] == 0
    assert not check["missing"] and not check["absent"] and not check["superfluous"]
    with closing(Vmcore(run.file("vmcore"))) as vmcore:
        held = sum(-(-end // PAGE) - start // PAGE for start, end in vmcore.ranges())
    assert check["pages_compared"] == held
    assert held + check["pages_left_out"] > 0.9 * memory_pages(run.facts), name


def memory_pages(facts):
    """The system's own: a crash kernel's memory is in no dump."""
    text = facts["mem"]
    mib = int(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]
    return (mib - facts["crash_kernel_mib"]) * (1 << 20) // PAGE


@pytest.mark.run("ref")
def test_memory_above_4_gib_is_there(run):
    headers = output("readelf", "-lW", run.file("vmcore"))
    tops = [int(line.split()[3], 16) + int(line.split()[5], 16)
            for line in headers.splitlines() if line.split()[:1] == ["LOAD"]]
    assert max(tops) > 6 << 30  # RAM of 6 GiB ends beyond it, behind the hole for devices


@pytest.mark.parametrize("name", each_run("e1000", "rtl8139", "second-cpu"))
def test_the_log_tells_of_the_panic(name, run):
    with open(run.file("dmesg.txt"), encoding="utf-8") as log:
        text = log.read()
    assert "Kernel panic - not syncing: sysrq triggered crash" in text, name
    assert "Linux version 6.1." in text
    assert run.facts["panic"] == "Kernel panic - not syncing: sysrq triggered crash"
    assert "used" in run.serial()  # the NIC's own driver had it before


@pytest.mark.run("e1000")
def test_the_tap_counts_whole_frames(run):
    """What the bench compares with kdump's: each datagram once at least, with its headers."""
    if run.facts["net"] != "dnsmasq":
        pytest.skip("QEMU's own network counts nothing")
    least = run.facts["wire_bytes"] + HEADERS_BYTES * run.facts["datagrams"]
    assert least <= run.facts["wire"]["to_server"] < 1.2 * least


@pytest.mark.parametrize("name", each_run("e1000", "e1000e", "flr", "rtl8139"))
def test_the_first_rung_does(name, run):
    assert "dini: undi rung 0: restored configuration" in run.serial(), name
    assert "dini: undi rung 1" not in run.serial()
    assert ("dini: undi: function level reset" in run.serial()) == (name == "flr")


@pytest.mark.run("second-cpu")
def test_the_second_cpu_crashed(run):
    with open(run.file("dmesg.txt"), encoding="utf-8") as log:
        assert "CPU: 1 PID:" in log.read()
    notes = output("readelf", "-nW", run.file("vmcore"))
    assert notes.count("NT_PRSTATUS") == 2


@pytest.mark.parametrize("name", each_run())
def test_the_fence_is_cheap(name, run):
    assert 0 < run.facts["fence_kib"] <= FENCE_KIB, name


@pytest.mark.run("e1000")
def test_readelf_finds_the_notes(run):
    notes = output("readelf", "-nW", run.file("vmcore"))
    assert "VMCOREINFO" in notes and "NT_PRSTATUS" in notes


@pytest.mark.run("e1000")
def test_makedumpfile_reads_the_log(run, tmp_path):
    output("makedumpfile", "--dump-dmesg", run.file("vmcore"), str(tmp_path / "log"))
    assert "sysrq triggered crash" in (tmp_path / "log").read_text()


@pytest.mark.run("e1000")
def test_crash_reads_the_release(run):
    assert output("crash", "--osrelease", run.file("vmcore")).strip() == run.facts["release"]


@pytest.mark.run("e1000")
def test_drgn_reaches_vmcoreinfo(run):
    import drgn
    program = drgn.Program()
    program.set_core_dump(run.file("vmcore"))
    assert program.flags & drgn.ProgramFlags.IS_LINUX_KERNEL
    # What drgn took from VMCOREINFO it shows as an object of the running kernel's name.
    assert program["UTS_RELEASE"].string_().decode() == run.facts["release"]


@pytest.mark.run("e1000")
def test_netdumpctl_knows_it(run):
    def netdumpctl(*words):
        return output(f"{BUILD}/server/netdumpctl", "--dir", run.host_dir, *words)

    (entry,) = json.loads(netdumpctl("--json", "list"))
    assert entry["status"] == "complete"
    assert "sysrq triggered crash" in netdumpctl("show", entry["id"])
    assert "right" in netdumpctl("verify", entry["id"])
