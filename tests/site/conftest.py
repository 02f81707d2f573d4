# SPDX-License-Identifier: GPL-2.0-or-later
"""A site in a folder, and site-check's word on it."""

import contextlib
import io
import json
import os
import shutil
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
SAMPLES = os.path.join(ROOT, "pxelinux.cfg")
PROGRAM = os.path.join(ROOT, "scripts", "site-check")
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from sitelib import cli, root  # noqa: E402

# A public key of somebody's, no example.
KEY = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"


def linux():
    """What the boot loaders take for a bzImage."""
    head = bytearray(2048)
    head[0x1FE:0x200], head[0x202:0x206] = b"\x55\xaa", b"HdrS"
    return bytes(head)


def site_check(*words, encoding="utf-8"):
    """(exit status, standard output, standard error), without the half second of a new process."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    before, sys.argv = sys.argv, [PROGRAM, *map(str, words)]
    root.needs.cache_clear()
    root.image_kind.cache_clear()
    try:
        with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
            status = cli.main()
    finally:
        sys.argv = before
    for stream in streams:
        stream.flush()
    return status, *(stream.buffer.getvalue().decode(encoding) for stream in streams)


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
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def check(self, *words):
        """(exit status, what was found, standard error)"""
        status, said, errors = site_check(self.folder, "--json", *words)
        return status, json.loads(said) if said else None, errors

    def text(self, *words):
        return site_check(self.folder, *words)[1]

    def one(self, text, *words):
        """What there is to say of a site with this default configuration alone."""
        self.config(text)
        _, found, errors = self.check(*words)
        assert found, errors
        return found["configurations"][0]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path / "root")
