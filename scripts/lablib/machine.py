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
    """One QEMU.  The lab listens on two sockets, QEMU connects: nothing is missed."""
    NAME = "QEMU"

    def __init__(self, processes, out_dir, on_line=None):
        self._processes = processes
        self._out_dir = out_dir
        self._on_line = on_line
        self.sockets = tempfile.mkdtemp(prefix="ndlab-")  # short: a path has 107 bytes
        self._monitor = None
        self._serial_socket = None
        self._reader = None
        self.serial = None
        self.process = None

    def start(self, network, *, nic, mac, machine, mem, cpus, behind=None, extra=(),
              pcap=None, reboots=False):
        serial, monitor = self._listen("serial"), self._listen("monitor")
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-machine", machine, "-m", mem,
                "-smp", str(cpus), "-display", "none", "-boot", "n",
                *([] if reboots else ["-no-reboot"]),
                "-chardev", f"socket,id=ser0,path={self.sockets}/serial",
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
        self._serial_socket = self._accept(serial)
        self.serial = Lines(os.path.join(self._out_dir, "serial.log"), self._on_line)
        self._reader = threading.Thread(target=self._read_serial, daemon=True)
        self._reader.start()
        self._monitor = Monitor(self._accept(monitor))

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
                       + (self._processes.log_tail("qemu") or "it does not open its serial port"))

    def _read_serial(self):
        while True:
            try:
                data = self._serial_socket.recv(65536)
            except OSError:
                data = b""
            if not data:
                break
            self.serial.feed(data)
        self.serial.close()

    def gone(self):
        return self.process.poll() is not None

    def type(self, text):
        """Type on the serial console."""
        self._serial_socket.sendall(text.encode())

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
        if self._serial_socket:
            self._reader.join(timeout=5)
            self._serial_socket.close()
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
