# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages, and a fresh Debian for each test."""

import glob
import os
import shutil
import subprocess
import tempfile

import pytest

from debian import Debian, Image


def debs_in(folder):
    """Files' names by package."""
    return {os.path.basename(path).split("_")[0]: path
            for path in glob.glob(os.path.join(folder, "*.deb"))}


@pytest.fixture(scope="session")
def base():
    """A fresh Debian, unpacked once."""
    assert os.geteuid() == 0, "a Debian of its own takes root: sudo make check-deb"
    folder = tempfile.mkdtemp(prefix="netdump-debian-base-")
    subprocess.run(["tar", "-xf", os.environ["NETDUMP_DEBROOT"], "-C", folder], check=True)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def debs(tmp_path_factory):
    """A folder with new/PACKAGE.deb and old/PACKAGE.deb."""
    folder = tmp_path_factory.mktemp("debs")
    for age, source in (("new", os.environ["NETDUMP_DEB"]), ("old", os.environ["NETDUMP_DEB_OLD"])):
        (folder / age).mkdir()
        for package, path in debs_in(source).items():
            shutil.copy(path, folder / age / f"{package}.deb")
    return folder


@pytest.fixture
def debian(base, debs):
    one = Debian(base, debs)
    yield one
    one.close()


@pytest.fixture
def image(base, debs):
    one = Image(base, debs)
    yield one
    one.close()
