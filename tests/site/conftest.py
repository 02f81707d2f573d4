# SPDX-License-Identifier: GPL-2.0-or-later
"""A site in a folder, and site-check's word on it."""

import json
import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
SAMPLES = os.path.join(ROOT, "pxelinux.cfg")
PROGRAM = os.path.join(ROOT, "scripts", "site-check")
sys.path.insert(0, os.path.join(ROOT, "scripts"))

# A public key of somebody's, no example.
KEY = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"


def linux():
    """What the boot loaders take for a bzImage."""
    head = bytearray(2048)
    head[0x1FE:0x200], head[0x202:0x206] = b"\x55\xaa", b"HdrS"
    return bytes(head)


class Site:
    """A TFTP root with the distribution, two kernels and an initrd."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(os.path.join(BUILD, "tftpboot"), folder, copy_function=os.symlink)
        os.makedirs(folder / "pxelinux.cfg", exist_ok=True)
        (folder / "vmlinuz").write_bytes(linux())
        (folder / "initrd.img").write_bytes(b"070701")
        shutil.copy(os.path.join(BUILD, "stub", "ref.elf"), folder / "ref.elf")

    def config(self, text, name="default"):
        path = self.folder / "pxelinux.cfg" / name
        path.write_text(text, encoding="utf-8")
        return path

    def check(self, *words):
        """(exit status, what was found, standard error)"""
        done = subprocess.run([PROGRAM, str(self.folder), "--json", *words], capture_output=True,
                              text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def text(self, *words):
        return subprocess.run([PROGRAM, str(self.folder), *words], capture_output=True, text=True,
                              check=False).stdout

    def one(self, text, *words):
        """What there is to say of a site with this default configuration alone."""
        self.config(text)
        _, found, errors = self.check(*words)
        assert found, errors
        return found["configurations"][0]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "root")
