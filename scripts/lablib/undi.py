# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab undi: what the firmware can send, with nothing else to do.

The reference kernel crashes into dini/frames.c in DINI's place.  It sends rounds of full-sized
frames in batches of each size, which take turns, so that a busy host slows all of them alike; a
size's rate is that of its quickest round.  The host counts what arrives: a row whose frames did
not is no result.  It also times the whole, for DINI measures its clock in 10 ms, and on a busy host
that may be far off.
"""

import os
import re
import time

from . import matrix
from .lab import BUILD, Lab, Settings, built
from .process import LabError
from .scenario import BOOT_FAILED, BOOT_S, CRASH_S
from .tftproot import netdump_config

IMAGE = os.path.join(BUILD, "dini", "frames.bin")
SIZES = (1, 2, 4, 8, 16, 32)
PORT = 6700        # and the size: where frames.c sends to
FRAME_BYTES = 1514
UDP_BYTES = FRAME_BYTES - 34
ROUNDS_S = 3000    # for all rounds, with slow firmware on a busy machine
TARGET = 1.5       # what the ceiling is to be at least, in frames of one a switch
ROW = re.compile(r"^dini: frames: size (\d+) sent (\d+) calls (\d+) us (\d+), best (\d+) in us "
                 r"(\d+)$", re.M)
CLOCK = r"^dini: frames: %s at (\d+) ms$"
END = r"^dini: (?:hold|refused.*)"


def options(undi):
    undi.add_argument("--nic", default=",".join(matrix.NICS), metavar="MODEL[,MODEL...]",
                      help="each where the matrix has its control; default: "
                           + ", ".join(matrix.NICS))
    undi.add_argument("--out", metavar="DIR", help="default: build/lab/undi-DATE-PID")
    undi.add_argument("--json", action="store_true", help="JSON on standard output")
    undi.add_argument("--quiet", action="store_true", help="show nothing but the result")


def prepare(args):
    if os.geteuid() != 0:
        raise LabError("undi counts frames in a network namespace of its own, which takes root")
    args.nics = [name for name in args.nic.split(",") if name]
    for name in args.nics:
        if name not in matrix.NICS:
            raise LabError(f"--nic {name}: there are " + ", ".join(matrix.NICS))
    if not os.path.exists(IMAGE):
        raise LabError(f"{IMAGE} is not built: run make dini")
    if not args.out:
        args.out = os.path.join(BUILD, "lab",
                                time.strftime("undi-%Y%m%d-%H%M%S-") + str(os.getpid()))


def measure(args):
    """Each NIC's rows and ceiling, as JSON can hold them."""
    nics = []
    for nic in args.nics:
        try:
            nics.append({"nic": nic, "place": matrix.NICS[nic], **judge(*_one(args, nic))})
        except LabError as error:
            nics.append({"nic": nic, "place": matrix.NICS[nic], "good": False, "why": str(error)})
    return {"good": all(one["good"] for one in nics), "nics": nics, "out": args.out}


def _one(args, nic):
    """A machine's serial line and what arrived, by the size of the batch."""
    settings = Settings(out=os.path.join(args.out, nic), nic=nic, mem="128M", server=False,
                        quiet=args.quiet, **matrix.settings_of(nic))
    with Lab(settings) as lab:
        lab.tftp.link("frames.bin", IMAGE)
        lab.tftp.link("ref.elf", built("ref.elf"))
        words = [*lab.netdump_words(), "dini=frames.bin", "action=hold"]
        lab.start(netdump_config(words, "ref.elf", ["crash=panic"]))
        lab.network.filter.sink([PORT + size for size in SIZES], UDP_BYTES)
        lab.await_line(rf"^dini: entered|{BOOT_FAILED}", BOOT_S + CRASH_S, "the crash")
        lab.await_line(END, ROUNDS_S, "the rounds' end")
        sunk = lab.network.filter.sunk()
        return lab.machine.serial, {size: sunk[PORT + size] for size in SIZES}


def judge(serial, arrived):
    """Rates by the size, the best of them, and whether it is as good as it should be."""
    pace = _pace(serial)
    rows = [_row(arrived, pace, *map(int, found.groups())) for found in ROW.finditer(serial.text)]
    rates = {row["size"]: row["frames_s"] for row in rows if row["whole"]}
    if not rates:
        return {"good": False, "rows": rows, "why": "no frame is known to have arrived"}
    best = max(rates, key=rates.get)
    ratio = rates[best] / rates[1] if 1 in rates else None
    for row in rows:
        row["ratio"] = round(row["frames_s"] / rates[1], 2) if row["whole"] and ratio else None
    return {"good": bool(ratio) and ratio >= TARGET, "rows": rows, "why": None,
            "clock": round(pace, 3),
            "ceiling_frames_s": rates[best], "ceiling_size": best,
            "ceiling_mb_s": round(rates[best] * FRAME_BYTES / 1e6, 2),
            "ratio": round(ratio, 2) if ratio else None, "target": TARGET}


def _pace(serial):
    """How long a second of DINI's is."""
    (began, first), (ended, last) = (serial.time_of(re.compile(CLOCK % word))
                                     for word in ("begin", "end"))
    if not first or not last:
        return 1
    return (ended - began) * 1000 / max(int(last[1]) - int(first[1]), 1)


def _row(arrived, pace, size, sent, calls, us, best_frames, best_us):
    whole = 0 < sent == arrived.get(size) and best_us > 0
    us, best_us = us * pace, best_us * pace
    return {"size": size, "sent": sent, "arrived": arrived.get(size), "whole": whole,
            "frames_a_switch": round(sent / max(calls, 1), 2), "seconds": round(us / 1e6, 3),
            "us_a_frame": round(best_us / best_frames, 1) if whole else None,
            "frames_s": round(1e6 * best_frames / best_us) if whole else None,
            "mb_s": round(FRAME_BYTES * best_frames / best_us, 2) if whole else None}


def text(found):
    lines = []
    for one in found["nics"]:
        lines.append(f"{one['nic']} ({one['place']})")
        if one.get("rows"):
            lines.append(_line("batch", "a switch", "sent", "arrived", "frames/s", "MB/s",
                               "to batch 1"))
        for row in one.get("rows", []):
            rates = ((row["frames_s"], f"{row['mb_s']:.2f}", row["ratio"] or "-")
                     if row["whole"] else ("-", "-", "no result"))
            lines.append(_line(row["size"], f"{row['frames_a_switch']:.1f}", row["sent"],
                               row["arrived"], *rates))
        lines.append(f"  {verdict(one)}")
    return "\n".join(lines)


def _line(*cells):
    return "".join(f"{cell:>12}" for cell in cells)


def verdict(one):
    if one["why"]:
        return f"NO RESULT: {one['why']}"
    if not one["ratio"]:
        return (f"ceiling {one['ceiling_mb_s']:.2f} MB/s at {one['ceiling_size']}, BUT NO RESULT "
                "for one frame a switch")
    return (f"ceiling {one['ceiling_mb_s']:.2f} MB/s, {one['ceiling_frames_s']} frames/s at "
            f"{one['ceiling_size']}: {one['ratio']:.2f} times one frame a switch, "
            + ("as it should be" if one["good"] else f"MISSED {one['target']}"))
