# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file call of a dump fails in turn: nothing wrong is ever called complete."""
import os
import threading

import pytest

from conftest import Server, assert_right, until
from fakeimage import PAGE, linux_image
from fakemachine import FakeMachine

COMPLETE, INCOMPLETE, REFUSED = 0, 1, 2

# Faults that a disk can have, for each kind of call; with a + it stays like that.
FAULTS = ["mkdirat ENOSPC", "openat EACCES", "openat EACCES+", "fallocate ENOSPC",
          "ftruncate EIO", "pwrite ENOSPC", "pwrite ENOSPC+", "pwrite short", "write EDQUOT",
          "write EDQUOT+", "write short", "close EIO", "pread EIO", "pread short", "fsync EIO",
          "fsync EIO+", "fdatasync EIO", "renameat EIO", "renameat EIO+", "unlinkat EIO"]
FOR_LAST_WORDS = {"openat", "write", "close", "renameat"}  # what info.json is written with


def small_image(seed):
    """A Linux with its log, but little else in its memory."""
    image = linux_image(seed, mib=6, records=12, count_bits=5, text_bits=11, zero=1)
    source, _, _, size = image.loads[1]  # low memory's copy
    for number in range(source // PAGE, (source + size) // PAGE):
        image.pages.pop(number, None)
    return image


MAP_NEVER_S = 3600

IMAGE, OTHER_IMAGE = small_image(1), small_image(2)


def names_below(server, host):
    path = server.dir / host
    return sorted(os.listdir(path)) if path.is_dir() else []


def verdict_check(server, done, last_words):
    """What the machine was told is what is there, and stands in info.json if it could be written."""
    folders = names_below(server, "victim")
    final = [name for name in folders if not name.endswith(".partial")]
    if done.status == COMPLETE:
        assert folders == final and done.text == f"victim/{final[0]}"
        assert_right(server, done.text, IMAGE)
        return
    assert done.text and not final, f"{done}, and {folders}"
    if done.status == INCOMPLETE:
        until(lambda: done.text in server.text())
        info = server.info(f"victim/{folders[0]}")
        assert not last_words or (info["status"], info["why"]) == ("incomplete", done.text)


def machine_run(server, image, session, host):
    one = FakeMachine(server.address, image, session, host=host)
    try:
        return one.run(30)
    finally:
        one.close()


def one_dump(folder, fault, last_words, map_s=0):
    """A dump with a fault, and another machine's beside it; whether the fault was reached."""
    server, others = Server(folder, "--map", str(map_s), fault=fault, fault_below="victim"), []
    thread = threading.Thread(
        target=lambda: others.append(machine_run(server, OTHER_IMAGE, 2, "other")))
    thread.start()
    try:
        done = machine_run(server, IMAGE, 1, "victim")
        thread.join(30)
        assert others[0].status == COMPLETE
        assert_right(server, others[0].text, OTHER_IMAGE)
        verdict_check(server, done, last_words)
    finally:
        log = server.stop()
    if done.status != COMPLETE:
        server = Server(folder)  # on a disk that is whole again
        try:
            again = machine_run(server, IMAGE, 1, "victim")
            assert again.status == COMPLETE
            assert_right(server, again.text, IMAGE)
            assert not server.info(again.text)["reasked_chunks"], "the map claimed too much"
        finally:
            server.stop()
    return ", reached" in log, done


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_fails(tmp_path, fault):
    call, what = fault.rstrip("+").split()
    onwards, verdicts = "+" if fault.endswith("+") else "", []
    # Reading back is the same call again and again.
    for nth in range(1, 1000, 6 if call == "pread" else 1):
        reached, done = one_dump(tmp_path / f"{nth}", f"{call}:{nth}{onwards}:{what}",
                                 not onwards or call not in FOR_LAST_WORDS)
        if not reached:
            assert done.status == COMPLETE
            break
        verdicts.append(done.status)
    assert verdicts, "no such call was made"
    print(f"{call}: {len(verdicts)} times, verdicts {verdicts}")
    if what == "short":
        assert set(verdicts) == {COMPLETE}, "a short call is no failure"


@pytest.mark.parametrize("call", ["fsync", "fdatasync"])
def test_the_last_sync_before_done_matters(tmp_path, call):
    """Without maps, for how many of them there is time for differs, and a map may fail."""
    verdicts = []
    for nth in range(1, 1000):
        reached, done = one_dump(tmp_path / str(nth), f"{call}:{nth}:EIO", True, MAP_NEVER_S)
        if not reached:
            break
        verdicts.append(done.status)
    assert verdicts[-1] == INCOMPLETE
