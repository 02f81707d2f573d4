# SPDX-License-Identifier: GPL-2.0-or-later
"""What else the machine did while something was measured."""

import os
import resource
import time

BUSY_CPUS = 0.15  # more than the kernel's own threads take for us
# Columns of /proc/stat's first line: all but idle and iowait; "steal" is the hypervisor's.
BUSY_COLUMNS = (1, 2, 3, 6, 7, 8)


class Others:
    """How many CPUs' time went to processes that are not ours, from its making on."""

    def __init__(self):
        self._began = time.monotonic(), _busy_s(), _ours_s()

    def cpus(self):
        """Ours are this process and its children that have ended."""
        began, busy, ours = self._began
        return max((_busy_s() - busy - (_ours_s() - ours)) / (time.monotonic() - began), 0)


def busy_ticks(line):
    """Of the first line of /proc/stat."""
    columns = line.split()
    return sum(int(columns[i]) for i in BUSY_COLUMNS)


def _busy_s():
    with open("/proc/stat", encoding="ascii") as file:
        return busy_ticks(file.readline()) / os.sysconf("SC_CLK_TCK")


def _ours_s():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
