# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab matrix: NICs by places by faults, one machine for each cell.

A fault of the machine around the NIC has one NIC in one place.

A cell's result lies in its own folder and is not made again, unless that is asked for; so a
matrix that was interrupted goes on where it was.  For each NIC and each fault with a remedy there
is a control, which leaves the remedy out: a fault that breaks no dump then tests nothing.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from . import fault
from .lab import BUILD
from .process import LabError

LAB = os.path.join(fault.ROOT, "scripts", "lab")
NONE = "none"  # the fault that is none
RIGHT, REFUSED, FAILED, NEVER, BROKEN = "right", "refused", "failed", "n.a.", "broken"
DIFFERS = "the dump differs from the memory"
STOP_S = 60

PLACES = {
    "pc": ["--machine", "pc"],
    "q35": ["--machine", "q35"],
    "bridge": ["--machine", "pc", "--behind", "bridge"],
    "root-port": ["--machine", "q35", "--behind", "root-port"],
}
# And where each has its control.
NICS = {"e1000": "pc", "e1000e": "q35", "virtio-net-pci": "root-port", "vmxnet3": "q35",
        "rtl8139": "pc", "pcnet": "pc", "ne2k_pci": "pc", "i82559er": "pc"}
# Where a fault is that is about no NIC.
ONE_NIC, ONE_PLACE = "e1000", "pc"
# Megabytes of each emulator and kernel.
MEMORY = {"linux": 512, "ref": 128}
BOCHS_MEMORY = 32  # which is slow


def settings_of(nic):
    """The machine where a NIC has its control, by the names of the lab's settings."""
    words = dict(zip(*[iter(PLACES[NICS[nic]])] * 2))
    return {"machine": words["--machine"], "behind": words.get("--behind")}


@dataclass(frozen=True)
class Cell:
    """One machine to be run."""
    nic: str
    place: str
    fault: str
    system: str
    control: bool = False
    about: str = "nic"
    mem_mib: int = 128

    def name(self):
        words = [self.nic, self.place, self.fault, self.system]
        return "-".join(words + (["control"] if self.control else []))

    def words(self):
        """Of scripts/lab run."""
        words = ["--system", self.system, "--nic", self.nic, *PLACES[self.place],
                 "--mem", f"{self.mem_mib}M", "--check"]
        if self.fault != NONE:
            words += ["--fault", self.fault]
        if self.control:
            words.append("--without-remedy")
        return words


def options(matrix):
    for key, known in ("nic", list(NICS)), ("place", list(PLACES)), \
                      ("fault", [NONE, *fault.names()]):
        matrix.add_argument(f"--{key}", default=",".join(known), metavar="NAME[,NAME...]",
                            help="default: all of " + ", ".join(known))
    matrix.add_argument("--system", choices=fault.SYSTEMS,
                        help="where a fault can be made by either kernel; default: the one that "
                             "its file names first")
    matrix.add_argument("--cells", choices=("all", "faults", "controls"), default="all",
                        help="those with the remedy, those without, or all")
    matrix.add_argument("--again", action="store_true",
                        help="run cells that have a result, too")
    matrix.add_argument("--show", action="store_true", help="run nothing, show what there is")
    matrix.add_argument("--jobs", type=int, default=2, metavar="N",
                        help="machines side by side, default: 2")
    matrix.add_argument("--net", choices=("dnsmasq", "user"),
                        default="dnsmasq" if os.geteuid() == 0 else "user", help="as for run")
    matrix.add_argument("--out", metavar="DIR", default=os.path.join(BUILD, "matrix"),
                        help="where results are kept, default: build/matrix")
    form = matrix.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the results as JSON")
    form.add_argument("--markdown", action="store_true", help="the table for a document")


def prepare(args):
    """Turns the filters into args.cells_wanted."""
    for key, known in ("nic", NICS), ("place", PLACES), ("fault", [NONE, *fault.names()]):
        given = [name for name in getattr(args, key).split(",") if name]
        for name in given:
            if name not in known:
                raise LabError(f"--{key} {name}: there are " + ", ".join(known))
        setattr(args, key, given)
    if args.jobs < 1:
        raise LabError(f"--jobs {args.jobs}: at least 1")
    faults = {name: fault.load(name) for name in args.fault if name != NONE}
    args.wanted = [cell for cell in _cells(args, faults)
                   if args.cells == "all" or cell.control == (args.cells == "controls")]
    args.wanted.sort(key=lambda cell: cell.control)


