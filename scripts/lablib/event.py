# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to the server, the network or the firmware while a dump is under way: --event.

    NAME[:SECONDS][@MIB]    e.g. server-kill:5@20

begins when so many MiB of the dump are on the server's disk, whenever that is, and lasts so many
seconds.  They follow each other in the order of their MiB.  Nothing here waits: the lab's own loop
calls Events.advance() often.
"""

import re
import time
from dataclasses import dataclass

from .hang import hang
from .process import LabError

MIB = 1 << 20
FORM = re.compile(r"([a-z-]+)(?::(\d+(?:\.\d+)?))?(?:@(\d+))?")


@dataclass(frozen=True)
class Kind:
    """What begins and what ends it, as functions of the lab, and how long it takes."""
    begin: callable
    end: callable
    seconds: float
    faulty_network: bool = False


KINDS = {
    "server-kill": Kind(lambda lab: lab.server.kill(), lambda lab: lab.server.start(lab.network),
                        seconds=5),
    "net-down": Kind(lambda lab: lab.network.filter.down(), lambda lab: lab.network.filter.up(),
                     seconds=60, faulty_network=True),
    # it is DINI that ends it
    "firmware-hang": Kind(lambda lab: hang(lab.machine), lambda lab: None, seconds=0),
}
AT_MIB = 8


@dataclass
class Event:
    """One of them, and what became of it."""
    name: str
    seconds: float
    at_mib: int
    began: float = 0.0  # on the monotonic clock, 0: not yet
    ended: float = 0.0
    received_mib: float = 0.0

    def as_json(self):
        return {"name": self.name, "at_mib": self.at_mib,
                "seconds": round(self.ended - self.began, 1) if self.ended else None,
                "received_mib": round(self.received_mib, 1) if self.began else None}


def parse(text):
    """An Event, or a LabError that says what is wrong with the text."""
    match = FORM.fullmatch(text)
    if not match or match[1] not in KINDS:
        raise LabError(f"--event {text}: not NAME[:SECONDS][@MIB] with a NAME of "
                       + ", ".join(sorted(KINDS)))
    kind = KINDS[match[1]]
    return Event(match[1], float(match[2]) if match[2] else kind.seconds,
                 int(match[3]) if match[3] else AT_MIB)


def takes_faulty_network(events):
    return any(KINDS[event.name].faulty_network for event in events)


class Events:
    """All of a run's, one under way at a time."""

    def __init__(self, lab, events):
        self._lab = lab
        self._left = sorted(events, key=lambda event: event.at_mib)
        self.all = list(self._left)

    def left(self):
        """Whether there is one that is not over."""
        return bool(self._left)

    def advance(self):
        """Begin or end what is due."""
        if not self._left:
            return
        event = self._left[0]
        if not event.began:
            received = self._lab.server.received()
            if received >= event.at_mib * MIB:
                event.received_mib = received / MIB
                self._lab.say(f"{event.name} for {event.seconds:.0f} s, with "
                              f"{event.received_mib:.0f} MiB on the server's disk")
                KINDS[event.name].begin(self._lab)
                event.began = time.monotonic()
        elif time.monotonic() - event.began >= event.seconds:
            self._end(event)

    def finish(self):
        """The run is over: what is under way ends, what has not begun never does."""
        if self._left and self._left[0].began:
            self._end(self._left[0])
        self._left = []

    def _end(self, event):
        KINDS[event.name].end(self._lab)
        event.ended = time.monotonic()
        self._left.remove(event)
        self._lab.say(f"{event.name} is over")

    def as_json(self):
        return [event.as_json() for event in self.all]

    def happened(self):
        """Whether each had its time; a dump that was over before proves nothing."""
        return all(event.ended for event in self.all)
