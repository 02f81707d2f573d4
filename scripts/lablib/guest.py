# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's stock kernel and what the guest runs: downloaded and extracted, never installed.

The packages stay in build/downloads, what is in them in build/guest.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

from .process import LabError

KERNEL_PACKAGE = "linux-image-amd64"
KEXEC_PACKAGE = "kexec-tools"
LIBRARY_DIRS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")


class Guest:
    """Where the parts of the stock system are."""

    def __init__(self, build_dir):
        self._downloads = os.path.join(build_dir, "downloads")
        self.dir = os.path.join(build_dir, "guest")
        self.release = None   # 6.1.0-...-amd64
        self.vmlinuz = None
        self.modules = None   # lib/modules/RELEASE
        self.kexec_root = os.path.join(self.dir, KEXEC_PACKAGE)

    def prepare(self, say):
        """Have everything, and return it; labs that run side by side take turns."""
        os.makedirs(self._downloads, exist_ok=True)
        os.makedirs(self.dir, exist_ok=True)
        with open(os.path.join(self.dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._kernel(say)
            self._with_libraries(KEXEC_PACKAGE, say)
        return self

    def _kernel(self, say):
        """The kernel there was last time, until build/guest is removed."""
        name_file = os.path.join(self.dir, "kernel")
        if not os.path.exists(name_file):
            package = _kernel_package()
            say(f"downloading Debian's {package}, once")
            root = os.path.join(self.dir, package)
            self._unpack(self._deb(package), root)
            _run(["depmod", "-b", root, package.removeprefix("linux-image-")])
            with open(name_file, "w", encoding="utf-8") as out:
                out.write(package)
        with open(name_file, encoding="utf-8") as name:
            package = name.read()
        self.release = package.removeprefix("linux-image-")
        root = os.path.join(self.dir, package)
        self.vmlinuz = os.path.join(root, "boot", f"vmlinuz-{self.release}")
        self.modules = os.path.join(root, "lib/modules", self.release)

    def program(self, package, say):
        """The folder with a package and the libraries it needs, the C library among them."""
        os.makedirs(self._downloads, exist_ok=True)
        with open(os.path.join(self.dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._with_libraries(package, say)

    def _with_libraries(self, package, say):
        root = os.path.join(self.dir, package)
        if os.path.exists(root):
            return root
        say(f"downloading Debian's {package}, once")
        partial = f"{root}.new"
        shutil.rmtree(partial, ignore_errors=True)
        for name in _with_libraries(package):
            self._unpack(self._deb(name), partial)
        os.rename(partial, root)
        return root

    def headers(self, say):
        """The folder to build modules for the kernel in; see kmodule.py."""
        root = os.path.join(self.dir, f"linux-headers-{self.release}")
        folder = os.path.join(root, "usr/src", f"linux-headers-{self.release}")
        with open(os.path.join(self.dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(root):
                self._headers_unpack(root, say)
        return folder

    def _headers_unpack(self, root, say):
        package = f"linux-headers-{self.release}"
        say(f"downloading Debian's {package}, once")
        partial = f"{root}.new"
        shutil.rmtree(partial, ignore_errors=True)
        for name in [package, *(name for name in _depends(package)
                                if name.startswith(("linux-headers-", "linux-kbuild-")))]:
            self._unpack(self._deb(name), partial)
        # It names the other package by where that is installed.
        makefile = os.path.join(partial, "usr/src", package, "Makefile")
        with open(makefile, encoding="utf-8") as file:
            text = file.read()
        with open(makefile, "w", encoding="utf-8") as file:
            file.write(re.sub(r"\s/usr/src/", f" {root}/usr/src/", text))
        os.rename(partial, root)

    def package(self, name, say):
        """The folder with what is in a package, downloaded and extracted once."""
        os.makedirs(self._downloads, exist_ok=True)
        os.makedirs(self.dir, exist_ok=True)
        root = os.path.join(self.dir, name)
        with open(os.path.join(self.dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(root):
                say(f"downloading Debian's {name}, once")
                partial = f"{root}.new"
                shutil.rmtree(partial, ignore_errors=True)
                self._unpack(self._deb(name), partial)
                os.rename(partial, root)
        return root

    def vmlinux(self, say):
        """The kernel with its debug symbols: the one file that is kept of gigabytes of them."""
        path = os.path.join(self.dir, f"vmlinux-{self.release}")
        with open(os.path.join(self.dir, ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                package = f"linux-image-{self.release}-dbg"
                say(f"downloading Debian's {package}, once")
                deb = self._deb(package)
                say(f"taking {os.path.basename(path)} out of it")
                _extract(deb, f"/boot/{os.path.basename(path)}", f"{path}.new")
                os.rename(f"{path}.new", path)
        return path

    def _deb(self, package):
        """The file of a package, downloaded unless its newest version is there."""
        def found():
            prefix = f"{package}_"
            return sorted((os.path.join(self._downloads, name)
                           for name in os.listdir(self._downloads)
                           if name.startswith(prefix) and name.endswith(".deb")),
                          key=os.path.getmtime)
        if not found():
            with tempfile.TemporaryDirectory(dir=self._downloads) as scratch:
                _apt(["apt-get", "-q", "download", package], cwd=scratch,
                     what=f"downloading {package}")
                for name in os.listdir(scratch):  # whole ones only
                    os.rename(os.path.join(scratch, name), os.path.join(self._downloads, name))
        debs = found()
        if not debs:
            raise LabError(f"apt-get download {package} left no file in {self._downloads}")
        return debs[-1]

    @staticmethod
    def _unpack(deb, root):
        os.makedirs(root, exist_ok=True)
        _run(["dpkg", "-x", deb, root])


def _extract(deb, name_end, path):
    """One file of a package; what comes behind it there is not even unpacked."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as archive:
        try:
            with tarfile.open(fileobj=archive.stdout, mode="r|", bufsize=1 << 20) as files:
                for entry in files:
                    if entry.isfile() and entry.name.endswith(name_end):
                        with files.extractfile(entry) as file, open(path, "wb") as out:
                            shutil.copyfileobj(file, out, 1 << 20)
                        return
        except tarfile.TarError as error:
            raise LabError(f"{deb} cannot be read: {error}") from error
        finally:
            archive.terminate()
    raise LabError(f"{deb} has no file .{name_end}")


def _run(argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {_without_addresses(done.stderr)}")
    return done.stdout


def _without_addresses(text):
    """apt-get's errors without the addresses of this machine's archives."""
    errors = [line for line in text.splitlines() if line.startswith("E:")] or text.splitlines()
    return re.sub(r"[a-z+]+://\S+", "(archive)", " ".join(errors[-3:]))


def _apt(argv, what, cwd=None):
    """Run an apt command; a machine without package lists gets them once, as root."""
    try:
        return _run(argv, cwd=cwd)
    except LabError as error:
        if os.geteuid() != 0:
            raise LabError(f"{what}: {error}; if the package lists are missing or old: "
                           "sudo apt-get update") from error
    _run(["apt-get", "-q", "update"])
    return _run(argv, cwd=cwd)


def _depends(package):
    text = _apt(["apt-cache", "depends", "--no-recommends", "--no-suggests", "--no-conflicts",
                 "--no-breaks", "--no-replaces", "--no-enhances", package],
                what=f"resolving {package}")
    return re.findall(r"^\s*\|?(?:Pre)?Depends: (\S+)$", text, re.MULTILINE)


def _kernel_package():
    for name in _depends(KERNEL_PACKAGE):
        if re.fullmatch(r"linux-image-[0-9].*-amd64", name):
            return name
    raise LabError(f"{KERNEL_PACKAGE} does not name a kernel: is this Debian 12 on amd64?")


def _with_libraries(package):
    """The package and the libraries below it; its scripts' needs are not ours."""
    wanted, todo = [], [package]
    while todo:
        name = todo.pop(0)
        if name not in wanted:
            wanted.append(name)
            todo += [dep for dep in _depends(name) if dep.startswith(("lib", "zlib"))]
    return wanted