def _cells(args, faults):
    for nic in args.nic:
        for name in args.fault:
            one = faults.get(name, fault.Fault(NONE, NONE, about="nic"))
            system = args.system if args.system in one.systems else one.systems[0]
            common = {"nic": nic, "fault": name, "system": system, "about": one.about,
                      "mem_mib": BOCHS_MEMORY if one.emulator == "bochs" else MEMORY[system]}
            if one.about == "nic":
                places, home = args.place, NICS[nic]
            else:
                home = ONE_PLACE
                places = [ONE_PLACE] if nic == ONE_NIC and ONE_PLACE in args.place else []
            for place in places:
                yield Cell(place=place, **common)
            if one.remedy and home in places:
                yield Cell(place=home, control=True, **common)


def judge(cell, facts, stderr):
    """(value, reason) of a run's summary, or of what it said when there was none."""
    if not facts:
        said = [line for line in stderr.splitlines() if line.startswith("lab: ")]
        why = said[0].removeprefix("lab: ") if said else stderr.strip()[-200:]
        return FAILED, why
    for one in facts["faults"]:
        if one["state"].startswith(fault.NEVER):
            return NEVER, one["state"].removeprefix(fault.NEVER + ": ")
        if one["state"] != fault.DONE:
            return FAILED, f"not put to the test: {one['state']}"
    why = DIFFERS if facts["complete"] else facts["why"] or facts["outcome"]
    if cell.control:
        if facts["good"]:
            return BROKEN, why
        return (RIGHT, "in spite of what was left out") if facts["complete"] else (FAILED, why)
    if facts["good"]:
        if facts["to_refuse"]:
            return REFUSED, facts["outcome"].removeprefix("refused: ")
        return RIGHT, ""
    return FAILED, why


def as_it_should_be(result):
    """Whether a cell is; controls that ran are judged by fault, all NICs together."""
    if result["control"]:
        return result["value"] != FAILED
    if result["value"] == NEVER:
        return result["about"] == "nic"  # another fault has no other cell to be tested in
    return result["value"] in (RIGHT, REFUSED)


def proven(results):
    """Faults that a control could have -> whether one of them broke the dump."""
    found = {}
    for result in results:
        if result["control"] and result["value"] != NEVER:
            found[result["fault"]] = found.get(result["fault"], False) or \
                                     result["value"] == BROKEN
    return found


class Runner:
    """Runs cells side by side; what still runs when the matrix ends is ended with it."""

    def __init__(self, args):
        self._args = args
        self._lock = threading.Lock()
        self._running = set()
        self._ended = False
        self._done = 0

    def result_of(self, cell):
        try:
            with open(os.path.join(self._args.out, cell.name(), "cell.json"),
                      encoding="utf-8") as file:
                return {**asdict(cell), **json.load(file)}
        except FileNotFoundError:
            return None

    def run_all(self):
        todo = [cell for cell in self._args.wanted
                if self._args.again or not self.result_of(cell)]
        with ThreadPoolExecutor(self._args.jobs) as pool:
            waiting = [pool.submit(self._run, cell, len(todo)) for cell in todo]
            try:
                for one in waiting:
                    one.result()
            except BaseException:
                self._end(waiting)
                raise

    def _end(self, waiting):
        for one in waiting:
            one.cancel()
        with self._lock:
            self._ended = True
            running = list(self._running)
        for child in running:
            child.send_signal(signal.SIGTERM)
        for child in running:
            child.wait(STOP_S)

    def _run(self, cell, of):
        out = os.path.join(self._args.out, cell.name())
        shutil.rmtree(out, ignore_errors=True)
        healed = cell.control and self.result_of(replace(cell, control=False))
        if healed and healed["value"] == NEVER:
            self._keep(cell, NEVER, healed["why"], 0, [], of)
            return
        began = time.monotonic()
        command = [LAB, "run", "--quiet", "--json", "--out", out, "--net", self._args.net,
                   *cell.words()]
        with self._lock:
            if self._ended:
                return
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     text=True)
            self._running.add(child)
        stdout, stderr = child.communicate()
        with self._lock:
            self._running.discard(child)
            if self._ended:
                return
        value, why = judge(cell, json.loads(stdout) if stdout.strip() else {}, stderr)
        for large in "dumps", "tftp":
            shutil.rmtree(os.path.join(out, large), ignore_errors=True)
        self._keep(cell, value, why, time.monotonic() - began, command[1:2] + command[4:], of)

    def _keep(self, cell, value, why, seconds, command, of):
        out = os.path.join(self._args.out, cell.name())
        result = {**asdict(cell), "value": value, "why": why, "seconds": round(seconds, 1),
                  "command": command}
        os.makedirs(out, exist_ok=True)
        path = os.path.join(out, "cell.json")
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
        os.rename(f"{path}.new", path)
        with self._lock:
            self._done += 1
            print(f"[{self._done:3}/{of}] {cell.name()}: {value}{': ' + why if why else ''} "
                  f"({result['seconds']:.0f} s)", file=sys.stderr, flush=True)


