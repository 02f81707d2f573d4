# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/tools/noise.py against the published vectors, and against wire/*.c in both roles."""
import ctypes
import json
import os
import random
from pathlib import Path

import pytest

import noise
from fakemachine import DATA, DONE, READ, data, hello, message
from noise import HEADER, Refused

VECTORS = json.loads(Path(__file__).with_name("noise_vectors.json").read_text())
LIBRARY = os.environ.get("NETDUMP_WIRE_LIBRARY", "build/tests/libwire.so")
SERVER, PSK, SESSION = bytes(range(32)), bytes(range(32, 64)), 0x1122334455667788


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: str(v["number"]))
def test_published(vector):
    field = {k: bytes.fromhex(v) for k, v in vector.items()
             if k not in ("number", "published", "protocol_name", "messages")}
    assert noise.public(field["resp_static"]) == field["resp_static_public"]
    machine, server = (noise.Handshake(field["resp_static_public"], field.get("psk"),
                                       field["prologue"], private)
                       for private in (None, field["resp_static"]))
    assert ("psk0" in vector["protocol_name"]) == (machine.psk is not None)
    lines = [(bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"]))
             for m in vector["messages"]]
    for (payload, published), write, read, ephemeral in (
            (lines[0], machine.hello_write, server.hello_read, field["init_ephemeral"]),
            (lines[1], server.answer_write, machine.answer_read, field["resp_ephemeral"])):
        point, sealed = write(payload, ephemeral)
        assert point + sealed == published
        assert read(point, sealed) == payload
    assert machine.hash == server.hash == field.get("handshake_hash", server.hash)
    assert machine.split() == server.split()
    for number, (payload, published) in enumerate(lines[2:]):
        key = machine.split()[number % 2]
        assert noise.seal(key, number // 2, b"", payload) == published
        assert noise.unseal(key, number // 2, b"", published) == payload


# --- against C -----------------------------------------------------------


class Library:
    """wire/secure.h; what it works on is opaque here, and room enough."""

    OK, OFFSET, ROOM = 0, 64, 4096

    def __init__(self):
        self.c = ctypes.CDLL(LIBRARY)
        for name in ("nd_hello_seal", "nd_answer_seal", "nd_sealed_seal"):
            getattr(self.c, name).restype = ctypes.c_size_t

    @classmethod
    def buffer(cls, content=b"", at=0):
        buffer = ctypes.create_string_buffer(cls.ROOM)
        buffer[at : at + len(content)] = content
        return buffer

    def opened(self, error, buffer, at):
        if error != self.OK:
            raise Refused(f"error {error}")
        return buffer[at : at + HEADER.unpack_from(buffer, at)[3]]

    def hello_seal(self, text, server_public, psk):
        handshake, buffer = self.buffer(), self.buffer(text, self.OFFSET)
        count = self.c.nd_hello_seal(handshake, buffer, server_public, psk, os.urandom(32))
        return buffer[:count], handshake

    def hello_open(self, datagram, server_private, psk):
        handshake, buffer = self.buffer(), self.buffer(datagram)
        error = self.c.nd_hello_open(handshake, buffer, ctypes.c_size_t(len(datagram)),
                                     server_private, noise.public(server_private), psk)
        return self.opened(error, buffer, self.OFFSET), handshake

    def answer_seal(self, handshake, text):
        keys, buffer = Keys(self), self.buffer(text, self.OFFSET)
        count = self.c.nd_answer_seal(handshake, buffer, os.urandom(32), keys.raw)
        return buffer[:count], keys

    def answer_open(self, handshake, datagram):
        keys, buffer = Keys(self), self.buffer(datagram)
        error = self.c.nd_answer_open(handshake, buffer, ctypes.c_size_t(len(datagram)), keys.raw)
        return self.opened(error, buffer, self.OFFSET), keys


class Keys:
    def __init__(self, library):
        self.library, self.raw = library, library.buffer()

    def seal(self, text):
        buffer = self.library.buffer(text)
        return buffer[: self.library.c.nd_sealed_seal(self.raw, buffer)]

    def open(self, datagram):
        buffer = self.library.buffer(datagram)
        error = self.library.c.nd_sealed_open(self.raw, buffer, ctypes.c_size_t(len(datagram)))
        return self.library.opened(error, buffer, 0)


def with_seq(text, seq):
    fields = list(HEADER.unpack_from(text))
    return HEADER.pack(*fields[:5], seq) + text[HEADER.size :]


C = Library()
READ_1 = message(READ, SESSION, 3, bytes.fromhex("07000000 00000100 0100 0000 06000000") +
                 (0x2000).to_bytes(8, "little") + (1).to_bytes(8, "little"))
DONE_1 = message(DONE, SESSION, 3, bytes(136))
HELLO_3 = hello(SESSION, 3, host=b"both", token=b"sixteen bytes...",
                ranges=[(0x100000, 1 << 20, 1)])
DATA_1 = data(SESSION, 1, 7, 0, 1, [(0x2000, 64, 1, bytes(range(64)))])
BOTH = pytest.mark.parametrize("machine, server", [(C, noise), (noise, C)], ids=["c-py", "py-c"])


def talk(machine, server, psk, answer=READ_1):
    """A handshake between two implementations; the keys of both."""
    datagram, handshake = machine.hello_seal(HELLO_3, noise.public(SERVER), psk)
    assert noise.datagram_psk_id(datagram) == noise.psk_id(psk)
    got, accepted = server.hello_open(datagram, SERVER, psk)
    assert got == HELLO_3
    datagram, server_keys = server.answer_seal(accepted, answer)
    got, machine_keys = machine.answer_open(handshake, datagram)
    assert got == answer
    return machine_keys, server_keys


@BOTH
@pytest.mark.parametrize("psk", [None, PSK], ids=["nk", "nkpsk0"])
@pytest.mark.parametrize("answer", [READ_1, DONE_1], ids=["read", "done"])
def test_one_understands_the_other(machine, server, psk, answer):
    machine_keys, server_keys = talk(machine, server, psk, answer)
    for seq in range(1, 4):
        assert server_keys.open(machine_keys.seal(DATA_1)) == with_seq(DATA_1, seq)
        assert machine_keys.open(server_keys.seal(READ_1)) == with_seq(READ_1, seq)
    datagram = machine_keys.seal(DATA_1)
    server_keys.open(datagram)
    with pytest.raises(Refused):
        server_keys.open(datagram)


def mutants(datagram, seed):
    """Damaged in ways that a checksum might not see, or that an attacker might choose."""
    rng = random.Random(seed)
    for _ in range(300):
        bad = bytearray(datagram)
        how = rng.randrange(4)
        if how == 0:
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        elif how == 1:
            bad[rng.randrange(HEADER.size)] = rng.randrange(256)
        elif how == 2:
            del bad[rng.randrange(len(bad)) :]
        else:
            bad = bad[: rng.randrange(len(bad))] + bytes(rng.randrange(64))
            bad[6:8] = len(bad).to_bytes(2, "little")
        if bad != datagram:
            yield bytes(bad)


def refused_all(opener, good, seed):
    for bad in mutants(good, seed):
        with pytest.raises(Refused):
            opener(bad)
    opener(good)


@BOTH
def test_damage_is_refused_by_either(machine, server):
    good, handshake = machine.hello_seal(HELLO_3, noise.public(SERVER), PSK)
    refused_all(lambda datagram: server.hello_open(datagram, SERVER, PSK), good, 1)
    _, accepted = server.hello_open(good, SERVER, PSK)
    answer, _ = server.answer_seal(accepted, READ_1)
    refused_all(lambda datagram: machine.answer_open(handshake, datagram), answer, 2)
    machine_keys, server_keys = talk(machine, server, None)
    refused_all(server_keys.open, machine_keys.seal(DATA_1), 3)
    refused_all(machine_keys.open, server_keys.seal(READ_1), 4)


@BOTH
@pytest.mark.parametrize("made, opened", [(PSK, None), (None, PSK), (PSK, SERVER)])
def test_the_wrong_psk(machine, server, made, opened):
    datagram, _ = machine.hello_seal(HELLO_3, noise.public(SERVER), made)
    with pytest.raises(Refused):
        server.hello_open(datagram, SERVER, opened)


def test_small_order():
    with pytest.raises(Refused):
        noise.hello_seal(HELLO_3, bytes(32))
    assert C.hello_seal(HELLO_3, bytes(32), None)[0] == b""


@pytest.mark.parametrize("kind", [READ, DATA, DONE])
def test_what_is_plain_is_not_opened(kind):
    machine_keys, server_keys = talk(noise, C, None)
    plain = {READ: READ_1, DATA: DATA_1, DONE: DONE_1}[kind]
    for keys in (machine_keys, server_keys):
        with pytest.raises(Refused):
            keys.open(plain)
