# SPDX-License-Identifier: GPL-2.0-or-later
"""A living system sends through its firmware, and goes on."""

import json
import os
import re

import pytest

# Of a server that went, after its first word or before it.
UNHEARD = {"the server fell silent", "no server answered"}


def reports(run, line):
    """What was said of each time that `line` was asked for: {key: value}, steps by their names."""
    found = []
    for key, value in re.findall(rf"^init: {line}: (\w+) ?(.*)$", run.serial(), re.M):
        if key == "state":
            found.append({"steps": {}})
        if key == "step":
            name, us = value.split()
            found[-1]["steps"][name] = int(us)
        else:
            found[-1][key] = value
    return found


def kept(run, kind):
    """(info.json's facts, folder) of all that the server keeps of this kind."""
    found = []
    for folder, _, names in os.walk(run.host_dir):
        if "info.json" not in names:
            continue
        with open(os.path.join(folder, "info.json"), encoding="utf-8") as file:
            info = json.load(file)
        if info.get("kind") == kind:
            found.append((info, folder))
    return sorted(found, key=lambda one: one[1])


def fine(run):
    return run.status == 0 and run.facts["check"]["right"], run.stderr + run.serial()[-3000:]


@pytest.mark.run("visits")
def test_the_system_goes_on_and_its_dump_is_right(run):
    good, why = fine(run)
    assert good, why
    assert "init: nothing was lost, on 4 cpus" in run.serial()


@pytest.mark.run("visits")
def test_each_log_arrives(run):
    said = [report for i in range(1, 21) for report in reports(run, rf"log dmesg\.{i}")]
    assert len(said) == 20
    assert all(report["state"] == "done" and report["status"] == "0" for report in said)
    logs = kept(run, "log")
    assert len(logs) == 20
    for _, folder in logs:
        with open(os.path.join(folder, "log"), encoding="utf-8", errors="replace") as log:
            text = log.read()
        assert "Linux version" in text and text.endswith("\n")


@pytest.mark.run("visits")
def test_a_dry_run_goes_all_the_way(run):
    (report,) = reports(run, "test")
    assert report["state"] == "done" and report["status"] == "0"
    steps = report["steps"]
    assert list(steps) == ["seal", "open", "hello", "heard", "asked", "said"]
    assert sorted(steps.values()) == list(steps.values())
    assert int(report["sent_bytes"]) > 1 << 20  # it does not compress
    assert len(kept(run, "test")) == 1


@pytest.mark.run("visits-crash")
def test_an_oops_is_told_by_itself(run):
    (oops,) = [folder for info, folder in kept(run, "log") if info["name"] == "oops"]
    with open(os.path.join(oops, "log"), encoding="utf-8", errors="replace") as log:
        assert re.search(r"BUG: kernel NULL pointer dereference", log.read())


@pytest.mark.run("visits-crash")
def test_a_crash_while_something_is_sent_is_dumped(run):
    good, why = fine(run)
    assert good, why
    assert "init: sending" in run.serial()
    assert not reports(run, "log long"), "it was over before the crash"


@pytest.mark.run("visits-failed")
def test_what_fails_is_no_end_of_the_system(run):
    good, why = fine(run)
    assert good, why
    hung, unheard = reports(run, "log long")
    assert hung["state"] == "failed"
    assert re.fullmatch(r"firmware call \w\w did not return", hung["text"])
    assert unheard["state"] == "failed" and unheard["text"] in UNHEARD
    after = reports(run, "log after")
    assert [(one["state"], one["status"]) for one in after] == [("done", "0")] * 2
    assert run.serial().count("init: nothing was lost, on 2 cpus") == 2


@pytest.mark.run("visits-failed")
def test_the_nic_is_left_quiet_after_it(run):
    """Else the next frame would be in the firmware's memory, and the seal broken."""
    assert run.serial().count("init: the NIC is quiet") == 4


@pytest.mark.run("driverless-e1000e")
def test_a_system_without_drivers_fetches_its_own(run):
    good, why = fine(run)
    assert good, why
    (fetched,) = kept(run, "drivers")
    assert fetched[0]["status"] == "complete"


@pytest.mark.run("driverless-e1000e")
def test_a_drivers_nic_is_taken_and_given_back(run):
    """Used by the driver that was fetched, after firmware had it from that, and after an errand
    of firmware's that failed."""
    assert run.serial().count("init: nic e1000e used") == 3
    (unheard,) = reports(run, "log long take-nic")
    assert unheard["state"] == "failed" and unheard["text"] in UNHEARD
    (after,) = reports(run, "log after take-nic")
    assert (after["state"], after["status"]) == ("done", "0")
    assert run.serial().count("init: nothing was lost") == 2
    whole = [info["name"] for info, _ in kept(run, "log") if info["status"] == "complete"]
    assert sorted(whole) == ["after", "dmesg.1", "dmesg.2"]


@pytest.mark.run("driverless-virtio")
def test_so_does_one_whose_driver_is_several_modules(run):
    good, why = fine(run)
    assert good, why
    assert "init: nic virtio_net used" in run.serial()
