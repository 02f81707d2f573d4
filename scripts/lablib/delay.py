# SPDX-License-Identifier: GPL-2.0-or-later
"""A longer round trip for a dump: a relay between the tap and the server, tests/tools/delay.c.

       guest <-> tap <-> delay at the server's address and port <-> netdumpd at 127.0.0.1

Not every kernel has netem, which would do it at the tap.
"""

import os
import re

from .fault import ROOT
from .process import BUSY_S, LabError

NAME = "delay"
PROGRAM = os.path.join(ROOT, "build", "tests", NAME)


class Delay:
    """The relay; half of the time passes each way."""

    def __init__(self, processes, namespace_pid, port, ip, round_trip_ms):
        program = PROGRAM
        if not os.path.exists(program):
            raise LabError(f"{program} is not built: run make delay")
        self._processes = processes
        each_way_us = round(round_trip_ms * 1000 / 2)
        self._child, self._lines = processes.start(
            NAME, [program, ip, str(port), "127.0.0.1", str(port), str(each_way_us)],
            namespace_pid=namespace_pid, keep_lines=True)
        if not self._lines.wait(re.compile("ready"), BUSY_S):
            raise LabError("starting delay: " + processes.log_tail(NAME))

    def dropped(self):
        """Ends it; how many datagrams it had no room for."""
        self._processes.stop(self._child)
        said = re.search(r"(\d+) dropped", self._lines.text)
        return int(said[1]) if said else None
