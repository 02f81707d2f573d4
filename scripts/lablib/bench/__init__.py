# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab bench: how fast netdump is, beside kdump, raw UNDI and a plain copy.

A row's result lies in a file and is not measured again, unless that is asked for or the build is
another.  All targets are ratios of rows of one bench, one NIC, one host and one build; what was not
measured is missed.
"""

import json
import os

from .. import matrix
from ..lab import BUILD
from ..process import LabError
from . import plot, rows, subject, table, targets
from .results import Results


def options(bench):
    bench.add_argument("--part", default=",".join(rows.PARTS), metavar="NAME[,NAME...]",
                       help="what to measure; default: all of " + ", ".join(rows.PARTS))
    bench.add_argument("--row", metavar="NAME[,NAME...]", help="of those parts, these rows only")
    bench.add_argument("--nic", default="e1000e", metavar="MODEL",
                       help="where the matrix has its control; default: e1000e, for QEMU's e1000 "
                            "takes nothing for a second after its receiver goes on")
    bench.add_argument("--runs", type=int, default=1, metavar="N",
                       help="of each row, whose figures are the medians then; default: 1")
    bench.add_argument("--again", action="store_true",
                       help="measure rows that have a result, too")
    bench.add_argument("--show", action="store_true", help="measure nothing, show what there is")
    bench.add_argument("--out", metavar="DIR", default=os.path.join(BUILD, "bench"),
                       help="where results are kept, with the table, the JSON and the plot of all "
                            "of them; default: build/bench")
    bench.add_argument("--json", action="store_true", help="JSON on standard output")
    bench.add_argument("--verbose", action="store_true", help="show what the machines say")


def prepare(args):
    """Turns the names into args.wanted."""
    parts = [name for name in args.part.split(",") if name]
    for name in parts:
        if name not in rows.PARTS:
            raise LabError(f"--part {name}: there are " + ", ".join(rows.PARTS))
    args.wanted = rows.of(parts)
    if args.row:
        known = {row.name: row for row in args.wanted}
        for name in args.row.split(","):
            if name not in known:
                raise LabError(f"--row {name}: there are " + ", ".join(known))
        args.wanted = [known[name] for name in args.row.split(",")]
    if args.nic not in matrix.NICS:
        raise LabError(f"--nic {args.nic}: there are " + ", ".join(matrix.NICS))
    if args.runs < 1:
        raise LabError(f"--runs {args.runs}: at least 1")
    if not args.show and os.geteuid() != 0:
        raise LabError("bench makes a network namespace for each machine, which takes root")


def measure(args):
    """Measures what is wanted and has no result; all there is, as JSON can hold it."""
    what = subject.here(args.nic)
    results = Results(args.out, what)
    if not args.show:
        for row in args.wanted:
            if args.again:
                results.forget(row)
            results.make(row, args.runs, not args.verbose)
    found = [results.as_json(row) for row in rows.of(rows.PARTS) if results.runs(row)]
    judged = list(targets.judge({row["name"]: row["figures"] for row in found}, args.nic,
                                [row["name"] for row in found if row["busy"]]))
    found = {"good": all(one.word() == targets.HELD for one in judged), "nic": args.nic,
             "host": what.host, "build": what.build, "rows": found,
             "targets": [one.as_json() for one in judged]}
    _keep(args.out, found)
    return found


def text(found):
    return table.text(found)


def _keep(out, found):
    os.makedirs(out, exist_ok=True)
    for name, content in (("bench.json", json.dumps(found, indent=1)), ("bench.txt", text(found))):
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(content + "\n")
    plot.write(os.path.join(out, "bench.svg"), found)
