# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest's serial console for a person: the keeper has it, a window of tmux shows it."""

import os
import re
import select
import socket
import sys
import termios
import threading
import tty

from .process import LabError

ANYTHING = re.compile(r"(?s).")
HISTORY = 20000  # characters that a window begins with
LEAVE = b"\x1d"  # Ctrl-]


class Server:
    """The keeper's side: as many watchers as there are, all may type."""

    def __init__(self, path, machine):
        self._machine = machine
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(4)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection = self._socket.accept()[0]
            for work in self._show, self._type:
                threading.Thread(target=work, args=(connection,), daemon=True).start()

    def _show(self, connection):
        serial = self._machine.serial
        at = max(serial.since(0)[1] - HISTORY, 0)
        try:
            while not serial.closed:
                if serial.wait(ANYTHING, 1, at):
                    text, at = serial.since(at)
                    connection.sendall(text.encode(errors="replace"))
        except OSError:
            pass  # the watcher has left
        connection.close()

    def _type(self, connection):
        try:
            while data := connection.recv(4096):
                self._machine.type(data.decode(errors="replace"))
        except OSError:
            pass


def watch(path):
    """The person's side, until the guest is gone or Ctrl-] is pressed."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(path)
        except OSError as error:
            raise LabError(f"the console does not answer: {error}") from error
        before = termios.tcgetattr(0) if sys.stdin.isatty() else None
        if before:
            tty.setcbreak(0)
            mode = termios.tcgetattr(0)
            mode[0] &= ~termios.ICRNL
            mode[3] &= ~termios.ISIG
            termios.tcsetattr(0, termios.TCSANOW, mode)
        try:
            _carry(connection)
        finally:
            if before:
                termios.tcsetattr(0, termios.TCSANOW, before)


def _carry(connection):
    ends = [connection, 0]
    while True:
        ready = select.select(ends, [], [])[0]
        if connection in ready:
            data = connection.recv(65536)
            if not data:
                return
            os.write(1, data)
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                ends.remove(0)
            elif LEAVE in data:
                return
            else:
                connection.sendall(data)
