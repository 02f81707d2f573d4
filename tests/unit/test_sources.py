# SPDX-License-Identifier: GPL-2.0-or-later
"""syslinux/sources and scripts/quietly: which archives are asked, and what is said of them."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ("bookworm", "stable")

LIST = """\
# deb http://commented.example/debian bookworm main
deb http://one.example/debian bookworm main contrib # the mirror
deb [arch=amd64 signed-by=/keys/a.gpg] https://two.example/debian stable non-free main
deb-src http://source.example/debian bookworm main
deb http://debian.example/debian sid main
deb http://debian.example/debian bookworm contrib
deb http://debian.example/debian bookworm-security main
nonsense
"""

SOURCES = """\
# A comment with Suites: bookworm in it
Types: deb
URIs: http://three.example/deb
  http://four.example/deb
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://debian-archive.example/debian
Suites: debian
Components: main

types: deb deb-src
uris: http://five.example/
suites: stable
components: main
"""


def sources(tmp_path, **files):
    apt, out = tmp_path / "apt", tmp_path / "out"
    (apt / "sources.list.d").mkdir(parents=True)
    out.mkdir()
    for name, text in files.items():
        (apt / "sources.list.d" / name.replace("_", ".")).write_text(text)
    done = subprocess.run([f"{ROOT}/syslinux/sources", apt, out, *SUITES], check=False)
    return done.returncode, *((out / name).read_text() for name in ("source.list",
                                                                   "source.sources"))


def test_archives_are_taken_by_suite_and_component(tmp_path):
    status, lines, stanzas = sources(tmp_path, a_list=LIST, b_sources=SOURCES)
    assert status == 0
    assert lines.splitlines() == [
        "deb-src http://one.example/debian bookworm main",
        "deb-src [arch=amd64 signed-by=/keys/a.gpg] https://two.example/debian stable main",
        "deb-src http://source.example/debian bookworm main"]
    three, five = stanzas.strip().split("\n\n")
    assert "types: deb-src\n" in three and "suites: bookworm\n" in three
    assert "components: main\n" in three and "  http://four.example/deb\n" in three
    assert " .\n -----END PGP" in three
    assert "types: deb-src\n" in five and "uris: http://five.example/" in five


def test_none_is_an_error(tmp_path):
    assert sources(tmp_path, a_list="deb http://debian.example/debian sid main\n",
                   b_list_disabled=LIST)[0] == 1


def test_what_apt_says_names_no_host(tmp_path):
    said = """\
Get:1 http://host.example/debian bookworm InRelease
E: Failed to fetch http://host.example/debian/x  404  Not Found [IP: 10.1.2.3 80]
E: Failed to fetch http://host.example/y.deb  Could not connect to proxy.example:3128 (10.1.2.3)
E: Failed to fetch https://user:word@host.example/z.deb  Could not resolve 'host.example'
E: The repository 'http://host.example bookworm Release' does not have a Release file.
E: Could not resolve 'host.example'
E: Unable to locate package x
W: Conflicting distribution: http://host.example bookworm
"""
    (tmp_path / "said").write_text(said)
    done = subprocess.run([f"{ROOT}/scripts/quietly", "sh", "-c", f"cat {tmp_path}/said; exit 100"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 100 and done.stdout == ""
    assert "example" not in done.stderr and "10.1" not in done.stderr
    assert "E: Failed to fetch (archive) 404  Not Found\n" in done.stderr
    assert "E: Unable to locate package x\n" in done.stderr
    quiet = subprocess.run([f"{ROOT}/scripts/quietly", "cat", tmp_path / "said"],
                           capture_output=True, text=True, check=True)
    assert quiet.stdout == quiet.stderr == ""
