# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of one run: words for netdump.c32 and for netdumpd that belong together."""

import os
import subprocess
from dataclasses import dataclass, field

from .process import LabError


@dataclass
class Keys:
    """netdump: on the machine's side; netdumpd: on the server's."""
    netdump: list = field(default_factory=list)
    netdumpd: list = field(default_factory=list)


def insecure():
    return Keys(["insecure"], ["--insecure"])


def make(program, folder, host=None):
    """A new pair for the server, and a key of its own for the host that is named."""
    own = os.path.join(folder, "netdumpd.key")
    keys = Keys([_keygen(program, own)], ["--key", own])
    if host:
        hosts = os.path.join(folder, "hosts.keys")
        keys.netdump.append(_keygen(program, hosts, "--host", host))
        keys.netdumpd += ["--host-keys", hosts]
    return keys


def _keygen(program, path, *words):
    """Has netdumpd make a file; returns the word that it prints for pxelinux.cfg."""
    if os.path.exists(path):
        os.unlink(path)
    try:
        done = subprocess.run([program, "keygen", *words, path], capture_output=True, text=True,
                              check=False)
    except OSError as error:
        raise LabError(f"{program}: {error.strerror}: run make server") from error
    if done.returncode:
        raise LabError(f"making a key: {done.stderr.strip()}")
    return done.stdout.strip()
