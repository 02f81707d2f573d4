# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench is held to: ratios of figures of one bench, and whether each was held or missed.

What was not measured is missed.
"""

from dataclasses import asdict, dataclass, replace

from ..rates import TARGETS as LOSS_TARGETS
from . import rows

HELD, MISSED = "held", "missed"


@dataclass(frozen=True)
class Target:
    """A figure that is to be at most or at least a bound; figure is None where it has no rows."""
    what: str
    figure: float
    bound: float
    least: bool = False
    unit: str = ""
    busy: bool = False  # one of its rows was measured while the host had other work

    def word(self):
        if self.figure is None:
            return MISSED
        good = self.figure >= self.bound if self.least else self.figure <= self.bound
        return HELD if good else MISSED

    def as_json(self):
        return {**asdict(self), "word": self.word()}


class Figures:
    """The bench's figures by row and key; None where there is none.  It knows what was asked for."""

    def __init__(self, found):
        self._found = found
        self._asked = set()

    def asked(self):
        """The rows that were asked for since the last time."""
        asked, self._asked = self._asked, set()
        return asked

    def get(self, row, key):
        self._asked.add(row)
        return (self._found.get(row) or {}).get(key)

    def ratio(self, row, key, below):
        """The row's figure as a share of another."""
        above = self.get(row, key)
        return above / below if above is not None and below else None

    def extreme(self, pick, names, key):
        """The least or the largest of the rows, if all of them have the figure."""
        found = [self.get(name, key) for name in names]
        return None if None in found else pick(found)


def judge(found, nic, busy=()):
    """All targets; found: {row's name: its figures}; busy: the rows measured on a busy host."""
    figures = Figures(found)
    for target in _targets(figures, nic):
        yield replace(target, busy=not figures.asked().isdisjoint(busy))


def _targets(figures, nic):
    """Each asks for its rows, and no other's."""
    kdump = [row.name for row in rows.of(["kdump"]) if row.maker == rows.KDUMP]
    stock = ["ours", *(f"size-{gib}-free" for gib in rows.SIZES_GIB)]
    yield Target("panic to durable, of the better kdump's",
                 figures.ratio("ours", "durable_s", figures.extreme(min, kdump, "durable_s")),
                 1 / 5)
    yield Target("panic to the first log line, of the better kdump's first byte",
                 figures.ratio("ours", "first_log_s", figures.extreme(min, kdump, "first_byte_s")),
                 1 / 15)
    yield Target("panic to the first log line", figures.get("ours", "first_log_s"), 0.5, unit="s")
    yield Target("an encrypted dump of incompressible memory, of the raw UNDI rate",
                 figures.ratio("loss-0", "frames_mb_s", figures.get(f"undi-{nic}", "ceiling_mb_s")),
                 0.9, least=True)
    yield Target("the raw UNDI rate, of that with one frame a switch",
                 figures.ratio(f"undi-{nic}", "ceiling_mb_s",
                               figures.get(f"undi-{nic}", "batch_1_mb_s")), 1.5, least=True)
    yield Target("16 GiB mostly free, of 1 GiB's time",
                 figures.ratio("size-16-free", "durable_s",
                               figures.get("size-1-free", "durable_s")), 1.5)
    yield Target("memory kept from the system, the most of all sizes",
                 figures.extreme(max, stock, "kept_mib"), 2, unit="MiB")
    yield Target("the server's rate to the disk, of a plain copy's, the least",
                 figures.extreme(min, [f"server-{count}" for count in rows.MACHINES],
                                 "stored_of_copy"), 0.8, least=True)
    for loss, share in LOSS_TARGETS:
        yield Target(f"the rate with {loss} % lost, of that without",
                     figures.ratio("loss-0", "data_s", figures.get(f"loss-{loss}", "data_s")),
                     share, least=True)
