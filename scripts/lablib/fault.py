# SPDX-License-Identifier: GPL-2.0-or-later
"""What is broken in the machine before it crashes: --fault.

Each is a file, tests/faults/NAME.toml:

    breaks   what it breaks, for people
    guest    what the breaker is told (tests/faults/breaker/), right before the crash
    kernel   words for Linux's command line
    ref      words for the reference kernel's
    netdump  options for netdump.c32
    qemu     arguments for QEMU
    modules  of the guest's kernel, tests/faults/NAME/NAME.c
    cpus     how many it takes
    emulator that has what it takes, if not QEMU: "bochs"
    about    "nic": the matrix has it for each of them; else for one
    seen     a pattern for the serial line that proves it was there, besides the breaker's word
    systems  which kernels can have it, the one first that the matrix takes: "linux", "ref"
    remedy   the steps of DINI (netdump.c32's skip=) that heal it
    control  options for netdump.c32 when those are left out
    expect   "right", or "refused" with a
    reason   that the machine is to give
"""

import os
import re
import tomllib
from dataclasses import dataclass, field, fields

from .process import LabError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "tests", "faults")
BREAKER = os.path.join(ROOT, "build", "tests", "breaker")
SYSTEMS = ("linux", "ref")
CHOICES = {"about": ("machine", "nic"), "emulator": ("qemu", "bochs"),
           "expect": ("right", "refused"), "systems": SYSTEMS}
DONE = "done"
NEVER = "not applicable"


@dataclass(frozen=True)
class Fault:
    """One of the files."""
    name: str
    breaks: str
    guest: list = field(default_factory=list)
    kernel: list = field(default_factory=list)
    ref: list = field(default_factory=list)
    netdump: list = field(default_factory=list)
    qemu: list = field(default_factory=list)
    modules: list = field(default_factory=list)
    cpus: int = 1
    emulator: str = "qemu"
    about: str = "machine"
    seen: str = ""
    systems: list = field(default_factory=lambda: list(SYSTEMS))
    remedy: list = field(default_factory=list)
    control: list = field(default_factory=list)
    expect: str = "right"
    reason: str = ""

    def words(self, system):
        """For the system's command line, but for what the breaker is told."""
        return self.kernel if system == "linux" else self.ref

    def state(self, text):
        """What came of it, by the serial line: DONE, or why not."""
        for word in self.guest:
            said = re.search(rf"^breaker: {re.escape(word)}: (.*)$", text, re.M)
            if not said:
                return "the breaker did not get to it"
            if said[1] != DONE:
                return said[1]
        if self.seen and not re.search(self.seen, text, re.M):
            return f"the serial line has nothing like {self.seen}"
        return DONE


def names():
    return sorted(name.removesuffix(".toml") for name in os.listdir(FOLDER)
                  if name.endswith(".toml"))


def load(name):
    """A Fault, or a LabError that says what is wrong with the name or its file."""
    if name not in names():
        raise LabError(f"--fault {name}: there are " + ", ".join(names()))
    path = os.path.join(FOLDER, f"{name}.toml")
    with open(path, "rb") as file:
        try:
            values = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise LabError(f"{path}: {error}") from error
    kinds = {one.name: one.type for one in fields(Fault)}
    del kinds["name"]
    for key, value in values.items():
        if key not in kinds:
            raise LabError(f"{path}: {key} is none of " + ", ".join(kinds))
        if not isinstance(value, kinds[key]):
            raise LabError(f"{path}: {key} is to be a {kinds[key].__name__}")
    for key, known in CHOICES.items():
        given = values.get(key, [])
        for word in given if isinstance(given, list) else [given]:
            if word not in known:
                raise LabError(f"{path}: {key}: {word} is none of " + ", ".join(known))
    if "breaks" not in values:
        raise LabError(f"{path}: breaks is missing")
    if (values.get("expect") == "refused") != bool(values.get("reason")):
        raise LabError(f"{path}: a reason goes with expect = \"refused\"")
    return Fault(name, **values)


class Faults:
    """All of a run's."""

    def __init__(self, given, without_remedy=False):
        self.all = given
        self.without_remedy = without_remedy

    def check(self, system):
        for fault in self.all:
            if system not in fault.systems:
                raise LabError(f"--fault {fault.name}: not for --system {system}")
        if self.without_remedy and not self._remedies():
            raise LabError("--without-remedy: no --fault with a remedy to leave out")

    def _remedies(self):
        return list(dict.fromkeys(step for fault in self.all for step in fault.remedy))

    def guest(self):
        return [word for fault in self.all for word in fault.guest]

    def kernel(self, system):
        """Words for the system's command line."""
        words = [word for fault in self.all for word in fault.words(system)]
        if self.guest() and system == "linux":
            words += ["iomem=relaxed", "lab.fault=" + ",".join(self.guest())]
        elif self.guest():
            words.append("fault=" + ",".join(self.guest()))
        return words

    def netdump(self):
        words = [word for fault in self.all for word in fault.netdump]
        if self.without_remedy:
            words.append("skip=" + ",".join(self._remedies()))
            words += [word for fault in self.all for word in fault.control]
        return words

    def qemu(self):
        return [word for fault in self.all for word in fault.qemu]

    def modules(self):
        """Their sources."""
        return [os.path.join(FOLDER, name, f"{name}.c")
                for fault in self.all for name in fault.modules]

    def cpus(self):
        return max((fault.cpus for fault in self.all), default=1)

    def emulator(self):
        """The one that has what they take."""
        return next((fault.emulator for fault in self.all if fault.emulator != "qemu"), "qemu")

    def reasons(self):
        """What the machine is to refuse its dump for; empty: it is to dump."""
        return [fault.reason for fault in self.all if fault.expect == "refused"]

    def states(self, text):
        return {fault.name: fault.state(text) for fault in self.all}

    def as_json(self, text):
        return [{"name": fault.name, "breaks": fault.breaks, "state": fault.state(text)}
                for fault in self.all]
