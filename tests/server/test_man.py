# SPDX-License-Identifier: GPL-2.0-or-later
"""The man pages name the options that there are, and no others."""

import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVER = os.path.abspath(os.environ["NETDUMP_INSTALLED"])
STUB = os.path.join(ROOT, "stub")
PROGRAMS = {
    "netdumpd.8": [[os.path.join(SERVER, "netdumpd")], [os.path.join(SERVER, "netdumpd"), "keygen"]],
    "netdumpctl.1": [[os.path.join(SERVER, "netdumpctl")]],
    "site-check.8": [[os.path.join(ROOT, "scripts", "site-check")]],
    "netdump-wrap.8": [[os.path.join(STUB, "kexec", "netdump-wrap")]],
    **{f"{name}.8": [[os.path.join(STUB, "linux", name)]]
       for name in ("netdump-status", "netdump-send", "netdump-test", "netdump-drivers")},
}


def page(name):
    with open(os.path.join(ROOT, "docs", "man", name), encoding="utf-8") as file:
        return file.read()


@pytest.mark.parametrize("name", PROGRAMS)
def test_options(name):
    said = "".join(subprocess.run([*words, "--help"], capture_output=True, text=True,
                                  check=True).stdout for words in PROGRAMS[name])
    there_are = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", said)) | {"help"}
    documented = set(re.findall(r"Fl -([a-z][a-z-]*)", page(name)))
    assert documented == there_are


def test_pages_name_pages_that_there_are():
    there_are = os.listdir(os.path.join(ROOT, "docs", "man"))
    ours = {name.rpartition(".")[0] for name in there_are}
    for name in there_are:
        for other, section in re.findall(r"^\.Xr (\S+) (\d)", page(name), re.M):
            assert other not in ours or f"{other}.{section}" in there_are, (name, other, section)


def test_words_of_the_configuration():
    with open(os.path.join(ROOT, "com32", "netdump", "options.c"), encoding="utf-8") as file:
        table = re.findall(r'^\t\{"(\w+)", \w+, (?:true|false),', file.read(), re.M)
    items = re.findall(r"^\.It Cm (.*)$", page("netdump.c32.7"), re.M)
    documented = {word for item in items for word in re.findall(r"[a-z]+(?==)|^[a-z]+$", item)}
    assert documented == set(table)
