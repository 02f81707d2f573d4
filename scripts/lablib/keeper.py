# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that a lab that stays lives in.

It is the first of a process namespace: when it ends, however that happens, the kernel ends all that
it started, tmux among them.  It has no terminal, and hears no more of the shell that started it.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

from . import console, keys, run
from .control import Listener
from .dump import Dump, folders
from .lab import BUILD, ROOT, SERVER
from .machine import Machine
from .process import LabError, Processes
from .scenario import SYSTEMS
from .server import Server
from .sitenet import OWN_FILE, OWN_PREFIX, SERVER_IP, GuestPort, SiteNetwork
from .tftproot import TftpRoot

FOUND = ("mac", "group", "file", "prefix", "default")  # how a guest finds its configuration
# Each state, by the last line of these on its serial port.
BOOTS = "boots"
STATES = ((BOOTS, r"^PXELINUX "), ("loads", r"^netdump: fence"),
          ("runs", r"^init: a shell|^ref: idle"),
          ("crashed", r"Kernel panic|^ref: panic|^dini: entered"),
          ("dumps", r"^dini: server \S+ answers"), ("dumped", r"^dini: done: "),
          ("gave up", r"^dini: (?:refused|failed|no word)"))
MEMORY = {"linux": "512M", "ref": "128M", "xen": "1G"}
# Of scripts/lab run.  A crash on command is an NMI, which a panic follows in each, even in a kernel
# that hangs.
SHELL = ["--append-kernel", "lab.shell unknown_nmi_panic"]
WORDS = {"linux": SHELL, "ref": ["--crash", "none"], "xen": SHELL}


@dataclass
class Guest:
    """One machine of the lab."""
    name: str
    system: str
    nic: str
    found: str
    number: int

    def __post_init__(self):
        self.mac = f"52:54:00:4c:41:{self.number + 0x10:02x}"
        self.port = GuestPort(self.number)
        self.machine = None
        self.boots = 0
        self._said = "starts"

    def hear(self, _, line):
        """A line of its serial port."""
        for name, pattern in STATES:
            if re.search(pattern, line):
                self._said = name
                self.boots += name == BOOTS

    def config_name(self):
        """Where its configuration is in the TFTP root."""
        if self.found == "file":
            return OWN_FILE.format(name=self.name)
        if self.found == "prefix":
            return OWN_PREFIX.format(name=self.name) + "pxelinux.cfg/default"
        digits = "".join(f"{int(byte):02X}" for byte in self.port.ip.split("."))
        name = {"mac": "01-" + self.mac.replace(":", "-"), "group": digits[:7],
                "default": "default"}[self.found]
        return f"pxelinux.cfg/{name}"

    def state(self):
        """What it does just now, as far as its serial port says."""
        if self.machine.gone():
            return "gone"
        return self._said


