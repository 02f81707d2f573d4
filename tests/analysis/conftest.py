# SPDX-License-Identifier: GPL-2.0-or-later
"""One crash of Debian's kernel, dumped whole, and what others need to read it.

The folder of the crash (scripts/lab run --out) is NETDUMP_CRASH.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests", "tools")]

from crashagain import crash_again  # noqa: E402  (needs the path above)
from lablib import diskdump  # noqa: E402
from lablib.guest import Guest  # noqa: E402
from lablib.lab import BUILD  # noqa: E402
from lablib.vmcore import Vmcore  # noqa: E402


@pytest.fixture(scope="session")
def whole():
    """The path of the dump at level 0."""
    summary = Path(os.environ["NETDUMP_CRASH"], "summary.json")
    facts = json.loads(summary.read_text(encoding="utf-8"))
    assert facts["good"] and facts["check"]["right"]
    return os.path.join(facts["dump"], "vmcore")


@pytest.fixture(scope="session")
def vmlinux(whole):
    """The path of the crashed kernel with its debug symbols."""
    guest = Guest(BUILD)
    guest.prepare(_say)
    path = guest.vmlinux(_say)
    with closing(Vmcore(whole)) as vmcore:
        crashed = re.search(rb"^BUILD-ID=([0-9a-f]+)$", vmcore.notes, re.MULTILINE)[1].decode()
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    assert f"Build ID: {crashed}\n" in notes.stdout, "of another build: remove build/guest"
    return path


@pytest.fixture(scope="session", name="at_31")
def _at_31(tmp_path_factory):
    """Where dumps at level 31 are."""
    folder = tmp_path_factory.mktemp("dumps")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def ours(whole, at_31):
    return crash_again(whole, 31, str(at_31 / "ours")).file("vmcore")


@pytest.fixture(scope="session")
def theirs(whole, at_31):
    path = str(at_31 / "theirs")
    diskdump.make(whole, 31, path)
    return path


@pytest.fixture
def scratch():
    """A folder for dumps, which are too large to be kept until pytest's next runs."""
    with tempfile.TemporaryDirectory(prefix="netdump-") as path:
        yield path


def _say(text):
    print(text, file=sys.stderr, flush=True)
