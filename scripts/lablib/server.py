# SPDX-License-Identifier: GPL-2.0-or-later
"""netdumpd: started, killed and started again, always with the same folder."""

import os
import re
import signal

from .process import BUSY_S, LabError

BLOCK_BYTES = 512  # st_blocks' unit
USER = "nobody"    # whose the server and its dumps are where root runs the lab


class Server:
    """One after the other: each start is a process of its own, with a log of its own."""

    def __init__(self, processes, program, dumps, words, on_line):
        self.lines = None  # of the one that was started last
        self._processes = processes
        self._program = program
        self._dumps = dumps
        self._words = words
        self._on_line = on_line
        self._starts = 0
        self._process = None

    def start(self, network):
        """Returns when it listens."""
        if not os.path.exists(self._program):
            raise LabError(f"{self._program} is not built: run make server")
        self._starts += 1
        name = "netdumpd" if self._starts == 1 else f"netdumpd-{self._starts}"
        words = [self._program, "--dir", self._dumps, "--listen", network.listen, *self._words]
        if os.geteuid() == 0:
            words += ["--user", USER]  # which makes the folder, and makes it USER's
        self._process, self.lines = self._processes.start(
            name, words, namespace_pid=network.server_namespace_pid, on_line=self._on_line)
        if not self.lines.wait(re.compile(r"listening on"), BUSY_S):
            raise LabError("starting netdumpd: " + (self._processes.log_tail(name)
                                                    or "it does not say that it listens"))

    def kill(self):
        """As a power cut would: without a chance to write down anything."""
        self._process.send_signal(signal.SIGKILL)
        self._processes.stop(self._process)

    def received(self):
        """Bytes of dumps under way that are in their files; zero pages take none."""
        blocks = 0
        for folder, _, names in os.walk(self._dumps):
            if folder.endswith(".partial") and "vmcore" in names:
                blocks += os.stat(os.path.join(folder, "vmcore")).st_blocks
        return blocks * BLOCK_BYTES
