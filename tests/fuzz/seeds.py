#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py DIR - first inputs for the fuzzers, DIR/NAME/*, in the forms that tests/fuzz/NAME.c says.

Corpora grow from these: `make fuzz-merge` takes what adds coverage into tests/fuzz/corpus.
"""
import hashlib
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tools"))
import fakeimage  # noqa: E402
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
OUT = u8(15 * 8)


PLAIN, NK, PSK = 1 << 4, 2 << 4, 3 << 4  # set-up
ANSWER, SEALED, BEFORE, DAMAGED = 1 << 4, 2 << 4, 3 << 4, 0x40  # ways


def agent_bytes(message, how=0):
    return u8(3, 0x80 | how) + u16(len(message)) + message


def agent_read(extents, how=0, id_step=1, settled_back=1, budget=16384):
    body = u8(5, how, len(extents), id_step, settled_back) + u16(budget // 2)
    return body + b"".join(u8(far, pages) + (u32(have) if not pages else b"")
                           for far, pages, have in extents)


def agent():
    tick = u8(2) + u16(300)
    for up in (0, PLAIN, NK, PSK):
        yield u8(up) + b"".join(OUT + tick for _ in range(8))
    for up, first, then in ((PLAIN, 0, 0), (NK, ANSWER, SEALED), (PSK, ANSWER, SEALED)):
        yield u8(up) + OUT + agent_read([(2, 30, 0), (8, 20, 0)], first, budget=60000) + OUT + OUT + tick + OUT
        yield (u8(up | 4) + OUT + agent_read([(2, 0, 0xF0F0)], first)
               + agent_read([(0, 48, 0)], then, settled_back=4) + OUT)
        yield u8(up | 8) + OUT + agent_read([(4, 252, 0)], first, budget=100) + OUT + agent_read([(254, 9, 0)], then) + OUT
        yield u8(up | 1) + OUT + agent_read([(2, 3, 0)], first) + agent_read([(2, 3, 0)], then) * 9 + OUT \
            + agent_read([], then, id_step=2) + OUT
        yield u8(up | 1) + OUT + agent_read([(2, 0, 0)], first, budget=0) \
            + agent_read([(2, 0, 0)], then, settled_back=15, budget=0) * 9 + OUT + OUT
        yield u8(up | 12) + OUT + agent_bytes(read(1, [(BASE, 3, 0)]), first) + OUT + agent_bytes(done(0), then) + OUT
        yield u8(up | 3) + OUT + agent_bytes(done(2), first) + tick + OUT + agent_bytes(done(2), first | 1) + tick + OUT
        yield u8(up) + OUT + agent_read([(2, 3, 0)], first) + agent_bytes(read(3, [], settled=2), then) + tick + OUT
    yield u8(NK | 1) + OUT + agent_read([(2, 3, 0)], ANSWER | 8) + tick + OUT + agent_read([(2, 3, 0)], ANSWER | 8) + OUT
    yield u8(PLAIN) + OUT + agent_bytes(bytes(1500))
    again = agent_read([(2, 3, 0)], ANSWER)
    yield u8(NK) + OUT + again + tick + OUT + tick + OUT + again + agent_read([(2, 3, 0)], BEFORE) + OUT
    yield u8(NK) + OUT + agent_read([(2, 3, 0)], ANSWER | DAMAGED) + u16(70) + u8(1) + tick + OUT + again + OUT


def secure():
    hello = fm.hello(SESSION, host=b"host", ranges=[(1 << 20, 1 << 20, RAM)])
    data = fm.data(SESSION, 1, 1, 0, fm.LAST, records())
    for form in (0, 1, 1 | 1 << 1, 1 | 2 << 1, 0x40 | 1 | 2 << 1, 0x80 | 1 | 1 << 1, 0x80 | 1 | 2 << 1):
        yield u8(0, form) + hello + bytes(80)
    for how in (4, 5, 6, 4 | 16, 4 | 8):
        yield u8(1, how, 0, 0, 0) + hello
    yield u8(1, 4, 100, 0, 1) + hello
    for how in (fm.READ << 1, 1 | fm.DONE << 1, fm.DONE << 1, fm.DATA << 1):
        yield u8(2, how, 0, 0, 0) + (read(1, [(4096, 1, 0)]) if how >> 1 == fm.READ else done(0))
    yield u8(2, fm.READ << 1, 90, 0, 1) + read(1, [(4096, 1, 0)])
    send = u8(0, fm.DATA) + u16(len(data) - 24) + data
    take, lost = u8(2, 0, 0, 0), u8(1) + u16(70)
    yield u8(3) + send + take + take + send + lost + send + u8(6, 0, 0, 0) + u8(10, 0, 0, 0)
    yield u8(3) + send + u8(2, 30, 0, 4) + take + send * 8 + lost * 30 + send + take + u8(38, 0, 0, 0)
    yield u8(4) + bytes(8) + b"".join(u16(i) for i in (1, 2, 2, 64, 63, 2000, 1, 2047, 4000, 1999, 2100))
    yield u8(4) + b"\xff" * 8 + b"".join(u16(i) for i in (4999, 4998, 4999, 100, 3000))


def spoil(region, offset, data):
    return u8(region) + u16(offset) + u8(len(data) - 1) + data


VMCOREINFO = fakeimage.VMCOREINFO.format(release="6.1.0-fuzz", pgd=0xFFFFFFFF80001000, phys_base=0,
                                         prb=0xFFFFFFFF80004FF8).encode()


def kernel():
    for how in (0, 1, 4, 5, 8, 9):
        yield u8(how, 255, 0)
    yield u8(1, 10, 0)
    yield u8(0, 255, 2) + struct.pack("<QQBQQB", 0x1000, 0x9000, 1, 0x20000, 1 << 40, 1)
    for old, new in ((b"", b""), (b"printk_info)=88", b"printk_info)=26"), (b"ts_nsec)=8", b"ts_nsec)=80"),
                     (b"l5_enabled)=0", b"l5_enabled)=1"), (b"ringbuffer)=88", b"ringbuffer)=512"),
                     (b"desc_ring)=0", b"desc_ring)=2080"), (b"state_var)=0", b"state_var)=400"),
                     (b"text_len)=16", b"text_len)=512"), (b"prb)=", b"prb)=" + b"0" * 40), (b"prb_desc)=24", b"prb_desc)=7"),
                     (b"info)=88\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8",
                      b"info)=18\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=400")):
        assert old in VMCOREINFO
        info = VMCOREINFO.replace(old, new, 1)
        yield u8(2, 255, 0) + u16(len(info)) + info
    desc = 4 * 24  # of the first record
    for patches in (
            [(9, 24, b"\xff" * 8), (10, desc + 8, bytes(16))],
            [(0, 64 + 2 * 56 + 8, struct.pack("<QQQQQ", 0x1000, 0, 0, 1 << 44, 1 << 44))],
            [(0, 64 + 2 * 56 + 8, struct.pack("<QQQQQ", 0x3F800, 0, 0x3F800, 0x10000, 0x10000))],
            [(2, 0, struct.pack("<III", 11, 1 << 31, 0)), (7, 0, bytes(8))],
            [(9, 48, u8(12)), (9, 0, u8(10)), (5, 8, struct.pack("<Q", 0x1E3))],
            [(10, desc + 16, struct.pack("<Q", 512 + 164))],  # a block of four bytes
            [(10, desc + 16, struct.pack("<Q", 512 + 160))],
            [(10, desc + 8, struct.pack("<QQ", 512 + 161, 512 + 190))],
            [(10, desc + 8, struct.pack("<QQ", 512 + 190, 512 + 168))],
            [(11, 4 * 88 + 16, b"\xff\xff")],
            [(10, desc + 8, struct.pack("<QQ", 512 + 252, 512 + 254)), (11, 4 * 88 + 16, b"\xff\xff")],
            [(9, 8, struct.pack("<Q", 1 << 63))],
            [(8, 0, bytes(8))],
            [(0, 16, u8(2))], [(0, 56, u16(0))], [(0, 54, u16(1))], [(0, 32, struct.pack("<Q", 1 << 20))],
            [(0, 64 + 32, struct.pack("<Q", 1 << 20))], [(1, 0, u32(0))], [(1, 4, u32(1 << 20))],
            [(3, 0, bytes(8))], [(4, 0, bytes(8))], [(5, 0, bytes(8))]):
        yield u8(0, 255, 0) + b"".join(spoil(*p) for p in patches)
    # more notes than are kept: each 61 KiB
    yield u8(0, 255, 0) + spoil(1, 4, u32(0xF000)) + spoil(0, 64 + 32, struct.pack("<QQ", 0x10000, 0x10000)) + u8(14, 70)
    yield u8(1, 255, 0) + u8(14, 3)


HEX = b"0123456789abcdef" * 4
SESSION_TEXT = "1122334455667788"


def core_file():
    note = fakeimage.note(b"CORE", 1, bytes(336))
    head = fakeimage.elf_header([(fakeimage.PT_NOTE, 64 + 2 * 56, 0, 0, len(note), len(note)),
                                 (fakeimage.PT_LOAD, 4096, 0, 4096, 4096, 4096)])
    return (head + note).ljust(4096, b"\0") + bytes(4096)


def info(**more):
    return json.dumps({"version": 1, "session": SESSION_TEXT, "status": "receiving", **more}).encode()


def map_json(**more):
    layout = {"version": 1, "session": SESSION_TEXT, "bytes": 8192, "head_bytes": 4096,
              "head_sum": "0" * 16, "extents": [[1, 1]], "chunk_bytes": 1 << 20, "sums": ["0" * 16],
              "missing": [[1, 1]], "absent": [], "past": {}, "seal": "00"}
    return json.dumps({**layout, **more}).encode()


def files():
    yield u8(0) + HEX + b"\n"
    yield u8(0) + HEX.upper()
    yield u8(0) + HEX + b"\0"
    yield u8(1) + b"# hosts\nalpha " + HEX + b"\n\n beta\t" + HEX[::-1] + b" # two\r\n" + bytes(8)
    yield u8(1) + b"alpha " + HEX + b"\nalpha " + HEX[::-1]
    yield u8(1) + b"alpha " + HEX + b"\nbeta " + HEX
    yield u8(1) + b"../x " + HEX
    for name in (b"host", b"..", b"a/b", b"\xff", b"x" * 64, b"x" * 63, b""):
        yield u8(2) + name + b"\0" + MAC
    maps = [{}, {"missing": []}, {"bytes": 4096 * 300, "extents": [[1, 99], [200, 200]], "sums": ["1" * 16] * 2},
            {"missing": [[1, 2]]}, {"extents": [[1, 2]]}, {"past": 1}, {"sums": []}, {"version": 2},
            {"bytes": 1 << 44, "head_bytes": (1 << 44) - 4096}]
    for more in maps:
        yield u8(3) + map_json(**more)
    core = core_file()
    dump = lambda i, m, c=core: b"".join(u16(len(part)) + part for part in (i, m, c))
    sha = hashlib.sha256(core).hexdigest()
    complete = info(status="complete", sha256=sha, id="55667788", panic="Kernel panic", cpus=2, vmcore_bytes=8192)
    for more in maps[:4]:
        yield u8(4, 1) + dump(info(token_hash="00"), map_json(**more))
    yield u8(4, 0) + dump(complete, b"")
    yield u8(4, 1) + dump(b"", b"")
    yield u8(5) + core
    yield u8(5) + core[:300]
    for how in range(16):
        yield u8(6, how) + (dump(info(id="55667788"), map_json()) if how & 1 else dump(complete, b""))
    yield u8(6, 1 | 2 << 1) + dump(info(), map_json(missing=[], sums=["2" * 16]))


def hub():
    for up in (0, 1, 3):
        for steps in hub_steps():
            yield u8(up) + steps


def hub_steps():
    take, send, pump, wait, tick = 0, 1, 3, 5, 6
    machine = lambda what, number=0, more=0: u8(what | number << 4 | more)
    later = lambda ms: u8(wait) + u16(ms)
    patient = 0x80
    hello = lambda how=1, seq=1, name=b"name": u8(7 | 3 << 4, how, len(name), 9, seq, 0, 8) + u32(0) + struct.pack("<Q", 0x1000) + u32(1) \
        + struct.pack("<QQB", 0, 1 << 30, 1) * (how % 4) + name + MAC
    yield machine(pump, 0, patient)
    yield machine(pump, 0, patient) + machine(pump, 1, patient) + later(31000) + machine(pump, 0, patient)
    yield machine(send) + u8(0) + machine(take) + machine(send) + u8(4) + machine(send) + u8(2) + machine(pump, 0, patient)
    yield machine(send) + u8(1) + u16(40) + u8(1) + machine(pump, 0, patient)
    yield hello() + machine(8, 3) + u8(20) + machine(pump, 0, patient) + later(6000) + machine(tick)
    for name in (b"..", b"../x", b"a/b", b"."):
        yield hello(name=name)
    yield hello(seq=2) + hello(seq=2) + hello(seq=3) + hello(0x41) + hello(0x40, 4) + later(200) * 6
    yield machine(pump) + hello(0x11, 99) + hello(0x31, 99) + hello(0x71, 100) + machine(pump, 0, patient)
    yield machine(pump) + machine(9) + u8(2, 1, 0) + u8(0x82) + u32(64) + u32(1 << 25) + u16(0) \
        + u8(1) + u32(0) + u8(64) + u16(100) + b"\x10" * 100 + later(200) + machine(pump, 0, patient)
    yield machine(15) + spoil(9, 0, u8(10)) + machine(pump, 0, patient)
    yield machine(15) + spoil(0, 0, u8(0)) + machine(pump, 0, patient)
    yield machine(15) + spoil(0, 64 + 2 * 56 + 8, struct.pack("<QQQQQ", 0x1000, 0, 0, 1 << 40, 1 << 40)) + machine(pump, 0, patient)
    for calls in (0, 2, 5):
        yield machine(13) + u8(calls, 1) + machine(pump, 0, patient) + later(300) + machine(pump, 0, patient)
    for calls in (0, 3, 6, 9, 12, 20):
        yield machine(13, 0, patient) + u8(calls, 7) + machine(pump, 0, patient) + later(2000) + machine(pump, 0, patient)
    yield machine(pump) + later(60000) + machine(tick) + machine(12) + machine(pump, 0, patient)
    yield machine(send) + u8(0) + machine(take) + machine(send) + u8(0) * 4 + later(40000) + machine(tick) + machine(tick)
    yield machine(11, 3) + u8(0x80) + u16(160) + done(0) + machine(pump, 0, patient)
    some = (machine(send) + u8(0) + machine(take)) * 5
    for steps in (2, 4, 8):
        yield some[:steps * 3] + later(3000) + machine(tick) + machine(14) + machine(pump, 0, patient) + later(2000) \
            + machine(pump, 0, patient)
    again = machine(send) + u8(0) + machine(take)
    yield machine(pump) + later(5000) + again + later(5000) + machine(send) + u8(2) + machine(send) + u8(0) + machine(pump, 0, patient)
    message = fm.data(SESSION, 1, 1, 0, fm.LAST, records())
    yield machine(pump) + machine(11) + u8(0xc0) + u16(len(message)) + message + machine(pump, 0, patient)


def boot():
    yield u8(0, 159) + b"server=10.0.2.2,10.0.2.3:6668 ip=10.0.2.15 mac=52:54:00:12:34:56 action=hold -- a b"
    yield u8(0, 159) + b"deadline=86400 fallback=boot gateway=1.2.3.4 nic=aa-bb-cc-dd-ee-ff dini=x insecure -- v"
    yield u8(0, 159) + b"key=" + b"0123456789abcdef" * 4 + b" psk=" + b"fedcba9876543210" * 4 + b" -- v"
    for count in (4, 5):
        yield u8(0, 159) + b"server=" + b",".join(b"10.0.2.%d" % i for i in range(count)) + b" insecure -- v"
        yield u8(0, 199) + b"key=" + b",".join(b"%064x" % i for i in range(count)) + b" -- v"
        yield u8(0, 159) + b"server=" + b",".join(b"10.0.2.%d" % i for i in range(4)) + b":1 key=" \
            + b",".join(b"%064x" % i for i in range(count - 1)) + b" -- v"
    yield u8(1, 1) + b"vmlinuz root=/dev/sda1 quiet --- initrd"
    yield u8(2, 2) + b"".join(struct.pack("<BHH", s, p, b) for s, p, b in ((12, 0x9F, 1), (12, 0x7F00, 0x100))) \
        + b"".join(struct.pack("<BHHB", *e) for e in ((10, 0, 639, 1), (20, 1, 127, 1), (12, 0x8000, 64, 2)))
    options = b"\x35\1\5\1\4\xff\xff\xff\0\3\4\12\0\2\2\0\0\x0c\4host\xff"
    yield u8(3, 1) + u16(240 + len(options)) + bytes(16) + IP + PEER_IP + bytes(216) + options
    for length in (63, 64, 255):
        name = u8(12, length) + b"n" * length + u8(255)
        yield u8(3, 1) + u16(240 + len(name)) + bytes(16) + IP + PEER_IP + bytes(216) + name
    yield u8(3, 3) + u16(240) + bytes(16) + IP + bytes(220) + bytes(20) + PEER_IP + bytes(216)
    yield u8(4, 0) + b"root=/dev/sda1 netdump=0x9f000 stub=halt"
    yield u8(4, 1) + b"elfcorehdr=16K@508276K quiet"
    yield u8(5) + b"".join(u8(*s) for s in ((1, 0, 100), (0, 10, 20), (1, 15, 18), (1, 90, 200), (0, 0, 9)))
    yield u8(5) + u8(1, 0, 255) + b"".join(u8(0, 3 * i + 1, 3 * i + 2) for i in range(66))
    yield u8(5) + b"".join(u8(1, 3 * i, 3 * i + 1) for i in range(66))
    mb = struct.pack("<11I", 0x4D, 639, 1 << 16, 0, 0x10100, 1, 0x10200, 0, 0, 0, 0) + struct.pack("<II", 48, 0x10300)
    yield u8(6) + (mb.ljust(0x100, b"\0") + b"line".ljust(256, b"\0")
                   + struct.pack("<IIII", 0x200000, 0x300000, 0x10100, 0).ljust(256, b"\0")
                   + struct.pack("<IQQIIQQI", 20, 0, 0x9F000, 1, 20, 1 << 20, 1 << 30, 1))
    for offset, data in ((0, b""), (28, u32(9)), (136, u32(9)), (480, struct.pack("<QQI", 0, 1 << 30, 2))):
        yield u8(7, 200) + u16(offset) + u8(len(data)) + data + u8(3) + u32(1 << 20) + u32(1 << 24)


def main():
    for name in ("wire", "secure", "net", "agent", "kernel", "hub", "files", "boot"):
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for number, seed in enumerate(globals()[name]()):
            with open(os.path.join(folder, "seed%02d" % number), "wb") as f:
                f.write(seed)


if __name__ == "__main__":
    main()