class Keeper:
    """Everything of one lab."""

    def __init__(self, out, sockets, guests, level):
        self._out, self._sockets, self._guests = out, sockets, guests
        self.out = out           # what the systems ask of a lab
        self.tftp = TftpRoot(os.path.join(out, "tftp"), os.path.join(BUILD, "tftpboot"))
        self._dumps = os.path.join(out, "dumps")
        self._processes = Processes(out)
        self._own = {guest.name: Processes(self._folder(guest)) for guest in guests}
        self._began = time.time()
        self._ends = False
        self._keys = keys.make(SERVER, out, guests[0].name)
        self._network = SiteNetwork(self._processes, out, self.tftp.path)
        self._server = Server(self._processes, SERVER, self._dumps,
                              ["--level", str(level), *self._keys.netdumpd], lambda when, line: None)

    def _folder(self, guest):
        folder = os.path.join(self._out, guest.name)
        os.makedirs(folder, exist_ok=True)
        return folder

    def say(self, text):
        print(f"[{time.time() - self._began:6.1f} s] {text}", flush=True)

    def run(self):
        """Until somebody asks for the end."""
        listener = Listener(os.path.join(self._sockets, "control"))
        try:
            self._configure()
            self._network.start(self._guests)
            self._server.start(self._network)
            self._check_site()
            for guest in self._guests:
                self._start(guest)
            self._windows()
            self.say("the lab is up")
            while not self._ends:
                listener.serve(self._answer)
        finally:
            self._stop()

    def end(self):
        self._ends = True

    # --- bringing it up ----------------------------------------------------------

    def _configure(self):
        """What each kind of system boots with, then a configuration for each guest."""
        parser = argparse.ArgumentParser()
        run.options(parser)
        for name in sorted({guest.system for guest in self._guests}):
            args = parser.parse_args(["--system", name, "--net", "dnsmasq", *WORDS[name],
                                      "--out", self._out])
            run.prepare(args)
            args.netdump = ["@OPTIONS@"]
            config = SYSTEMS[name](self, args, self.say).config
            for guest in self._guests:
                if guest.system == name:
                    self._config_write(guest, config)

    def _config_write(self, guest, config):
        # The first host has a key of its own.
        mine = self._keys.netdump if guest is self._guests[0] else self._keys.netdump[:1]
        path = self.tftp.file(guest.config_name())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(config.replace("@OPTIONS@", " ".join([*mine, "action=reboot"])))
        if guest.found == "prefix":
            rack = self.tftp.file(OWN_PREFIX.format(name=guest.name))
            for name in os.listdir(self.tftp.path):
                if os.path.isfile(self.tftp.file(name)):
                    os.symlink(os.path.join("../..", name), os.path.join(rack, name))

    def _check_site(self):
        """As an administrator would, before the first machine boots."""
        for guest in self._guests:
            words = {"file": ["--config", guest.config_name()],
                     "prefix": ["--prefix", OWN_PREFIX.format(name=guest.name)]}.get(
                         guest.found, ["--host", f"{guest.mac},{guest.port.ip}"])
            done = subprocess.run([os.path.join(ROOT, "scripts", "site-check"), self.tftp.path,
                                   *words, "--probe", "--tftp", SERVER_IP],
                                  capture_output=True, text=True, check=False)
            print(done.stdout + done.stderr, flush=True)
            if done.returncode:
                raise LabError(f"site-check has something against {guest.name}: see keeper.log")

    def _start(self, guest):
        guest.machine = Machine(self._own[guest.name], self._folder(guest), guest.hear,
                                console.HISTORY)
        guest.machine.start(guest.port, nic=guest.nic, mac=guest.mac, machine="pc",
                            mem=MEMORY[guest.system], cpus=1, reboots=True)
        console.Server(os.path.join(self._sockets, guest.name), guest.machine)
        self.say(f"{guest.name} is on: {guest.system}, {guest.nic}, {guest.config_name()}")

    def _windows(self):
        """A window of tmux for each console, and one for the server."""
        lab = os.path.join(ROOT, "scripts", "lab")
        commands = {guest.name: [lab, "console", "--out", self._out, guest.name]
                    for guest in self._guests}
        commands["netdumpd"] = ["tail", "-n", "+1", "-F", os.path.join(self._out, "netdumpd.log")]
        first = True
        for name, command in commands.items():
            verb = ["new-session", "-d", "-s", "lab"] if first else ["new-window", "-t", "lab", "-d"]
            self._tmux([*verb, "-n", name, *command])
            if first:
                self._tmux(["set-option", "-g", "remain-on-exit", "on"])
            first = False

    def _tmux(self, words):
        environment = {**os.environ, "TERM": "screen"}
        environment.pop("TMUX", None)
        try:
            done = subprocess.run(["tmux", "-S", os.path.join(self._sockets, "tmux"), "-f",
                                   "/dev/null", *words],
                                  capture_output=True, text=True, check=False, env=environment)
        except OSError as error:
            raise LabError(f"tmux: {error.strerror}; scripts/setup lab installs what the lab "
                           "needs") from error
        if done.returncode:
            raise LabError(f"tmux {words[0]}: {done.stderr.strip()}")

    # --- what is asked of it -----------------------------------------------------

    def _answer(self, request):
        if not isinstance(request, dict):
            raise LabError("a request is a JSON object")
        verb = request.get("verb")
        if verb == "status":
            return self._status()
        if verb == "crash":
            return self._crash(request.get("name"))
        if verb == "down":
            self.end()
            return {}
        raise LabError(f"{verb}: no such verb")

    def _find(self, name):
        for guest in self._guests:
            if guest.name == name:
                return guest
        raise LabError(f"there is no {name}: there are "
                       + ", ".join(guest.name for guest in self._guests))

    def _crash(self, name):
        guest = self._find(name)
        state = guest.state()
        if state != "runs":
            raise LabError(f"{name} is not up, so it cannot crash: it {state}"
                           if state in ("boots", "loads", "starts", "dumps")
                           else f"{name} is not up, so it cannot crash: {state}")
        before, boots = len(self._dumps_of(guest)), guest.boots
        guest.machine.monitor("nmi")
        return {"name": name, "dumps_before": before, "boots_before": boots}

    def _dumps_of(self, guest):
        """Those that are complete, oldest first."""
        prefix = os.path.join(self._dumps, guest.name, "")
        return [dump for dump in map(Dump, sorted(folders(self._dumps)))
                if dump.path.startswith(prefix) and dump.complete]

    def _status(self):
        return {"out": self._out, "up_s": round(time.time() - self._began, 1),
                "tftp": self.tftp.path, "dumps": self._dumps,
                "attach": f"tmux -S {self._sockets}/tmux attach",
                "guests": [self._guest_status(guest) for guest in self._guests]}

    def _guest_status(self, guest):
        return {"name": guest.name, "system": guest.system, "nic": guest.nic, "mac": guest.mac,
                "ip": guest.port.ip, "found": guest.found, "config": guest.config_name(),
                "state": guest.state(), "boots": guest.boots,
                "dumps": [dump.path for dump in self._dumps_of(guest)]}

    def _stop(self):
        for guest in self._guests:
            if guest.machine:
                guest.machine.quit()
            self._own[guest.name].stop_all()
        self._processes.stop_all()


def main(out, sockets, guests, level):
    """The keeper's life; its standard output is keeper.log."""
    keeper = Keeper(out, sockets, guests, level)
    try:
        keeper.run()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr, flush=True)
        return 1
    return 0
