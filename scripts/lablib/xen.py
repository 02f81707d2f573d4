# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Xen with Debian's stock kernel as its first domain, crashed into our image.

Either of them crashes: the first domain by sysrq, with which Xen ends too, or Xen itself by the
debug key C on its console.
"""

import os
import re

from .guest import Guest
from .initramfs import crash_archive, system_archive
from .lab import BUILD, built
from .process import LabError
from .tftproot import netdump_config
from .vmcore import without

PACKAGE = "xen-hypervisor-4.17-amd64"
HYPERVISOR = "boot/xen-4.17-amd64.gz"

CRASH_MIB = 1
XEN_WORDS = ("com1=115200,8n1", "console=com1", "loglvl=all", "guest_loglvl=all",
             f"crashkernel={CRASH_MIB}M,below=4G", "dom0_mem=512M,max:512M")
DOMAIN_WORDS = ("console=hvc0", "oops=panic", "lab.xen")

TO_XEN = "\x01" * 3  # turns what is typed from the domain to Xen
CRASH_KEY = "C"

RAM = re.compile(r"^\(XEN\)  \[([0-9a-f]+), ([0-9a-f]+)\] \(usable\)$", re.M)
CRASH_RAM = re.compile(r"^\(XEN\) Kdump: .* at 0x([0-9a-f]+)$", re.M)


class Xen:
    """--append-kernel's words are the domain's."""

    crash_kernel_mib = CRASH_MIB
    booted = r"^init: running, (.*)"

    def __init__(self, lab, options, say):
        if options.crash not in ("panic", "hypervisor"):
            raise LabError(f"--crash {options.crash}: with Xen it is panic, of its first domain, or "
                           "hypervisor, of its own")
        self.by_key = options.crash == "hypervisor"
        guest = self.fetch(say)
        lab.tftp.link("xen.gz", os.path.join(guest.package(PACKAGE, say), HYPERVISOR))
        lab.tftp.link("vmlinuz", guest.vmlinuz)
        self._initrd(lab, guest)
        words = [*DOMAIN_WORDS, f"lab.crash_cpu={options.crash_cpu}"]
        if self.by_key:
            words.append("lab.crash=key")
        if options.check:
            words.append("lab.iomem")
        self.config = netdump_config(options.netdump, "xen.gz", XEN_WORDS,
                                     [" ".join(["vmlinuz", *words, *options.append_kernel]),
                                      "initrd.img"])

    @staticmethod
    def fetch(say):
        """Debian's Xen and kernel, for which there has to be a network if they are not there yet."""
        guest = Guest(BUILD).prepare(say)
        guest.package(PACKAGE, say)
        return guest

    @staticmethod
    def _initrd(lab, guest):
        """Xen hands on one file: Linux takes archives one behind the other."""
        crash = lab.tftp.file("crash.cpio")
        crash_archive(crash, built("netdump-kexec.elf"))
        with open(lab.tftp.file("initrd.img"), "wb") as out:
            for path in crash, system_archive(guest):
                with open(path, "rb") as part:
                    out.write(part.read())

    @staticmethod
    def press(machine):
        machine.type(TO_XEN + CRASH_KEY)

    @staticmethod
    def expected(text):
        """RAM as Xen printed it, all of which is the dump's, without its crash reservation."""
        ram = [(int(start, 16), int(end, 16) + 1) for start, end in RAM.findall(text)]
        crash = CRASH_RAM.search(text)
        if not ram or not crash:
            raise LabError("Xen did not print its memory map: see serial.log")
        start = int(crash[1], 16)
        return without(ram, [(start, start + (CRASH_MIB << 20))])
