# SPDX-License-Identifier: GPL-2.0-or-later
"""One lab: the folder of a run, its network, its server, its machine.

    with Lab(settings) as lab:
        lab.start(config)
        lab.await_line(r"dini: hold", 60, "DINI to finish")

What was started is stopped when the block is left, however that happens.
"""

import os
import random
import re
import shutil
import sys
import time
from dataclasses import dataclass, field

from . import bochs, keys
from .machine import Machine
from .nbp import Nbp
from .network import UserNetwork
from .process import LabError, Processes, whole_line
from .server import Server
from .tftproot import TftpRoot
from .wiring import WIRINGS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
SERVER = os.path.join(BUILD, "server", "netdumpd")
HOST = "lab-guest"  # the guest's name, where the network gives it one

# Lines worth showing while it runs.
PROGRESS = re.compile(r"^(dini|netdump|init|ref|stub|kexec|kdump|breaker): (?!map )|Kernel panic"
                      r"|^boot:|^netdumpd: ")


def tell(text):
    """What goes on, for a person: standard output is for results alone."""
    print(text, file=sys.stderr, flush=True)


def built(name):
    """The path of one of the stubs."""
    path = os.path.join(BUILD, "stub", name)
    if not os.path.exists(path):
        raise LabError(f"{path} is not built: run make stub")
    return path


EMULATORS = {"qemu": Machine, "bochs": bochs.Machine}


@dataclass
class Settings:
    """What a run is made of; names as on the command line of scripts/lab."""
    out: str
    nic: str = "e1000"
    emulator: str = "qemu"
    machine: str = "pc"
    behind: str = None         # of machine.BEHIND
    mem: str = "1G"
    cpus: int = 1
    net: str = "dnsmasq"
    wiring: str = "plain"      # of wiring.WIRINGS
    mac: str = ""
    bootfile: str = "pxelinux.0"
    nbp: Nbp = Nbp()           # what starts before it
    tftpboot: str = os.path.join(BUILD, "tftpboot")
    server: bool = True
    insecure: bool = False     # no keys: the dump goes in the clear
    psk: bool = False          # the guest has a key of its own
    level: int = 0             # of what dumps leave out
    drivers: str = ""          # the server's catalogue of them, a folder
    loss: float = 0            # percent of the dump's datagrams, both ways
    dead_servers: bool = False
    round_trip_ms: float = 0   # more, for the dump's datagrams
    pcap: bool = False
    verbose: bool = False
    quiet: bool = False
    reboots: bool = False      # a reset is one; else it is QEMU's end
    qemu_arg: list = field(default_factory=list)


class Lab:
    """Started and stopped as one."""

    def __init__(self, settings):
        self.settings = settings
        self.out = os.path.abspath(settings.out)
        os.makedirs(self.out, exist_ok=True)
        octets = [random.SystemRandom().randrange(256) for _ in range(3)]
        self.mac = settings.mac or "52:54:00:" + ":".join(f"{octet:02x}" for octet in octets)
        self.dumps = os.path.join(self.out, "dumps")
        self.pcap = os.path.join(self.out, "net.pcap") if settings.pcap else None
        self.tftp = TftpRoot(os.path.join(self.out, "tftp"), settings.tftpboot)
        settings.nbp.offer(self.tftp)
        self.processes = Processes(self.out)
        self.network = self._network()
        self.machine = EMULATORS[settings.emulator](self.processes, self.out, self._on_line)
        self.keys = self._keys()
        words = ["--level", str(settings.level), *self.keys.netdumpd]
        if settings.drivers:
            words += ["--drivers", settings.drivers]
        self.server = Server(self.processes, SERVER, self.dumps, words,
                             self._on_line) if settings.server else None
        self.began = time.time()

    def _network(self):
        settings = self.settings
        if settings.net == "user":
            return UserNetwork(self.tftp.path, settings.bootfile)
        if os.geteuid() != 0:
            raise LabError("--net dnsmasq makes a network namespace and a tap, which takes "
                           "root; --net user does not")
        return WIRINGS[settings.wiring](self.processes, self.tftp.path, self.mac, HOST,
                                        settings.nbp.dhcp(settings.bootfile),
                                        settings.dead_servers, settings.round_trip_ms)

    def _keys(self):
        if self.settings.insecure or not self.settings.server:
            return keys.insecure()
        # A host without a name goes by its MAC.
        host = HOST if self.network.names_hosts else self.mac.replace(":", "-")
        return keys.make(SERVER, self.out, host if self.settings.psk else None)

    def netdump_words(self):
        """What netdump.c32 has to be told to find the server and to be understood by it."""
        return [word for word in (self.network.server_option, *self.keys.netdump) if word]

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()

    def start(self, config):
        """Bring everything up with this pxelinux.cfg; returns with QEMU running.

        Without a config the caller has put one into the TFTP root.
        """
        settings = self.settings
        if config is not None:
            self.tftp.config_write(self.mac, config)
        self.network.start(self.out)
        if settings.loss:
            self.network.filter.loss(settings.loss)
        if self.server:
            self.server.start(self.network)
        self.machine.start(self.network, nic=settings.nbp.nic(settings.nic), mac=self.mac,
                           machine=settings.machine, behind=settings.behind,
                           mem=settings.mem, cpus=settings.cpus,
                           extra=[*settings.nbp.qemu, *settings.qemu_arg], pcap=self.pcap,
                           reboots=settings.reboots)
        self.say(f"{self.machine.NAME} is on: {settings.machine}, {settings.nic} {self.mac}, {settings.mem}, "
                 f"{settings.cpus} CPU, network {settings.net}")

    def stop(self):
        try:
            self.machine.quit()
        finally:
            self.processes.stop_all()

    def await_line(self, pattern, timeout_s, what, start=0):
        """Wait for a line with the pattern, the whole of it: nothing of a match is still to come."""
        return self.await_text(whole_line(pattern), timeout_s, what, start)

    def await_text(self, pattern, timeout_s, what, start=0):
        """Wait for a pattern on the serial line; an error says what did not come."""
        match = self.machine.serial.wait(re.compile(pattern, re.MULTILINE), timeout_s, start,
                                         stop=self.machine.gone)
        if match:
            return match
        ended = " (QEMU has ended)" if self.machine.gone() else ""
        last = self.machine.serial.text.strip().splitlines()[-3:]
        raise LabError(f"waited {timeout_s:.0f} s for {what}{ended}; the serial line ends with: "
                       + " | ".join(last))

    def say(self, text):
        if not self.settings.quiet:
            tell(f"[{time.time() - self.began:6.1f} s] {text}")

    def _on_line(self, when, line):
        """A line of the serial port's or of the server's."""
        if self.settings.quiet:
            return
        if self.settings.verbose or PROGRESS.search(line):
            tell(f"[{when - self.began:6.1f} s] {line}")
