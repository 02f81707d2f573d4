# SPDX-License-Identifier: GPL-2.0-or-later
"""Words as PXELINUX parts them: at bytes up to 0x20 and at 0x7f, and at no other blank of Unicode's."""

import re

WORD = re.compile(r"[^\0-\x20\x7f]+")
FIRST = re.compile(r"[\0-\x20\x7f]*([^\0-\x20\x7f]*)[\0-\x20\x7f]*")


def split(text):
    return WORD.findall(text)


def first(text):
    return FIRST.match(text)[1]


def part(text):
    """The first word, and what begins behind the blanks behind it."""
    match = FIRST.match(text)
    return match[1], text[match.end():]
