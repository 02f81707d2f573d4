# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured, on what: figures of two builds or two hosts are not held against each other."""

import hashlib
import os
from dataclasses import dataclass

from ..lab import BUILD, SERVER
from ..undi import IMAGE
from . import rows


@dataclass(frozen=True)
class Subject:
    """The NIC, the host, and all that a machine loads and the server runs, as a checksum."""
    nic: str
    host: str
    build: str

    def of(self, row):
        """As a row's file can hold it; kdump has nothing of our build."""
        return {"nic": self.nic, "host": self.host,
                "build": None if row.maker == rows.KDUMP else self.build}


def here(nic):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    host = f"{os.cpu_count()} x {models[0] if models else '?'}, Linux {os.uname().release}"
    return Subject(nic, host, _checksum([SERVER, IMAGE, *_below(os.path.join(BUILD, "tftpboot"))]))


def _below(folder):
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)


def _checksum(paths):
    found = hashlib.sha256()
    for path in paths:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found.update(hashlib.sha256(file.read()).digest())
    return found.hexdigest()[:12]
