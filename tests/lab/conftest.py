# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole labs for tests: runs of scripts/lab, and machines whose boot prompt is typed at."""

import itertools
import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "tests", "tools")]

from lablib.lab import Lab, Settings  # noqa: E402  (needs the path above)

NET = "dnsmasq" if os.geteuid() == 0 else "user"
RUN_S = 1800    # one run of scripts/lab, however busy this machine is: above the lab's own limits
BOOT_S = 480    # to PXELINUX's prompt, or from there to a system's first line
ANSWER_S = 480  # from a word at the prompt to the next prompt

# What test_dump.py and test_wire.py look at: whole runs, each made once.
SMALL = ["--system", "ref", "--mem", "128M", "--append-kernel", "fill=all"]
Q35 = ["--machine", "q35", "--nic", "rtl8139", "--mem", "512M"]
EDU = ["--qemu-arg=-device", "--qemu-arg=edu,dma_mask=0xffffffff"]
RUNS = {
    "net-down": [*SMALL, "--event", "net-down:60@10"],
    "ref": ["--system", "ref", "--mem", "6G"],
    "lpxelinux": [*SMALL, "--bootfile", "lpxelinux.0"],
    "e1000": ["--nic", "e1000", "--machine", "pc", "--pcap", "--append-kernel", "hugepages=16"],
    "e1000e": ["--nic", "e1000e", "--machine", "q35", "--level", "31"],
    "flr": ["--nic", "virtio-net-pci,bus=port0", "--machine", "q35", "--qemu-arg=-device",
            "--qemu-arg=pcie-root-port,id=port0,chassis=1"],
    "rtl8139": ["--nic", "rtl8139", "--pcap", "--insecure", "--fault", "driver-unbound"],
    "second-cpu": ["--cpus", "2", "--crash-cpu", "1", "--psk"],
    "loss": [*SMALL, "--loss", "20"],
    # Each life is long enough for a map, which comes once a second.
    "server-kill": ["--system", "ref", "--mem", "256M", "--append-kernel", "fill=all",
                    "--event", "server-kill:3@40", "--event", "server-kill:3@80"],
    "firmware-hang": [*SMALL, "--event", "firmware-hang@10", "--event", "firmware-hang@40"],
    "dead-servers": ["--system", "ref", "--mem", "64M", "--dead-servers"],
    "vt-d": [*Q35, "--qemu-arg=-device", "--qemu-arg=intel-iommu,intremap=on",
             "--append-kernel", "intel_iommu=on"],
    "amd-vi": [*Q35, "--qemu-arg=-device", "--qemu-arg=amd-iommu,intremap=on",
               "--append-kernel", "amd_iommu=on"],
    "domain": [*Q35, "--system", "ref", "--append-kernel", "iommu=on dma=check", *EDU,
               "--qemu-arg=-device", "--qemu-arg=intel-iommu"],
    "module": ["--stub", "module", "--cpus", "4", "--crash-cpu", "2", "--mem", "4G",
               "--append-kernel", "lab.busy lab.reload=100 lab.spoil"],
    "module-refused": ["--stub", "module", "--mem", "512M", "--fault", "seal-flip"],
    "module-stands-back": ["--stub", "both", "--mem", "512M"],
    "module-first": ["--stub", "both", "--mem", "512M", "--append-kernel",
                     "lab.module_args=before_kdump=1"],
    "visits": ["--stub", "module", "--nic", "e1000e", "--machine", "q35", "--cpus", "4",
               "--crash-cpu", "1", "--append-kernel", "lab.driver=0 lab.dry_run lab.visits=20"],
    "visits-crash": ["--stub", "module", "--nic", "virtio-net-pci", "--mem", "512M",
                     "--append-kernel", "lab.driver=0 lab.oops lab.sending"],
    "visits-failed": ["--stub", "module", "--nic", "e1000e", "--machine", "q35", "--mem", "512M",
                      "--cpus", "2", "--append-kernel", "lab.driver=0 lab.hang lab.unheard"],
    "driverless-e1000e": ["--stub", "module", "--driverless", "--nic", "e1000e", "--machine",
                          "q35", "--mem", "512M", "--append-kernel",
                          "lab.visits=2 lab.take_nic lab.unheard"],
    "driverless-virtio": ["--stub", "module", "--driverless", "--nic", "virtio-net-pci",
                          "--mem", "512M"],
    "xen": ["--system", "xen", "--nic", "rtl8139", "--machine", "q35", "--cpus", "2",
            "--crash-cpu", "1", "--level", "31"],
    "xen-hypervisor": ["--system", "xen", "--nic", "e1000e", "--crash", "hypervisor"],
    "kdump": ["--kdump"],
    "kdump-refused": ["--kdump", "--fault", "seal-flip", "--append-kernel", "lab.kexec_args=-s"],
}
# Those of them that make no dump.
REFUSED_RUNS = {"kdump-refused", "module-refused"}
# What test_faults.py looks at: cells of the matrix, most of them by the kernel that boots at once.
REF = ["--system", "ref", "--mem", "128M"]
ROOT_PORT = ["--machine", "q35", "--behind", "root-port"]
CELLS = {
    "bars-moved": [*REF, "--nic", "e1000", "--fault", "bars-moved"],
    "bars-moved-bridge": [*REF, "--nic", "i82559er", "--behind", "bridge", "--fault", "bars-moved"],
    "bars-moved-root-port": [*REF, *ROOT_PORT, "--nic", "vmxnet3", "--fault", "bars-moved"],
    "bus-master-off-bridge": [*REF, "--nic", "rtl8139", "--behind", "bridge",
                              "--fault", "bus-master-off"],
    "nic-d3": [*REF, "--nic", "e1000e", "--machine", "q35", "--fault", "nic-d3"],
    "rings-corrupt-root-port": [*REF, *ROOT_PORT, "--nic", "virtio-net-pci",
                                "--fault", "rings-corrupt"],
    "tx-wedged": [*REF, "--nic", "e1000e", "--machine", "q35", "--fault", "tx-wedged"],
}
CONTROLS = {
    "bars-moved-control": [*CELLS["bars-moved"], "--without-remedy"],
    "nic-d3-control": [*CELLS["nic-d3"], "--without-remedy"],
    "rings-corrupt-control": [*REF, "--nic", "e1000e", "--machine", "q35",
                              "--fault", "rings-corrupt", "--without-remedy"],
    "tx-wedged-control": [*CELLS["tx-wedged"], "--without-remedy"],
}
DAMAGED = {"seal-flip": [*REF, "--nic", "ne2k_pci", "--fault", "seal-flip"]}
# A dump that takes longer than the watchdog's six seconds.
LONG = [*SMALL, "--mem", "384M"]
# The machine around the NIC.
STATES = {
    "interrupts": [*LONG, "--fault", "hpet-legacy,irq-storm,vectors-lost,watchdog"],
    "cpus": ["--nic", "rtl8139", "--mem", "512M", "--fault", "five-levels,cpu-deaf"],
    "bochs": ["--emulator", "bochs", "--system", "ref", "--mem", "32M", "--fault", "x2apic,pcid"],
}
STATE_CONTROLS = {"watchdog-control": [*LONG, "--fault", "watchdog", "--without-remedy"]}
# What test_nbp.py looks at: iPXE before pxelinux.0.  On a PCI NIC undionly.kpxe waits for interrupts.
UNDIONLY = [*REF, "--nic", "rtl8139", "--nbp", "undionly.kpxe"]
# The fault's device is in slot 3: one four slots on shares its line.
LINE_HELD = [*UNDIONLY, "--nic", "rtl8139,addr=7", "--fault", "irq-storm"]
NBPS = {"undionly": [*UNDIONLY, "--append-kernel", "fill=all", "--event", "firmware-hang@10"],
        "undionly-lines": [*UNDIONLY, "--fault", "lines-off"],
        "undionly-line-held": LINE_HELD,
        "undionly-lines-q35": [*UNDIONLY, "--machine", "q35", "--fault", "lines-off"],
        "no-rom": [*REF, "--nic", "virtio-net-pci", "--machine", "q35", "--nbp", "ipxe.iso"]}
