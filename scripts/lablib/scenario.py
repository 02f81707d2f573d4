# SPDX-License-Identifier: GPL-2.0-or-later
"""One crash from the PXE boot to the dump on disk, and what came of it."""

import os
import re
import subprocess
import time

from . import diskdump, kmodule, planted, whole
from .compare import compare
from .dump import folders, newest
from .event import KINDS, Events
from .fault import DONE
from .guest import Guest
from .initramfs import (DRIVERS, breaker_archive, crash_archive, kdump_archive,
                        module_archive, system_archive)
from .lab import BUILD, built
from .process import BUSY_S, LabError, whole_line
from .tftproot import netdump_config
from .vmcore import Vmcore, without
from .xen import Xen

BOOT_S = 480   # PXE, TFTP, the kernel and its init under TCG on a busy machine
CRASH_S = 240  # from init to the panic,
VISIT_S = 15   # and for each time that something is sent before
FILL_S = 3600  # to write as much as a large guest has

# What makes sending fail, by its word lab.* for init.sh, in the order in which that has it happen.
SENDING_FAILS = {"hang": KINDS["firmware-hang"], "unheard": KINDS["server-kill"]}

KDUMP_MIB = 192  # of memory for a crash kernel
KERNEL_WORDS = ("console=ttyS0,115200", "panic=30", "oops=panic")
FILLED = r"^init: \d+ MiB filled"
BOOT_FAILED = r"^boot: ?$|^(?:init: failed: |netdump: (?!fence|note)).*(?=\n)"
PANIC = re.compile(r"Kernel panic - not syncing: (.*)|^ref: (?:panic|crash)\w*: (.*)")
FENCE = re.compile(r"netdump: fence (\d+) KiB \((.*)\)")
END = re.compile(r"^(?:dini|stub|ref|kdump): (hold|halt(?:ed)?|reboot)$", re.M)
LAST_LINE = re.compile(r"on the wire")  # of the server, about a dump
COMPLETE = re.compile(r": complete: .*on the wire")  # which it says once all of it is durable
EVENTS_S = 0.1  # how often the lab looks whether one is due
REFUSED = re.compile(r"^(?:dini|stub|ref): ((?:refused|failed|no word).*)")
ENTERED = re.compile(r"^dini: entered")
KDUMP = re.compile(r"^kdump: vmcore (\d+) bytes\nkdump: panic text found$", re.M)


def fills(words):
    """Whether the system is to fill its memory before it crashes."""
    return any(word.startswith("lab.fill=") for word in words)


