# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules of ours for the guest's kernel, built with its own headers."""

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager

from .process import LabError


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = [os.path.join(ROOT, "stub", "linux", f"netdump-{name}")
         for name in ("status", "session.sh", "send", "test", "drivers")]
OOPS = os.path.join(ROOT, "tests", "tools", "oops", "oops.c")
COMPILER = "CC=gcc"  # the headers name Debian's, by its version


def build(guest, source, say):
    """The path of NAME.ko, made of source (.../NAME.c) unless it is newer than that."""
    name = os.path.basename(source).removesuffix(".c")
    folder = os.path.join(guest.dir, "kmodule", guest.release, name)
    module = os.path.join(folder, f"{name}.ko")
    headers = guest.headers(say)
    with _locked(folder):
        if os.path.exists(module) and os.path.getmtime(module) > os.path.getmtime(source):
            return module
        shutil.copy(source, folder)
        with open(os.path.join(folder, "Makefile"), "w", encoding="utf-8") as makefile:
            makefile.write(f"obj-m := {name}.o\n")
        _make(f"{name}.ko", "-C", headers, f"M={folder}", COMPILER, "modules")
    return module


def build_netdump(guest, say):
    """The path of netdump.ko, made by `make module`; that it compiles without a warning is asked."""
    folder = os.path.join(ROOT, "build", "module")
    headers = guest.headers(say)
    with _locked(folder):
        _make("netdump.ko", "-C", ROOT, "module", f"KDIR={headers}", f"KFLAGS={COMPILER}")
    return os.path.join(folder, "stub", "linux", "netdump.ko")


@contextmanager
def _locked(folder):
    """Labs that run side by side take turns."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(what, *words):
    """Not as a part of the make that may have started us."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", *words], capture_output=True, text=True, check=False,
                          env=environment)
    if done.returncode or "warning:" in done.stderr:
        raise LabError(f"building {what}: {done.stderr.strip()[-1000:]}")
