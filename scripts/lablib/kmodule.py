# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules of ours for the guest's kernel, built with its own headers."""

import fcntl
import os
import shutil
import subprocess

from .process import LabError


def build(guest, source, say):
    """The path of NAME.ko, made of source (.../NAME.c) unless it is newer than that."""
    name = os.path.basename(source).removesuffix(".c")
    folder = os.path.join(guest.dir, "kmodule", guest.release, name)
    module = os.path.join(folder, f"{name}.ko")
    headers = guest.headers(say)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(module) and os.path.getmtime(module) > os.path.getmtime(source):
            return module
        shutil.copy(source, folder)
        with open(os.path.join(folder, "Makefile"), "w", encoding="utf-8") as makefile:
            makefile.write(f"obj-m := {name}.o\n")
        done = subprocess.run(["make", "-C", headers, f"M={folder}", "CC=gcc", "modules"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"building {name}.ko: {done.stderr.strip()[-1000:]}")
    return module
