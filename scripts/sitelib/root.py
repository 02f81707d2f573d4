# SPDX-License-Identifier: GPL-2.0-or-later
"""A TFTP root as PXELINUX sees it: names from the path prefix on, and where its modules are."""

import gzip
import os
import re
import struct
import zlib
from functools import lru_cache

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

MULTIBOOT_MAGIC, MULTIBOOT_SEARCH = 0x1BADB002, 8192
HEAD_BYTES = 65536


class Remote(Exception):
    """A name for another server: HTTP, FTP, or another TFTP server's."""


class Root:
    """The folder that a TFTP server gives out, and the path prefix (DHCP option 210)."""

    def __init__(self, folder, prefix=""):
        self.folder = os.path.abspath(folder)
        self.prefix = prefix

    def path(self, name):
        """Where a file of PXELINUX's is; Remote, if that is not here."""
        if "://" in name or re.match(r"[^/]+::", name):
            raise Remote(name)
        name = name.removeprefix("::") if name.startswith(("/", "::")) else self.prefix + name
        return os.path.join(self.folder, os.path.normpath(name.lstrip("/")))

    def module(self, name, folders):
        """A module or library, by PXELINUX's own folder first, then by PATH's."""
        for folder in ("", *folders):
            path = self.path(os.path.join(folder, name) if folder else name)
            if os.path.isfile(path):
                return path
        return None

    def shown(self, path):
        return os.path.relpath(path, self.folder)


@lru_cache(None)
def needs(path):
    """The libraries that a module names; None: it is no module."""
    try:
        with open(path, "rb") as file:
            dynamic = ELFFile(file).get_section_by_name(".dynamic")
            return [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")] if dynamic else None
    except (ELFError, OSError):
        return None


@lru_cache(None)
def image_kind(path):
    """What netdump.c32 would take a file for: Linux, multiboot, or None."""
    with open(path, "rb") as file:
        head = file.read(HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                head = file.read(HEAD_BYTES)
        except (OSError, EOFError, zlib.error):
            return None
    if len(head) >= 1024 and head[0x1FE:0x200] == b"\x55\xaa" and head[0x202:0x206] == b"HdrS":
        return "Linux"
    for at in range(0, min(MULTIBOOT_SEARCH, len(head) - 11), 4):
        magic, flags, check = struct.unpack_from("<3I", head, at)
        if magic == MULTIBOOT_MAGIC and (magic + flags + check) % 2**32 == 0:
            return "multiboot"
    return None
