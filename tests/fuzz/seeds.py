#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py DIR - first inputs for the fuzzers, DIR/NAME/*, in the forms that tests/fuzz/NAME.c says.

Corpora grow from these: `make fuzz-merge` takes what adds coverage into tests/fuzz/corpus.
"""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tools"))
import fakemachine as fm  # noqa: E402
from fakeimage import PAGE, RAM  # noqa: E402

SESSION = 1


def u8(*values):
    return bytes(values)


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


def read(read_id, extents, budget=32768, settled=0, session=SESSION, seq=1):
    body = struct.pack("<IIHHI", read_id, budget, len(extents), 0, settled)
    body += b"".join(struct.pack("<QII", *e) for e in extents)
    return fm.message(fm.READ, session, seq, body)


def done(status, text=b"because", session=SESSION, seq=1):
    return fm.message(fm.DONE, session, seq, struct.pack("<II128s", status, 0, text))


def records():
    page = bytes(range(64)) * 64
    return [(0x1000, 64, fm.RAW, page[:64]), (0x2000, PAGE, fm.LZ4, fm.lz4_compress(page)),
            (0x4000, 1 << 20, fm.ZERO, b""), (0x200000, PAGE, fm.ABSENT, b"")]


def wire():
    messages = [
        fm.hello(SESSION, host=b"host", reason=b"why", elfcorehdr=0x1000,
                 ranges=[(0, 0xA0000, RAM), (1 << 20, 1 << 30, RAM), (0x9F000, 4096, 2)]),
        fm.hello(SESSION),
        read(1, [(0x1000, 3, 0), (0x10000, 1, 5)]),
        read(7, [], settled=6),
        read(2, [(i * 8192, 1, i) for i in range(84)]),
        fm.data(SESSION, 1, 1, 0, fm.LAST, records()),
        fm.data(SESSION, 2, 1, 1, 0, records()[:1] * 1),
        fm.data(SESSION, 2, 1, 1, fm.LAST, []),
        fm.data(SESSION, 3, 1, 2, 0, [(0, 1408, fm.RAW, bytes(1408))]),
        done(0),
    ]
    for m in messages:
        yield u8(0) + m
        yield u8(1) + m
    yield u8(2) + b"".join(struct.pack("<QQB", i << 20, 4096, 1) for i in range(41))
    yield u8(2 | 1 << 2) + u32(1000) + b"".join(struct.pack("<QII", i << 12, 1, i) for i in range(85))
    yield u8(2 | 2 << 2) + b"".join(
        struct.pack("<QIBH", p, raw, kind, len(s)) + s for p, raw, kind, s in records())
    yield u8(2 | 3 << 2) + u32(1) + b"text" * 40


MAC, IP, PEER_MAC, PEER_IP = b"\x52\x54\0\x12\x34\x56", bytes([10, 0, 2, 15]), b"\x52\x55\x0a\0\2\2", \
    bytes([10, 0, 2, 2])


def net_frame(frame, how=0):
    return u8(5, how) + u16(len(frame)) + frame


def arp(operation, target=IP):
    return (MAC + PEER_MAC + b"\x08\x06\0\1\x08\0\6\4" + struct.pack(">H", operation) + PEER_MAC
            + PEER_IP + MAC + target).ljust(60, b"\0")


def ipv4(protocol, payload):
    return (MAC + PEER_MAC + b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0,
                                                     64, protocol, 0) + PEER_IP + IP + payload)


def net():
    udp = struct.pack(">HHHH", 6668, 6669, 8 + 5, 0) + b"hello"
    echo = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + b"ping" * 8
    resolve, tick, refresh, out = u8(1) + PEER_IP, u8(2) + u16(150), u8(3), u8(0)
    send = u8(4) + u16(100) + u16(6668) + PEER_IP
    yield u8(0) + net_frame(arp(1)) + out
    yield u8(0) + resolve + out + net_frame(arp(2)) + send + send
    yield u8(1) + resolve + out + tick + out + refresh + out
    yield u8(2) + net_frame(ipv4(17, udp), 4) + net_frame(ipv4(17, udp).ljust(60, b"\0"), 4)
    yield u8(3) + net_frame(ipv4(1, echo), 4) + out
    yield u8(0) + net_frame(ipv4(17, udp), 7) + net_frame(ipv4(1, echo), 6) + out
    yield u8(0) + b"".join(u8(1, 10, 0, 2, i) + out for i in range(12))


BASE = 0x100000
OUT = u8(0 | 63 << 2)


def agent_bytes(message, server=0):
    return u8(3, 0x80 | server) + u16(len(message)) + message


def agent_read(extents, server=0, id_step=1, settled_back=1, budget=16384):
    body = u8(5, server, len(extents), id_step, settled_back) + u16(budget // 2)
    return body + b"".join(u8(far, pages) + (u32(have) if not pages else b"")
                           for far, pages, have in extents)


def agent():
    tick = u8(2) + u16(300)
    yield u8(0) + b"".join(OUT + tick for _ in range(8))
    yield u8(0) + OUT + agent_read([(2, 30, 0), (8, 20, 0)], budget=60000) + OUT + OUT + tick + OUT
    yield u8(4) + OUT + agent_read([(2, 0, 0xF0F0)]) + agent_read([(0, 48, 0)], settled_back=4) + OUT
    yield u8(8) + OUT + agent_read([(4, 252, 0)], budget=100) + OUT + agent_read([(254, 9, 0)]) + OUT
    yield u8(1) + OUT + agent_read([(2, 3, 0)]) * 10 + OUT + agent_read([], id_step=2) + OUT
    yield u8(12) + OUT + agent_bytes(read(1, [(BASE, 3, 0)])) + OUT + agent_bytes(done(0)) + OUT
    yield u8(3) + OUT + agent_bytes(done(2)) + OUT + agent_bytes(done(2), 1) + tick + OUT
    yield u8(0) + OUT + agent_bytes(read(3, [], settled=2)) + tick + OUT


def main():
    for name in ("wire", "net", "agent"):
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for number, seed in enumerate(globals()[name]()):
            with open(os.path.join(folder, "seed%02d" % number), "wb") as f:
                f.write(seed)


if __name__ == "__main__":
    main()