NBP_DAMAGED = {"undionly-flip": [*UNDIONLY, "--fault", "firmware-flip"]}
NBP_CONTROLS = {"undionly-line-held-control": [*LINE_HELD, "--append", "deadline=10 skip=masters"]}
ALL_RUNS = {**RUNS, **CELLS, **CONTROLS, **DAMAGED, **STATES, **STATE_CONTROLS, **NBPS,
            **NBP_DAMAGED, **NBP_CONTROLS}
# Those of them that QEMU's own network cannot do: their tests are skipped without root.
ROOT_RUNS = {"net-down", "loss", "dead-servers"} | {name for name in ALL_RUNS
                                                    if name.startswith("undionly")}


def command(out, *words):
    return [os.path.join(ROOT, "scripts", "lab"), "run", "--out", str(out), "--quiet", "--json",
            "--net", NET, *words]


class Run:
    """One run of scripts/lab, to its end."""

    def __init__(self, out, *words):
        done = subprocess.run(command(out, *words), capture_output=True, text=True,
                              timeout=RUN_S, check=False)
        self.out = str(out)
        self.status = done.returncode
        self.stderr = done.stderr
        self.facts = json.loads(done.stdout) if done.stdout else {}
        self.dump = self.facts.get("dump")
        self.host_dir = os.path.join(self.out, "dumps")

    def file(self, name):
        return os.path.join(self.dump, name)

    def config(self):
        folder = os.path.join(self.out, "tftp", "pxelinux.cfg")
        (name,) = os.listdir(folder)
        with open(os.path.join(folder, name), encoding="utf-8") as config:
            return config.read()

    def serial(self):
        with open(os.path.join(self.out, "serial.log"), encoding="utf-8", errors="replace",
                  newline="") as log:
            return log.read().replace("\r", "")


