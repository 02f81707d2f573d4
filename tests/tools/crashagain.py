# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that crashed once crashes again, at another level: a fake one with its memory."""

import os
import re
import subprocess
from contextlib import closing

from fakemachine import FakeMachine
from lablib.dump import newest
from lablib.lab import SERVER
from lablib.vmcore import Vmcore, without
from vmcoreimage import VmcoreImage

USER = ["--user", "nobody"] if os.geteuid() == 0 else []
RUN_S = 600
SESSION = 1  # each server has but one


def crash_again(whole, level, top):
    """The memory of a whole vmcore, dumped at a level below the folder `top`."""
    words = [SERVER, "--dir", top, "--listen", "127.0.0.1:0", "--insecure", "--level", str(level),
             *USER]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as server:
        try:
            found = re.search(r"listening on ([\d.]+):(\d+)", server.stderr.readline())
            with closing(FakeMachine((found[1], int(found[2])), VmcoreImage(whole),
                                     SESSION)) as machine:
                assert machine.run(RUN_S).status == 0
        finally:
            server.terminate()
            server.stderr.read()
    return newest(top, set())


def assert_whole_but_for(out, dump, level, whole):
    """A dump at a level has the pages of the whole one, but for those left out, and no others."""
    assert dump.complete and (dump.info["level"] or 0) == level and not dump.info["notes"]
    with closing(Vmcore(dump.file("vmcore"))) as less, closing(Vmcore(whole)) as all_of_it:
        assert less.ranges() == without(all_of_it.ranges(), out)
        for load in less.loads:
            there = next(one for one in all_of_it.loads
                         if one.phys <= load.phys and load.end <= one.end)
            at = there.offset + load.phys - there.phys
            assert less.bytes[load.offset:load.offset + load.size] == \
                all_of_it.bytes[at:at + load.size]
