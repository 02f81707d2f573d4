# SPDX-License-Identifier: GPL-2.0-or-later
"""What a level leaves out of a real Linux, against makedumpfile's choice from all of it.

The machine crashed once, at level 0; a fake machine with its memory crashes again for
each level.
"""

import subprocess
from contextlib import closing

import pytest

from crashagain import assert_whole_but_for, crash_again
from lablib import diskdump
from lablib.vmcore import Vmcore

PAGE = 4096


@pytest.mark.run("e1000")
@pytest.mark.parametrize("level", [1, 2, 4, 8, 16, 31])
def test_the_pages_are_makedumpfiles(run, level, tmp_path):
    whole = run.file("vmcore")
    out = diskdump.left_out(whole, level, str(tmp_path / "kdump"))
    assert level == 1 or out
    dump = crash_again(whole, level, str(tmp_path / "dumps"))
    assert_whole_but_for(out, dump, level, whole)


@pytest.mark.run("e1000e")
def test_a_dump_of_level_31_opens(run, tmp_path):
    import drgn
    assert run.facts["check"]["pages_left_out"] > run.facts["check"]["pages_compared"]
    vmcore = run.file("vmcore")
    done = subprocess.run(["makedumpfile", "--dump-dmesg", vmcore, str(tmp_path / "log")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sysrq triggered crash" in (tmp_path / "log").read_text()
    done = subprocess.run(["crash", "--osrelease", vmcore], capture_output=True, text=True,
                          check=False)
    assert done.stdout.strip() == run.facts["release"]
    program = drgn.Program()
    program.set_core_dump(vmcore)
    assert program["UTS_RELEASE"].string_().decode() == run.facts["release"]
    # What is left out is not zeros: it cannot be read.
    with closing(Vmcore(vmcore)) as core:
        gap = next(a[1] for a, b in zip(core.ranges(), core.ranges()[1:]))
    with pytest.raises(drgn.FaultError):
        program.read(gap, PAGE, physical=True)
