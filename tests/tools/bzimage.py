# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up bzImages for netdump-wrap, and a look into its own; Linux' boot protocol."""

import struct
import subprocess

WRAP = "build/stub/netdump-wrap"
SETUP_BYTES = 3 * 512


def bzimage(kernel, tail=b"", **fields):
    """One with a header as Linux 6.1 has it, but for the fields given; tail: behind the kernel."""
    kernel += bytes(-len(kernel) % 16)
    values = {"setup_sects": SETUP_BYTES // 512 - 1, "syssize": len(kernel) // 16, "flag": 0xAA55,
              "magic": b"HdrS", "protocol": 0x20F, "loadflags": 1, "alignment": 0x200000,
              "xloadflags": 0x7F, "payload_offset": 0x2CC, "payload_length": 0x30,
              "init_size": 0x3F98000, "handover_offset": 0x1000, **fields}
    setup = bytearray(b"MZ".ljust(SETUP_BYTES, b"\x90"))
    for name, value in values.items():
        at, form = FIELDS[name]
        struct.pack_into(form, setup, at, value)
    return bytes(setup) + kernel + tail


FIELDS = {"setup_sects": (0x1F1, "<B"), "syssize": (0x1F4, "<I"), "flag": (0x1FE, "<H"),
          "magic": (0x202, "<4s"), "protocol": (0x206, "<H"), "loadflags": (0x211, "<B"),
          "alignment": (0x230, "<I"), "xloadflags": (0x236, "<H"),
          "payload_offset": (0x248, "<I"), "payload_length": (0x24C, "<I"),
          "init_size": (0x260, "<I"), "handover_offset": (0x264, "<I")}


def field(image, name):
    at, form = FIELDS[name]
    return struct.unpack_from(form, image, at)[0]


def protected_mode(image):
    """What a loader puts into memory besides the set-up code."""
    return image[(field(image, "setup_sects") + 1) * 512:]


def wrap(folder, image, *args):
    """netdump-wrap's status, what it says, and what it wrote."""
    source, out = folder / "vmlinuz", folder / "wrapped"
    source.write_bytes(image)
    done = subprocess.run([WRAP, *args, str(source), str(out)], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stderr, out.read_bytes() if out.exists() else None
