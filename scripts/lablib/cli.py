# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab's command line."""

import argparse
import json
import signal
import sys
from functools import partial

from . import bench, matrix, rates, run, site, summary, undi
from .process import LabError

GOOD, BAD, USAGE, INTERRUPTED = 0, 1, 2, 130


def parser():
    top = argparse.ArgumentParser(
        prog="scripts/lab",
        description="Boot a virtual machine by PXE, crash it, receive its dump.")
    verbs = top.add_subparsers(required=True, metavar="run|rates|undi|matrix|bench|"
                                "up|status|crash|console|down")
    one = verbs.add_parser(
        "run", help="one crash, from the PXE boot to the dump on disk",
        description="One crash, from the PXE boot to the dump on disk.",
        epilog="Exit status: 0 the dump is complete (with --check: and right), or as --fault and "
               "--without-remedy want it, and all that was to happen came to pass; 1 not so, 2 a "
               "command line without sense, 130 interrupted.")
    run.options(one)
    one.set_defaults(work=_run, prepare=run.prepare)
    several = verbs.add_parser(
        "rates", help="what loss costs: one dump without, others with it",
        description="What loss costs: the reference kernel's dump without and with it, one after "
                    "the other, each as a share of the first one's rate.",
        epilog="Exit status: 0 every share is as large as it should be, 1 not so.")
    rates.options(several)
    several.set_defaults(work=_measure, verb=rates, prepare=rates.prepare)
    raw = verbs.add_parser(
        "undi", help="how many frames a second the firmware sends, by the batch",
        description="How many frames a second each NIC's firmware sends through the gate with "
                    "nothing else to do, by the batch: what a dump can reach at most.",
        epilog="Exit status: 0 every NIC has a ceiling, in frames that arrived, and it is as far "
               "above one frame a switch as it should be; 1 not so.")
    undi.options(raw)
    raw.set_defaults(work=_measure, verb=undi, prepare=undi.prepare)
    table = verbs.add_parser(
        "matrix", help="NICs by places by faults, a machine for each",
        description="NICs by places by faults, a machine for each cell, and with each fault's "
                    "remedy left out, too.  What has a result already is not run again.",
        epilog="Exit status: 0 every cell is as it should be and every fault breaks a dump without "
               "its remedy, 1 not so.")
    matrix.options(table)
    table.set_defaults(work=_matrix, prepare=matrix.prepare)
    speed = verbs.add_parser(
        "bench", help="how fast: beside kdump, raw UNDI and a plain copy",
        description="How fast netdump is, beside kdump in the same machine, raw UNDI and a plain "
                    "copy.  What has a result already is not measured again.",
        epilog="Exit status: 0 every target is held, 1 not so.")
    bench.options(speed)
    speed.set_defaults(work=_measure, verb=bench, prepare=bench.prepare)
    _site_verbs(verbs)
    return top


def _site_verbs(verbs):
    """A lab that stays."""
    for name, options, work, says in (
            ("up", site.up_options, _site(site.up, site.text),
             "a lab that stays: several machines, as a small site has them (root)"),
            ("status", site.status_options, _site(site.status, site.text),
             "what is up in it, and which dumps have arrived"),
            ("crash", site.crash_options, _site(site.crash, site.crash_text),
             "one of its machines panics"),
            ("console", site.console_options, site.watch, "a machine's serial console"),
            ("down", site.down_options, _site(site.down, site.down_text),
             "ends all of it, whatever state it is in"),
            ("keep", site.keep_options, site.keep, None)):
        verb = verbs.add_parser(name, description=says, **({"help": says} if says else {}))
        options(verb)
        verb.set_defaults(work=work, prepare=site.prepare)


def _site(work, text):
    return lambda args: _tell(args, work(args), text)


def _run(args):
    return _tell(args, run.facts_of(args), summary.text)


def _measure(args):
    return _tell(args, args.verb.measure(args), args.verb.text)


def _matrix(args):
    return _tell(args, matrix.measure(args), partial(matrix.text, markdown=args.markdown))


def _tell(args, found, text):
    as_json = getattr(args, "json", False)
    print(json.dumps(found, indent=1) if as_json else text(found), flush=True)
    return GOOD if found["good"] else BAD


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
        args.prepare(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return USAGE
    try:
        return args.work(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        print(f"lab: the logs are in {args.out}", file=sys.stderr)
        return BAD
    except KeyboardInterrupt:
        print("lab: interrupted; everything is stopped", file=sys.stderr)
        return INTERRUPTED
