# SPDX-License-Identifier: GPL-2.0-or-later
"""DINI in a bare guest on a sealed wire: the whole handshake, and no secret left behind.

    DINI -> fake gate -> dini_guest.c -> COM2 -> this file: a server on tests/tools/noise.py

The machine stands still while this server thinks, and its memory is a file that both share:
so secrets are found where they are while DINI needs them, and looked for in all of memory
when it has ended in `hold`.
"""

import hmac
import mmap
import os
import re
import socket
import struct
import subprocess

import pytest

import noise
from guest import WAIT_S, Guest

BUILD = "build"
RAM_BYTES = 5 << 30
LOW_RAM_BYTES = 2 << 30  # q35: what is above lies from 4 GiB on
FOUR_GIB = 4 << 30
HANDOFF = range(0x70000, 0x70C00)  # these as in dini_guest.c
DINI_PHYS = 0x7FC01000
NOISE_PHYS = 0x120000000
ZERO_PHYS = 0x4010000

SERVER_PRIVATE, PSK, SEED = (bytes(first + i * 7 & 0xFF for i in range(32)) for first in (1, 2, 3))
RAW, ZERO, LAST = 1, 3, 1


class Ram:
    """The machine's memory, shared with QEMU."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(self.fd, RAM_BYTES)
        self.map = mmap.mmap(self.fd, RAM_BYTES)

    def close(self):
        self.map.close()
        os.close(self.fd)

    def read(self, phys, size):
        at = phys if phys < LOW_RAM_BYTES else phys - FOUR_GIB + LOW_RAM_BYTES
        return self.map[at:at + size]

    def write(self, phys, data):
        self.map[phys:phys + len(data)] = data

    def find(self, secret):
        """Where either half of it lies, in either order of its bytes: BearSSL turns scalars round."""
        places = []
        halves = [secret[i:i + 16][::step] for i in range(0, len(secret), 16) for step in (1, -1)]
        for begin, end in self._pieces():
            for half in halves:
                at = self.map.find(half, begin, end)
                while at >= 0:
                    places.append(at)
                    at = self.map.find(half, at + 1, end)
        return places

    def _pieces(self):
        """Stretches that were ever written; memory that was not has no place in the file."""
        end = 0
        while True:
            try:
                begin = os.lseek(self.fd, end, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(self.fd, begin, os.SEEK_HOLE)
            yield begin, end


class Image:
    """build/dini/dini.elf, by offsets in DINI's region."""

    def __init__(self):
        self.symbols = {}
        for line in subprocess.check_output(["nm", f"{BUILD}/dini/dini.elf"], text=True).split("\n"):
            match = re.match(r"([0-9a-f]{16}) \w (\w+)$", line)
            if match:
                self.symbols[match[2]] = int(match[1], 16) & 0xFFFFFFFF
        self.memory = range(self.symbols["image_bytes"], self.symbols["memory_bytes"])


class Server:
    """Answers what the machine sends, and knows by the end every secret that DINI had."""

    def __init__(self, ram, image, last_read):
        self.ram, self.image, self.last_read = ram, image, last_read
        self.secrets = {}
        self.hellos = []  # ephemeral private key, state of memory
        self.keys = self.session = None
        self.data = {}
        self.done = False

    def region(self):
        return self.ram.read(DINI_PHYS + self.image.memory.start, len(self.image.memory))

    def answer(self, datagram):
        if noise.outside(datagram)[0] == noise.HELLO:
            return self.hello(datagram)
        message = self.keys.open(datagram)
        read_id, flags = self.data_take(message)
        if not flags & LAST:
            return []
        self.done = read_id == self.last_read
        if read_id == 1:
            return [self.keys.seal(self.read(2, [(ZERO_PHYS, 9)]))]
        if read_id == 2:
            return []  # silence: the machine says HELLO again
        return [self.keys.seal(self.message(noise.DONE, struct.pack("<II128s", 0, 0, b"all on disk")))]

    def hello(self, datagram):
        message, handshake = noise.hello_open(datagram, SERVER_PRIVATE, PSK)
        number = len(self.hellos) + 1
        _, _, self.session, seq = noise.outside(datagram)
        assert seq == number
        assert message[48:53] == b"guest"
        token = message[280:296]
        assert self.secrets.setdefault("token", token) == token

        memory = self.region()
        private = ephemeral_find(memory, datagram[24:56])
        self.secrets |= {
            f"ephemeral {number}": private,
            f"chaining key {number}": handshake.chaining,
            f"shared secret {number}": noise.dh(private, noise.public(SERVER_PRIVATE)),
        }
        self.hellos.append((private, memory))
        if number == 2:
            at = generator_find(self.hellos[0][1], private)
            self.secrets |= {"generator's key": memory[at:at + 32],
                             "generator's value": memory[at + 64:at + 96]}
        read_id, pages = [(1, (NOISE_PHYS, 4)), (3, (NOISE_PHYS, 4))][number - 1]
        answer, self.keys = noise.answer_seal(handshake, self.read(read_id, [pages], seq))
        self.secrets |= {f"key to server {number}": self.keys.receive,
                         f"key to machine {number}": self.keys.send}
        return [answer]

    def message(self, kind, body, seq=0):
        return noise.HEADER.pack(noise.MAGIC, noise.VERSION, kind, 24 + len(body), self.session,
                                 seq) + body

    def read(self, read_id, extents, seq=0):
        body = struct.pack("<IIHHI", read_id, 1 << 20, len(extents), 0, read_id - 1)
        return self.message(noise.READ, body + b"".join(
            struct.pack("<QII", phys, pages, 0) for phys, pages in extents), seq)

    def data_take(self, message):
        read_id, _, flags, count = struct.unpack_from("<IHBB", message, 24)
        at = 32
        for _ in range(count):
            phys, size, stored, kind = struct.unpack_from("<QIHB", message, at)
            at += 16
            assert kind in (RAW, ZERO)
            self.data[phys] = message[at:at + stored] if kind == RAW else bytes(size)
            at += stored
        return read_id, flags

    def found(self):
        return {name: self.ram.find(secret) for name, secret in self.secrets.items()}

    def check_data(self):
        for phys, data in self.data.items():
            assert data == self.ram.read(phys, len(data)), hex(phys)
        assert sum(len(data) for data in self.data.values()) == {1: 4, 3: 13}[self.last_read] * 4096


