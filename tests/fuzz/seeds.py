#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py DIR - first inputs for the fuzzers, DIR/NAME/*, as tests/fuzz/NAME.c takes them.

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


def u64(*values):
    return struct.pack("<%dQ" % len(values), *values)


def seed(*parts):
    return b"".join(parts)


def read(read_id, extents, budget=32768, settled=0, session=SESSION, seq=1):
    body = struct.pack("<IIHHI", read_id, budget, len(extents), 0, settled)
    body += b"".join(struct.pack("<QII", *e) for e in extents)
    return fm.message(fm.READ, session, seq, body)


def done(status, text=b"because", session=SESSION, seq=1):
    return fm.message(fm.DONE, session, seq, struct.pack("<II128s", status, 0, text))


def give(total, index, session=SESSION, seq=1):
    piece = bytes(max(0, min(fm.GIVE_BYTES, total - index * fm.GIVE_BYTES)))
    return fm.message(fm.GIVE, session, seq, struct.pack("<QII", total, index, 0) + piece)


def records():
    page = bytes(range(64)) * 64
    return [(0x1000, 64, fm.RAW, page[:64]), (0x2000, PAGE, fm.LZ4, fm.lz4_compress(page)),
            (0x4000, 1 << 20, fm.ZERO, b""), (0x200000, PAGE, fm.ABSENT, b"")]


# --- wire.c, secure.c --------------------------------------------------------


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
        fm.last_words(b"why", b"host"),
        fm.hello(SESSION, kind=fm.LOG, reason=b"log", ranges=[(0, 12345, RAM)]),
        fm.hello(SESSION, kind=4),
        give(3000, 0), give(3000, 2), give(3000, 3), give(1408, 0), give(1, 0),
        give((1 << 32) * fm.GIVE_BYTES, (1 << 32) - 1),
        fm.take(SESSION, 1, 0, 10), fm.take(SESSION, 1, 7, 0), fm.take(SESSION, 1, 0, 11),
    ]
    for m in messages:
        yield u8(0) + m
        yield u8(1) + m
    yield u8(2) + b"".join(struct.pack("<QQB", i << 20, 4096, 1) for i in range(41))
    yield seed(u8(2 | 1 << 2), u32(1000),
               *(struct.pack("<QII", i << 12, 1, i) for i in range(85)))
    yield u8(2 | 2 << 2) + b"".join(
        struct.pack("<QIBH", p, raw, kind, len(s)) + s for p, raw, kind, s in records())
    yield u8(2 | 3 << 2) + u32(1) + b"text" * 40


def secure():
    hello = fm.hello(SESSION, host=b"host", ranges=[(1 << 20, 1 << 20, RAM)])
    data = fm.data(SESSION, 1, 1, 0, fm.LAST, records())
    sealed, handshake = 0x40, 0x80
    for form in (0, 1, 1 | 1 << 1, 1 | 2 << 1, sealed | 1 | 2 << 1, handshake | 1 | 1 << 1,
                 handshake | 1 | 2 << 1, 1 | 6 << 1, 1 | 7 << 1, sealed | 1 | 7 << 1,
                 handshake | 1 | 6 << 1):
        yield u8(0, form) + hello + bytes(80)
    for how in (4, 5, 6, 4 | 16, 4 | 8):
        yield u8(1, how, 0, 0, 0) + hello
    yield u8(1, 4, 100, 0, 1) + hello
    yield u8(2, fm.GIVE << 1, 0, 0, 0) + give(5000, 1)
    for how in (fm.READ << 1, 1 | fm.DONE << 1, fm.DONE << 1, fm.DATA << 1):
        yield u8(2, how, 0, 0, 0) + (read(1, [(4096, 1, 0)]) if how >> 1 == fm.READ else done(0))
    yield u8(2, fm.READ << 1, 90, 0, 1) + read(1, [(4096, 1, 0)])
    send = u8(0, fm.DATA) + u16(len(data) - 24) + data
    take, lost = u8(2, 0, 0, 0), u8(1) + u16(70)
    yield seed(u8(3), send, take, take, send, lost, send, u8(6, 0, 0, 0), u8(10, 0, 0, 0))
    yield seed(u8(3), send, u8(2, 30, 0, 4), take, send * 8, lost * 30, send, take,
               u8(38, 0, 0, 0))
    for of, message in ((fm.GIVE, give(5000, 1)), (fm.TAKE, fm.take(SESSION, 1, 3, 10))):
        yield seed(u8(3, 0, of), u16(len(message) - 24), message, take, take)
    seqs = (1, 2, 2, 64, 63, 2000, 1, 2047, 4000, 1999, 2100)
    yield seed(u8(4), bytes(8), *map(u16, seqs))
    yield seed(u8(4), b"\xff" * 8, *map(u16, (4999, 4998, 4999, 100, 3000)))


