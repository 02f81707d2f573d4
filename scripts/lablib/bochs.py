# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine as Bochs makes it: --emulator bochs.

Slower than QEMU, and of other make: a second opinion, with processors that QEMU's emulation
lacks (PCID, x2APIC).  The serial port is a FIFO that the lab holds open, the debugger's prompt is
on standard input and output.
"""

import os
import re
import select
import signal
import subprocess
import threading

from .process import BUSY_S, LabError, Lines

CPU = "corei7_skylake_x"
IPS = 120_000_000  # instructions that make up a second: fewer, and DINI doubts its clock
SHARE = "/usr/share/bochs"
ROMS = "/usr/lib/ipxe/qemu"
NICS = {"e1000": ("e1000: enabled=1", "pxe-e1000.rom"),
        "ne2k_pci": ("ne2k: enabled=1", "pxe-ne2k_pci.rom")}
SLOTS = {"e1000": "e1000", "ne2k_pci": "ne2k"}
READY = re.compile(r"<bochs:\d+> $")
POLL_S = 0.2


def check(args):
    """What --emulator bochs has no place for, as a LabError."""
    for wrong, what in ((args.nic not in NICS, f"--nic: {', '.join(NICS)}"),
                        (args.machine != "pc", "--machine: pc"),
                        (args.cpus != 1, "--cpus: 1"),
                        (args.wiring in ("vlan", "trunk"), "--wiring: plain, router"),
                        (args.behind or args.qemu_arg or args.pcap,
                         "neither --behind, --qemu-arg nor --pcap")):
        if wrong:
            raise LabError(f"--emulator bochs has {what}")


class Machine:
    """One Bochs; the same verbs as QEMU's Machine, but that nobody can type."""
    NAME = "Bochs"

    def __init__(self, processes, out_dir, on_line=None):
        self._processes = processes
        self._out_dir = out_dir
        self._on_line = on_line
        self._fifo = os.path.join(out_dir, "serial.fifo")
        self._reader = None
        self._prompt = None
        self._seen = 0  # of what the debugger said
        self.serial = None
        self.process = None

    def start(self, network, *, nic, mac, mem, **_):
        config = self._file("bochsrc", self._config(network, nic, mac, mem))
        commands = self._file("bochs.commands", "continue\n")
        if os.path.exists(self._fifo):
            os.unlink(self._fifo)
        os.mkfifo(self._fifo)
        line = os.open(self._fifo, os.O_RDWR | os.O_NONBLOCK)
        self.serial = Lines(os.path.join(self._out_dir, "serial.log"), self._on_line)
        self.process, self._prompt = self._processes.start(
            "bochs", ["bochs", "-q", "-f", config, "-rc", commands],
            namespace_pid=network.namespace_pid, keep_lines=True, stdin=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read_serial, args=(line,), daemon=True)
        self._reader.start()

    def _config(self, network, nic, mac, mem):
        words, rom = NICS[nic]
        return "\n".join([
            'config_interface: textconfig',
            'display_library: rfb, options="timeout=0"',
            f"megs: {_mebibytes(mem)}",
            f"cpu: model={CPU}, count=1, ips={IPS}, reset_on_triple_fault=1, "
            "ignore_bad_msrs=0",
            f"romimage: file={SHARE}/BIOS-bochs-latest",
            f"vgaromimage: file={SHARE}/VGABIOS-lgpl-latest",
            f"pci: enabled=1, chipset=i440fx, slot1={SLOTS[nic]}",
            f"{words}, mac={mac}, {network.bochs_words(self._file)}, bootrom={ROMS}/{rom}",
            "boot: network",
            # without a sound card its mixer's thread overflows a buffer, and Bochs is gone
            "sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy",
            "clock: sync=none",
            f"com1: enabled=1, mode=file, dev={self._fifo}",
            f"log: {os.path.join(self._out_dir, 'bochs-devices.log')}", ""])

    def _file(self, name, text):
        path = os.path.join(self._out_dir, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def _read_serial(self, line):
        while True:
            gone = self.gone()
            ready, _, _ = select.select([line], [], [], POLL_S)
            if ready:
                self.serial.feed(os.read(line, 65536))
            elif gone:
                break
        os.close(line)
        self.serial.close()

    def gone(self):
        return self.process.poll() is not None

    def _await_prompt(self):
        """The debugger's next prompt."""
        match = self._prompt.wait(READY, BUSY_S, self._seen)
        if not match:
            raise LabError("Bochs's debugger does not answer: see bochs.log")
        self._seen = match.end()

    def pause(self):
        os.kill(self.process.pid, signal.SIGINT)
        self._await_prompt()

    def memory_save(self, phys, size, path):
        """DINI has memory below 4 GiB mapped one to one."""
        self.process.stdin.write(f'writemem "{os.path.abspath(path)}" {phys:#x} {size}\n'.encode())
        self.process.stdin.flush()
        self._await_prompt()

    def quit(self):
        if self.process:
            self._processes.stop(self.process)
            self._reader.join(timeout=5)
            os.unlink(self._fifo)


def _mebibytes(mem):
    found = re.fullmatch(r"(\d+)([MG])", mem)
    if not found:
        raise LabError(f"--mem {mem}: --emulator bochs takes a number with M or G behind it")
    return int(found[1]) * (1024 if found[2] == "G" else 1)
