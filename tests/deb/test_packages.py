# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages in a fresh Debian that runs: installed, upgraded, used, purged."""

import os
import re
import subprocess

import pytest

from debian import until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEB = os.environ["NETDUMP_DEB"]
FAKECRASH = os.path.join(ROOT, "build", "tests", "fakecrash")
PACKAGES = ("netdumpd", "netdump-dkms", "netdump-site", "netdump-tools", "pxelinux-netdump")
KEY, HOSTS = "/etc/netdumpd/netdumpd.key", "/etc/netdumpd/hosts.keys"
DUMPS = "/var/lib/netdumpd"


def version(debian, package):
    return debian.run("dpkg-query", "-W", "-f", "${Version}", package).stdout


def service(debian, what):
    return debian.run("systemctl", "show", "-P", what, "netdumpd").stdout.strip()


def journal(debian, life=None):
    which = [f"_SYSTEMD_INVOCATION_ID={life}"] if life else ["-u", "netdumpd"]
    return debian.run("journalctl", "--no-pager", "-o", "cat", *which).stdout


def started(debian):
    """netdumpd runs, and listens; as which process."""
    until(lambda: "listening on" in journal(debian, service(debian, "InvocationID")),
          f"netdumpd listens: {journal(debian)}", 60)
    assert service(debian, "NRestarts") == "0", journal(debian)
    return service(debian, "MainPID")


def crash(debian, *options):
    """A machine crashes, its dump arrives, and netdumpctl finds it right."""
    key = debian.run("netdumpd", "pubkey", KEY).stdout.strip().removeprefix("key=")
    done = debian.run_here(FAKECRASH, "--server", "127.0.0.1", "--key", key,
                           "--deadline", "60", *options)
    assert done.returncode == 0, done.stdout + done.stderr + journal(debian)
    listed = debian.run("netdumpctl", "--dir", DUMPS, "list").stdout.splitlines()[1:]
    for line in listed:
        debian.run("netdumpctl", "--dir", DUMPS, "verify", line.split()[0])
    return listed


def mode_and_owner(debian, path):
    return debian.run("stat", "-c", "%a %U:%G", path).stdout.strip()


