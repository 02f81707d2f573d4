# SPDX-License-Identifier: GPL-2.0-or-later
"""Systems that others built, out of Debian's packages: each boots with netdump.c32 as it does
without, but for the memory map that it is given."""

import os
import re
import struct
import zlib

import contract
from conftest import BUILD, BOOT_S, reference_map, until
from lablib.guest import Guest

CONFIG = """SERIAL 0 115200
PROMPT 0
DEFAULT go
LABEL go
  KERNEL {kernel}
  APPEND {append}
"""
# What may differ: what netdump.c32 says, the map and the sizes that come of it, and the time.
DIFFERS = re.compile(r"Loading dini\.bin|netdump: fence|biosmem: 0|vm_page: |RTC time|PXELINUX")
BIOSMEM = re.compile(r"^biosmem: ([0-9a-f]+):([0-9a-f]+), (\w+)\r?$", re.M)
SCREEN, ROWS, COLUMNS = 0xB8000, 25, 80  # VGA's text mode
SIGNATURE = b"$PXE-NETDUMP-ND$"
ENDED = re.compile(r"^iPXE>|^No bootable", re.M)


def packaged(package, path):
    return os.path.join(Guest(BUILD).package(package, print), path)


def gnumach():
    return packaged("gnumach-image-1.8-486", "boot/gnumach-1.8-486.gz")


def common(text):
    return [line for line in text.replace("\r", "").splitlines() if not DIFFERS.match(line)]


def available(text):
    """Bytes, by GNU Mach's own listing."""
    return sum(int(end, 16) - int(start, 16) for start, end, kind in BIOSMEM.findall(text)
               if kind == "available")


def test_gnumach_boots_as_by_mboot_c32(start):
    """A multiboot kernel that is no Linux, with a module: up to where it would start that."""
    words = "gnumach.gz console=com0 --- ldlinux.c32 some words"
    said = []
    for kernel, append in (("mboot.c32", words), ("netdump.c32", f"insecure -- {words}")):
        console = start(CONFIG.format(kernel=kernel, append=append), {"gnumach.gz": gnumach()},
                        server=False, mem="64M")
        console.wait(r"^1 multiboot modules")
        said.append(console.text())
    plain, fenced = said
    assert any("GNU Mach" in line for line in common(plain))
    assert common(plain) == [re.sub(r" netdump=0x\w+", "", line) for line in common(fenced)]
    assert available(fenced) < available(plain)


def memory(console, phys, size):
    path = os.path.join(console.lab.out, "memory")
    console.lab.machine.memory_save(phys, size, path)
    with open(path, "rb") as saved:
        return saved.read()


def seal(console):
    """What the block says the seal is, and what it is of memory as it is now."""
    low = memory(console, 0, 0xA0000)
    block = low.index(SIGNATURE + struct.pack("<H", contract.define("ND_HANDOFF_VERSION")))
    at = block + contract.offset("nd_handoff", "seal_crc")
    said, count = struct.unpack_from("<II", low, at)
    found = 0
    for i in range(count):
        found = zlib.crc32(memory(console, *struct.unpack_from("<II", low, at + 8 + 8 * i)), found)
    return said, found


def test_memtest86_leaves_the_fence_alone(start):
    """It writes to all memory that it is given, several times over, and is a kernel by Linux's protocol."""
    image = packaged("memtest86+", "boot/memtest86+x64.bin")
    console = start(CONFIG.format(kernel="netdump.c32",
                                  append="insecure -- memtest console=ttyS0,115200"),
                    {"memtest": image}, server=False, mem="32M")
    # Its tests go through all memory one after the other; a quick one may not be seen.
    console.lab.await_text(r"#(?:[5-9]|10) +\[", BOOT_S, "it to have written everywhere")
    console.lab.machine.pause()
    said, found = seal(console)
    assert said == found
    assert re.findall(r"Errors: (\d+)", console.text())[-1] == "0"


def screen(console):
    text = memory(console, SCREEN, 2 * ROWS * COLUMNS)[::2].decode("cp437").replace("\0", " ")
    return [text[at:at + COLUMNS].rstrip() for at in range(0, len(text), COLUMNS)]


def test_ipxe_has_its_command_line_for_itself(start):
    """Its words are commands: with netdump=0x... among them it would end there."""
    image = packaged("ipxe", "boot/ipxe.lkrn")
    console = start(CONFIG.format(kernel="netdump.c32",
                                  append="insecure unnamed -- ipxe.lkrn shell"),
                    {"ipxe.lkrn": image}, server=False, mem="64M")
    console.wait(r"^netdump: fence")
    lines = until(lambda lines: ENDED.search("\n".join(lines)), lambda: screen(console), BOOT_S)
    assert not [line for line in lines if "not found" in line]
    assert [line for line in lines if line.startswith("iPXE>")], lines


# Of tboot's lines those that may not differ: not its map, and where it puts what.
TBOOT = re.compile(r"^TBOOT: (?!\t|command line|highest|moving)(.*)$", re.M)


def test_tboot_hands_the_fence_on(start):
    """A multiboot image that starts another, with the map that it got."""
    image = packaged("tboot", "boot/tboot.gz")
    # Without a second module it finds no place for its kernel's.
    words = ("tboot.gz logging=serial serial=115200,8n1,0x3f8 --- ref.elf crash=none "
             "--- ldlinux.c32 more")
    said = []
    for kernel, append in (("mboot.c32", words), ("netdump.c32", f"insecure -- {words}")):
        console = start(CONFIG.format(kernel=kernel, append=append),
                        {"tboot.gz": image, "ref.elf": os.path.join(BUILD, "stub", "ref.elf")},
                        server=False, mem="128M")
        console.wait(r"^ref: ready")
        said.append(console.text().replace("\r", ""))
    plain, fenced = said
    assert len(TBOOT.findall(plain)) > 15 and TBOOT.findall(plain) == TBOOT.findall(fenced)
    assert "ref: no handoff block" in plain
    assert re.search(r"^ref: handoff block at 0x[0-9a-f]+, found$", fenced, re.M)
    kib, = re.findall(r"^netdump: fence (\d+) KiB", fenced, re.M)
    lost = sum(end - start for start, end, kind in reference_map(plain) if kind == 1) - \
        sum(end - start for start, end, kind in reference_map(fenced) if kind == 1)
    assert 0 < lost < int(kib) << 10  # what the firmware hides was in neither map


def test_a_game_is_played_as_by_mboot_c32(start):
    """A multiboot image that draws on the screen, and wants no module and no map."""
    image = packaged("grub-invaders", "boot/invaders.exec")
    for kernel, append in (("mboot.c32", "invaders.exec"),
                           ("netdump.c32", "insecure -- invaders.exec")):
        console = start(CONFIG.format(kernel=kernel, append=append), {"invaders.exec": image},
                        server=False, mem="64M")
        lines = until(lambda lines: "/ \\" in "".join(lines), lambda: screen(console), BOOT_S)
        assert "".join(lines).count("-*-") > 20, lines
