# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: without root, and leaving nothing behind when it is interrupted."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import BOOT_S, NET, Run, command
from lablib import fault, planted, summary, undi
from lablib.process import LabError, Lines, whole_line

END_S = 120
# As summary.collect() has them, of a run that was complete.
FACTS = {"good": False, "complete": True, "check": None, "events": [], "planted": None,
         "insecure": False, "faults": [], "without_remedy": False, "to_refuse": False,
         "outcome": "hold", "why": None}


def processes_of(out):
    """Command lines that name a run's folder; the lab's own children all do, or QEMU's sockets."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = file.read().decode(errors="replace")
        except OSError:
            continue
        if out in line or f"LAB_TEST={out}" in environment:
            found.append(f"{pid} {line}")
    return found


def test_half_a_line_is_no_line(tmp_path):
    """The wait begins with half of it there, and ends with all of it."""
    lines = Lines(str(tmp_path / "log"))
    lines.feed(b"Command line: BOOT_IM")
    rest = threading.Timer(0.2, lines.feed, [b"AGE=vmlinuz BOOTIF=01-52\r\n"])
    rest.start()
    match = lines.wait(re.compile(whole_line(r"Command line: (.*)$"), re.MULTILINE), END_S)
    rest.join()
    lines.close()
    assert match[1] == "BOOT_IMAGE=vmlinuz BOOTIF=01-52"


@pytest.mark.parametrize("found, insecure, exposed", [
    (None, False, False),                               # nobody looked
    ({"in_capture": 0, "in_dump": 512}, False, False),
    ({"in_capture": 1, "in_dump": 512}, False, True),
    ({"in_capture": 0, "in_dump": 0}, False, True),     # what was looked for is nowhere
    ({"in_capture": 9, "in_dump": 512}, True, False)])  # as it should be
def test_a_text_on_the_wire_is_no_good_run(found, insecure, exposed):
    assert planted.is_exposed(found, insecure) == exposed
    facts = {**FACTS, "good": not exposed, "check": {}, "planted": found, "insecure": insecure}
    assert ("NOT SECRET" in summary.verdict(facts)) == exposed


def test_an_event_that_never_came_is_the_verdict():
    facts = {**FACTS, "check": {"pages_different": 0},
             "events": [{"seconds": 5.0}, {"seconds": None}]}
    assert "an event never came" in summary.verdict(facts)


def test_every_fault_has_a_file_that_holds():
    for name in fault.names():
        assert fault.load(name).breaks


@pytest.mark.parametrize("text, words", [
    ("breaks = 1", "breaks"), ('guest = ["nic-d3"]', "breaks is missing"),
    ('breaks = "x"\nremedies = []', "remedies is none of breaks"),
    ('breaks = "x"\nguest = "nic-d3"', "guest is to be a list"),
    ('breaks = "x"\nabout = "nics"', "about: nics is none of machine, nic"),
    ('breaks = "x"\nsystems = ["ref", "xen"]', "systems: xen is none of"),
    ('breaks = "x"\nemulator = "boch"', "emulator: boch"),
    ('breaks = "x"\nexpect = "broken"', "expect: broken"),
    ('breaks = "x"\nexpect = "refused"', "reason"), ("breaks =", "Invalid value")])
def test_a_file_without_sense_is_named(monkeypatch, tmp_path, text, words):
    monkeypatch.setattr(fault, "FOLDER", str(tmp_path))
    (tmp_path / "made-up.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match=f"made-up.toml: .*{words}"):
        fault.load("made-up")


@pytest.mark.parametrize("line, state", [
    ("breaker: nic-d3: done", "done"),
    ("breaker: nic-d3: did not take: no", "did not take: no"),
    ("breaker: nic-d3: not applicable: none", "not applicable: none"),
    ("init: breaker: nic-d3: done", "the breaker did not get to it"),
    ("", "the breaker did not get to it")])
def test_a_fault_is_there_when_the_breaker_says_so(line, state):
    assert fault.load("nic-d3").state(f"a\n{line}\nb\n") == state
    facts = {**FACTS, "faults": [{"name": "nic-d3", "state": state}], "good": state == "done"}
    assert ("NOT PUT TO THE TEST" in summary.verdict(facts)) == (state != "done")


def test_without_its_remedy_a_fault_is_to_break_the_dump():
    left_out = {**FACTS, "without_remedy": True, "faults": [{"name": "nic-d3", "state": "done"}]}
    assert "NOT BROKEN" in summary.verdict(left_out)
    assert "as it is to be" in summary.verdict({**left_out, "good": True, "why": "silence"})


def test_without_root_qemus_own_network_does(tmp_path):
    words = ["--system", "ref", "--mem", "256M"]
    run = Run(tmp_path / "user", "--check", *words, "--net", "user")
    assert run.status == 0, run.stderr
    assert run.facts["net"] == "user" and run.facts["check"]["pages_different"] == 0


@pytest.mark.parametrize("words", [["--loss", "1"], ["--event", "net-down"], ["--dead-servers"],
                                   ["--nbp", "undionly.kpxe"]])
def test_qemus_own_network_has_no_faults(tmp_path, words):
    run = Run(tmp_path / "run", "--net", "user", *words)
    assert run.status == 2 and "--net dnsmasq" in run.stderr


@pytest.mark.parametrize("words", [["--psk", "--insecure"], ["--loss", "100"],
                                   ["--loss", "0.001"], ["--loss", "-1"], ["--event", "flood"],
                                   ["--fault", "flood"], ["--without-remedy"],
                                   ["--fault", "seal-flip", "--without-remedy"],
                                   ["--kdump", "--system", "ref"],
                                   ["--fault", "driver-unbound", "--system", "ref"],
                                   ["--behind", "root-port"], ["--event", "server-kill:x"],
                                   ["--nbp", "gpxe.0"], ["--nbp", "grub.pxe"],
                                   ["--nbp", "./none.iso"],
                                   ["--nbp", "ipxe.pxe", "--emulator", "bochs"],
                                   ["--wiring", "vlan", "--emulator", "bochs", "--system", "ref",
                                    "--nic", "e1000", "--machine", "pc"],
                                   ["--event", "server-kill@"]])
def test_words_without_sense_start_nothing(tmp_path, words):
    run = Run(tmp_path / "run", *words)
    assert run.status == 2 and words[0] in run.stderr
    assert not os.path.exists(run.out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(tmp_path, number):
    out = tmp_path / "run"
    lab = subprocess.Popen(
        [word for word in command(out, "--system", "ref") if word != "--quiet"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, "LAB_TEST": str(out)})
    deadline = time.monotonic() + BOOT_S
    for line in lab.stderr:
        if "QEMU is on" in line:
            break
        assert time.monotonic() < deadline
    assert any("qemu-system" in line for line in processes_of(str(out)))
    os.killpg(lab.pid, number)
    lab.stderr.read()
    assert lab.wait(END_S) == 130
    assert not processes_of(str(out))
    # The namespace lives as long as its processes; the tap is in it and nowhere else.
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert f"lab{lab.pid % 10**8}:" not in links


# A machine whose clock runs half as fast as the host's, and whose second row lost a frame.
UNDI_SAYS = """dini: frames: begin at 1000 ms
dini: frames: end at 2000 ms
dini: frames: size 1 sent 48 calls 48 us 4800, best 24 in us 2400
dini: frames: size 2 sent 48 calls 24 us 2400, best 24 in us 800
dini: frames: size 4 sent 48 calls 12 us 2400, best 24 in us 1200
"""


def undi_found(tmp_path, says, arrived):
    lines = Lines(str(tmp_path / "log"))
    lines.feed(says.encode())
    lines.close()
    lines.lines = [(10.0 + 2 * i, line) for i, (_, line) in enumerate(lines.lines)]
    return undi.judge(lines, arrived)


def test_frames_that_did_not_arrive_are_no_rate(tmp_path):
    found = undi_found(tmp_path, UNDI_SAYS, {1: 48, 2: 47, 4: 48})
    assert [row["whole"] for row in found["rows"]] == [True, False, True]
    assert found["rows"][1]["frames_s"] is None
    assert found["rows"][0]["us_a_frame"] == 200  # by the host's clock
    assert (found["ceiling_size"], found["ceiling_frames_s"], found["ratio"]) == (4, 10000, 2)
    assert found["good"] and "ceiling" in undi.verdict(found)
    for arrived in {2: 48, 4: 48}, {1: 48, 2: 48, 4: 49}, {}:
        assert not any(row["whole"] for row in undi_found(tmp_path, UNDI_SAYS, arrived)["rows"]
                       if arrived.get(row["size"]) != 48)
    assert not undi_found(tmp_path, UNDI_SAYS, {2: 48, 4: 48})["good"]  # nothing to compare with
    assert not undi_found(tmp_path, UNDI_SAYS, {})["good"]


def test_a_ceiling_too_low_is_said(tmp_path):
    says = UNDI_SAYS.replace("best 24 in us 1200", "best 24 in us 2000")
    found = undi_found(tmp_path, says, {1: 48, 2: 0, 4: 48})
    assert not found["good"] and "MISSED" in undi.verdict(found)
