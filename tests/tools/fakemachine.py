#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A fake machine, crashed or living: the client side of the wire protocol, written from wire.h alone.

As a program: fakemachine.py SERVER:PORT [--mib N] [--seed N] [--loss P] ... sends one dump
of a made-up machine and prints how fast it went.
"""
import argparse
import collections
import ctypes
import ctypes.util
import os
import random
import select
import socket
import struct
import sys
import time

import fakeimage
import noise
from fakeimage import PAGE, ZERO_PAGE

MAGIC, VERSION = 0x5057444E, 3
HELLO, READ, DATA, DONE, LAST_WORDS, GIVE, TAKE = 1, 2, 3, 4, 5, 6, 7
CRASH, LOG, TEST, DRIVERS = 0, 1, 2, 3  # what a HELLO is about
NEW, IDLE = 0, 1
RAW, LZ4, ZERO, ABSENT, STEPS = 1, 2, 3, 4, 5
STEPS_EVERY = 16  # of pages that compress, so many go as steps
LAST = 1
MESSAGE_MAX = 1472 - 16
PIECE, PART = 128, 1408  # of a page: what a READ can leave out; what a raw record holds
QUEUE = 8
GIVE_BYTES, TAKE_MAX = 22 * 64, 10
TAKES = 5  # in a row that nothing answers, after which it says HELLO
HEADER = struct.Struct("<IBBHQQ")
RECORD = struct.Struct("<QIHBB")

_lz4 = ctypes.CDLL(ctypes.util.find_library("lz4"))


def steps(page):
    """Twice: the first 64 bytes, and then each 64-bit word less the one 64 bytes before it."""
    words = struct.unpack(f"<{PAGE // 8}Q", page)
    for _ in range(2):
        words = words[:8] + tuple((word - before) % (1 << 64)
                                  for word, before in zip(words[8:], words))
    return struct.pack(f"<{PAGE // 8}Q", *words)


def lz4_compress(raw):
    room = _lz4.LZ4_compressBound(len(raw))
    out = ctypes.create_string_buffer(room)
    count = _lz4.LZ4_compress_default(raw, out, len(raw), room)
    return out.raw[:count]


def message(kind, session, seq, body):
    return HEADER.pack(MAGIC, VERSION, kind, HEADER.size + len(body), session, seq) + body


def hello(session, seq=1, state=NEW, host=b"", reason=b"", ranges=(), elfcorehdr=0, last_read=0,
          elapsed_ms=0, mac=b"\x52\x54\0\x12\x34\x56", read_queue=QUEUE,
          token=bytes(16), kind=CRASH):
    body = struct.pack("<II6sH4sHH64s128sQQQQII", state, elapsed_ms, mac, kind, bytes(4), read_queue,
                       len(ranges), host, reason, elfcorehdr, 0, 0, 0, last_read, 0)
    body += token
    body += b"".join(struct.pack("<QQII", p, b, k, 0) for p, b, k in ranges)
    return message(HELLO, session, seq, body)


def data(session, seq, read_id, index, flags, records):
    body = struct.pack("<IHBB", read_id, index, flags, len(records))
    body += b"".join(RECORD.pack(p, raw, len(s), kind, 0) + s for p, raw, kind, s in records)
    return message(DATA, session, seq, body)


def take(session, seq, first, count):
    return message(TAKE, session, seq, struct.pack("<II", first, count))


def last_words(text, host=b"", mac=b"\x52\x54\0\x12\x34\x56", session=1):
    return message(LAST_WORDS, session, 0, struct.pack("<6sH64s128s", mac, 0, host, text))


Done = collections.namedtuple("Done", "status text")
# extents: (phys, pages, have); none: a keep-alive
Read = collections.namedtuple("Read", "read_id settled budget extents")
Give = collections.namedtuple("Give", "total index piece")


def parse(datagram):
    """What a server sent: Read, Done, Give, or None."""
    if len(datagram) < HEADER.size:
        return None
    magic, version, kind, length, session, _ = HEADER.unpack_from(datagram)
    if magic != MAGIC or version != VERSION or length != len(datagram):
        return None
    if kind == READ:
        read_id, budget, count, _, settled = struct.unpack_from("<IIHHI", datagram, 24)
        assert count <= 84 and length == 40 + 16 * count, "a READ that breaks the contract"
        assert settled < read_id and (budget > 0 or not count)
        extents = [struct.unpack_from("<QII", datagram, 40 + 16 * i) for i in range(count)]
        assert all(p % PAGE == 0 and n and h != 2**32 - 1 and not (h and n > 1)
                   for p, n, h in extents)
        return session, Read(read_id, settled, budget, extents)
    if kind == DONE:
        status, = struct.unpack_from("<I", datagram, 24)
        return session, Done(status, datagram[32:160].split(b"\0")[0].decode())
    if kind == GIVE:
        total, index, _ = struct.unpack_from("<QII", datagram, 24)
        assert length - 40 == min(GIVE_BYTES, total - index * GIVE_BYTES) > 0
        return session, Give(total, index, datagram[40:])
    return None


def udp_sum(source, sport, server, datagram):
    """The checksum of RFC 768 that fits this datagram."""
    data = socket.inet_aton(source) + socket.inet_aton(server[0]) + struct.pack(
        "!BBHHHHH", 0, 17, 8 + len(datagram), sport, server[1], 8 + len(datagram), 0) + datagram
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


class Faults:
    """What a bad network does to datagrams, the same for the same seed."""

    def __init__(self, seed=0, loss=0.0, duplicate=0.0, reorder=0.0, damage=0.0):
        self.args = (seed + 1, loss, duplicate, reorder, damage)
        self.rng = random.Random(seed)
        self.loss, self.duplicate, self.reorder, self.damage = loss, duplicate, reorder, damage
        self.held = []

    def apply(self, datagram):
        """Datagrams to deliver now, each with whether its bytes were damaged on the way."""
        r = self.rng.random
        out = []
        if r() >= self.loss:
            if r() < self.damage:
                spoilt = bytearray(datagram)
                spoilt[self.rng.randrange(len(spoilt))] ^= 1 << self.rng.randrange(8)
                out.append((bytes(spoilt), True))
            else:
                out.append((datagram, False))
            if r() < self.duplicate:
                out.append(out[0])
        if out and r() < self.reorder:
            self.held.append([self.rng.randrange(1, 12), out])
            out = []
        for item in self.held:
            item[0] -= 1
        for item in [i for i in self.held if i[0] <= 0]:
            self.held.remove(item)
            out += item[1]
        return out

    def flush(self):
        """A quiet wire delivers what it held back."""
        held, self.held = self.held, []
        return [d for _, out in held for d in out]


class Sealing:
    """A machine's side of the sealed wire: handshakes under way, and keys."""

    def __init__(self, server_public, psk=None):
        self.server_public, self.psk = server_public, psk
        self.hellos = {}  # seq: handshake
        self.keys = self.before = None

    def wrap(self, message):
        if message[5] != HELLO:
            return self.keys and self.keys.seal(message)
        seq = HEADER.unpack_from(message)[5]
        datagram, self.hellos[seq] = noise.hello_seal(message, self.server_public, self.psk)
        self.hellos = {n: h for n, h in self.hellos.items() if n > seq - 4}
        return datagram

    def unwrap(self, datagram):
        """The plain message, or None: not for us, not genuine, or seen before."""
        try:
            _, form, _, seq = noise.outside(datagram)
            if form == noise.HANDSHAKE and seq in self.hellos:
                message, keys = noise.answer_open(self.hellos[seq], datagram)
                self.hellos = {n: h for n, h in self.hellos.items() if n > seq}
                self.keys, self.before = keys, self.keys
                return message
        except noise.Refused:
            return None
        for keys in filter(None, (self.keys, self.before)):
            try:
                return keys.open(datagram)
            except noise.Refused:
                pass
        return None


