# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab rates: what loss costs.

The memory is incompressible, so the wire is the limit and each run has the same to carry; the
runs follow each other on the same machine, so their ratios mean something where their rates do
not.
"""

import argparse
import os
import time

from . import run
from .lab import BUILD
from .process import LabError

# Up to which loss, in percent, what share of the lossless rate there is to be at least.
TARGETS = ((1, 0.90), (5, 0.75))


def options(rates):
    rates.add_argument("--loss", type=float, nargs="+", default=[1, 5], metavar="PERCENT",
                       help="default: 1 5; a run without loss comes first")
    rates.add_argument("--nic", default="e1000", metavar="MODEL")
    rates.add_argument("--mem", default="256M", metavar="SIZE", help="default: 256M")
    rates.add_argument("--append", default="", metavar="WORDS", help="options for netdump.c32")
    rates.add_argument("--out", metavar="DIR", help="default: build/lab/rates-DATE-PID")
    rates.add_argument("--json", action="store_true", help="JSON on standard output")
    rates.add_argument("--quiet", action="store_true", help="show nothing but the result")


def prepare(args):
    """Turns the command line into those of the runs: args.runs."""
    if os.geteuid() != 0:
        raise LabError("rates loses datagrams in a network namespace of its own, which takes root")
    if not args.out:
        args.out = os.path.join(BUILD, "lab",
                                time.strftime("rates-%Y%m%d-%H%M%S-") + str(os.getpid()))
    parser = argparse.ArgumentParser()
    run.options(parser)
    args.runs = []
    for loss in [0, *args.loss]:
        words = ["--system", "ref", "--net", "dnsmasq", "--check", "--append-kernel=fill=random",
                 "--nic", args.nic, "--mem", args.mem, f"--append={args.append}",
                 "--loss", str(loss), "--out", os.path.join(args.out, f"loss-{loss:g}")]
        one = parser.parse_args(words + (["--quiet"] if args.quiet else []))
        run.prepare(one)
        args.runs.append(one)


def measure(args):
    """The runs' rates and shares, as JSON can hold them."""
    found = []
    for one in args.runs:
        facts = run.facts_of(one)
        if not facts["good"]:
            raise LabError(f"the dump with {one.loss:g} % loss is not complete and right")
        found.append({"loss": one.loss, "lost": facts["loss"], "rate_mb_s": facts["rate_mb_s"],
                      "seconds": facts["seconds_of_data"],
                      "reasked_share": facts["reasked_share"]})
        first = found[0]["seconds"]
        share = first / found[-1]["seconds"]
        found[-1].update(share=round(share, 3), target=_target(one.loss),
                         good=share >= _target(one.loss))
    return {"good": all(one["good"] for one in found), "runs": found, "out": args.out}


def _target(loss):
    """0 where nothing was promised."""
    if not loss:
        return 0
    return next((share for percent, share in TARGETS if loss <= percent), 0)


def text(found):
    rows = [("loss", "lost to server", "lost from it", "asked again", "seconds", "MB/s", "share",
             "at least")]
    for one in found["runs"]:
        rows.append((f"{one['loss']:g} %", *(_lost(one["lost"], way)
                                             for way in ("to_server", "from_server")),
                     f"{one['reasked_share']:.2%}", f"{one['seconds']:.1f}",
                     f"{one['rate_mb_s']:.2f}", f"{one['share']:.1%}",
                     f"{one['target']:.0%}" if one["target"] else "-"))
    lines = ["".join(f"{cell:>16}" for cell in row) for row in rows]
    return "\n".join([*lines, f"  {'every share is large enough' if found['good'] else 'MISSED'}"])


def _lost(counts, way):
    if not counts:
        return "none"
    return f"{counts[way]['lost'] / max(counts[way]['datagrams'], 1):.2%}"
