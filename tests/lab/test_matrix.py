# SPDX-License-Identifier: GPL-2.0-or-later
"""What the matrix makes of its cells; the cells themselves are test_faults.py's."""

import argparse
import json
import os

import pytest

from lablib import fault, matrix
from lablib.process import LabError

CELL = matrix.Cell("e1000", "pc", "nic-d3", "ref")
CONTROL = matrix.Cell("e1000", "pc", "nic-d3", "ref", control=True)
DONE = [{"state": fault.DONE}]
FACTS = {"good": True, "complete": True, "faults": DONE, "why": None, "outcome": "hold",
         "to_refuse": False}


@pytest.mark.parametrize("cell, facts, value", [
    (CELL, {}, "right"),
    (CELL, {"good": False, "complete": False, "why": "silence"}, "failed"),
    (CELL, {"good": False}, "failed"),                      # the dump differs
    (CELL, {"faults": [{"state": "not applicable: it has none"}], "good": False}, "n.a."),
    (CELL, {"faults": [{"state": "did not take: no"}], "good": False}, "failed"),
    (CELL, {"to_refuse": True, "outcome": "refused: fenced memory was changed"}, "refused"),
    (CELL, {"to_refuse": True, "good": False, "complete": False}, "failed"),
    (CONTROL, {"complete": False}, "broken"),
    (CONTROL, {"good": False}, "right"),
    (CONTROL, {"good": False, "complete": False}, "failed")])  # DINI was never entered
def test_a_summary_makes_a_cell(cell, facts, value):
    assert matrix.judge(cell, {**FACTS, **facts}, "")[0] == value


def test_a_run_without_a_summary_failed_in_its_own_words():
    said = "x\nlab: no boot\nlab: the logs are in y\n"
    assert matrix.judge(CELL, {}, said) == ("failed", "no boot")


def result(cell, value):
    return {**cell.__dict__, "value": value, "why": ""}


def test_a_fault_is_proven_by_one_control_that_breaks():
    other = matrix.Cell("rtl8139", "pc", "nic-d3", "ref", control=True)
    assert matrix.proven([result(CONTROL, "right")]) == {"nic-d3": False}
    assert matrix.proven([result(CONTROL, "right"), result(other, "broken")]) == {"nic-d3": True}
    assert matrix.proven([result(CONTROL, "n.a.")]) == {}


def test_a_control_may_break_no_more_than_the_memory():
    """As a CPU does that goes on writing: so it is compared, too."""
    assert "--check" in CONTROL.words()
    assert matrix.judge(CONTROL, FACTS, "") == ("broken", "the dump differs from the memory")


def test_a_control_that_did_not_run_is_not_as_it_should_be():
    assert not matrix.as_it_should_be(result(CONTROL, "failed"))
    assert matrix.as_it_should_be(result(CONTROL, "right"))


def test_a_fault_of_the_one_machine_is_to_be_tested_there():
    around = matrix.Cell("e1000", "pc", "x2apic", "ref", about="machine")
    assert matrix.as_it_should_be(result(CELL, "n.a."))
    assert not matrix.as_it_should_be(result(around, "n.a."))


def arguments(tmp_path, *words):
    parser = argparse.ArgumentParser()
    matrix.options(parser)
    args = parser.parse_args(["--out", str(tmp_path), *words])
    matrix.prepare(args)
    return args


@pytest.mark.parametrize("key", ["nic", "place", "fault"])
def test_a_filter_names_what_there_is(tmp_path, key):
    with pytest.raises(LabError, match=f"--{key} flood: there are"):
        arguments(tmp_path, f"--{key}", "flood")


def test_every_cell_is_wanted_once_and_every_remedy_left_out(tmp_path):
    wanted = arguments(tmp_path).wanted
    assert len({cell.name() for cell in wanted}) == len(wanted)
    plain = [cell for cell in wanted if not cell.control]
    about_nics = [name for name in fault.names() if fault.load(name).about == "nic"]
    assert len(plain) == (len(matrix.NICS) * len(matrix.PLACES) * (1 + len(about_nics))
                          + len(fault.names()) - len(about_nics))
    assert {cell.fault for cell in wanted if cell.control} == {
        name for name in fault.names() if fault.load(name).remedy}


def test_what_has_a_result_is_not_run_again(tmp_path, monkeypatch):
    """The lab itself is a command here that counts how often it is called."""
    lab = tmp_path / "lab"
    lab.write_text("#!/bin/sh\necho x >> \"$(dirname \"$0\")/calls\"\necho '"
                   + json.dumps(FACTS) + "'\n", encoding="utf-8")
    lab.chmod(0o755)
    monkeypatch.setattr(matrix, "LAB", str(lab))
    words = ["--nic", "e1000", "--place", "pc", "--fault", "nic-d3,seal-flip", "--cells", "faults"]

    def calls():
        return len((tmp_path / "calls").read_text(encoding="utf-8").splitlines())

    found = matrix.measure(arguments(tmp_path / "out", *words, "--show"))
    assert not os.path.exists(tmp_path / "calls") and found["missing"] == 2 and not found["good"]
    found = matrix.measure(arguments(tmp_path / "out", *words))
    assert calls() == 2 and found["good"] and "right" in matrix.text(found)
    matrix.measure(arguments(tmp_path / "out", *words))
    assert calls() == 2
    matrix.measure(arguments(tmp_path / "out", *words, "--again"))
    assert calls() == 4
