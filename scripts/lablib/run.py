# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab run: its options, and what one run gives."""

import json
import os
import shlex
import time

from . import bochs, event, fault, nbp, summary
from .guest import Guest
from .lab import BUILD, EMULATORS, Lab, Settings, tell
from .machine import BEHIND
from .process import LabError
from .scenario import SYSTEMS, Scenario
from .wiring import VLAN, WIRINGS


def options(run):
    run.add_argument("--system", choices=sorted(SYSTEMS), default="linux",
                     help="Debian's stock kernel, the multiboot reference kernel, or Debian's Xen "
                          "with the stock kernel as its first domain")
    run.add_argument("--emulator", choices=sorted(EMULATORS),
                     help="default: qemu, unless a fault takes bochs, which has processors with "
                          "PCID and x2APIC, and takes its time")
    run.add_argument("--nic", default="e1000", metavar="MODEL",
                     help="any NIC of QEMU's (-device), with properties if need be")
    run.add_argument("--machine", default="pc", help="pc, q35, with properties if need be")
    run.add_argument("--behind", choices=sorted(BEHIND),
                     help="the NIC is behind a PCI bridge, or a root port (q35)")
    run.add_argument("--mem", default="1G", metavar="SIZE", help="default: 1G")
    run.add_argument("--cpus", type=int, default=1, metavar="N")
    run.add_argument("--net", choices=("dnsmasq", "user"),
                     default="dnsmasq" if os.geteuid() == 0 else "user",
                     help="dnsmasq in a network namespace (root), or QEMU's own network")
    run.add_argument("--wiring", choices=sorted(WIRINGS), default="plain",
                     help="--net dnsmasq: what is between machine and server: nothing, a router, or "
                          "a switch with VLANs, whose port tags nothing (vlan) or all (trunk)")
    run.add_argument("--insecure", action="store_true",
                     help="send the dump in the clear; else each run has keys of its own")
    run.add_argument("--psk", action="store_true",
                     help="give the machine a key too, so that no other passes for it")
    run.add_argument("--level", type=int, default=0, metavar="0..31",
                     help="netdumpd's; above 0 --check takes makedumpfile, and holds what is left "
                          "out against its choice; default: 0")
    run.add_argument("--loss", type=float, default=0, metavar="PERCENT",
                     help="of the dump's datagrams, both ways (--net dnsmasq)")
    run.add_argument("--event", action="append", default=[], metavar="NAME[:SECONDS][@MIB]",
                     help="while the dump is under way, once so many MiB of it are on disk: "
                          "server-kill, net-down (--net dnsmasq), firmware-hang; may be given often")
    run.add_argument("--fault", default="", metavar="NAME[,NAME...]",
                     help="what is broken when the machine crashes: " + ", ".join(fault.names()))
    run.add_argument("--without-remedy", action="store_true",
                     help="leave out what heals the faults (netdump.c32's skip=): the dump is to "
                          "break, or the fault is none")
    run.add_argument("--dead-servers", action="store_true",
                     help="name two servers before ours that never answer (--net dnsmasq)")
    run.add_argument("--round-trip", type=float, default=0, metavar="MS",
                     help="more for the dump's datagrams, half of it each way (--net dnsmasq)")
    run.add_argument("--append", default="", metavar="WORDS", help="options for netdump.c32")
    run.add_argument("--append-kernel", default="", metavar="WORDS",
                     help="words for the system's command line")
    run.add_argument("--qemu-arg", action="append", default=[], metavar="ARG",
                     help="one more argument for QEMU; may be given often "
                          "(--qemu-arg=-device --qemu-arg=intel-iommu)")
    run.add_argument("--out", metavar="DIR", help="where everything goes "
                     "(default: build/lab/DATE-PID)")
    run.add_argument("--check", action="store_true",
                     help="hold the machine at the end and compare the dump with its memory")
    run.add_argument("--json", action="store_true", help="the summary as JSON on standard output")
    run.add_argument("--timeout", type=float, default=600, metavar="SECONDS",
                     help="for the dump, from the crash on; default: 600")
    run.add_argument("--crash-cpu", type=int, default=0, metavar="N",
                     help="linux: the CPU that crashes")
    run.add_argument("--stub", choices=("kexec", "module", "both"), default="kexec",
                     help="linux: what hands over to DINI, an image that kexec -p loads, or "
                          "netdump.ko; with both, netdump.ko stands back unless "
                          "--append-kernel lab.module_args=before_kdump=1; default: kexec")
    run.add_argument("--driverless", action="store_true",
                     help="linux, --stub module: the system has no NIC driver, and fetches it from "
                          "netdumpd through the NIC's firmware")
    run.add_argument("--kdump", action="store_true",
                     help="linux: crash into its own kernel, wrapped by netdump-wrap, so that kdump "
                          "follows where there is no network dump")
    run.add_argument("--crash", default="panic", metavar="KIND",
                     help="ref: how it crashes (panic, ud2, pagefault, stack); xen: panic, of its "
                          "first domain, or hypervisor")
    run.add_argument("--bootfile", default="pxelinux.0", help="or lpxelinux.0")
    run.add_argument("--nbp", metavar="FILE",
                     help="what the NIC's ROM starts before that: " + ", ".join(nbp.NAMES)
                          + ", or a path; the ISO and the kernel start a machine whose NIC has no "
                          "ROM")
    run.add_argument("--mac", default="", help="default: 52:54:00 and a random rest")
    run.add_argument("--pcap", action="store_true", help="capture the guest's frames in net.pcap")
    run.add_argument("--verbose", action="store_true", help="show the whole serial line")
    run.add_argument("--quiet", action="store_true", help="show nothing but the summary")


