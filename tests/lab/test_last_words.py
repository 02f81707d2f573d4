# SPDX-License-Identifier: GPL-2.0-or-later
"""Why there was no dump: told by the next boot, to a person and to the servers, once."""

import os
import re

from conftest import BUILD
from lablib.lab import HOST
from lablib.process import BUSY_S

REF = os.path.join(BUILD, "stub", "ref.elf")
NOT_THE_SERVERS = "0123456789abcdef" * 4
BLOCK_BYTES, WORDS_BYTES = 2344, 128  # struct nd_handoff, and its end
TOLD = "netdump: last words of the crash before this boot: "
CONFIG = f"""SERIAL 0 115200
PROMPT 1
TIMEOUT 0
LABEL crash
  KERNEL netdump.c32
  APPEND key={NOT_THE_SERVERS} deadline=5 action=reboot -- ref.elf crash=panic fill=none
LABEL good
  KERNEL netdump.c32
  APPEND key={NOT_THE_SERVERS} -- ref.elf crash=none fill=none
"""


def left_in_the_block(console, folder):
    """Its last words, as the system that is running finds them."""
    phys = int(console.wait(r"^ref: handoff block at (0x[0-9a-f]+), by name")[1], 16)
    path = folder / "last-words"
    console.lab.machine.memory_save(phys + BLOCK_BYTES - WORDS_BYTES, WORDS_BYTES, str(path))
    return path.read_bytes().rstrip(b"\0")


def test_a_server_that_never_answered_hears_of_it_at_the_next_boot(start, tmp_path):
    """It is up, but the machine has another server's key: what it says opens with none."""
    console = start(CONFIG, {"ref.elf": REF}, mem="64M", insecure=False, reboots=True)
    lab = console.lab

    console.prompt()
    console.type("crash")
    console.wait(r"^dini: no word from a server for 5 s")
    assert TOLD not in console.prompt()
    console.type("good")
    console.wait(rf"^{TOLD}no server answered\r?$")
    console.wait(r"^ref: idle")
    assert left_in_the_block(console, tmp_path) == b"no server answered"

    # An ordinary reset after a boot without a crash, which has told them already.
    console.at = len(lab.machine.serial.text)
    lab.machine.monitor("system_reset")
    console.prompt()
    console.type("good")
    console.wait(r"^ref: idle")
    assert TOLD not in console.text()
    assert left_in_the_block(console, tmp_path) == b""

    host = HOST if lab.network.names_hosts else lab.mac.replace(":", "-")
    assert lab.server.lines.wait(
        re.compile(rf"{host}: \S+ says last words of a crash: no server answered$", re.M), BUSY_S)
    assert os.listdir(lab.dumps) == [host] and os.listdir(os.path.join(lab.dumps, host)) == [
        "last-words.log"]
    with open(os.path.join(lab.dumps, host, "last-words.log"), encoding="ascii") as log:
        assert re.fullmatch(rf"\S+Z \S+ {lab.mac} no server answered\n", log.read())
