# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulator itself: it repeats what it did, and it finds what is broken."""
import os
import re
import subprocess

import pytest

SIM = os.environ["NETDUMP_SIM"]
WORD = {
    "memory": "is not the machine's",
    "byte": "is not the machine's|SHA-256",
    "rename": "told complete, and no such dump lies there",
    "sync": "told complete, and its dump is not synced",
    "line": "gave up|has not finished",
}


def sim(*arguments):
    return subprocess.run([SIM, *arguments], capture_output=True, text=True, timeout=300)


def digest(result):
    assert result.returncode == 0, result.stdout + result.stderr
    return re.search(r"digest ([0-9a-f]{16})", result.stdout).group(1)


def test_a_seed_is_the_same_whoever_ran_before_it():
    together = int(digest(sim("--seeds", "3", "--first", "11")), 16)
    alone = [int(digest(sim("--seed", str(n))), 16) for n in (11, 12, 13)]
    assert together == sum(alone) % 2**64
    assert len(set(alone)) == 3


def test_processes_share_the_seeds():
    assert digest(sim("--seeds", "12", "--jobs", "2")) == digest(sim("--seeds", "12"))


@pytest.mark.parametrize("what", sorted(WORD))
def test_what_is_broken_is_found(what):
    found = sim("--seeds", "40", "--break", what)
    assert found.returncode == 1
    lines = re.findall(r"^seed (\d+): (.*)\n    repeat it: (.*)$", found.stdout, re.M)
    assert any(re.search(WORD[what], line) for _, line, _ in lines), found.stdout
    number, line, command = lines[0]
    again = subprocess.run(command.split(), capture_output=True, text=True, timeout=300)
    assert again.returncode == 1 and f"seed {number}: {line}\n" in again.stdout


def test_a_crash_costs_one_seed():
    result = sim("--seeds", "5", "--break", "crash")
    assert result.returncode == 1
    assert len(re.findall(r"^seed \d+: it crashes$", result.stdout, re.M)) == 5