def ephemeral_find(memory, public):
    """DINI's private key, which never left it: the 32 bytes somewhere that make the public one."""
    for at in range(len(memory) - 31):
        some = memory[at:at + 32]
        if len(set(some)) > 16 and noise.public(some) == public:
            return some
    raise AssertionError("no private key of this HELLO in DINI's memory")


def generator_find(memory, drawn):
    """Where HMAC-DRBG's state lay (SP 800-90A section 10.1.2) that this was drawn from."""
    for at in range(0, len(memory) - 96, 8):
        if hmac.digest(memory[at:at + 32], memory[at + 64:at + 96], "sha256") == drawn:
            return at
    raise AssertionError("no generator in DINI's memory that this was drawn from")


def receive(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        assert more, "the guest is gone"
        data += more
    return data


def relay(sock, server):
    """tests/guest/relay.h, the other end, but for the server's last answer, which it returns."""
    while True:
        datagram = receive(sock, *struct.unpack("<H", receive(sock, 2)))
        answers = b"".join(struct.pack("<H", len(answer)) + answer
                           for answer in server.answer(datagram)) + bytes(2)
        if server.done:
            return answers
        sock.sendall(answers)


def dump(tmp_path, cpu="qemu64", sabotage=None, last_read=3):
    """One dump; where secrets were before its end, where they are when DINI holds the machine."""
    image = Image()
    ram = Ram(tmp_path / "ram")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "relay"))
        listener.listen()
        with Guest("-machine", "q35,memory-backend=ram", "-cpu", cpu, "-object",
                   f"memory-backend-file,id=ram,size=5G,share=on,mem-path={tmp_path}/ram",
                   "-serial", f"unix:{tmp_path}/relay",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                   "-device", "pcie-root-port,id=root1,chassis=1", "-device", "e1000e,bus=root1",
                   "-kernel", f"{BUILD}/tests/dini_guest.elf", "-initrd", f"{BUILD}/dini/dini.bin",
                   "-append", "sealed", memory="5G") as guest:
            listener.settimeout(WAIT_S)
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(WAIT_S)
                sock.sendall(noise.public(SERVER_PRIVATE) + PSK + SEED)
                server = Server(ram, image, last_read)
                try:
                    last = relay(sock, server)
                    before = server.found()
                    if sabotage:
                        sabotage(ram, image)
                    sock.sendall(last)
                    guest.wait_line("dini: hold")
                except AssertionError as error:
                    raise AssertionError(f"{error}; the guest said:\n{guest.text}") from error
            server.check_data()
            if last_read == 1:
                assert "dini: exception 6" in guest.text
            after = server.found()
            places = {"psk": ram.find(PSK), "seed": ram.find(SEED)}
    ram.close()
    os.unlink(tmp_path / "ram")
    return before, after, places


@pytest.mark.parametrize("cpu", ["qemu64", "max"])  # without RDRAND, with it
def test_a_sealed_dump_leaves_no_secret(tmp_path, cpu):
    before, after, places = dump(tmp_path, cpu)
    used_up = {"chaining key 1", "chaining key 2", "shared secret 1", "shared secret 2",
               "ephemeral 1", "ephemeral 2"}
    assert {name for name, found in before.items() if not found} <= used_up
    assert {name: found for name, found in after.items() if found} == {}
    assert places["seed"] == []
    assert {at for at in places["psk"] if at not in HANDOFF} == set()
    assert places["psk"]


def test_nor_does_an_exception(tmp_path):
    """READ 2 is not opened: an invalid instruction stands where that is done."""

    def sabotage(ram, image):
        ram.write(DINI_PHYS + image.symbols["nd_sealed_open"], b"\x06")

    before, after, places = dump(tmp_path, sabotage=sabotage, last_read=1)
    assert before["key to server 1"] and before["key to machine 1"] and before["token"]
    assert {name: found for name, found in after.items() if found} == {}
    assert places["seed"] == []
    assert {at for at in places["psk"] if at not in HANDOFF} == set()


def agent_kept(ram, image):
    ram.write(DINI_PHYS + image.symbols["nd_agent_wipe"], b"\xc3")  # ret


def stack_kept(ram, image):
    at = DINI_PHYS + image.symbols["nd_stack_leave64"]
    at += ram.read(at, 64).index(b"\xf3\x48\xab")  # rep stosq
    ram.write(at, b"\x90\x90\x90")


@pytest.mark.parametrize("sabotage, left", [
    (agent_kept, {"token", "key to server 1", "key to machine 1", "key to server 2",
                  "key to machine 2", "generator's key", "generator's value"}),
    (stack_kept, {"key to server 2", "key to machine 2"}),
])
def test_it_would_be_seen_if_they_were_left(tmp_path, sabotage, left):
    """The same with one step of the wiping taken out of DINI's code."""
    _, after, _ = dump(tmp_path, sabotage=sabotage)
    assert left <= {name for name, found in after.items() if found}
