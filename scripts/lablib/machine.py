# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine: QEMU without KVM, its serial port and its monitor."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading

from .process import BUSY_S, LabError, Lines

# What the NIC may be plugged into, other than the machine itself.
BEHIND = {"bridge": "pci-bridge,id=above,chassis_nr=1",
          "root-port": "pcie-root-port,id=above,chassis=1"}


class Machine:
    """One QEMU.  Its monitor comes to a socket of the lab's, its serial port is a pair of FIFOs.

    A FIFO holds 64 KiB for a reader that the host keeps waiting; a socket, which pays for each
    of a port's single bytes, holds 278, and then QEMU drops what the system goes on to say.
    """
    NAME = "QEMU"

    def __init__(self, processes, out_dir, on_line=None, keep=None):
        self._processes = processes
        self._out_dir = out_dir
        self._on_line = on_line
        self._keep = keep  # as Lines has it
        self.sockets = tempfile.mkdtemp(prefix="ndlab-")  # short: a path has 107 bytes
        self._monitor = None
        self._said = self._typed = None
        self._reader = None
        self.serial = None
        self.process = None

    def start(self, network, *, nic, mac, machine, mem, cpus, behind=None, extra=(),
              pcap=None, reboots=False):
        port = os.path.join(self.sockets, "serial")
        self._typed = self._fifo(f"{port}.in", os.O_RDWR)
        self._said = self._fifo(f"{port}.out", os.O_RDONLY | os.O_NONBLOCK)  # it ends with QEMU
        monitor = self._listen("monitor")
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-machine", machine, "-m", mem,
                "-smp", str(cpus), "-display", "none", "-boot", "n",
                *([] if reboots else ["-no-reboot"]),
                "-chardev", f"pipe,id=ser0,path={port}",
                "-serial", "chardev:ser0",
                "-chardev", f"socket,id=mon0,path={self.sockets}/monitor",
                "-mon", "chardev=mon0,mode=control",
                *network.qemu_args(),
                *extra,  # a port that the NIC is to be plugged into has to be there first
                *(["-device", BEHIND[behind]] if behind else []),
                "-device", f"{nic},netdev=n0,mac={mac}" + (",bus=above" if behind else "")]
        if pcap:
            argv += ["-object", f"filter-dump,id=pcap0,netdev=n0,file={pcap}"]
        self.process, _ = self._processes.start("qemu", argv,
                                                namespace_pid=network.namespace_pid)
        connection = self._accept(monitor)  # by now QEMU has the port open
        self.serial = Lines(os.path.join(self._out_dir, "serial.log"), self._on_line,
                            self._keep)
        self._reader = threading.Thread(target=self._read_serial, daemon=True)
        self._reader.start()
        self._monitor = Monitor(connection)

    @staticmethod
    def _fifo(path, flags):
        """A new FIFO, opened without waiting for its other end; reads and writes then wait."""
        os.mkfifo(path)
        end = os.open(path, flags)
        os.set_blocking(end, True)
        return end

    def _listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.sockets, name))
        listener.listen(1)
        listener.settimeout(0.2)
        return listener

    def _accept(self, listener):
        with listener:
            for _ in range(int(BUSY_S / 0.2)):
                try:
                    return listener.accept()[0]
                except TimeoutError:
                    if self.process.poll() is not None:
                        break
        raise LabError("starting QEMU: "
                       + (self._processes.log_tail("qemu") or "it does not open its monitor"))

    def _read_serial(self):
        while data := os.read(self._said, 65536):
            self.serial.feed(data)
        self.serial.close()

    def gone(self):
        return self.process.poll() is not None

    def type(self, text):
        """Type on the serial console."""
        os.write(self._typed, text.encode())

    def pause(self):
        self._monitor.command("stop")

    def go_on(self):
        self._monitor.command("cont")

    def monitor(self, line):
        """What QEMU's monitor for people says to a line."""
        return self._monitor.command("human-monitor-command", **{"command-line": line})

    def memory_save(self, phys, size, path):
        """Have QEMU write guest-physical memory to a file."""
        self._monitor.command("pmemsave", val=phys, size=size, filename=os.path.abspath(path))

    def quit(self):
        if self.process:
            if self._monitor and not self.gone():
                try:
                    self._monitor.command("quit")
                    self.process.wait(5)
                except (LabError, OSError, subprocess.TimeoutExpired):
                    pass  # stop() below does it the hard way
            self._processes.stop(self.process)
        if self._reader:
            self._reader.join(timeout=5)
        for end in self._typed, self._said:
            if end is not None:
                os.close(end)
        if self._monitor:
            self._monitor.close()
        shutil.rmtree(self.sockets, ignore_errors=True)


class Monitor:
    """QEMU's machine protocol: one JSON object a line, events in between."""

    def __init__(self, connection):
        self._connection = connection
        self._connection.settimeout(BUSY_S)
        self._stream = connection.makefile("rw", encoding="utf-8")
        self._read()  # the greeting
        self.command("qmp_capabilities")

    def _read(self):
        try:
            line = self._stream.readline()
        except OSError as error:
            raise LabError(f"QEMU's monitor does not answer: {error}") from error
        if not line:
            raise LabError("QEMU's monitor is gone: see qemu.log")
        return json.loads(line)

    def command(self, name, **arguments):
        self._stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._stream.flush()
        while True:
            answer = self._read()
            if "error" in answer:
                raise LabError(f"QEMU's monitor, {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        try:
            self._stream.close()
        except OSError:
            pass  # QEMU went first, with a command still in the buffer
        self._connection.close()
