#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where kdump sends to: takes one connection's stream, and says when what came.

The stream is the crashed kernel's log, a NUL, and a flattened dump.  Both files have their final
names once they are on the disk, folder and all; only then is the sender told "durable".  Runs as
a program, for the lab's network is a namespace: sink.py IP PORT FOLDER.
"""

import json
import os
import socket
import sys
import time

BLOCK = 1 << 20
DURABLE = b"durable\n"


class Splitter:
    """A stream with the log up to its first NUL, and the dump behind it; notes the times."""

    def __init__(self, log, dump):
        self._log = log
        self._dump = dump
        self._in_log = True
        self.found = {"first_byte": None, "first_line": None, "last_byte": None, "log_bytes": 0,
                      "dump_bytes": 0}

    def feed(self, data, now):
        self.found["first_byte"] = self.found["first_byte"] or now
        self.found["last_byte"] = now
        if self._in_log:
            log, nul, data = data.partition(b"\0")
            self._in_log = not nul
            if b"\n" in log:
                self.found["first_line"] = self.found["first_line"] or now
            self._log.write(log)
            self._log.flush()
            self.found["log_bytes"] += len(log)
        self._dump.write(data)
        self.found["dump_bytes"] += len(data)


def receive(connection, folder):
    """One stream to its end; what is known of it."""
    paths = [os.path.join(folder, name) for name in ("dmesg.txt", "vmcore.flat")]
    with open(f"{paths[0]}.partial", "wb") as log, \
            open(f"{paths[1]}.partial", "wb", buffering=0) as dump:
        stream = Splitter(log, dump)
        while data := connection.recv(BLOCK):
            stream.feed(data, time.time())
        for file in (log, dump):
            file.flush()
            os.fsync(file.fileno())
    for path in paths:
        os.rename(f"{path}.partial", path)
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    stream.found["durable"] = time.time()
    return stream.found


def main():
    ip, port, folder = sys.argv[1:]
    with socket.create_server((ip, int(port))) as listening:
        print("listening", flush=True)
        connection, _ = listening.accept()
        with connection:
            found = receive(connection, folder)
            connection.sendall(DURABLE)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
