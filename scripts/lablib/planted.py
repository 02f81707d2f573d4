# SPDX-License-Identifier: GPL-2.0-or-later
"""A text that nobody could have guessed, in the guest's memory: where does it turn up?

init.sh draws it, keeps it many times over in a file in memory, and prints it in hexadecimal, on
the serial line: in the clear it is in the guest alone, until a dump carries it away.
"""

import mmap
import os
import re

PRINTED = re.compile(r"^init: planted ((?:[0-9a-f]{2})+)$", re.M)


def text_of(serial):
    """The text as bytes, out of the serial log; None if the system plants none."""
    match = PRINTED.search(serial)
    return bytes.fromhex(match[1]) if match else None


def is_exposed(found, insecure):
    """Whether what was found speaks against the run: keys were to keep it off the wire, and it is
    there; or it is not even in the dump, so that its absence from the wire says nothing."""
    if not found or insecure:
        return False
    return bool(found["in_capture"]) or not found["in_dump"]


def count(path, text):
    """How often a file has it; one that is not there has nothing."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return 0
    with open(path, "rb") as file, \
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found, at = 0, data.find(text)
        while at >= 0:
            found += 1
            at = data.find(text, at + len(text))
        return found