# --- net.c -------------------------------------------------------------------

MAC, IP = b"\x52\x54\0\x12\x34\x56", bytes([10, 0, 2, 15])
PEER_MAC, PEER_IP = b"\x52\x55\x0a\0\2\2", bytes([10, 0, 2, 2])


def net_frame(frame, how=0):
    return u8(5, how) + u16(len(frame)) + frame


def arp(operation, target=IP):
    return seed(MAC, PEER_MAC, b"\x08\x06\0\1\x08\0\6\4", struct.pack(">H", operation), PEER_MAC,
                PEER_IP, MAC, target).ljust(60, b"\0")


def ipv4(protocol, payload):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return seed(MAC, PEER_MAC, b"\x08\0", head, PEER_IP, IP, payload)


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


# --- agent.c -----------------------------------------------------------------

BASE = 0x100000
OUT = u8(15 * 8)
PLAIN, NK, PSK = 1 << 4, 2 << 4, 3 << 4  # set-up
ANSWER, SEALED, BEFORE, DAMAGED, ELSEWHERE = 1 << 4, 2 << 4, 3 << 4, 0x40, 8  # ways


def agent_bytes(message, how=0):
    return u8(3, 0x80 | how) + u16(len(message)) + message


def agent_read(extents, how=0, id_step=1, settled_back=1, budget=16384):
    body = u8(5, how, len(extents), id_step, settled_back) + u16(budget // 2)
    return body + b"".join(u8(far, pages) + (u32(have) if not pages else b"")
                           for far, pages, have in extents)


def agent_course(up, first, then):
    """With this set-up: the first word of a server in one way, later ones in another."""
    tick, few = u8(2) + u16(300), [(2, 3, 0)]
    yield seed(u8(up), OUT, agent_read([(2, 30, 0), (8, 20, 0)], first, budget=60000), OUT, OUT,
               tick, OUT)
    yield seed(u8(up | 4), OUT, agent_read([(2, 0, 0xF0F0)], first),
               agent_read([(0, 48, 0)], then, settled_back=4), OUT)
    yield seed(u8(up | 8), OUT, agent_read([(4, 252, 0)], first, budget=100), OUT,
               agent_read([(254, 9, 0)], then), OUT)
    yield seed(u8(up | 1), OUT, agent_read(few, first), agent_read(few, then) * 9, OUT,
               agent_read([], then, id_step=2), OUT)
    yield seed(u8(up | 1), OUT, agent_read([(2, 0, 0)], first, budget=0),
               agent_read([(2, 0, 0)], then, settled_back=15, budget=0) * 9, OUT, OUT)
    yield seed(u8(up | 12), OUT, agent_bytes(read(1, [(BASE, 3, 0)]), first), OUT,
               agent_bytes(done(0), then), OUT)
    yield seed(u8(up | 3), OUT, agent_bytes(done(2), first), tick, OUT,
               agent_bytes(done(2), first | 1), tick, OUT)
    yield seed(u8(up), OUT, agent_read(few, first), agent_bytes(read(3, [], settled=2), then),
               tick, OUT)


def agent():
    tick, few = u8(2) + u16(300), [(2, 3, 0)]
    for up in (0, PLAIN, NK, PSK):
        yield u8(up) + (OUT + tick) * 8
    for way in ((PLAIN, 0, 0), (NK, ANSWER, SEALED), (PSK, ANSWER, SEALED)):
        yield from agent_course(*way)
    again, elsewhere = agent_read(few, ANSWER), agent_read(few, ANSWER | ELSEWHERE)
    yield seed(u8(NK | 1), OUT, elsewhere, tick, OUT, elsewhere, OUT)
    yield u8(PLAIN) + OUT + agent_bytes(bytes(1500))
    yield seed(u8(NK), OUT, again, tick, OUT, tick, OUT, again, agent_read(few, BEFORE), OUT)
    yield seed(u8(NK), OUT, agent_read(few, ANSWER | DAMAGED), u16(70), u8(1), tick, OUT, again,
               OUT)


# --- kernel.c ----------------------------------------------------------------


def spoil(region, offset, data):
    return u8(region) + u16(offset) + u8(len(data) - 1) + data


VMCOREINFO = fakeimage.VMCOREINFO.format(release="6.1.0-fuzz", pgd=0xFFFFFFFF80001000, phys_base=0,
                                         prb=0xFFFFFFFF80004FF8).encode()

MANGLED_INFO = [
    (b"", b""),
    (b"printk_info)=88", b"printk_info)=26"),
    (b"ts_nsec)=8", b"ts_nsec)=80"),
    (b"l5_enabled)=0", b"l5_enabled)=1"),
    (b"ringbuffer)=88", b"ringbuffer)=512"),
    (b"desc_ring)=0", b"desc_ring)=2080"),
    (b"state_var)=0", b"state_var)=400"),
    (b"text_len)=16", b"text_len)=512"),
    (b"prb)=", b"prb)=" + b"0" * 40),
    (b"prb_desc)=24", b"prb_desc)=7"),
    (b"info)=88\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=8",
     b"info)=18\nOFFSET(printk_info.seq)=0\nOFFSET(printk_info.ts_nsec)=400"),
]

# image.c's regions
(EHDR, CPU_NOTE, INFO_NOTE, PGD, PUD, PMD, TEXT_PMD, TEXT_PT, PRB, RB, DESCS, INFOS, TEXT, ANY,
 REPEAT) = range(15)
ROOTS, SECTIONS, STRUCTS = 0xE000, 0xE800, 0xF000
LOAD = 64 + 2 * 56 + 8  # the first PT_LOAD, from its p_offset on
DESC, INFO = 4 * 24, 4 * 88  # of the first record

MANGLED_IMAGE = [
    [(RB, 24, b"\xff" * 8), (DESCS, DESC + 8, bytes(16))],
    [(EHDR, LOAD, u64(0x1000, 0, 0, 1 << 44, 1 << 44))],
    [(EHDR, LOAD, u64(0x3F800, 0, 0x3F800, 0x10000, 0x10000))],
    [(INFO_NOTE, 0, struct.pack("<III", 11, 1 << 31, 0)), (TEXT_PT, 0, bytes(8))],
    [(RB, 48, u8(12)), (RB, 0, u8(10)), (PMD, 8, u64(0x1E3))],
    [(DESCS, DESC + 16, u64(512 + 164))],  # a block of four bytes
    [(DESCS, DESC + 16, u64(512 + 160))],
    [(DESCS, DESC + 8, u64(512 + 161, 512 + 190))],
    [(DESCS, DESC + 8, u64(512 + 190, 512 + 168))],
    [(INFOS, INFO + 16, b"\xff\xff")],
    [(DESCS, DESC + 8, u64(512 + 252, 512 + 254)), (INFOS, INFO + 16, b"\xff\xff")],
    [(RB, 8, u64(1 << 63))],
    [(PRB, 0, bytes(8))],
    [(EHDR, 16, u8(2))],
    [(EHDR, 56, u16(0))],
    [(EHDR, 54, u16(1))],
    [(EHDR, 32, u64(1 << 20))],
    [(EHDR, 64 + 32, u64(1 << 20))],
    [(CPU_NOTE, 0, u32(0))],
    [(CPU_NOTE, 4, u32(1 << 20))],
    [(PGD, 0, bytes(8))],
    [(PUD, 0, bytes(8))],
    [(PMD, 0, bytes(8))],
]


def kernel():
    for how in (0, 1, 4, 5, 8, 9):
        yield u8(how, 255, 0)
    for level in range(8):
        yield u8(16 | level << 5, 255, 0)
    yield u8(17 | 7 << 5, 255, 0)
    for data in (u64(11), u64(1 << 63)):  # of the free block: its order
        yield u8(16 | 7 << 5, 255, 0) + spoil(ANY, STRUCTS + 0x20 * 64 + 40, data)
    # a large page of a process, and one of the cache with a tail
    yield u8(16 | 7 << 5, 255, 0) + spoil(ANY, STRUCTS + 0x28 * 64, u64(1 << 16, 0, 0, 1)) + \
        spoil(ANY, STRUCTS + 0x29 * 64, u64(0, 1) + u8(1, 3))
    yield u8(16 | 7 << 5, 255, 0) + spoil(ANY, STRUCTS + 0x38 * 64, u64(1 << 16 | 1 << 4)) + \
        spoil(ANY, STRUCTS + 0x39 * 64, u64(0, 1) + u8(2, 70))
    yield u8(16 | 7 << 5, 255, 0) + spoil(ANY, ROOTS, u64(0))
    yield u8(16 | 7 << 5, 255, 0) + spoil(ANY, SECTIONS, u64(0xFFFFFFFFFFFFFFC1))
    # Xen's note behind the CPU's, and a page that is all three levels of its first domain's tree
    xen = fakeimage.note(b"Xen", 0x1000001, u64(4, 17, 0, 0, 0, 0, 0, 0, 0, 15))
    for how in 0, 1, 4, 16:
        yield u8(how, 255, 0) + spoil(CPU_NOTE, 356, xen) + spoil(ANY, 0xF000, u64(15, 1))
    yield u8(1, 10, 0)
    yield u8(0, 255, 2) + struct.pack("<QQBQQB", 0x1000, 0x9000, 1, 0x20000, 1 << 40, 1)
    for old, new in MANGLED_INFO:
        assert old in VMCOREINFO
        info = VMCOREINFO.replace(old, new, 1)
        yield u8(2, 255, 0) + u16(len(info)) + info
    for patches in MANGLED_IMAGE:
        yield u8(0, 255, 0) + b"".join(spoil(*p) for p in patches)
    # more notes than are kept: each 61 KiB
    yield seed(u8(0, 255, 0), spoil(CPU_NOTE, 4, u32(0xF000)),
               spoil(EHDR, 64 + 32, u64(0x10000, 0x10000)), u8(REPEAT, 70))
    yield u8(1, 255, 0) + u8(REPEAT, 3)


# --- hub.c -------------------------------------------------------------------


def hub():
    for up in (0, 1, 3):
        for steps in hub_steps():
            yield u8(up) + steps
    for kind in (fm.LOG, fm.TEST, fm.DRIVERS):
        for steps in living_steps():
            yield u8(kind << 2) + steps
    yield u8(fm.DRIVERS << 2 | 16) + step(3, bit7=True)


def step(what, number=0, bit7=False):
    return u8(what | number << 4 | bit7 << 7)


def hello_step(how=1, seq=1, name=b"name"):
    """A stranger's HELLO: session 9, `how % 4` ranges."""
    return seed(step(7, 3), u8(how, len(name), 9, seq, 0, 8), u32(0), u64(0x1000), u32(1),
                struct.pack("<QQB", 0, 1 << 30, 1) * (how % 4), name, MAC)


def hello_living(kind, size, how=0x80):
    return seed(step(7, 3), u8(how, 4, 9, 1, 0, 8), u32(0), u64(0x1000), u32(1),
                struct.pack("<QQB", 0, 1 << 30, 1) * (how % 4), b"name", MAC, u8(kind), u32(size))


def take_step(first, count):
    return step(11) + u8(0xC0) + u16(32) + fm.take(SESSION, 1, first, count)


def living_steps():
    pump, patient, tick, restart = step(3), step(3, bit7=True), step(6), step(14)
    later = lambda ms: u8(5) + u16(ms)
    takes = take_step(0, 10), take_step(5, 1), take_step(40, 10), take_step(0, 11), take_step(0, 0)

    yield patient
    yield seed(take_step(0, 1), pump, *takes, patient, takes[-1], later(31000), takes[-1])
    yield seed(pump, later(300), tick, later(500), tick, takes[0], later(2000), tick, takes[-1])
    yield seed(pump, restart, pump, takes[0], later(2000), tick, restart, pump, takes[-1], patient)
    yield seed(pump, takes[0], later(20000), tick, later(20000), tick)
    for calls in (0, 4, 12):
        yield seed(step(13, bit7=True), u8(calls, 7), pump, later(300), tick, takes[-1], patient)
    for kind in (fm.LOG, fm.DRIVERS):
        for size in (1, 1 << 20, (64 << 20) + 1):
            yield seed(hello_living(kind, size), later(200) * 3)
            yield seed(hello_living(kind, size, 0x81), later(200) * 3)


def hub_steps():
    pump, patient, take = step(3), step(3, bit7=True), step(0)
    send, damaged, twice, lost = (step(1) + u8(how) for how in (0, 1, 2, 4))
    tick, restart = step(6), step(14)
    later = lambda ms: u8(5) + u16(ms)
    breaks = lambda calls, count, error: step(13, bit7=error) + u8(calls, count)
    message = fm.data(SESSION, 1, 1, 0, fm.LAST, records())

    yield patient
    yield seed(patient, step(3, 1, True), later(31000), patient)
    yield seed(send, take, lost, twice, patient)
    yield seed(damaged, u16(40), u8(1), patient)
    yield seed(hello_step(), step(8, 3), u8(20), patient, later(6000), tick)
    for name in (b"..", b"../x", b"a/b", b"."):
        yield hello_step(name=name)
    yield seed(hello_step(seq=2), hello_step(seq=2), hello_step(seq=3), hello_step(0x41),
               hello_step(0x40, 4), later(200) * 6)
    yield seed(pump, hello_step(0x11, 99), hello_step(0x31, 99), hello_step(0x71, 100), patient)
    yield seed(pump, step(9), u8(2, 1, 0), u8(0x82), u32(64), u32(1 << 25), u16(0), u8(1), u32(0),
               u8(64), u16(100), b"\x10" * 100, later(200), patient)
    for patch in ((RB, 0, u8(10)), (EHDR, 0, u8(0)),
                  (EHDR, LOAD, u64(0x1000, 0, 0, 1 << 40, 1 << 40))):
        yield seed(step(15), spoil(*patch), patient)
    for calls in (0, 2, 5):
        yield seed(breaks(calls, 1, False), patient, later(300), patient)
    for calls in (0, 3, 6, 9, 12, 20):
        yield seed(breaks(calls, 7, True), patient, later(2000), patient)
    yield seed(pump, later(60000), tick, step(12), patient)
    yield seed(send, take, send, u8(0) * 3, later(40000), tick, tick)
    yield seed(step(11, 3), u8(0x80), u16(160), done(0), patient)
    for name in (b"name", b"../x", b"."):
        yield seed(step(11, 3), u8(0x20, 40), MAC, u8(len(name)), bytes(c - 32 for c in name),
                   u8(3), b"why", later(2000), patient)
    for count in (2, 4, 8):
        yield seed(((send + take) * 5)[:count * 3], later(3000), tick, restart, patient,
                   later(2000), patient)
    yield seed(pump, later(5000), send, take, later(5000), twice, send, patient)
    yield seed(pump, step(11), u8(0xC0), u16(len(message)), message, patient)


# --- files.c -----------------------------------------------------------------

HEX = b"0123456789abcdef" * 4
SESSION_TEXT = "1122334455667788"

MAPS = [
    {},
    {"missing": []},
    {"bytes": 4096 * 300, "extents": [[1, 99], [200, 200]], "sums": ["1" * 16] * 2},
    {"missing": [[1, 2]]},
    {"extents": [[1, 2]]},
    {"past": 1},
    {"sums": []},
    {"version": 2},
    {"bytes": 1 << 44, "head_bytes": (1 << 44) - 4096},
]


def core_file():
    note = fakeimage.note(b"CORE", 1, bytes(336))
    size = len(note)
    head = fakeimage.elf_header([(fakeimage.PT_NOTE, 64 + 2 * 56, 0, 0, size, size),
                                 (fakeimage.PT_LOAD, 4096, 0, 4096, 4096, 4096)])
    return (head + note).ljust(4096, b"\0") + bytes(4096)


def info(**more):
    first = {"version": 1, "session": SESSION_TEXT, "status": "receiving"}
    return json.dumps({**first, **more}).encode()


def map_json(**more):
    layout = {"version": 1, "session": SESSION_TEXT, "bytes": 8192, "head_bytes": 4096,
              "head_sum": "0" * 16, "extents": [[1, 1]], "chunk_bytes": 1 << 20,
              "sums": ["0" * 16], "missing": [[1, 1]], "absent": [], "past": {}, "seal": "00"}
    return json.dumps({**layout, **more}).encode()


def drivers(dep, alias, softdep, request):
    return seed(u8(7), *(u16(len(text)) + text for text in (dep, alias, softdep)), request)


def files():
    yield u8(0) + HEX + b"\n"
    yield u8(0) + HEX.upper()
    yield u8(0) + HEX + b"\0"
    yield seed(u8(1), b"# hosts\nalpha ", HEX, b"\n\n beta\t", HEX[::-1], b" # two\r\n", bytes(8))
    yield u8(1) + b"alpha " + HEX + b"\nalpha " + HEX[::-1]
    yield u8(1) + b"alpha " + HEX + b"\nbeta " + HEX
    yield u8(1) + b"../x " + HEX
    for name in (b"host", b"..", b"a/b", b"\xff", b"x" * 64, b"x" * 63, b""):
        yield u8(2) + name + b"\0" + MAC
    for more in MAPS:
        yield u8(3) + map_json(**more)
    nic = b"kernel/nic.ko: kernel/phy.ko.xz\nkernel/phy.ko.xz:\n"
    yield drivers(nic, b"alias pci:v0000[0-9]*d* nic\n", b"", b"6.1\npci:v00008d1\n")
    yield drivers(b"kernel/nic.ko:\nkernel/phy.ko.xz:\n", b"alias a_b nic\nalias p phy\n",
                  b"softdep nic pre: p post: x\n", b"6.1\na-b")
    yield drivers(nic, b"alias * nic\n", b"softdep phy pre: nic\n", b"6.1\nx\0\0")
    yield drivers(b"../nic.ko:\n", b"alias * nic\n", b"", b"6.1\nx")
    yield drivers(b"nic.ko: \x1b.ko\n", b"alias * nic\n", b"", b"6.1\nx")
    for request in (b"../6.1\nx", b"6.1", b"6.1\nx y", b"6.1\n\xff", b"6.1\0x", b""):
        yield drivers(nic, b"alias * nic\n", b"", request)
    core = core_file()
    dump = lambda i, m: b"".join(u16(len(part)) + part for part in (i, m, core))
    complete = dump(info(status="complete", sha256=hashlib.sha256(core).hexdigest(), id="55667788",
                         panic="Kernel panic", cpus=2, vmcore_bytes=8192), b"")
    partial = dump(info(id="55667788"), map_json())
    for more in MAPS[:4]:
        yield u8(4, 1) + dump(info(token_hash="00"), map_json(**more))
    yield u8(4, 0) + complete
    yield u8(4, 1) + dump(b"", b"")
    yield u8(5) + core
    yield u8(5) + core[:300]
    for how in range(16):
        yield u8(6, how) + (partial if how & 1 else complete)
    yield u8(6, 1 | 2 << 1) + dump(info(), map_json(missing=[], sums=["2" * 16]))


# --- boot.c, stub.c ----------------------------------------------------------

OPTIONS, JOIN, FENCE, LEASE, WORDS, RAM_LIST, BOOTINFO, HANDOFF, ACPI, LAST_WORDS = range(10)


def options():
    ips = lambda count: b",".join(b"10.0.2.%d" % i for i in range(count))
    key_list = lambda count: b",".join(b"%064x" % i for i in range(count))
    yield b"server=10.0.2.2,10.0.2.3:6668 ip=10.0.2.15 mac=52:54:00:12:34:56 action=hold -- a b"
    yield (b"deadline=86400 fallback=boot gateway=1.2.3.4 nic=aa-bb-cc-dd-ee-ff dini=x insecure"
           b" -- v")
    yield b"key=" + b"0123456789abcdef" * 4 + b" psk=" + b"fedcba9876543210" * 4 + b" -- v"
    for count in (4, 5):
        yield b"server=" + ips(count) + b" insecure -- v"
        yield b"key=" + key_list(count) + b" -- v"
        yield b"server=" + ips(4) + b":1 key=" + key_list(count - 1) + b" -- v"


def packet(options_bytes):
    return seed(u16(240 + len(options_bytes)), bytes(16), IP, PEER_IP, bytes(216), options_bytes)


def boot():
    for line in options():
        yield u8(OPTIONS, 199) + line
    yield u8(JOIN, 1) + b"vmlinuz root=/dev/sda1 quiet --- initrd"
    fences = ((12, 0x9F, 1), (12, 0x7F00, 0x100))
    entries = ((10, 0, 639, 1), (20, 1, 127, 1), (12, 0x8000, 64, 2))
    yield seed(u8(FENCE, len(fences)), *(struct.pack("<BHH", *f) for f in fences),
               *(struct.pack("<BHHB", *e) for e in entries))
    yield u8(LEASE, 1) + packet(b"\x35\1\5\1\4\xff\xff\xff\0\3\4\12\0\2\2\0\0\x0c\4host\xff")
    for length in (63, 64, 255):
        yield u8(LEASE, 1) + packet(u8(12, length) + b"n" * length + u8(255))
    yield seed(u8(LEASE, 3), u16(240), bytes(16), IP, bytes(220), bytes(20), PEER_IP, bytes(216))
    yield u8(WORDS, 0) + b"root=/dev/sda1 netdump=0x9f000 stub=halt"
    yield u8(WORDS, 1) + b"elfcorehdr=16K@508276K quiet"
    yield seed(u8(RAM_LIST), *(u8(*s) for s in ((1, 0, 100), (0, 10, 20), (1, 15, 18),
                                                (1, 90, 200), (0, 0, 9))))
    yield u8(RAM_LIST, 1, 0, 255) + b"".join(u8(0, 3 * i + 1, 3 * i + 2) for i in range(66))
    yield u8(RAM_LIST) + b"".join(u8(1, 3 * i, 3 * i + 1) for i in range(66))
    mb = struct.pack("<13I", 0x4D, 639, 1 << 16, 0, 0x10100, 1, 0x10200, 0, 0, 0, 0, 48, 0x10300)
    yield seed(u8(BOOTINFO), mb.ljust(256, b"\0"), b"line".ljust(256, b"\0"),
               struct.pack("<IIII", 0x200000, 0x300000, 0x10100, 0).ljust(256, b"\0"),
               struct.pack("<IQQIIQQI", 20, 0, 0x9F000, 1, 20, 1 << 20, 1 << 30, 1))
    for offset, data in ((0, b""), (28, u32(9)), (136, u32(9)),
                         (480, struct.pack("<QQI", 0, 1 << 30, 2))):
        yield seed(u8(HANDOFF, 200), u16(offset), u8(len(data)), data, u8(3), u32(1 << 20),
                   u32(1 << 24))
    unit = struct.pack("<HHBBHQ", 0, 16, 1, 0, 0, 0xFED90000)
    dmar = bytes(12) + struct.pack("<HHBBHQ", 0, 24, 0, 0, 0, 1 << 33) + bytes(8) + unit
    ivrs = bytes(12) + b"".join(struct.pack("<BBHHHQ", kind, 0, 24, 2, 0x40, 0xFED80000) + bytes(8)
                                for kind in (0x10, 0x11, 0x40))
    hpet = bytes(8) + struct.pack("<Q", 0xFED00000)
    madt = bytes(8) + struct.pack("<BBHI", 0, 8, 0, 1) + struct.pack("<BBHII", 1, 12, 0, 0xFEC00000, 0)
    place = lambda page: 4096 * page - 152
    for words in (b"why", b"w" * 128, b"\x1b[2J\xff", b""):
        yield seed(u8(LAST_WORDS), u16(0), u16(16384),
                   *(seed(u16(place(page) | fits << 15), u8(len(words)), words)
                     for page, fits in ((1, 1), (2, 0), (4, 1))))
    for how in (0, 1, 3):
        yield u8(ACPI, how) + b"".join(u8(i) + u16(len(body)) + body for i, body in
                                       enumerate((dmar, ivrs, hpet, madt)))


def main():
    for name in ("wire", "secure", "net", "agent", "kernel", "hub", "files", "boot"):
        folder = os.path.join(sys.argv[1], name)
        os.makedirs(folder, exist_ok=True)
        for number, made in enumerate(globals()[name]()):
            with open(os.path.join(folder, "seed%02d" % number), "wb") as f:
                f.write(made)


if __name__ == "__main__":
    main()
