# SPDX-License-Identifier: GPL-2.0-or-later
"""A TFTP root as PXELINUX sees it: names from the path prefix on, and where its modules are."""

import gzip
import os
import struct
import zlib
from functools import lru_cache

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

MULTIBOOT_MAGIC, MULTIBOOT_SEARCH = 0x1BADB002, 8192
HEAD_BYTES = 65536


class Elsewhere(Exception):
    """A name for what is not in the root: what is to be said of it, and how grave that is."""
    level = "error"


class Remote(Elsewhere):
    """HTTP, FTP, or another TFTP server's."""
    level = "warning"

    def __init__(self, name):
        super().__init__(f"{name} is another server's, and was not looked at")


class Outside(Elsewhere):
    """Above the root."""

    def __init__(self, name):
        super().__init__(f"{name} leads out of the TFTP root, which servers refuse")


def is_there(path):
    """Whether PXELINUX finds it: to it an empty file is none."""
    return os.path.isfile(path) and os.path.getsize(path) > 0


class Root:
    """The folder that a TFTP server gives out, and the path prefix (DHCP option 210)."""

    def __init__(self, folder, prefix=""):
        self.folder = os.path.abspath(folder)
        self.prefix = ""
        self.path(prefix)  # whether it is in the root
        self.prefix = prefix.removeprefix("::")

    def path(self, name):
        """Where a file of PXELINUX's is; Elsewhere, if that is not here.

        The prefix stands before every name but URLs and those with "::", a "/" at its head or not.
        """
        server, colon, rest = name.partition(":")
        if colon and (rest.startswith("//") or rest.startswith(":") and server):
            raise Remote(name)
        path = name[2:] if name.startswith("::") else self.prefix + name
        path = os.path.normpath(path.lstrip("/"))
        if path.split("/")[0] == "..":
            raise Outside(name)
        return os.path.join(self.folder, path)

    def module(self, name, folders):
        """A module or library, by its name as it is, then by PATH's folders."""
        for folder in ("", *folders):
            between = "/" if folder and not folder.endswith("/") else ""
            path = self.path(f"{folder}{between}{name}")
            if is_there(path):
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
    """What netdump.c32 would take a file for: Linux, multiboot, or None; OSError."""
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
