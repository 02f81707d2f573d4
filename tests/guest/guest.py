# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare QEMU guest for tests: started, watched on its serial line, always ended."""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))

import contract  # noqa: E402  (needs the path above)

WAIT_S = 300  # for a guest on a busy machine: they take seconds
POLL_S = 0.2

HANDOFF_PHYS = 0x90000  # SeaBIOS leaves this memory alone
DINI_PHYS = 0x7000000
DINI_BYTES = 0x10000
HANDOFF_VERSION = contract.define("ND_HANDOFF_VERSION")
HANDOFF_BYTES = contract.size("nd_handoff")
SEAL_AT = 24  # seal_crc: what the block's own checksum begins with
PCI_COPY_AT = contract.offset("nd_handoff", "mac") - 8
GATE_PHYS_AT = contract.offset("nd_handoff", "gate_phys")
DINI_PHYS_AT = contract.offset("nd_handoff", "dini_phys")
LAST_WORDS_BYTES = contract.define("ND_REASON_BYTES")
LAST_WORDS_AT = HANDOFF_BYTES - LAST_WORDS_BYTES
KEPT_BYTES = contract.size("nd_last_words")


class GuestTimeout(AssertionError):
    """A line did not come in time; carries what came instead."""


class Guest:
    """QEMU with COM1 on a pipe.  Use as a context manager."""

    def __init__(self, *args, memory="512M", cpus=1):
        self.text = ""
        self.folder = tempfile.TemporaryDirectory(prefix="guest-")
        self.monitor = os.path.join(self.folder.name, "monitor")
        command = [
            "qemu-system-x86_64", "-m", memory, "-smp", str(cpus), "-display", "none",
            "-no-reboot", "-nic", "none", "-serial", "stdio", "-monitor",
            f"unix:{self.monitor},server=on,wait=off", *args,
        ]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()

    def _read_more(self, deadline, what):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
            raise GuestTimeout(f"waited for {what!r} in vain; the guest said:\n{self.text}")
        more = os.read(self.process.stdout.fileno(), 65536)
        self.text += more.decode("latin-1").replace("\r", "")
        return bool(more)

    def _read_some(self):
        """What has come already."""
        if select.select([self.process.stdout], [], [], POLL_S)[0]:
            self._read_more(time.monotonic() + POLL_S, "more")

    def wait_line(self, text):
        """The first whole line that contains text."""
        deadline = time.monotonic() + WAIT_S
        while True:
            for line in self.text.split("\n")[:-1]:
                if text in line:
                    return line
            if not self._read_more(deadline, text):
                raise AssertionError(f"the guest ended without {text!r}; it said:\n{self.text}")

    def wait_end(self):
        """Until QEMU ends, as it does when the guest resets the machine."""
        deadline = time.monotonic() + WAIT_S
        while self._read_more(deadline, "the end of QEMU"):
            pass
        self.process.wait(timeout=WAIT_S)

    def memory(self, phys, size):
        """Guest physical memory, read through QEMU's monitor."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "memory")
            self._command(f'pmemsave {phys:#x} {size:#x} "{path}"')
            with open(path, "rb") as file:
                return file.read()

    def last_words(self, handoff_phys=HANDOFF_PHYS):
        """Why there was no dump: in the block, and, the same, where the next boot looks."""
        block = self.memory(handoff_phys, HANDOFF_BYTES)
        words = block[LAST_WORDS_AT:].rstrip(b"\0")
        dini_phys, dini_bytes = struct.unpack_from("<II", block, DINI_PHYS_AT)
        kept = self.memory(dini_phys + dini_bytes - KEPT_BYTES, KEPT_BYTES)
        text = kept[KEPT_BYTES - LAST_WORDS_BYTES:]
        assert kept[:20] == b"$PXE-NETDUMP-LW$" + struct.pack("<I", zlib.crc32(text))
        assert text.rstrip(b"\0") == words
        return words.decode()

    def wait_reset(self):
        """Until the guest resets the machine; for one with -no-shutdown, whose memory stays."""
        deadline = time.monotonic() + WAIT_S
        while "(shutdown)" not in self._command("info status"):
            self._read_some()
            if time.monotonic() > deadline:
                raise GuestTimeout(f"no reset came; the guest said:\n{self.text}")

    def _command(self, line):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(WAIT_S)
            sock.connect(self.monitor)
            self._await_prompt(sock)
            sock.sendall(line.encode() + b"\n")
            return self._await_prompt(sock)

    def _await_prompt(self, sock):
        seen = b""
        while not seen.endswith(b"(qemu) "):
            more = sock.recv(65536)
            if not more:
                raise AssertionError(f"QEMU's monitor is gone; the guest said:\n{self.text}")
            seen += more
        return seen.decode("latin-1")


def handoff(dini, seal_crc=None, phys=HANDOFF_PHYS, sealed=(), pci_copy=(0, 0)):
    """The handoff block of include/netdump/handoff.h that lies at phys, for a DINI at DINI_PHYS.

    sealed: what the seal covers besides DINI's image, as (phys, bytes); pci_copy: phys, count.
    """
    entry_offset = struct.unpack_from("<I", dini, 16)[0]
    block = bytearray(HANDOFF_BYTES)
    block[0:16] = b"$PXE-NETDUMP-ND$"
    struct.pack_into("<HH", block, 16, HANDOFF_VERSION, HANDOFF_BYTES)
    ranges = [(DINI_PHYS, dini), *sealed]
    crc = 0
    for _, data in ranges:
        crc = zlib.crc32(data, crc)
    struct.pack_into("<II", block, SEAL_AT, crc if seal_crc is None else seal_crc, len(ranges))
    for number, (start, data) in enumerate(ranges):
        struct.pack_into("<II", block, SEAL_AT + 8 + 8 * number, start, len(data))
    struct.pack_into("<I", block, GATE_PHYS_AT, phys)  # the gate begins with the block
    struct.pack_into("<IIII", block, DINI_PHYS_AT, DINI_PHYS, DINI_BYTES, len(dini),
                     DINI_PHYS + entry_offset)
    struct.pack_into("<II", block, PCI_COPY_AT, *pci_copy)
    checked = bytes(block[SEAL_AT:HANDOFF_BYTES - LAST_WORDS_BYTES])
    struct.pack_into("<I", block, 20, zlib.crc32(checked))
    return bytes(block)


def load_args(folder, **pieces):
    """QEMU arguments that put pieces (name=(phys, bytes)) into memory before it starts."""
    args = []
    for name, (phys, data) in pieces.items():
        path = os.path.join(str(folder), name)
        with open(path, "wb") as file:
            file.write(data)
        args += ["-device", f"loader,file={path},addr={phys:#x},force-raw=on"]
    return args
