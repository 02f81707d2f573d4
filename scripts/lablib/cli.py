# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab's command line."""

import argparse
import json
import os
import shlex
import signal
import sys
import time

from . import summary
from .lab import BUILD, Lab, Settings
from .process import LabError
from .scenario import SYSTEMS, Scenario

GOOD, BAD, USAGE, INTERRUPTED = 0, 1, 2, 130


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/lab",
        description="Boot a virtual machine by PXE, crash it, receive its dump.")
    run = top.add_subparsers(dest="verb", required=True, metavar="run").add_parser(
        "run", help="one crash, from the PXE boot to the dump on disk",
        description="One crash, from the PXE boot to the dump on disk.",
        epilog="Exit status: 0 the dump is complete (with --check: and right), 1 it is not, "
               "2 a command line without sense, 130 interrupted.")
    run.add_argument("--system", choices=sorted(SYSTEMS), default="linux",
                     help="Debian's stock kernel, or the multiboot reference kernel")
    run.add_argument("--nic", default="e1000", metavar="MODEL",
                     help="any NIC of QEMU's (-device), with properties if need be")
    run.add_argument("--machine", default="pc", help="pc, q35, with properties if need be")
    run.add_argument("--mem", default="1G", metavar="SIZE", help="default: 1G")
    run.add_argument("--cpus", type=int, default=1, metavar="N")
    run.add_argument("--net", choices=("dnsmasq", "user"),
                     default="dnsmasq" if os.geteuid() == 0 else "user",
                     help="dnsmasq in a network namespace (root), or QEMU's own network")
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
    run.add_argument("--crash", default="panic", metavar="KIND",
                     help="ref: how it crashes (panic, ud2, pagefault, stack)")
    run.add_argument("--bootfile", default="pxelinux.0", help="or lpxelinux.0")
    run.add_argument("--mac", default="", help="default: 52:54:00 and a random rest")
    run.add_argument("--pcap", action="store_true", help="capture the guest's frames in net.pcap")
    run.add_argument("--verbose", action="store_true", help="show the whole serial line")
    run.add_argument("--quiet", action="store_true", help="show nothing but the summary")
    return top


def _options(args):
    """The parsed command line with words split and what --check implies."""
    try:
        args.netdump = shlex.split(args.append)
        args.append_kernel = shlex.split(args.append_kernel)
    except ValueError as error:
        raise LabError(f"--append, --append-kernel: {error}") from error
    if args.check:
        args.netdump = [word for word in args.netdump if not word.startswith("action=")]
        args.netdump.append("action=hold")
    if args.cpus < 1 or not 0 <= args.crash_cpu < args.cpus:
        raise LabError(f"--crash-cpu {args.crash_cpu}: there are CPUs 0 to {args.cpus - 1}")
    if not args.out:
        args.out = os.path.join(BUILD, "lab", time.strftime("%Y%m%d-%H%M%S-") + str(os.getpid()))
    return args


def _settings(args):
    return Settings(out=args.out, nic=args.nic, machine=args.machine, mem=args.mem,
                    cpus=args.cpus, net=args.net, mac=args.mac, bootfile=args.bootfile,
                    pcap=args.pcap, verbose=args.verbose, quiet=args.quiet,
                    qemu_arg=args.qemu_arg)


def _run(args):
    with Lab(_settings(args)) as lab:
        if lab.network.server_option and not any(word.startswith("server=")
                                                 for word in args.netdump):
            args.netdump.insert(0, lab.network.server_option)
        scenario = Scenario(lab, args)
        scenario.run()
        facts = summary.collect(scenario)
    path = os.path.join(lab.out, "summary.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=1)
        out.write("\n")
    print(json.dumps(facts, indent=1) if args.json else summary.text(facts), flush=True)
    return GOOD if facts["good"] else BAD


def _interrupt(number, frame):
    """The first signal ends the run by way of everything's clean-up, later ones wait for it."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _interrupt)
    args = parser().parse_args()
    try:
        args = _options(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return USAGE
    try:
        return _run(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        print(f"lab: the logs are in {args.out}", file=sys.stderr)
        return BAD
    except KeyboardInterrupt:
        print("lab: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
