# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench measures: its rows, by parts.

A row is one machine that crashes, or one server under load; its name is its folder's.  All of one
bench have the same NIC, and those that are held against each other the same guest.
"""

from dataclasses import dataclass

from ..matrix import NICS

NETDUMP, KDUMP, UNDI, LOAD = "netdump", "kdump", "undi", "load"  # what makes a row's figures
SIZES_GIB = (1, 2, 4, 8, 16)
FILLED_PERCENT = 80  # of the memory that the system has left
LOSSES = (0, 1, 5)   # percent, both ways
ROUND_TRIPS_MS = (0.1, 1, 10)
MACHINES = (1, 10, 100, 1000)
LOAD_MIB = 1000      # of memory, of all machines of a server under load together
WAYS = ("tcp", "ssh")
ROOMY_MIB = 256      # for a crash kernel that is to want for nothing


@dataclass(frozen=True)
class Row:
    """words: of scripts/lab run or undi, or of tests/tools/load; way: kdump's."""
    part: str
    name: str
    title: str
    maker: str
    words: tuple = ()
    way: str = "tcp"
    gib: int = 1
    crash_mib: int = None  # kdump's, if not the least with which it works
    filled: bool = False
    round_trip_ms: float = 0

    def kernel_words(self):
        return (f"lab.fill={FILLED_PERCENT}",) if self.filled else ()


# Debian's stock kernel, with what keeps the least memory from it.
STOCK = ("--stub", "module")


def _kdump():
    for name, title, words in (
            ("ours", "netdump, level 31", ("--level", "31")),
            ("ours-0", "netdump, level 0", ("--level", "0")),
            ("ours-insecure", "netdump, level 31, insecure", ("--level", "31", "--insecure")),
            ("ours-insecure-0", "netdump, level 0, insecure", ("--level", "0", "--insecure"))):
        yield Row("kdump", name, title, NETDUMP, (*STOCK, "--mem", "1G", *words))
    for way in WAYS:
        yield Row("kdump", f"kdump-{way}", f"kdump, level 31, {way}", KDUMP, way=way)
        yield Row("kdump", f"kdump-{way}-roomy", f"the same, crashkernel={ROOMY_MIB}M", KDUMP,
                  way=way, crash_mib=ROOMY_MIB)


# Incompressible, so that the wire is the limit and all have the same to carry.
RANDOM = ("--system", "ref", "--mem", "256M", "--append-kernel=fill=random", "--level", "0")


def _loss():
    for loss in LOSSES:
        yield Row("loss", f"loss-{loss}", f"{loss} % lost each way", NETDUMP,
                  (*RANDOM, "--check", "--loss", str(loss)))


def _round_trip():
    for ms in ROUND_TRIPS_MS:
        yield Row("rtt", f"rtt-{ms:g}", f"{ms:g} ms more of round trip", NETDUMP,
                  (*RANDOM, "--check"), round_trip_ms=ms)


def _size():
    for filled in (False, True):
        for gib in SIZES_GIB:
            what = "filled" if filled else "free"
            yield Row("size", f"size-{gib}-{what}", f"netdump, {gib} GiB, {what}", NETDUMP,
                      (*STOCK, "--mem", f"{gib}G", "--level", "31"), gib=gib, filled=filled)
            yield Row("size", f"size-{gib}-{what}-kdump", f"kdump, {gib} GiB, {what}", KDUMP,
                      gib=gib, filled=filled)


def _undi():
    """The ceiling: frames through the gate and nothing else."""
    for nic in NICS:
        yield Row("undi", f"undi-{nic}", nic, UNDI, ("--nic", nic))


def _server():
    for machines in MACHINES:
        yield Row("server", f"server-{machines}", f"{machines} machines", LOAD,
                  ("--machines", str(machines), "--mem", f"{LOAD_MIB // machines}M"))


PARTS = {"kdump": _kdump, "loss": _loss, "rtt": _round_trip, "size": _size, "undi": _undi,
         "server": _server}


def of(parts):
    return [row for part in parts for row in PARTS[part]()]
