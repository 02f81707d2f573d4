# SPDX-License-Identifier: GPL-2.0-or-later
"""A configuration that knows nothing of netdump boots as with Debian's own PXELINUX."""

import glob
import os
import shutil

import pytest

from conftest import BUILD
from lablib.guest import Guest
from lablib.initramfs import system_archive

CONFIG = """\
SERIAL 0 115200
UI menu.c32
TIMEOUT 30
ONTIMEOUT {choice}
MENU TITLE An ordinary site

LABEL linux
  MENU LABEL Debian
  KERNEL linux.c32
  APPEND vmlinuz console=ttyS0,115200 quiet initrd=system.cpio.gz
LABEL direct
  LINUX vmlinuz
  APPEND console=ttyS0,115200 quiet
  INITRD system.cpio.gz
LABEL multiboot
  KERNEL mboot.c32
  APPEND ref.elf crash=none --- ldlinux.c32 some words
LABEL local
  LOCALBOOT 0
"""

# choice: what the serial line must show, in this order.  The quiet kernel leaves init its first
# words behind the menu, on the same line.
MILESTONES = {
    "linux": [r"An ordinary site", r"init: running"],
    "direct": [r"init: running"],
    "multiboot": [r"^ref: module 0x[0-9a-f-]+x?[0-9a-f]* ldlinux\.c32 some words", r"^ref: no handoff",
                  r"^ref: idle"],
    "local": [r"^the local disk"],
}

def boot_sector(path):
    """A disk whose first sector prints a line on the serial port."""
    # cld; xor ax,ax; mov ds,ax; mov si,0x7c16; mov dx,0x3f8
    # next: lodsb; test al,al; jz stop; out dx,al; jmp next; stop: hlt; jmp stop
    code = bytes.fromhex("fc31c08ed8be167cbaf803ac84c07403eeebf8f4ebfd")
    assert len(code) == 0x16  # where the text begins
    sector = code + b"\r\nthe local disk\r\n\0"
    path.write_bytes(sector.ljust(510, b"\0") + b"\x55\xaa" + bytes(1 << 20))
    return path


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """Debian's own PXELINUX as a TFTP root."""
    guest = Guest(BUILD)
    folder = tmp_path_factory.mktemp("stock")
    for package in ("pxelinux", "syslinux-common"):
        root = guest.package(package, print)
        for file in (glob.glob(f"{root}/usr/lib/PXELINUX/*.0")
                     + glob.glob(f"{root}/usr/lib/syslinux/modules/bios/*.c32")):
            shutil.copy(file, folder)
    return str(folder)


@pytest.fixture(scope="module")
def system():
    guest = Guest(BUILD)
    guest.prepare(print)
    return {"vmlinuz": guest.vmlinuz, "system.cpio.gz": system_archive(guest),
            "ref.elf": os.path.join(BUILD, "stub", "ref.elf")}


@pytest.mark.parametrize("whose, bootfile, choice", [
    *(("ours", "pxelinux.0", choice) for choice in MILESTONES),
    ("ours", "lpxelinux.0", "linux"),
    *(("debian", "pxelinux.0", choice) for choice in MILESTONES),
])
def test_a_stock_configuration_boots(start, stock, system, tmp_path, whose, bootfile, choice):
    disk = boot_sector(tmp_path / "disk.img")
    settings = {} if whose == "ours" else {"tftpboot": stock}
    console = start(CONFIG.format(choice=choice), system, server=False, bootfile=bootfile,
                    qemu_arg=["-drive", f"file={disk},format=raw,if=ide"], **settings)
    for milestone in MILESTONES[choice]:
        console.at = console.wait(milestone).end()
    assert "netdump: " not in console.lab.machine.serial.text


def test_nothing_of_debians_is_missing(stock):
    ours = set(os.listdir(os.path.join(BUILD, "tftpboot")))
    assert set(os.listdir(stock)) <= ours