def test_lintian():
    changes, = (os.path.join(DEB, name) for name in os.listdir(DEB) if name.endswith(".changes"))
    said = subprocess.run(["lintian", "--fail-on", "error,warning", "--allow-root", changes],
                          capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_purge_leaves_nothing(debian, package):
    before = debian.files()
    debian.install(f"new/{package}.deb")
    there = debian.files()
    assert there - before, "nothing was installed"
    debian.purge(package)
    assert debian.files() == before


def test_server_runs(debian):
    said = debian.install("new/netdumpd.deb")
    key = debian.run("netdumpd", "pubkey", KEY).stdout.strip()
    assert key in said, "the administrator was not told the key"
    assert mode_and_owner(debian, KEY) == mode_and_owner(debian, HOSTS) == "600 root:root"
    assert mode_and_owner(debian, DUMPS) == "750 netdumpd:netdumpd"
    pid = started(debian)
    status = debian.run("cat", f"/proc/{pid}/status").stdout
    user = debian.run("id", "-u", "netdumpd").stdout.strip()
    assert re.search(r"^Uid:\t(.*)$", status, re.M).group(1).split() == [user] * 4
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^CapPrm:\t0+$", status, re.M)
    debian.run("systemd-analyze", "verify", "/lib/systemd/system/netdumpd.service")
    assert len(crash(debian)) == 1


def test_server_takes_its_options(debian):
    """Host's keys, drivers, and more options, under all that the unit forbids."""
    debian.install("new/netdumpd.deb")
    started(debian)
    debian.run("netdumpd", "keygen", "--host", "web1", HOSTS)
    debian.run("sed", "-i", 's#^OPTIONS=.*#OPTIONS="--level 0 --drivers /lib/modules"#',
               "/etc/default/netdumpd")
    debian.run("systemctl", "restart", "netdumpd")
    started(debian)
    line, = crash(debian, "--psk", debian.path(HOSTS))
    assert line.split()[1] == "web1"


def test_server_upgrade(debian):
    debian.install("old/netdumpd.deb")
    old, key, pid = version(debian, "netdumpd"), debian.run("cat", KEY).stdout, started(debian)
    debian.run("sh", "-c", "echo 'OPTIONS=\"--level 0\"' > /etc/default/netdumpd")
    before = crash(debian)
    debian.install("new/netdumpd.deb")
    assert version(debian, "netdumpd") == old.removesuffix("~older")
    assert debian.run("netdumpd", "--version").stdout.split()[1] == version(debian, "netdumpd")
    assert debian.run("cat", KEY).stdout == key
    assert "level 0" in debian.run("cat", "/etc/default/netdumpd").stdout
    assert started(debian) != pid, "the old one still runs"
    assert crash(debian, "--seed", "2", "--name", "other")[0:1] == before


def test_purge_leaves_dumps(debian):
    debian.install("new/netdumpd.deb")
    started(debian)
    crash(debian)
    assert DUMPS in debian.purge("netdumpd")
    assert not os.path.exists(debian.path("/etc/netdumpd"))
    assert debian.run("find", DUMPS, "-name", "vmcore").stdout.count("\n") == 1


def dkms_status(debian):
    return debian.run("dkms", "status").stdout.strip().splitlines()


def module_files(debian):
    return debian.run("find", "/lib/modules", "-name", "netdump.ko*").stdout.split()


def test_module(debian):
    kernel, = os.listdir(debian.path("/lib/modules"))
    debian.install("old/netdump-dkms.deb", "old/netdump-tools.deb")
    old = version(debian, "netdump-dkms")
    status, = dkms_status(debian)
    assert status.startswith(f"netdump/{old}, {kernel}") and status.endswith(": installed")
    debian.install("new/netdump-dkms.deb", "new/netdump-tools.deb")
    new = version(debian, "netdump-dkms")
    status, = dkms_status(debian)
    assert status.startswith(f"netdump/{new}, {kernel}") and status.endswith(": installed")
    module, = module_files(debian)
    assert debian.run("modinfo", "-F", "vermagic", module).stdout.split()[0] == kernel
    loaded = debian.run("systemd-analyze", "cat-config", "modules-load.d/netdump.conf").stdout
    assert "netdump" in loaded.splitlines()
    debian.purge("netdump-dkms", "netdump-tools")
    assert not module_files(debian) and not dkms_status(debian)


def test_tools_find_their_parts(debian):
    debian.install("new/netdump-tools.deb")
    for name in ("netdump-send", "netdump-test", "netdump-status", "netdump-drivers", "netdump-wrap"):
        assert f"usage: {name}" in debian.run(name, "--help").stdout
    refused = debian.run("netdump-wrap", "/bin/true", "/tmp/out", check=False)
    assert refused.returncode == 1 and "no Linux bzImage" in refused.stderr
    assert "netdump.ko is not loaded" in debian.run("netdump-send", "/etc/passwd", check=False).stderr


def test_boot_files_are_the_tree_s(debian):
    debian.install("new/pxelinux-netdump.deb")
    folder = debian.path("/usr/lib/pxelinux-netdump")
    tftpboot = os.path.join(ROOT, "build", "tftpboot")
    names = sorted(name for name in os.listdir(tftpboot) if not name.startswith("."))
    assert sorted(os.listdir(folder)) == names
    for name in names:
        with open(os.path.join(folder, name), "rb") as ours, \
                open(os.path.join(tftpboot, name), "rb") as theirs:
            assert ours.read() == theirs.read(), name


def test_site_check_reads_the_examples(debian):
    debian.install("new/netdump-site.deb", "new/pxelinux-netdump.deb")
    done = debian.run("site-check", "--json", "/usr/share/doc/pxelinux-netdump/examples", check=False)
    assert done.returncode == 1 and not done.stderr  # no kernel is there
    assert '"armed": true' in done.stdout and "vmlinuz is not there" in done.stdout
    debian.purge("netdump-site")
    assert not os.path.exists(debian.path("/usr/lib/netdump-site"))


def test_where_nothing_runs(image):
    """As when the image of a machine is made."""
    image.install(*(f"new/{package}.deb" for package in PACKAGES))
    assert image.run("netdumpd", "pubkey", KEY).stdout.startswith("key=")
    assert module_files(image)
    assert os.path.islink(image.path("/etc/systemd/system/multi-user.target.wants/netdumpd.service"))
    image.purge(*PACKAGES)
    assert not module_files(image) and not os.path.exists(image.path("/etc/netdumpd"))
