# SPDX-License-Identifier: GPL-2.0-or-later
"""netdump.c32 at PXELINUX's prompt: what it refuses and how, and what it boots."""

import os
import re
import struct

import pytest

import contract
from conftest import BUILD, ROOT, reference_map
from lablib.guest import Guest

REF = os.path.join(BUILD, "stub", "ref.elf")
SAMPLES = os.path.join(ROOT, "pxelinux.cfg")
DIRECT_LIN = 0xFFFF888000000000  # the reference kernel's memory, stub/multiboot/paging.h
VERSION = contract.define("ND_HANDOFF_VERSION")
KEY = "0123456789abcdef" * 4
HEAD = "SERIAL 0 115200\nPROMPT 1\nTIMEOUT 0\n"

# label: what stands behind APPEND, and what netdump.c32 must say
REFUSED = {
    "option": ("colour=red -- ref.elf", r'"colour=\.\.\." is not an option of netdump\.c32'),
    "value": ("action=sleep -- ref.elf", r'"action=sleep" is not action=reboot, halt or hold'),
    "words": ("insecure action=halt", r"no image: APPEND"),
    "nokey": ("-- ref.elf", r'no key=.*give the server\'s public key.*or say "insecure"'),
    "badkey": (f"key={KEY}0 -- ref.elf", r'"key=\.\.\." is not key=HEX'),
    "both": (f"key={KEY} insecure -- ref.elf", r'"insecure" and a key'),
    "image": ("insecure -- absent.elf", r"absent\.elf cannot be loaded"),
    "noimage": ("insecure -- ldlinux.c32", r"ldlinux\.c32 is no image to boot"),
    "module": ("insecure -- ref.elf --- absent.img", r"absent\.img cannot be loaded"),
    "nodini": ("insecure dini=absent.bin -- ref.elf", r"absent\.bin cannot be loaded"),
    "baddini": ("insecure dini=mangled.bin -- ref.elf", r"mangled\.bin \(100 bytes\) is no DINI image"),
    "olddini": ("insecure dini=other.bin -- ref.elf",
                rf"other\.bin is of version {VERSION + 7}, netdump\.c32 of {VERSION}"),
    "mac": ("insecure mac=02:00:00:00:00:01 -- ref.elf",
            r"mac=: the firmware drives the NIC that booted.*remove mac="),
    "large": ("insecure -- ref.elf --- large.img", r"large\.img is there, but cannot be loaded whole"),
}


def label(name, append):
    return f"LABEL {name}\n  KERNEL netdump.c32\n  APPEND {append}\n"


@pytest.fixture
def files(tmp_path):
    """The TFTP files that the labels name."""
    with open(os.path.join(BUILD, "dini", "dini.bin"), "rb") as good:
        dini = bytearray(good.read())
    mangled = bytes(dini[:100])
    struct.pack_into("<H", dini, 4, VERSION + 7)  # struct nd_dini_header
    (tmp_path / "mangled.bin").write_bytes(mangled)
    (tmp_path / "other.bin").write_bytes(dini)
    with open(tmp_path / "large.img", "wb") as large:
        large.truncate(80 << 20)
    return {"ref.elf": REF, **{name: tmp_path / name
                               for name in ("mangled.bin", "other.bin", "large.img")}}


def test_what_is_wrong_is_said_and_the_prompt_is_back(start, files):
    """All refusals in one machine's life, so each also leaves it fit for the next."""
    config = HEAD + "".join(label(name, append) for name, (append, _) in REFUSED.items())
    config += label("good", f"key={KEY} psk={KEY} -- ref.elf crash=none")
    console = start(config, files, mem="64M", server=False)
    console.prompt()
    for name, (_, says) in REFUSED.items():
        console.type(name)
        console.wait(rf"^netdump: .*{says}")
        said = console.prompt()
        assert "netdump: fence" not in said and KEY[4:] not in said
    console.type("good")
    console.wait(r"^netdump: fence \d+ KiB")
    console.wait(r"^ref: handoff block at 0x[0-9a-f]+, by name")
    console.wait(r"^ref: idle")


@pytest.mark.parametrize("words, says", [("insecure dini=absent.bin", r"absent\.bin cannot be loaded"),
                                         ("", r"no key=, so nothing would be sent"),
                                         ("insecure colour=red", r'"colour=\.\.\." is not an')])
def test_fallback_boots_without_netdump(start, files, words, says):
    config = HEAD + label("fallback", f"fallback=boot {words} -- ref.elf crash=none")
    console = start(config, files, server=False, mem="256M")
    console.prompt()
    console.type("fallback")
    console.wait(rf"^netdump: {says}")
    console.wait(r"^netdump: booting without netdump, as fallback=boot asks")
    console.wait(r"^ref: no handoff block")
    console.wait(r"^ref: idle")


def two_piece_image(begin, end):
    """A multiboot ELF image that says a line and halts: its code at 2 MiB, and begin to end."""
    code_phys, loadable = 0x200000, 1
    # cld; mov esi, text; mov dx,0x3f8
    # next: lodsb; test al,al; jz stop; out dx,al; jmp next; stop: hlt; jmp stop
    code = bytes.fromhex("66baf803ac84c07403eeebf8f4ebfd")
    text = b"two pieces: here\r\n\0"
    multiboot = struct.pack("<3I", 0x1BADB002, 0, -0x1BADB002 & 0xFFFFFFFF)
    entry = code_phys + len(multiboot)
    code = b"\xfc\xbe" + struct.pack("<I", entry + 6 + len(code)) + code + text
    piece = multiboot + code
    head = struct.pack("<16sHHIIIIIHHHHHH", b"\x7fELF\1\1\1", 2, 3, 1, entry, 52, 0, 0, 52, 32, 2,
                       40, 0, 0)
    head += struct.pack("<8I", loadable, 116, code_phys, code_phys, len(piece), len(piece), 7, 4)
    head += struct.pack("<8I", loadable, 0, begin, begin, 0, end - begin, 6, 4)
    return head + piece


