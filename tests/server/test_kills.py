# SPDX-License-Identifier: GPL-2.0-or-later
"""netdumpd is killed at random moments, with no time for a last word; its dumps are right.

NETDUMP_SEED=N repeats a run's choices (not the machine's speed).
"""
import os
import random
import threading
import time

from conftest import Server, assert_right
from fakeimage import linux_image, plain_image
from fakemachine import FakeMachine

COMPLETE = 0
KILLS = 200
KILLS_OF_A_DUMP = 8  # then it may finish
FILE_CALLS = 150  # about what a dump makes
DUMP_S = 0.3  # about what it takes


class Dump:
    """One machine, whose server is killed and started again until it is done."""

    def __init__(self, folder, rng, session):
        self.folder, self.rng, self.session = folder, rng, session
        mib = rng.choice([6, 8, 12])
        self.image = plain_image(session, mib) if rng.random() < 0.3 else linux_image(
            session, mib, zero=rng.random(), compressible=0)
        self.kills = 0

    def life(self, port, last):
        """A server until it is killed or the machine is done."""
        by_call = self.rng.random() < 0.5
        fault = f"any:{self.rng.randrange(1, FILE_CALLS)}:kill" if by_call and not last else None
        server = Server(self.folder, "--map", "0", port=port, fault=fault)
        end = time.monotonic() + (60 if last or by_call else self.rng.random() * DUMP_S)
        while self.machine.is_alive() and server.process.poll() is None:
            if time.monotonic() > end:
                break
            time.sleep(0.001)
        self.kills += self.machine.is_alive()
        server.kill()
        self.server = server

    def run(self):
        first = Server(self.folder)
        port = first.address[1]
        first.kill()
        one = FakeMachine(first.address, self.image, self.session)
        result = []
        self.machine = threading.Thread(target=lambda: result.append(one.run(120)))
        self.machine.start()
        while self.machine.is_alive():
            self.life(port, self.kills >= KILLS_OF_A_DUMP)
        one.close()
        assert result and result[0].status == COMPLETE, self.server.text()
        assert_right(self.server, result[0].text, self.image)
        assert self.server.dumps() == [result[0].text]
        return self.server.info(result[0].text)


def test_killed_at_200_random_moments(tmp_path):
    seed = int(os.environ.get("NETDUMP_SEED", time.time_ns() % 1000000))
    print(f"NETDUMP_SEED={seed}")
    rng = random.Random(seed)
    kills = resumed = dumps = 0
    while kills < KILLS:
        dumps += 1
        dump = Dump(tmp_path / str(dumps), rng, dumps)
        info = dump.run()
        kills += dump.kills
        resumed += info["resumed"]
    print(f"{kills} kills in {dumps} dumps, {resumed} taken up again from a map")
    assert resumed > KILLS // 20
