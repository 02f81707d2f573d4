# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian of its own, booted beside this one: an overlay on a tree that is unpacked once."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
               "DEBIAN_FRONTEND=noninteractive")
NUMBERS = itertools.count()
# A container of Debian 12 forbids what it does not know yet.
LANDLOCK = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
# What APT, dpkg and a running system write for themselves.
VOLATILE = re.compile(
    r"(proc|sys|dev|run|tmp|debs|var/(tmp|log|cache|lib/(apt|dpkg|systemd|dbus)))(/|$)|"
    r"etc/((passwd|group|shadow|gshadow)-|machine-id|ld\.so\.cache)$|(usr/)?lib/modules/[^/]*/modules\.")


def until(condition, what, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {seconds} s"
        time.sleep(0.1)


class Image:
    """Nothing runs in it but one command at a time."""

    def __init__(self, base, debs):
        self.top = tempfile.mkdtemp(prefix="netdump-debian-")
        self.root = os.path.join(self.top, "root")
        upper, work = os.path.join(self.top, "upper"), os.path.join(self.top, "work")
        for folder in (self.root, upper, work):
            os.mkdir(folder)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={base},upperdir={upper},workdir={work}", self.root], check=True)
        shutil.copytree(debs, os.path.join(self.root, "debs"))
        self.nspawn = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no",
                       "--keep-unit", "--private-network", f"--system-call-filter={LANDLOCK}",
                       f"--machine=netdump-{os.getpid()}-{next(NUMBERS)}"]

    def entry(self):
        """The words before a command that is to run in there."""
        return [*self.nspawn, "--pipe"]

    def run(self, *command, check=True):
        """A command in there, as root."""
        done = subprocess.run([*self.entry(), "env", "-i", *ENVIRONMENT, *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def install(self, *packages):
        """Packages by their files' names in debs, with what they depend on there already."""
        return self.run("apt-get", "install", "-y", "--no-install-recommends",
                        *(f"/debs/{name}" for name in packages)).stdout

    def purge(self, *packages):
        return self.run("apt-get", "purge", "-y", *packages).stdout

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def files(self):
        """Everything that is there, by name, but for what is VOLATILE."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            for name in names + folders:
                path = os.path.normpath(os.path.join(inside, name))
                if not VOLATILE.match(path):
                    found.add(path)
        return found

    def close(self):
        subprocess.run(["umount", self.root], check=True)
        shutil.rmtree(self.top)


class Debian(Image):
    """Runs systemd in namespaces of its own, without a network but loopback."""

    def __init__(self, base, debs):
        super().__init__(base, debs)
        self.console = open(os.path.join(self.top, "console"), "wb")
        self.process = subprocess.Popen([*self.nspawn, "--boot"], stdin=subprocess.DEVNULL,
                                        stdout=self.console, stderr=subprocess.STDOUT)
        try:
            until(self.is_up, f"Debian in {self.root}")
        except BaseException:
            self.close()
            raise

    def init(self):
        """The process that is number 1 in there; None: not yet."""
        task = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(task, encoding="ascii") as file:
            children = file.read().split()
        return children[0] if children else None

    def is_up(self):
        assert self.process.poll() is None, self.said()
        return self.init() and self.run("systemctl", "is-system-running",
                                        check=False).stdout.strip() in ("running", "degraded")

    def said(self):
        with open(os.path.join(self.top, "console"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def entry(self):
        return ["nsenter", "--target", self.init(), "--mount", "--uts", "--ipc", "--net", "--pid",
                "--root", "--wd"]

    def run_here(self, *command):
        """A program of this system's, on the network in there."""
        return subprocess.run(["nsenter", "--target", self.init(), "--net", *command],
                              capture_output=True, text=True, timeout=300, check=False)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # the system ends as if powered off
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.console.close()
        super().close()
