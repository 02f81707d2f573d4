# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that something is broken in when they crash: a dozen cells of the matrix."""

import re

import pytest

from conftest import CELLS, CONTROLS, DAMAGED, STATE_CONTROLS, STATES


def each(cells):
    return [pytest.param(name, marks=pytest.mark.run(name), id=name) for name in cells]


def assert_put_to_the_test(run):
    assert run.facts.get("faults"), run.stderr
    assert {fault["state"] for fault in run.facts["faults"]} == {"done"}, run.serial()[-2000:]


@pytest.mark.parametrize("name", each(CELLS))
def test_the_dump_is_right_in_spite_of_it(name, run):
    assert_put_to_the_test(run)
    assert run.status == 0, run.serial()[-2000:]
    check = run.facts["check"]
    assert check["pages_different"] == 0 < check["pages_compared"] and not check["missing"]
    bus = re.search(r"^breaker: the nic is \w+ on bus (\d+)$", run.serial(), re.M)
    assert (bus[1] != "0") == ("--behind" in CELLS[name])


@pytest.mark.parametrize("name", each(CONTROLS))
def test_without_the_remedy_there_is_no_dump(name, run):
    assert_put_to_the_test(run)
    assert run.status == 0 and not run.facts["complete"]
    assert "dini: left out, as skip= says" in run.serial()
    assert re.search(r"^dini: no word from a server for \d+ s: giving up$", run.serial(), re.M)


@pytest.mark.parametrize("name", each(DAMAGED))
def test_damage_to_fenced_memory_is_refused(name, run):
    assert_put_to_the_test(run)
    assert run.status == 0 and run.dump is None
    assert "ref: refused: fenced memory was changed" in run.serial()
    assert "dini: entered" not in run.serial()


@pytest.mark.parametrize("name", each(STATES))
def test_whatever_is_around_the_nic_the_dump_is_right(name, run):
    assert_put_to_the_test(run)
    assert run.status == 0, run.serial()[-2000:]
    assert run.facts["check"]["pages_different"] == 0 < run.facts["check"]["pages_compared"]


@pytest.mark.parametrize("name", each(STATE_CONTROLS))
def test_without_the_remedy_the_machine_is_gone(name, run):
    assert_put_to_the_test(run)
    assert run.status == 0 and not run.facts["complete"] and run.facts["outcome"] == "gone"
