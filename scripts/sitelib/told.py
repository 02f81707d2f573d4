# SPDX-License-Identifier: GPL-2.0-or-later
"""The door that all goes through that site-check says: no key, and no byte that a terminal obeys."""

import re

# A value of key= or psk=, but not the one that a message names as what is wanted.
VALUE = re.compile(r"\b((?:key|psk)=)(?!HEX\b)[^\s\",:;.][^\s\"]*", re.I)
DIGITS = re.compile(r"[0-9a-fA-F]{17,}")  # more than a fingerprint has
CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f]")


def text(said):
    """One text, fit to be shown."""
    said = DIGITS.sub("...", VALUE.sub(r"\1...", said))
    said = said.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return CONTROL.sub(lambda one: f"\\x{ord(one[0]):02x}", said)


def everything(found):
    """The same for all texts of what JSON can hold."""
    if isinstance(found, str):
        return text(found)
    if isinstance(found, dict):
        return {name: everything(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return [everything(value) for value in found]
    return found