def test_a_boot_that_comes_back_leaves_no_fence(start, tmp_path):
    """Half of the image belongs where DINI is, a place that another machine of this kind has shown."""
    config = HEAD + (label("good", "insecure -- ref.elf crash=none")
                     + label("odd", "insecure -- odd.elf")
                     + label("fallback", "insecure fallback=boot -- odd.elf"))
    files = {"ref.elf": REF, "odd.elf": tmp_path / "odd.elf"}
    comes_back = [r"^netdump: fence ", r"^netdump: odd\.elf cannot be placed"]
    boots = {"good": [r"^netdump: fence ", r"^ref: handoff block at \S+ by name", r"^ref: idle"],
             "fallback": [*comes_back, r"^netdump: booting without netdump", r"^two pieces: here"]}

    def play(console, word, lines):
        console.prompt()
        console.type(word)
        for line in lines:
            console.at = console.wait(line).end()

    console = start(config, files, mem="64M", server=False)
    play(console, "good", boots["good"])
    begin, end = [r[:2] for r in reference_map(console.lab.machine.serial.text)
                  if r[0] >= 0x100000 and r[2] == 2][0]
    (tmp_path / "odd.elf").write_bytes(two_piece_image(begin, end))
    for last, lines in boots.items():
        console = start(config, files, mem="64M", server=False)
        for word, says in [("odd", comes_back), ("odd", comes_back), (last, lines)]:
            play(console, word, says)


@pytest.mark.parametrize("image", ["ref.elf", "ref-elf64.elf", "ref-aout.bin"])
def test_every_form_of_multiboot_sees_the_fence(start, image):
    config = HEAD.replace("PROMPT 1", "PROMPT 0\nDEFAULT go") + label(
        "go", f"insecure -- {image} crash=none --- ldlinux.c32 some words")
    console = start(config, {image: os.path.join(BUILD, "stub", image)}, server=False, mem="256M")
    console.wait(r"^ref: idle")
    text = console.text()
    assert "ref: module 0x" in text and "ldlinux.c32 some words" in text
    handoff = int(console.wait(r"^ref: handoff block at (0x[0-9a-f]+), by name")[1], 16)
    ranges = reference_map(text)
    inside = [kind for begin, end, kind in ranges if begin <= handoff < end]
    assert inside == [2], "the gate is reserved, not merely missing"
    dini = [r for r in ranges if r[0] >= 0x100000 and r[2] == 2 and r[0] < 256 << 20]
    assert dini, "DINI and the firmware's hidden memory are reserved"


@pytest.mark.parametrize("mac, root", [("52:54:00:12:34:56", "/dev/md0"),
                                       ("52:54:00:65:43:21", "/dev/sda1")])
def test_each_machine_finds_its_sample(start, mac, root):
    """By PXELINUX's own file search; the image stands in for the system of a site."""
    files = {"vmlinuz": REF, "initrd.img": REF,
             **{f"pxelinux.cfg/{name}": os.path.join(SAMPLES, name)
                for name in os.listdir(SAMPLES)}}
    console = start(None, files, mac=mac, server=False)
    console.wait(rf"^ref: command line: vmlinuz netdump=0x\w+ root={root} ro crashkernel=1M")
    console.wait(r"^ref: module \S+ initrd\.img")
    console.wait(r"^ref: handoff block at 0x[0-9a-f]+, by name")


def test_linux_gets_what_sysappend_adds(start, tmp_path):
    """PXELINUX puts it behind all words, and so behind the initrd's name."""
    guest = Guest(BUILD)
    guest.prepare(print)
    config = HEAD.replace("PROMPT 1", "PROMPT 0\nDEFAULT go\nSYSAPPEND 2") + label(
        "go", "insecure -- vmlinuz console=ttyS0,115200 --- initrd.img")
    console = start(config, {"vmlinuz": guest.vmlinuz, "initrd.img": REF}, server=False)
    line = console.wait(r"Command line: (.*)\n")[1]
    assert re.search(r"BOOT_IMAGE=vmlinuz netdump=0x[0-9a-f]+ console=ttyS0,115200 BOOTIF=01-",
                     line), line


@pytest.mark.parametrize("kind", ["panic", "ud2", "pagefault", "stack"])
def test_the_labs_sample_crashes_and_dumps(start, kind):
    with open(os.path.join(SAMPLES, "lab"), encoding="utf-8") as sample:
        console = start(sample.read(), {"ref.elf": REF}, mem="128M")
    console.prompt()
    console.type(kind)
    console.wait(r"^dini: server \S+ answers")
    console.wait(r"^dini: done: ")
    console.wait(r"^dini: hold")
    if kind == "pagefault":
        fence_was_hit(console)


def fence_was_hit(console):
    """The kernel touched DINI first, and that it is mapped nowhere is why it crashed."""
    text = console.text()
    fault = int(console.wait(r"^ref: panic: page fault at 0x([0-9a-f]+),")[1], 16)
    assert "fenced memory is mapped" not in text
    assert (fault - DIRECT_LIN, 2) in [(begin, kind) for begin, _, kind in reference_map(text)]