class Linux:
    """Debian's stock kernel, crashed through kexec -p into our image or a wrapped kernel, or with
    netdump.ko in it."""

    crash_kernel_mib = 0
    by_key = False

    def __init__(self, lab, options, say):
        guest = self.fetch(say)
        lab.tftp.link("vmlinuz", guest.vmlinuz)
        drivers = () if options.driverless else DRIVERS
        lab.tftp.link("system.cpio.gz", system_archive(guest, drivers))
        modules = ["system.cpio.gz"]
        if options.faults.guest():
            breaker_archive(lab.tftp.file("breaker.cpio"))
            modules.insert(0, "breaker.cpio")
        sources = options.faults.modules()
        if "lab.oops" in options.append_kernel:
            sources.append(kmodule.OOPS)
        ours = [kmodule.build(guest, source, lab.say) for source in sources]
        if options.stub != "kexec":
            ours += [kmodule.build_netdump(guest, lab.say), *kmodule.TOOLS]
        if ours:
            module_archive(lab.tftp.file("modules.cpio"), ours)
            modules.insert(0, "modules.cpio")
        words = [*KERNEL_WORDS, f"lab.crash_cpu={options.crash_cpu}"]
        if options.stub != "kexec":
            words.append("lab.module")
        if options.driverless:
            words.append("lab.driverless")
        if options.stub == "module":
            words.append("lab.kexec=0")
        elif options.kdump:
            self._wrap_kernel(lab, guest)
            words.append("lab.kdump")
            self.crash_kernel_mib = KDUMP_MIB
        else:
            crash_archive(lab.tftp.file("crash.cpio"), built("netdump-kexec.elf"))
            self.crash_kernel_mib = 1
        if self.crash_kernel_mib:
            modules.insert(0, "crash.cpio")
            words.append(f"crashkernel={self.crash_kernel_mib}M")
        if options.check:
            words.append("lab.iomem")
        self.config = netdump_config(options.netdump, "vmlinuz", [*words, *options.append_kernel],
                                     modules)
        self.booted = r"^init: running, (.*)"

    @staticmethod
    def fetch(say):
        """Debian's kernel, for which there has to be a network if it is not there yet."""
        return Guest(BUILD).prepare(say)

    @staticmethod
    def _wrap_kernel(lab, guest):
        wrapped = os.path.join(lab.out, "vmlinuz-netdump")
        done = subprocess.run([built("netdump-wrap"), guest.vmlinuz, wrapped],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(done.stderr.strip())
        kdump_archive(lab.tftp.file("crash.cpio"), guest, wrapped)

    @staticmethod
    def expected(text):
        """System RAM as the kernel printed it, without its own crash reservation."""
        listing = re.search(r"^init: iomem begin$(.*)^init: iomem end$", text, re.M | re.S)
        if not listing:
            raise LabError("the guest did not print its memory map: see serial.log")
        ram, crash = [], []
        for start, end, name in re.findall(r"^\s*([0-9a-f]+)-([0-9a-f]+) : (.*)$",
                                           listing[1], re.M):
            if name == "System RAM":
                ram.append((int(start, 16), int(end, 16) + 1))
            elif name == "Crash kernel":
                crash.append((int(start, 16), int(end, 16) + 1))
        return without(ram, crash)


class Reference:
    """Our multiboot kernel with its stub inside."""

    crash_kernel_mib = 0
    by_key = False

    def __init__(self, lab, options, say):
        image = built("ref.elf")
        say("the reference kernel crashes by " + options.crash)
        lab.tftp.link("ref.elf", image)
        self.config = netdump_config(options.netdump, "ref.elf",
                                     [f"crash={options.crash}", *options.append_kernel])
        self.booted = r"^ref: ready"

    @staticmethod
    def fetch(say):
        """It is ours."""

    @staticmethod
    def expected(text):
        """The RAM that it was given, as it printed it before the crash."""
        ram = [(int(start, 16), int(end, 16)) for start, end in
               re.findall(r"^ref: map 0x([0-9a-f]+)-0x([0-9a-f]+) type 1$", text, re.M)]
        if not ram:
            raise LabError("the reference kernel did not print its memory map: see serial.log")
        return ram


SYSTEMS = {"linux": Linux, "ref": Reference, "xen": Xen}


def visits(words):
    return sum(int(word.split("=")[1]) for word in words if word.startswith("lab.visits="))


class Scenario:
    """Runs one system in a lab and keeps what a summary needs."""

    def __init__(self, lab, options):
        self.lab = lab
        self.options = options
        self.dump = None
        self.check = None
        self.outcome = ""
        self.elapsed = {}
        self.events = Events(lab, options.events)
        self.loss = None     # Filter.counts()
        self.wire = None     # bytes of frames after the crash, each way
        self.durable = None  # when netdumpd said that the dump is complete
        self.planted = None  # how often the guest's text is in the capture, and in the dump
        self._before = folders(lab.dumps)
        self.system = SYSTEMS[options.system](lab, options, lab.say)

    def run(self):
        lab = self.lab
        lab.start(self.system.config)
        started = time.monotonic()
        self._await(self.system.booted, BOOT_S, "the system to boot")
        self.elapsed["boot"] = time.monotonic() - started
        if fills(self.options.append_kernel):
            self._await(FILLED, FILL_S, "its memory to be filled")
        self._make_sending_fail()
        if self.system.by_key:
            self._await(r"^init: crash by a key", CRASH_S, "it to wait for the key")
            self.system.press(lab.machine)
        panicked = self._await(r"Kernel panic - not syncing|^(?:dini|stub): entered"
                               r"|^ref: (?:refused|halted)",
                               CRASH_S + VISIT_S * visits(self.options.append_kernel),
                               "the crash")
        wire = lab.network.wire_bytes()
        ended = self._await_end(panicked.start())
        _, refused = lab.machine.serial.time_of(REFUSED, last=True)
        self.outcome = refused[1] if refused else ended[1] if ended else self._unsaid_end()
        # The serial line runs ahead of the server's last line.
        if lab.server and ended and not refused:
            lab.server.lines.wait(LAST_LINE, BUSY_S)
            self.durable, _ = lab.server.lines.time_of(COMPLETE)
        self.wire = lab.network.wire_bytes(wire)
        if lab.network.delay and lab.network.delay.dropped() != 0:
            raise LabError("the relay with the longer round trip had no room: see delay.log")
        if lab.settings.loss:
            self.loss = lab.network.filter.counts()
        self.dump = newest(lab.dumps, self._before)
        if lab.settings.pcap and self.dump:
            self._look_for_planted()
        if self.options.check and not lab.machine.gone() and self.dump and self.dump.complete:
            self._compare()

    def _make_sending_fail(self):
        """Where the system's words ask for it; it waits for the key before it goes on."""
        for word, kind in SENDING_FAILS.items():
            if f"lab.{word}" in self.options.append_kernel:
                self._await(f"^init: sending, until {word}", BOOT_S, "it to send")
                kind.begin(self.lab)
                self._await(f"^init: outlived: {word}", BOOT_S, "it to give that up")
                kind.end(self.lab)
                self.lab.machine.type("\r")

    def _await_end(self, start):
        """The machine's last word, or None; meanwhile --event's come to pass."""
        serial, gone = self.lab.machine.serial, self.lab.machine.gone
        limit = time.monotonic() + self.options.timeout
        while self.events.left() and time.monotonic() < limit and not gone():
            ended = serial.wait(END, EVENTS_S, start)
            if ended:
                self.events.finish()
                return ended
            self.events.advance()
        self.events.finish()
        return serial.wait(END, max(limit - time.monotonic(), 0), start, stop=gone)

    def _unsaid_end(self):
        """A machine that was reset without a word, or one that hangs."""
        machine = self.lab.machine
        return "gone" if machine.gone() or machine.serial.closed else "no end"

    def _look_for_planted(self):
        text = planted.text_of(self.lab.machine.serial.text)
        if text:
            self.planted = {"in_capture": planted.count(self.lab.pcap, text),
                            "in_dump": planted.count(self.dump.file("vmcore"), text)}

    def _await(self, pattern, timeout_s, what):
        """Wait for a milestone; whatever means that it will not come ends the wait."""
        match = self.lab.await_text(f"{whole_line(pattern)}|(?P<failed>{BOOT_FAILED})", timeout_s,
                                    what)
        if match["failed"]:
            raise LabError(f"waited for {what}, and the machine said: {match['failed']}")
        return match

    def _compare(self):
        lab = self.lab
        lab.machine.pause()
        lab.say("comparing the dump with the machine's memory")
        started = time.monotonic()
        core = Vmcore(self.dump.file("vmcore"))
        try:
            expected = self.system.expected(lab.machine.serial.text)
            chunk = os.path.join(lab.out, "memory.chunk")
            self.check = compare(core, expected, self.dump.ranges("absent"),
                                 lab.machine.memory_save, chunk, self._left_out(core, expected))
        finally:
            core.close()
        self.elapsed["check"] = time.monotonic() - started

    def _left_out(self, core, expected):
        """What makedumpfile would leave out at the dump's level, of a dump of all memory."""
        level = self.dump.info.get("level")
        if not level:
            return []
        path = os.path.join(self.lab.out, "whole.vmcore")
        chunk = os.path.join(self.lab.out, "memory.chunk")
        try:
            whole.write(path, core, expected, self.lab.machine.memory_save, chunk)
            return diskdump.left_out(path, level, chunk)
        finally:
            os.unlink(path)

    def complete(self):
        return bool(self.dump and self.dump.complete
                    and self.dump.info.get("status") == "complete")

    def right(self):
        """Complete, and right if it was to be checked."""
        if self.options.check and not (self.check and self.check.right()):
            return False
        return self.complete()

    def broken(self):
        """Not complete, or wrong where it was compared."""
        return not self.complete() or bool(self.check and not self.check.right())

    def kdump_bytes(self):
        """What the crash kernel had of the crashed one, its panic in it; None: that did not come."""
        found = KDUMP.search(self.lab.machine.serial.text)
        return int(found[1]) if found else None

    def refused(self):
        """Whether the machine gave every reason that the faults want it to give, and no dump, and
        went on to kdump if it had that."""
        return not self.complete() and all(reason in self.outcome
                                           for reason in self.options.faults.reasons()) \
            and bool(self.kdump_bytes()) == self.options.kdump

    def good(self):
        """What it was to be, in spite of all that was to happen."""
        faults, text = self.options.faults, self.lab.machine.serial.text
        if not self.events.happened():
            return False
        if any(state != DONE for state in faults.states(text).values()):
            return False
        if planted.is_exposed(self.planted, self.lab.settings.insecure):
            return False
        if faults.without_remedy:
            return bool(self.lab.machine.serial.time_of(ENTERED)[1]) and self.broken()
        return self.refused() if faults.reasons() else self.right()
