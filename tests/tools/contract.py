# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of include/netdump/handoff.h, read from the header itself."""

import os
import re

HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include", "netdump",
                      "handoff.h")


def _number(pattern):
    with open(HEADER, encoding="utf-8") as header:
        found = re.search(pattern, header.read(), re.M)
    assert found, f"{HEADER} has nothing like {pattern}"
    return int(found[1], 0)


def define(name):
    """A macro's number."""
    return _number(rf"^#define {name}\s+(\w+)")


def size(structure):
    """sizeof(struct structure), as the header asserts it."""
    return _number(rf"sizeof\(struct {structure}\) == (\d+)")


def offset(structure, member):
    """offsetof(struct structure, member), as the header asserts it."""
    return _number(rf"offsetof\(struct {structure}, {member}\) == (\d+)")
