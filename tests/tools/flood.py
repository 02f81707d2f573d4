#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""flood.py ADDRESS:PORT [PSK_ID]: forged HELLOs, each of a session of its own, until SIGTERM.

They look like handshakes, so a server finds out only by work on the curve.  At the end it
prints how many they were.
"""
import random
import signal
import socket
import sys

import noise

BODY = 1200


def main():
    address, port = sys.argv[1].split(":")
    psk_id = bytes.fromhex(sys.argv[2]) if len(sys.argv) > 2 else bytes(noise.ID)
    rng, sent, stop = random.Random(1), 0, []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, int(port)))
    rest = psk_id + rng.randbytes(BODY)
    length = noise.HEADER.size + noise.KEY + len(rest)
    while not stop:
        head = noise.HEADER.pack(noise.MAGIC, noise.VERSION, noise.HANDSHAKE | noise.HELLO, length,
                                 rng.getrandbits(63) | 1, 1)
        try:
            sock.send(head + rng.randbytes(noise.KEY) + rest)
            sent += 1
        except ConnectionRefusedError:
            pass
    print(sent)


if __name__ == "__main__":
    main()