def measure(args):
    """Runs what is wanted and has no result; all results, as JSON can hold them."""
    runner = Runner(args)
    if not args.show:
        runner.run_all()
    results = [result for result in map(runner.result_of, args.wanted) if result]
    faults = proven(results)
    return {"good": len(results) == len(args.wanted) and all(map(as_it_should_be, results))
                    and all(faults.values()),
            "cells": results, "proven": faults, "missing": len(args.wanted) - len(results)}


def _grid(results, word):
    """Rows for a table: NIC and place, then a cell for each fault; reasons are numbered."""
    found = {(one["nic"], one["place"], one["fault"]): one for one in results}
    faults = [name for name in (NONE, *fault.names()) if any(key[2] == name for key in found)]
    places = [(nic, place) for nic in NICS for place in PLACES
              if any(key[:2] == (nic, place) for key in found)]
    rows = [["NIC", "place", *faults]]
    for nic, place in places:
        rows.append([nic, place, *(word(found.get((nic, place, name))) for name in faults)])
    return rows


def _list(results, word):
    """A row for each fault: with its remedy and without."""
    found = {(one["fault"], one["control"]): one for one in results}
    return [["fault", "the dump", "without the remedy"],
            *([name, word(found.get((name, False))), word(found.get((name, True)))]
              for name in dict.fromkeys(one["fault"] for one in results))]


class Notes:
    """A cell's word, with the number of its reason."""

    def __init__(self):
        self.reasons = []

    def word(self, one):
        if not one:
            return "-"
        if not one["why"] or one["control"]:
            return one["value"]
        reason = one["why"]
        if reason not in self.reasons:
            self.reasons.append(reason)
        return f"{one['value']} ({self.reasons.index(reason) + 1})"


def _plain(rows):
    widths = [max(len(row[i]) for row in rows) + 2 for i in range(len(rows[0]))]
    return ["".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def _markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _systems(cells, before):
    """Which kernel each column's faults were made by."""
    for system in fault.SYSTEMS:
        made = dict.fromkeys(one["fault"] for one in cells if one["system"] == system)
        if made:
            yield f"{before}{system}: {', '.join(made)}"


def text(found, markdown=False):
    """The tables for a person."""
    form, notes = _markdown if markdown else _plain, Notes()
    cells, controls, around = [], [], []
    for one in found["cells"]:
        (around if one["about"] != "nic" else controls if one["control"] else cells).append(one)
    lines = []
    if cells:
        lines += ["The dump, with the fault:", "", *form(_grid(cells, notes.word)), ""]
    if controls:
        lines += ["The same with the remedy left out:", "", *form(_grid(controls, notes.word)), ""]
    if around:
        lines += [f"The machine around the NIC ({ONE_NIC} on {ONE_PLACE}):", "",
                  *form(_list(around, notes.word)), ""]
    lines += [*_systems(found["cells"], "- " if markdown else "  "), ""]
    lines += [f"{'' if markdown else '  '}{number}. {reason}"
              for number, reason in enumerate(notes.reasons, 1)]
    lines += [f"{name} tests nothing: no control broke the dump"
              for name, broken in found["proven"].items() if not broken]
    if found["missing"]:
        lines.append(f"{found['missing']} cells have no result yet")
    if not markdown:
        lines.append("every cell is as it should be" if found["good"]
                     else "NOT every cell is as it should be")
    return "\n".join(lines)
