# SPDX-License-Identifier: GPL-2.0-or-later
"""Another bootstrap program before pxelinux.0: --nbp.

    ROM -> undionly.kpxe, undionly.kkpxe, ipxe.pxe -> pxelinux.0      chained by the NIC's ROM
    BIOS -> ipxe.iso, ipxe.lkrn -> pxelinux.0                         the NIC has no ROM at all

The programs are those of Debian's package ipxe.  QEMU's ROMs are iPXE too, and ask for the same
options as undionly.kpxe: what tells the two apart is a user class, which a script for the ROM
sets, and the program takes over from the ROM's lease.
"""

import os
from dataclasses import dataclass

from .guest import Guest
from .process import LabError

PACKAGE = "ipxe"
FOLDERS = ("usr/lib/ipxe", "boot")
CHAINED = (".kpxe", ".kkpxe", ".pxe")
STARTED = {".iso": ["-boot", "d", "-cdrom"], ".lkrn": ["-kernel"]}
NAMES = ("undionly.kpxe", "undionly.kkpxe", "ipxe.pxe", "ipxe.iso", "ipxe.lkrn")
SCRIPT = "rom.ipxe"
USER_CLASS = "nbp"


@dataclass(frozen=True)
class Nbp:
    """One, and what starts it."""
    path: str = ""
    chained: bool = False
    qemu: tuple = ()

    def nic(self, model):
        """The NIC for QEMU: one that is not to start the machine has no ROM."""
        return f"{model},romfile=" if self.path and not self.chained else model

    def offer(self, tftp):
        """Puts what the ROM is to load into the TFTP root."""
        if not self.chained:
            return
        name = os.path.basename(self.path)
        tftp.link(name, self.path)
        with open(tftp.file(SCRIPT), "w", encoding="utf-8") as script:
            script.write(f"#!ipxe\nset user-class {USER_CLASS}\nchain {name}\n")

    def dhcp(self, bootfile):
        """Words for dnsmasq: which file is for whom."""
        if not self.chained:
            return [f"--dhcp-boot={bootfile}"]
        return [f"--dhcp-userclass=set:nbp,{USER_CLASS}", f"--dhcp-boot=tag:nbp,{bootfile}",
                f"--dhcp-boot=tag:!nbp,{SCRIPT}"]


def _end(name):
    return os.path.splitext(name)[1]


def check(name, net, emulator):
    """Says what is wrong with --nbp's word, a file of the package's or the path of one's own."""
    if _end(name) not in CHAINED and _end(name) not in STARTED:
        raise LabError(f"--nbp {name}: not one of *" + ", *".join((*CHAINED, *STARTED)))
    if os.path.sep in name and not os.path.isfile(name):
        raise LabError(f"--nbp {name}: no such file")
    if os.path.sep not in name and name not in NAMES:
        raise LabError(f"--nbp {name}: Debian's {PACKAGE} has " + ", ".join(NAMES)
                       + "; of a file of your own give a path with a slash")
    if _end(name) in CHAINED and net == "user":
        raise LabError(f"--nbp {name}: takes --net dnsmasq: QEMU's own network has one file for all")
    if emulator != "qemu":
        raise LabError(f"--nbp {name}: only with --emulator qemu")


def find(name, build, say):
    """The Nbp by a word that was checked."""
    path = os.path.abspath(name) if os.path.sep in name else _packaged(name, build, say)
    end = _end(name)
    return Nbp(path, end in CHAINED, (*STARTED[end], path) if end in STARTED else ())


def _packaged(name, build, say):
    root = Guest(build).package(PACKAGE, say)
    for folder in FOLDERS:
        path = os.path.join(root, folder, name)
        if os.path.isfile(path):
            return path
    raise LabError(f"--nbp {name}: Debian's {PACKAGE} does not have it")
