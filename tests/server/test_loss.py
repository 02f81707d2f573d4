# SPDX-License-Identifier: GPL-2.0-or-later
"""One datagram is lost, whichever: it costs one more request, and the dump is right."""
import pytest

from conftest import assert_right
from fakeimage import PAGE, RAM, linux_image, plain_image
from fakemachine import LAST, RECORD, Done, Faults, parse

COMPLETE = 0


class LoseOne(Faults):
    """Loses the first datagram that `pick` names, and only that."""

    def __init__(self, pick):
        super().__init__()
        self.pick, self.lost = pick, 0

    def apply(self, datagram):
        if not self.lost and self.pick(datagram):
            self.lost += 1
            return []
        return [(datagram, False)]


class Nth:
    def __init__(self, number, kind):
        self.left, self.kind = number, kind

    def __call__(self, datagram):
        self.left -= self.kind(datagram)
        return self.left == 0


def is_hello(datagram):
    return datagram[5] == 1


def is_read(datagram):
    return datagram[5] == 2 and bool(parse(datagram)[1].extents)


def is_keepalive(datagram):
    return datagram[5] == 2 and not parse(datagram)[1].extents


def is_data(datagram):
    return datagram[5] == 3


def is_last(datagram):
    return is_data(datagram) and datagram[30] & LAST


def top(image):
    """Where the image's memory ends: the last that is asked for."""
    return max(phys + count for phys, count, kind in image.ranges if kind == RAM)


def asks_for(end):
    return lambda datagram: is_read(datagram) and any(
        extent[0] + extent[1] * PAGE >= end for extent in parse(datagram)[1].extents)


def holds(end):
    def pick(datagram):
        at = 32
        while is_data(datagram) and at < len(datagram):
            phys, raw, stored, _, _ = RECORD.unpack_from(datagram, at)
            if phys + raw >= end:
                return True
            at += RECORD.size + stored
        return False
    return pick


def is_done(datagram):
    return isinstance((parse(datagram) or (0, 0))[1], Done)


OUT = {"HELLO": (is_hello, 1), "the first DATA": (is_data, 1), "the second DATA": (is_data, 2),
       "a DATA": (is_data, 500), "a last DATA": (is_last, 20)}
IN = {"the first READ": (is_read, 1), "the second READ": (is_read, 2), "a READ": (is_read, 40),
      "DONE": (is_done, 1)}


def lossless(serve, machine, folder):
    """What the same dump takes: its READs and its DATA."""
    server = serve(folder=folder)
    one = machine(server, linux_image(1, mib=6), 1)
    one.run()
    info = server.info(one.done.text)
    server.stop()
    return info


@pytest.mark.parametrize("what", [*OUT, *IN, "the last READ", "the very last DATA"])
def test_one_loss_costs_one_request(serve, machine, tmp_path, what):
    usual = lossless(serve, machine, tmp_path / "lossless")
    server, image = serve(), linux_image(1, mib=6)
    one = machine(server, image, 1)
    if what in OUT:
        kind, number = OUT[what]
        lose = one.faults = LoseOne(Nth(number, kind))
    elif what == "the very last DATA":
        lose = one.faults = LoseOne(holds(top(image)))
    elif what == "the last READ":
        lose = one.faults_in = LoseOne(asks_for(top(image)))
    else:
        kind, number = IN[what]
        lose = one.faults_in = LoseOne(Nth(number, kind))
    assert one.run().status == COMPLETE
    assert_right(server, one.done.text, image)
    assert lose.lost == 1, "nothing was lost"
    info = server.info(one.done.text)
    # by how a busy machine's scheduling interleaves them, READs differ by a few
    assert info["timeouts"] <= 2 and info["reads"] <= usual["reads"] + 8


def test_a_lost_keepalive_is_said_again(serve, machine):
    """All has come, but it takes long to hash: each HELLO brings a word that it goes on."""
    server, image = serve(), plain_image(1, mib=2)
    image.pages, image.ranges = {}, [(0, 8 << 30, RAM)]
    one = machine(server, image, 1)
    lose = one.faults_in = LoseOne(Nth(1, is_keepalive))
    while not one.keepalives:
        with pytest.raises(TimeoutError):
            one.run(0.2)
    assert lose.lost == 1
    server.stop()