def prepare(args):
    """Checks the parsed command line, splits its words, and adds what --check implies."""
    try:
        args.netdump = shlex.split(args.append)
        args.append_kernel = shlex.split(args.append_kernel)
    except ValueError as error:
        raise LabError(f"--append, --append-kernel: {error}") from error
    args.insecure |= "insecure" in args.netdump
    if args.insecure and args.psk:
        raise LabError("--psk --insecure: keys, or none?")
    args.events = [event.parse(text) for text in args.event]
    if not 0 <= args.loss < 100 or round(args.loss, 2) != args.loss:
        raise LabError(f"--loss {args.loss}: from 0 to below 100, in hundredths of a percent")
    if not 0 <= args.round_trip <= 1000:
        raise LabError(f"--round-trip {args.round_trip}: from 0 to 1000 ms")
    if args.net == "user" and args.wiring != "plain":
        raise LabError(f"--wiring {args.wiring}: QEMU's own network has no switch and no router")
    if args.wiring == "router" and (args.dead_servers or args.round_trip):
        raise LabError("--wiring router: not with --dead-servers or --round-trip")
    if args.net == "user" and (args.loss or args.dead_servers or args.round_trip
                               or event.takes_faulty_network(args.events)):
        raise LabError("--loss, --round-trip, --event net-down and --dead-servers take --net "
                       "dnsmasq: QEMU's own network has no place for them")
    if args.behind == "root-port" and args.machine.split(",")[0] != "q35":
        raise LabError("--behind root-port: only --machine q35 has PCI Express")
    args.faults = fault.Faults([fault.load(name) for name in args.fault.split(",") if name],
                               args.without_remedy)
    args.faults.check(args.system)
    args.netdump += args.faults.netdump()
    args.append_kernel = args.faults.kernel(args.system) + args.append_kernel
    if args.wiring == "trunk" and args.system != "ref":
        args.append_kernel.append(f"lab.trunk={VLAN}")
    args.qemu_arg = args.faults.qemu() + args.qemu_arg
    if args.check:
        args.netdump = [word for word in args.netdump if not word.startswith("action=")]
        args.netdump.append("action=hold")
    if args.kdump and args.system != "linux":
        raise LabError(f"--kdump: the lab has no crash kernel for --system {args.system}")
    if args.stub != "kexec" and (args.system != "linux" or args.kdump):
        raise LabError(f"--stub {args.stub}: Linux has it, without a crash kernel")
    if args.driverless and args.stub != "module":
        raise LabError("--driverless: only with --stub module")
    if args.driverless and args.wiring == "trunk":
        raise LabError("--driverless: not with --wiring trunk: the system would have no VLANs")
    args.cpus = max(args.cpus, args.faults.cpus())
    args.emulator = args.emulator or args.faults.emulator()
    if args.emulator == "bochs":
        bochs.check(args)
    if args.nbp:
        nbp.check(args.nbp, args.net, args.emulator)
    if args.cpus < 1 or not 0 <= args.crash_cpu < args.cpus:
        raise LabError(f"--crash-cpu {args.crash_cpu}: there are CPUs 0 to {args.cpus - 1}")
    if not args.out:
        args.out = os.path.join(BUILD, "lab", time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid()))


def _catalogue(say):
    """The stock kernel's own modules: a folder for each release, as in /lib/modules."""
    return os.path.dirname(Guest(BUILD).prepare(say).modules)


def _settings(args):
    say = (lambda _: None) if args.quiet else tell
    return Settings(out=args.out, nic=args.nic, emulator=args.emulator,
                    machine=args.machine, behind=args.behind, mem=args.mem,
                    cpus=args.cpus, net=args.net, wiring=args.wiring, mac=args.mac,
                    bootfile=args.bootfile,
                    nbp=nbp.find(args.nbp, BUILD, say) if args.nbp else nbp.Nbp(),
                    insecure=args.insecure, psk=args.psk, level=args.level, loss=args.loss,
                    drivers=_catalogue(say) if args.driverless else "",
                    dead_servers=args.dead_servers, round_trip_ms=args.round_trip,
                    pcap=args.pcap, verbose=args.verbose,
                    quiet=args.quiet, qemu_arg=args.qemu_arg)


def facts_of(args):
    """One run, prepared, and its summary, which its folder has too."""
    with Lab(_settings(args)) as lab:
        given = {word.split("=")[0] for word in args.netdump}
        args.netdump = [word for word in lab.netdump_words()
                        if word.split("=")[0] not in given] + args.netdump
        scenario = Scenario(lab, args)
        scenario.run()
        facts = summary.collect(scenario)
    path = os.path.join(lab.out, "summary.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=1)
        out.write("\n")
    return facts
