# SPDX-License-Identifier: GPL-2.0-or-later
"""What a level leaves out of a real Linux, against makedumpfile's choice from all of it.

The machine crashed once, at level 0; a fake machine with its memory crashes again for
each level.
"""

import os
import re
import subprocess
from contextlib import closing

import pytest

from conftest import BUILD
from fakemachine import FakeMachine
from lablib import diskdump
from lablib.dump import folders, newest
from lablib.vmcore import Vmcore, without
from vmcoreimage import VmcoreImage

USER = ["--user", "nobody"] if os.geteuid() == 0 else []
RUN_S = 300
PAGE = 4096


def crash_again(image, level, top):
    """The same memory, dumped at another level; its folder."""
    words = [os.path.join(BUILD, "server", "netdumpd"), "--dir", top, "--listen", "127.0.0.1:0",
             "--insecure", "--level", str(level), *USER]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            found = re.search(r"listening on ([\d.]+):(\d+)", server.stderr.readline())
            with closing(FakeMachine((found[1], int(found[2])), image, level)) as machine:
                assert machine.run(RUN_S).status == 0
        finally:
            server.terminate()
            server.stderr.read()
    return newest(top, set())


@pytest.mark.run("e1000")
@pytest.mark.parametrize("level", [1, 2, 4, 8, 16, 31])
def test_the_pages_are_makedumpfiles(run, level, tmp_path):
    whole = run.file("vmcore")
    out = diskdump.left_out(whole, level, str(tmp_path / "kdump"))
    dump = crash_again(VmcoreImage(whole), level, str(tmp_path / "dumps"))
    assert dump.complete and dump.info["level"] == level and not dump.info["notes"]
    with closing(Vmcore(dump.file("vmcore"))) as less, closing(Vmcore(whole)) as all_of_it:
        assert less.ranges() == without(all_of_it.ranges(), out)
        assert level == 1 or sum(end - start for start, end in out) > 0
        for load in less.loads:
            there = next(one for one in all_of_it.loads
                         if one.phys <= load.phys and load.end <= one.end)
            at = there.offset + load.phys - there.phys
            assert less.bytes[load.offset:load.offset + load.size] == \
                all_of_it.bytes[at:at + load.size]


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