class FakeMachine:
    def __init__(self, server, image, session, host="fake", faults=None, reason="test crash",
                 port=0, token=bytes(16), others=(), sealing=None, kind=CRASH):
        self.token, self.sealing, self.kind = token, sealing, kind
        self.total, self.pieces = None, {}  # of an answer, and what there is of it
        self.wanted = self.takes = self.gives = 0
        self.hurry = False  # all that it last asked for is there
        self.hellos = 0
        self.servers = [server, *others]  # tried in turn while nothing is heard
        self.heard = True
        self.server, self.image, self.session, self.host = server, image, session, host
        self.reason = reason
        self.faults = faults or Faults()
        self.faults_in = Faults(*self.faults.args)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.sock.connect(server)
        self.sock.setblocking(False)
        self.raw = None
        if self.faults.damage and os.geteuid() == 0:
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.started = time.monotonic()
        self.seq = 0
        self.last_read = self.settled = 0
        self.keepalives = 0
        self.reads = collections.deque()
        self.state = NEW
        self.done = None
        self.sent = self.sent_bytes = 0
        self.stored = {}
        self.on_read = self.on_done = None  # hooks of tests
        self.limit = None  # falls silent after so many DATA

    def close(self):
        self.sock.close()
        if self.raw:
            self.raw.close()

    # --- sending ---------------------------------------------------------

    def _deliver(self, datagram, damaged):
        if not damaged:
            try:
                self.sock.send(datagram)
            except (BlockingIOError, ConnectionRefusedError):
                pass
            return
        # On a wire, bits turn over behind the UDP checksum.  As root that is what happens
        # here too (a checksum that does not fit); else the datagram is cut instead.
        if not self.raw:
            self.sock.send(datagram[:-1])
            return
        source, sport = self.sock.getsockname()
        # Not any constant: one in 65,536 datagrams would fit it.
        wrong = udp_sum(source, sport, self.server, datagram) ^ 0x0100 or 0x0200
        udp = struct.pack("!HHHH", sport, self.server[1], 8 + len(datagram), wrong) + datagram
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(self.server[0]))
        self.raw.sendto(ip + udp, self.server)

    def _send(self, message):
        datagram = self.sealing.wrap(message) if self.sealing else message
        if not datagram:
            return  # it has no keys yet
        self.sent += 1
        self.sent_bytes += len(datagram)
        for item in self.faults.apply(datagram):
            self._deliver(*item)

    def send_hello(self):
        self.seq += 1
        self.hellos += 1
        self._send(hello(self.session, self.hellos if self.sealing else self.seq, self.state,
                         self.host.encode(), self.reason.encode(), self.image.ranges,
                         self.image.elfcorehdr, self.last_read,
                         int((time.monotonic() - self.started) * 1000), token=self.token,
                         kind=self.kind))

    def send_take(self):
        """For the pieces that are missing first; for none when all are there."""
        count, first = -(-self.total // GIVE_BYTES), 0
        while first < count and first in self.pieces:
            first += 1
        self.wanted = first
        while self.wanted < min(first + TAKE_MAX, count) and self.wanted not in self.pieces:
            self.wanted += 1
        self.seq += 1
        self._send(take(self.session, self.seq, first, self.wanted - first))

    def taken(self):
        return b"".join(self.pieces[i] for i in range(len(self.pieces)))

    def _take_give(self, give):
        if give.total != self.total:  # of another life of the server
            self.total, self.pieces, self.wanted = give.total, {}, 0
        self.gives += 1
        self.takes = 0
        self.pieces[give.index] = give.piece
        self.hurry = all(i in self.pieces for i in range(self.wanted))

    # --- answering -------------------------------------------------------

    def _page_records(self, number, have):
        """Records of one page that is there, less what the server has of it."""
        page, phys = self.image.page(number), number * PAGE
        if have:
            at = 0
            while at < PAGE:
                end = at
                while end < PAGE and end - at < PART and not have >> end // PIECE & 1:
                    end += PIECE
                if end > at:
                    yield phys + at, end - at, RAW, page[at:end]
                at = max(end, at + PIECE)
            return
        kind = LZ4 if number % STEPS_EVERY else STEPS
        if number not in self.stored:
            self.stored[number] = lz4_compress(page if kind == LZ4 else steps(page))
        stored = self.stored[number]
        if len(stored) <= 1300:
            yield phys, PAGE, kind, stored
            return
        for at in range(0, PAGE, PART):
            part = page[at : at + PART]
            yield phys + at, len(part), RAW, part

    def _records(self, read):
        """Records of a READ, each within one datagram, unbounded; zero pages joined."""
        for phys, count, have in read.extents:
            zero_from = None
            for number in range(phys // PAGE, phys // PAGE + count):
                page = self.image.page(number)
                if page == ZERO_PAGE and self.image.is_ram(number):
                    if zero_from is None:
                        zero_from = number
                    continue
                if zero_from is not None:
                    yield zero_from * PAGE, (number - zero_from) * PAGE, ZERO, b""
                    zero_from = None
                if self.image.is_ram(number):
                    yield from self._page_records(number, have)
                else:
                    yield number * PAGE, PAGE, ABSENT, b""
            if zero_from is not None:
                end = phys // PAGE + count
                yield zero_from * PAGE, (end - zero_from) * PAGE, ZERO, b""

    def answer(self, read):
        """Yields the DATA datagrams of a READ."""
        head = HEADER.size + 8
        tag = noise.TAG if self.sealing else 0
        index, sent, batch, used = 0, 0, [], head
        for record in self._parts(read):
            need = RECORD.size + len(record[3])
            if used + need > MESSAGE_MAX or len(batch) == 255:
                if sent + used + tag >= read.budget:
                    break
                self.seq += 1
                yield data(self.session, self.seq, read.read_id, index, 0, batch)
                sent += used + tag
                index, batch, used = index + 1, [], head
            batch.append(record)
            used += need
        self.seq += 1
        yield data(self.session, self.seq, read.read_id, index, LAST, batch)

    def _parts(self, read):  # for tests to leave some out
        return self._records(read)

    def receive(self):
        while True:
            try:
                datagram = self.sock.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            assert len(datagram) <= MESSAGE_MAX + noise.TAG, "more than a datagram"
            for item, damaged in self.faults_in.apply(datagram):
                if not damaged:
                    self.take(item)

    def take(self, datagram):
        message = self.sealing.unwrap(datagram) if self.sealing else datagram
        parsed = message and parse(message)
        if not parsed or parsed[0] != self.session:
            return
        if isinstance(parsed[1], Done):
            self.done = parsed[1]
            if self.on_done:
                self.on_done()
            return
        if isinstance(parsed[1], Give):
            self._take_give(parsed[1])
            return
        self.state = IDLE
        self.heard = True
        read = parsed[1]
        self.settled = max(self.settled, read.settled)
        while self.reads and self.reads[0].read_id <= self.settled:
            self.reads.popleft()
        if not read.extents:
            self.keepalives += 1
        elif read.read_id > self.last_read and len(self.reads) < QUEUE:
            self.reads.append(read)
            self.last_read = read.read_id
            if self.on_read:
                self.on_read(read)

    def wait_on(self):
        """It got its DONE and goes on asking.  A HELLO that crossed that DONE brought another: what
        came until now is no answer to what is asked from now on."""
        self.done = None
        self.faults_in.flush()
        while True:
            try:
                self.sock.recv(2048)
            except ConnectionRefusedError:  # comes ahead of what was received
                continue
            except BlockingIOError:
                return

    def run(self, timeout=60):
        """Until DONE; raises TimeoutError."""
        end = time.monotonic() + timeout
        next_hello = 0
        while not self.done:
            now = time.monotonic()
            if now > end:
                raise TimeoutError("no DONE")
            if self.hurry:
                self.hurry, next_hello = False, 0
            if not self.reads and now >= next_hello:
                if len(self.servers) > 1 and not self.heard:
                    self.servers.append(self.servers.pop(0))
                    self.server = self.servers[0]
                    self.sock.connect(self.server)
                self.heard = False
                for item in self.faults.flush():
                    self._deliver(*item)
                for item, damaged in self.faults_in.flush():
                    if not damaged:
                        self.take(item)
                if self.total and self.takes < TAKES:
                    self.takes += 1
                    self.send_take()
                else:
                    self.takes = 0
                    self.send_hello()
                next_hello = now + (0.05 if len(self.servers) == 1 else 0.2)
            if not self.reads:
                select.select([self.sock], [], [], max(0, next_hello - now))
                self.receive()
                continue
            read = self.reads.popleft()
            for count, datagram in enumerate(self.answer(read)):
                if self.limit is not None:
                    self.limit -= 1
                    if self.limit < 0:
                        return None
                self._send(datagram)
                if count % 16 == 15:
                    self.receive()
                    if read.read_id <= self.settled:
                        break
            self.receive()
            next_hello = time.monotonic() + 0.02
        return self.done


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("server", help="ADDRESS:PORT")
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--zero", type=float, default=0.5)
    parser.add_argument("--compressible", type=float, default=0.3)
    parser.add_argument("--key", type=bytes.fromhex, help="the server's public key; none: insecure")
    parser.add_argument("--psk", type=bytes.fromhex, help="the host's own")
    parser.add_argument("--host", default="fake")
    for fault in ("loss", "duplicate", "reorder", "damage"):
        parser.add_argument("--" + fault, type=float, default=0.0)
    args = parser.parse_args()
    address, port = args.server.split(":")
    image = fakeimage.linux_image(args.seed, args.mib, zero=args.zero,
                                  compressible=args.compressible)
    faults = Faults(args.seed, args.loss, args.duplicate, args.reorder, args.damage)
    machine = FakeMachine((address, int(port)), image, random.Random(args.seed).getrandbits(63) | 1,
                          args.host, faults=faults,
                          sealing=Sealing(args.key, args.psk) if args.key else None)
    machine.started = start = time.monotonic()
    done = machine.run(600)
    seconds = time.monotonic() - start
    print("DONE %d %s: %.2f s, %.1f MiB of memory/s, %.1f MB/s on the wire" % (
        done.status, done.text, seconds, args.mib / seconds, machine.sent_bytes / seconds / 1e6))
    return done.status


if __name__ == "__main__":
    sys.exit(main())
