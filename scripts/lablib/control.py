# SPDX-License-Identifier: GPL-2.0-or-later
"""How the verbs of a lab that stays reach its keeper: one line of JSON each way, and then the end."""

import json
import os
import socket
import threading

from .process import BUSY_S, LabError

FOLDER_MARK = "site.json"  # in the lab's folder: who keeps it, and where its sockets are


class Listener:
    """The keeper's end."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(8)
        self._socket.settimeout(0.5)
        self._one = threading.Lock()

    def serve(self, answer):
        """Waits half a second for somebody who asks; each may take his time, answers are one by one."""
        try:
            connection = self._socket.accept()[0]
        except TimeoutError:
            return
        threading.Thread(target=self._talk, args=(connection, answer), daemon=True).start()

    def _talk(self, connection, answer):
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            connection.settimeout(BUSY_S)
            try:
                request = json.loads(stream.readline())
                try:
                    with self._one:
                        said = answer(request)
                except LabError as error:
                    said = {"error": str(error)}
                stream.write(json.dumps(said) + "\n")
                stream.flush()
            except (OSError, ValueError):
                pass  # whoever asked is gone


def started_at(pid):
    """When a process was started, in the kernel's ticks: a number is given out again, this is not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


class Mark:
    """What a lab's folder says of its keeper."""

    def __init__(self, out):
        self.path = os.path.join(out, FOLDER_MARK)

    def read(self):
        """{"pid", "started", "sockets"}, or None."""
        try:
            with open(self.path, encoding="utf-8") as file:
                said = json.load(file)
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise LabError(f"{self.path}: {error.strerror}: is it another user's lab?") from error
        kinds = {"pid": int, "started": (int, type(None)), "sockets": str}
        return said if isinstance(said, dict) and all(
            name in said and isinstance(said[name], kind) for name, kind in kinds.items()) else None

    def write(self, pid, sockets):
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            json.dump({"pid": pid, "started": started_at(pid), "sockets": sockets}, file)
        os.rename(f"{self.path}.new", self.path)

    def remove(self):
        if os.path.exists(self.path):
            os.unlink(self.path)


def is_kept(mark):
    """Whether the process that the mark names is still that one."""
    return bool(mark) and mark["started"] is not None and started_at(mark["pid"]) == mark["started"]


def ask(mark, timeout_s=BUSY_S, **request):
    """The keeper's answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(os.path.join(mark["sockets"], "control"))
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                line = stream.readline()
    except OSError as error:
        raise LabError(f"the lab does not answer: {error}; scripts/lab down ends it") from error
    if not line:
        raise LabError("the lab does not answer: it is going down")
    said = json.loads(line)
    if "error" in said:
        raise LabError(said["error"])
    return said
