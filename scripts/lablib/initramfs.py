# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock kernel's initial file system: busybox, NIC drivers, kexec.

Two archives, as a site might have them: the system, compressed, kept in
build/guest between runs; and what kexec -p loads, made anew for each run.  Files
are written in cpio's "newc" form here, so that device nodes need no root.
"""

import fcntl
import gzip
import io
import lzma
import os
import shutil
import subprocess
import tempfile

from .fault import BREAKER
from .guest import LIBRARY_DIRS
from .process import LabError

HERE = os.path.dirname(os.path.abspath(__file__))
INIT = os.path.join(HERE, "init.sh")
KDUMP_INIT = os.path.join(HERE, "kdump.sh")
BUSYBOX = "/bin/busybox"

# Every NIC that QEMU has with a PCI bus, and a disk in memory; depmod finds what they need.
DRIVERS = ("e1000", "e1000e", "igb", "8139cp", "8139too", "virtio_net", "virtio_pci", "vmxnet3",
           "pcnet32", "ne2k-pci", "e100", "tulip", "sunhme", "rocker", "af_packet", "brd",
           "xen-privcmd", "xenfs", "8021q")
MODULE_INDEXES = ("modules.order", "modules.builtin", "modules.builtin.modinfo")


class Archive:
    """A cpio archive in memory."""

    def __init__(self):
        self._out = io.BytesIO()
        self._inode = 0
        self._dirs = set()
        self._files = set()

    def has(self, path):
        return path in self._files

    def directory(self, path):
        parent = os.path.dirname(path)
        if parent:
            self.directory(parent)
        if path not in self._dirs:
            self._dirs.add(path)
            self._entry(path, 0o040755, b"")

    def file(self, path, data, mode=0o644):
        self.directory(os.path.dirname(path))
        self._files.add(path)
        self._entry(path, 0o100000 | mode, data)

    def link(self, path, target):
        self.directory(os.path.dirname(path))
        self._entry(path, 0o120777, target.encode())

    def character_device(self, path, major, minor):
        self.directory(os.path.dirname(path))
        self._entry(path, 0o020600, b"", (major, minor))

    def _entry(self, path, mode, data, device=(0, 0)):
        if not path:
            return
        self._inode += 1
        name = path.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        self._out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + name)
        self._pad(4)
        self._out.write(data)
        self._pad(4)

    def _pad(self, unit):
        self._out.write(b"\0" * (-self._out.tell() % unit))

    def finish(self):
        self._entry("TRAILER!!!", 0, b"")
        self._pad(512)
        return self._out.getvalue()


def system_archive(guest, drivers=DRIVERS):
    """The path of the compressed archive, made unless it is newer than what is in it."""
    name = "system.cpio.gz" if drivers else "driverless.cpio.gz"
    path = os.path.join(guest.dir, name)
    made_of = (INIT, BUSYBOX, guest.vmlinuz, guest.kexec_root, os.path.abspath(__file__))
    if not os.path.exists(BUSYBOX):
        raise LabError(f"{BUSYBOX} is missing: scripts/setup lab installs busybox-static")
    with open(os.path.join(guest.dir, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(path) and all(os.path.getmtime(part) <= os.path.getmtime(path)
                                        for part in made_of):
            return path
        archive = Archive()
        _add_system(archive, INIT)
        _add_modules(archive, guest, drivers)
        _add_program(archive, guest.kexec_root, "sbin/kexec")
        with open(f"{path}.new", "wb") as out:
            out.write(gzip.compress(archive.finish(), 6))
        os.rename(f"{path}.new", path)
    return path


def crash_archive(path, image):
    """An archive with nothing but the crash image, uncompressed."""
    archive = Archive()
    with open(image, "rb") as data:
        archive.file("netdump-kexec.elf", data.read())
    with open(path, "wb") as out:
        out.write(archive.finish())


def breaker_archive(path):
    """What breaks the machine as --fault says, for a run that wants it."""
    if not os.path.exists(BREAKER):
        raise LabError(f"{BREAKER} is not built: run make breaker")
    archive = Archive()
    with open(BREAKER, "rb") as data:
        archive.file("bin/breaker", data.read(), 0o755)
    with open(path, "wb") as out:
        out.write(archive.finish())


def kdump_archive(path, guest, wrapped):
    """An archive with a wrapped crash kernel, and with the initial file system for that."""
    system = Archive()
    _add_system(system, KDUMP_INIT)
    _add_program(system, guest.kexec_root, "sbin/vmcore-dmesg")
    _crash_kernel_archive(path, wrapped, gzip.compress(system.finish(), 1), "quiet reset_devices")


def sender_archive(path, guest, *, init, drivers, programs, files, words):
    """An archive with the stock kernel as the crash kernel, words for its command line, and an
    initial file system that sends a dump: drivers, programs as (root, name), files as
    {name: (data, mode)}."""
    system = Archive()
    _add_system(system, init)
    _add_modules(system, guest, drivers)
    for root, name in programs:
        _add_program(system, root, name)
    for name, (data, mode) in files.items():
        system.file(name, data, mode)
    _crash_kernel_archive(path, guest.vmlinuz, gzip.compress(system.finish(), 6), words)


def _crash_kernel_archive(path, kernel, initramfs, words):
    archive = Archive()
    archive.file("crash.cpio.gz", initramfs)
    archive.file("crash.words", f"{words}\n".encode())
    with open(kernel, "rb") as data:
        archive.file("crash.vmlinuz", data.read())
    with open(path, "wb") as out:
        out.write(archive.finish())


def module_archive(path, modules):
    """Kernel modules of ours, and what goes with them, at the root."""
    archive = Archive()
    for module in modules:
        with open(module, "rb") as data:
            archive.file(os.path.basename(module), data.read())
    with open(path, "wb") as out:
        out.write(archive.finish())


def _add_system(archive, first_process):
    for directory in ("proc", "sys", "dev", "tmp", "run"):
        archive.directory(directory)
    archive.character_device("dev/console", 5, 1)
    with open(first_process, "rb") as init:
        archive.file("init", init.read(), 0o755)
    with open(BUSYBOX, "rb") as busybox:
        archive.file("bin/busybox", busybox.read(), 0o755)
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    for applet in applets.stdout.split():
        if applet != "busybox" and "/" not in applet:
            archive.link(f"bin/{applet}", "busybox")


def _add_modules(archive, guest, drivers):
    """Drivers and their dependencies, with an index of just these."""
    with open(os.path.join(guest.modules, "modules.dep"), encoding="utf-8") as index:
        depends = {}
        for line in index:
            module, _, rest = line.partition(":")
            depends[module] = rest.split()
    wanted = set()
    for module, rest in depends.items():
        if os.path.basename(module).split(".")[0] in drivers:
            wanted.update([module] + rest)
    with tempfile.TemporaryDirectory(prefix="ndlab-") as staging:
        root = os.path.join(staging, "lib/modules", guest.release)
        os.makedirs(root)
        for module in wanted:
            data = _module(os.path.join(guest.modules, module))
            path = os.path.join(root, module.removesuffix(".xz"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as out:
                out.write(data)
        for name in MODULE_INDEXES:
            shutil.copy(os.path.join(guest.modules, name), root)
        subprocess.run(["depmod", "-b", staging, guest.release], check=True)
        for directory, _, names in os.walk(root):
            for name in sorted(names):
                path = os.path.join(directory, name)
                with open(path, "rb") as data:
                    archive.file(os.path.relpath(path, staging), data.read())


def _module(path):
    with open(path, "rb") as file:
        data = file.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def _add_program(archive, root, name):
    """Programs have libraries in common: one is enough."""
    for file, path in program_files(root, name):
        if not archive.has(file):
            with open(path, "rb") as data:
                archive.file(file, data.read(), 0o755)


def program_files(root, name):
    """(name for the loader, path) of a program below root, of its loader and of exactly the
    libraries that this says the program needs."""
    loader = "lib64/ld-linux-x86-64.so.2"
    dirs = [os.path.join(root, directory) for directory in LIBRARY_DIRS]
    loader_file = os.path.join(dirs[0], "ld-linux-x86-64.so.2")
    program = os.path.join(root, name)
    listed = subprocess.run([loader_file, "--library-path", ":".join(dirs), "--list", program],
                            capture_output=True, text=True, check=False)
    if listed.returncode:
        raise LabError(f"finding the libraries of {program}: {listed.stderr.strip()}")
    for line in listed.stdout.splitlines():
        if " => " in line:
            library, path = line.split(" => ")
            yield f"lib/x86_64-linux-gnu/{library.strip()}", path.rsplit(" (", 1)[0]
    yield loader, loader_file
    yield name, program
