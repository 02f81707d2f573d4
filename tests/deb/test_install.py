# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts where, and what goes with it: pages, unit, completion, dependencies."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Every Debian that builds has these (build-essential).
ESSENTIAL = {"gcc", "binutils", "make", "libc6-dev", "dpkg-dev", "perl", "patch", "xz-utils"}
EXPOSURE_MOST = 25  # of 100, as systemd-analyze counts


def text(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def version():
    return re.match(r"pxelinux-netdump \((.*)\)", text("debian", "changelog")).group(1)


@pytest.fixture
def tree():
    """Where everything was installed, with PREFIX=/usr."""
    return pathlib.Path(os.environ["NETDUMP_TREE"]) / "usr"


def names(folder):
    return sorted(os.listdir(folder))


def test_every_program_and_page(tree):
    pages = [name for section in names(tree / "share/man")
             for name in names(tree / "share/man" / section)]
    assert sorted(pages) == names(os.path.join(ROOT, "docs", "man"))
    for folder, section in ("bin", 1), ("sbin", 8):
        programs = names(tree / folder)
        assert [f"{name}.{section}" for name in programs] == names(tree / f"share/man/man{section}")
        for name in programs:
            done = subprocess.run([tree / folder / name, "--help"], capture_output=True, text=True,
                                  check=True)
            assert name in done.stdout


def test_links_stay_within(tree):
    for name in names(tree / "sbin"):
        assert os.path.realpath(tree / "sbin" / name).startswith(str(tree))


def test_site_check_finds_its_parts(tree):
    done = subprocess.run([tree / "sbin/site-check", ROOT, "--json"], capture_output=True, text=True,
                          check=False)
    assert done.returncode in (0, 1) and "armed" in done.stdout, done.stderr


@pytest.mark.parametrize("name", ("sbin/netdumpd", "bin/netdumpctl"))
def test_version_is_the_changelog_s(tree, name):
    said = subprocess.run([tree / name, "--version"], capture_output=True, text=True,
                          check=True).stdout
    assert said == f"{os.path.basename(name)} {version()}\n"


def test_boot_files(tree):
    there = {name for name in names(os.path.join(ROOT, "build", "tftpboot")) if name[0] != "."}
    assert there >= {"pxelinux.0", "ldlinux.c32", "netdump.c32", "dini.bin"}
    assert set(names(tree / "lib/pxelinux-netdump")) == there


def test_dkms_sources(tree):
    folder = tree / "src" / f"netdump-{version()}"
    conf = (folder / "dkms.conf").read_text()
    assert f'PACKAGE_VERSION="{version()}"' in conf and "@" not in conf
    kbuild = re.search(r"^netdump-y := ((?:.*\\\n)*.*)", (folder / "stub/linux/Kbuild").read_text(), re.M)
    for name in re.findall(r"(\S+)\.o", kbuild.group(1)):
        assert any((folder / "stub/linux" / f"{name}.{kind}").exists() for kind in "cS"), name
    assert (folder / "stub/linux/flat.bin").exists()


def unit(tree):
    return tree / "lib/systemd/system/netdumpd.service"


def test_unit_starts_what_is_installed(tree):
    program, *words = re.search(r"^ExecStart=(.*)$", unit(tree).read_text(), re.M).group(1).split()
    assert program == "/usr/sbin/netdumpd"
    options = subprocess.run([tree / "sbin/netdumpd", "--help"], capture_output=True, text=True,
                             check=True).stdout
    for word in words:
        assert not word.startswith("--") or f"{word}=" in options


def test_unit_leaves_little_exposed(tree):
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes",
                           f"--threshold={EXPOSURE_MOST}", unit(tree)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_debian_builds_with_what_setup_installs():
    sets = {package for name, packages in re.findall(r"^(\w+):(.*)$", text("scripts", "packages"), re.M)
            if name in ("build", "server") for package in packages.split()}
    field = re.search(r"^Build-Depends:((?:.*\n)(?:[ #].*\n)*)", text("debian", "control"), re.M)
    named = set(re.findall(r"[a-z0-9.+-]{3,}", re.sub(r"\(.*?\)|^#.*$", "", field.group(1), flags=re.M)))
    assert named - {"debhelper-compat", "dh-dkms"} == sets - ESSENTIAL


def complete(tree, *words):
    """What bash would offer for the last word."""
    program = words[0]
    script = f"""
        . /usr/share/bash-completion/bash_completion
        . {tree}/share/bash-completion/completions/{program}
        PATH={tree}/sbin:{tree}/bin:$PATH
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${{#COMP_LINE}}
        compopt() {{ :; }}
        _{program} {program} "${{!#}}" "${{@: -2:1}}"
        printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                          check=True)
    assert not done.stderr
    return done.stdout.split()


@pytest.fixture
def dumps(tmp_path):
    folder = tmp_path / "host" / "20260101T000000Z-0badcafe"
    folder.mkdir(parents=True)
    (folder / "info.json").write_text('{"id": "0badcafe", "kind": "dump", "status": "complete"}')
    return str(tmp_path)


@pytest.mark.parametrize("words, offered", [
    (["netdumpd", "--quo"], ["--quota-host=", "--quota="]),
    (["netdumpd", "k"], ["keygen"]),
    (["netdumpd", "keygen", "--ho"], ["--host="]),
    (["netdumpd", "--user", "nobod"], ["nobody"]),
    (["netdumpctl", "--j"], ["--json"]),
    (["netdumpctl", "v"], ["verify"]),
])
def test_completion(tree, words, offered):
    assert sorted(complete(tree, *words)) == sorted(offered)


def test_completion_knows_the_dumps(tree, dumps):
    assert complete(tree, "netdumpctl", "-d", dumps, "show", "0") == ["0badcafe"]
    assert complete(tree, "netdumpctl", "-d", os.path.dirname(dumps) + "/nothing", "show", "0") == []


def test_completion_of_folders(tree, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").write_text("")
    assert complete(tree, "netdumpd", "--dir", f"{tmp_path}/") == [f"{tmp_path}/one"]