def can_run(name):
    return NET != "user" or name not in ROOT_RUNS


def pytest_configure(config):
    config.addinivalue_line("markers", "run(name): wants this one of the runs in conftest.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """All tests of a run go to the process that makes it."""
    for item in items:
        for mark in item.iter_markers("run"):
            item.add_marker(pytest.mark.xdist_group(mark.args[0]))


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Name -> run, of those that were made; and where they are made."""
    folder = tmp_path_factory.mktemp("runs")
    made = {}
    yield made, folder
    large = [folder / name / what for name in made for what in ("dumps", "net.pcap")]
    subprocess.run(["rm", "-rf", *large], check=True)


@pytest.fixture
def run(request, runs):
    """The run that the test's mark names, made when the first of its tests wants it."""
    name = request.node.get_closest_marker("run").args[0]
    if not can_run(name):
        pytest.skip("takes a network namespace, and so root")
    made, folder = runs
    if name not in made:
        made[name] = Run(folder / name, "--check", *ALL_RUNS[name])
    return made[name]


class Console:
    """A lab's serial console: what was said since the last word typed."""

    def __init__(self, lab):
        self.lab = lab
        self.at = 0

    def text(self):
        return self.lab.machine.serial.text[self.at:]

    def wait(self, pattern, timeout_s=BOOT_S):
        """The match of a pattern in the whole lines that were said since the last word."""
        return self.lab.await_line(pattern, timeout_s, repr(pattern), self.at)

    def prompt(self, timeout_s=BOOT_S):
        """All that was said until PXELINUX's next prompt."""
        prompt = self.lab.await_text(r"^boot: \Z", timeout_s, "PXELINUX's prompt", self.at)
        return self.lab.machine.serial.text[self.at:prompt.start()]

    def type(self, word):
        self.at = len(self.lab.machine.serial.text)
        self.lab.machine.type(word + "\r")

    def ask(self, word):
        """Type a word at the prompt; what is said until the next prompt."""
        self.type(word)
        return self.prompt(ANSWER_S)


@pytest.fixture
def start(tmp_path):
    """Starts a machine with a configuration; it is stopped when the test is over."""
    stack = ExitStack()
    count = itertools.count()

    def begin(config, files=(), **settings):
        settings.setdefault("out", str(tmp_path / f"lab{next(count)}"))
        settings.setdefault("insecure", True)  # what else is wanted stands in the configuration
        lab = stack.enter_context(Lab(Settings(net=NET, quiet=True, **settings)))
        for name, source in dict(files).items():
            lab.tftp.link(name, source)
        if lab.network.server_option and config:
            config = config.replace("netdump.c32\n  APPEND ",
                                    f"netdump.c32\n  APPEND {lab.network.server_option} ")
        lab.start(config)
        return Console(lab)

    with stack:
        yield begin


def until(is_so, look, limit_s):
    """Looks again and again until it is so; what it saw then."""
    limit = time.monotonic() + limit_s
    while not is_so(seen := look()):
        assert time.monotonic() < limit, seen
        time.sleep(0.5)
    return seen


def reference_map(text):
    """The memory map that the reference kernel printed: [(start, end, type)]."""
    return [(int(start, 16), int(end, 16), int(kind)) for start, end, kind in
            re.findall(r"^ref: map 0x([0-9a-f]+)-0x([0-9a-f]+) type (\d+)$", text, re.M)]
