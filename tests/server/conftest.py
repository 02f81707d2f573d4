# SPDX-License-Identifier: GPL-2.0-or-later
"""A real netdumpd on loopback for each test, and what tests ask of the dumps it leaves."""
import hashlib
import json
import os
import random
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import fakemachine
from fakeimage import PAGE

# netdumpd will not run as root.
USER = ["--user", "nobody"] if os.geteuid() == 0 else []
BUILD = os.environ.get("NETDUMP_BUILD", "build/server")
INSTALLED = os.environ.get("NETDUMP_INSTALLED", "build/server")  # the same without sanitizers
FAULTYFILES = os.path.abspath(os.environ.get("NETDUMP_FAULTYFILES", "build/tests/faultyfiles.so"))


class Server:
    """netdumpd; without a key unless `options` name one."""

    def __init__(self, folder, *options, port=0, file_limit=None, open_limit=None, fault=None,
                 fault_below="", fault_name="", build=BUILD):
        self.dir = folder
        env = {**os.environ}
        # freed memory is not kept back: memory in use is looked at
        asan = "quarantine_size_mb=1"
        if fault:
            env.update(LD_PRELOAD=FAULTYFILES, FAULTYFILES=fault,
                       FAULTYFILES_DIR=str(folder / fault_below), FAULTYFILES_NAME=fault_name)
            asan += ":verify_asan_link_order=0"

        def limit():
            for what, most in ((resource.RLIMIT_FSIZE, file_limit),
                               (resource.RLIMIT_NOFILE, open_limit)):
                if most:
                    resource.setrlimit(what, (most, most))

        self.process = subprocess.Popen(
            [os.path.join(build, "netdumpd"), "--dir", str(folder), "--listen",
             f"127.0.0.1:{port}", *([] if "--key" in options else ["--insecure"]), *USER,
             *options],
            stderr=subprocess.PIPE, text=True, preexec_fn=limit, env={**env, "ASAN_OPTIONS": asan})
        first = self.process.stderr.readline()
        found = re.search(r"listening on ([\d.]+):(\d+)", first)
        assert found, first
        self.address = (found.group(1), int(found.group(2)))
        self.log = [first]
        self.killed = False
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr))
        self.reader.start()

    def text(self):
        return "".join(self.log)

    def stop(self):
        if self.killed:
            return self.text()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.reader.join(30)
        assert code == 0, self.text()
        assert "Sanitizer" not in self.text() and "runtime error" not in self.text(), self.text()
        return self.text()

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait(30)
        self.reader.join(30)

    def memory_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def dumps(self):
        """Folders of dumps by path relative to DIR."""
        return sorted(f"{h}/{d}" for h in os.listdir(self.dir)
                      for d in os.listdir(self.dir / h))

    def info(self, path):
        return json.loads((self.dir / path / "info.json").read_text())


@pytest.fixture
def serve(tmp_path):
    servers = []

    def start(*options, **more):
        more.setdefault("folder", tmp_path / "dumps")
        server = Server(more.pop("folder"), *options, **more)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def machine():
    machines = []

    def make(server, image, session, **more):
        machines.append(fakemachine.FakeMachine(server.address, image, session, **more))
        return machines[-1]

    yield make
    for one in machines:
        one.close()


@pytest.fixture
def wire():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(5)
    yield sock
    sock.close()


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def loads(path):
    """(offset, vaddr, paddr, filesz, memsz) of each PT_LOAD, and the notes."""
    with open(path, "rb") as core:
        head = core.read(64)
        assert head[:7] == b"\x7fELF\x02\x01\x01" and struct.unpack_from("<H", head, 16) == (4,)
        offset, = struct.unpack_from("<Q", head, 32)
        count, = struct.unpack_from("<H", head, 56)
        core.seek(offset)
        found, notes = [], b""
        for _ in range(count):
            kind, _, off, vaddr, paddr, filesz, memsz, _ = struct.unpack("<IIQQQQQQ", core.read(56))
            if kind == 1:
                found.append((off, vaddr, paddr, filesz, memsz))
            else:
                here = core.tell()
                core.seek(off)
                notes += core.read(filesz)
                core.seek(here)
        return found, notes


def assert_right(server, path, image):
    """The dump's bytes are the image's, and its info tells the truth about the file."""
    folder = server.dir / path
    found, notes = loads(folder / "vmcore")
    assert [(v, p, f, m) for _, v, p, f, m in found] == [
        (v, p, n, n) for _, p, v, n in image.loads]
    with open(folder / "vmcore", "rb") as core:
        for (offset, _, _, size, _), (source, _, _, _) in zip(found, image.loads):
            core.seek(offset)
            if core.read(size) != image.read(source, size):
                pytest.fail(f"{path}: the extent at {source:#x} differs")
    info = server.info(path)
    assert info["status"] == "complete" and not info["missing"]
    assert info["sha256"] == hashlib.sha256((folder / "vmcore").read_bytes()).hexdigest()
    assert info["vmcore_bytes"] == (folder / "vmcore").stat().st_size
    if image.log:
        assert (folder / "dmesg.txt").read_text() == image.log
        assert info["release"] == image.release
        assert info["panic"] == "Kernel panic - not syncing: sysrq triggered crash"
        assert info["seconds_to_first_log"] <= info["seconds_to_end"]
        assert notes.count(b"CORE\0") == info["cpus"] == image.cpus
        assert b"OSRELEASE=" + image.release.encode() in notes
    assert (folder / "vmcore").stat().st_size % PAGE == 0


# --- what living systems send ------------------------------------------------


def noise_bytes(seed, count):
    return random.Random(seed).randbytes(count)


def files_of(server, path):
    return sorted(os.listdir(server.dir / path))


def assert_kept(server, path, data, file="log"):
    assert (server.dir / path / file).read_bytes() == data
    info = server.info(path)
    assert info["status"] == "complete" and not info["missing"] and not info["why"]
    assert info["bytes"] == len(data)
    assert info["sha256"] == hashlib.sha256(data).hexdigest()
    return info


def ctl(server, *words):
    return subprocess.run([os.path.join(BUILD, "netdumpctl"), "--dir", str(server.dir), *words],
                          capture_output=True, text=True, timeout=60, check=False)
