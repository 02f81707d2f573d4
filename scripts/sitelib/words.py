# SPDX-License-Identifier: GPL-2.0-or-later
"""netdump.c32's own words: netdump-words is its code, built for the host, and knows what they mean."""

import json
import os
import subprocess

NAME = "netdump-words"
BESIDE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILT = os.path.join(os.path.dirname(BESIDE), "build", "site")


class WordsError(Exception):
    """netdump-words cannot be asked."""


def program():
    installed = os.path.join(BESIDE, NAME)
    return installed if os.path.exists(installed) else os.path.join(BUILT, NAME)


def _whole(said):
    """Texts as the configuration has them: netdump-words makes a character of each byte."""
    if isinstance(said, str):
        return said.encode("latin-1").decode(errors="surrogateescape")
    if isinstance(said, dict):
        return {name: _whole(value) for name, value in said.items()}
    return [_whole(value) for value in said] if isinstance(said, list) else said


def ask(words, *options):
    """What it makes of the words; they go by its standard input, for keys are among them."""
    asked = os.environ.get("NETDUMP_WORDS") or program()
    try:
        done = subprocess.run([asked, *options], check=False, capture_output=True,
                              input=b"".join(word.encode(errors="surrogateescape") + b"\0"
                                             for word in words))
    except OSError as error:
        raise WordsError(f"{asked}: {error.strerror}; run make site") from error
    if done.returncode:
        raise WordsError(done.stderr.decode(errors="replace").strip())
    return _whole(json.loads(done.stdout))
