# SPDX-License-Identifier: GPL-2.0-or-later
"""What netdumpd left on disk."""

import json
import os
from datetime import datetime


class Dump:
    """One dump's folder; info.json may be absent while it is incomplete."""

    def __init__(self, path):
        self.path = path
        self.complete = not path.endswith(".partial")
        try:
            with open(os.path.join(path, "info.json"), encoding="utf-8") as text:
                self.info = json.load(text)
        except (OSError, ValueError):
            self.info = {}

    def file(self, name):
        return os.path.join(self.path, name)

    def files(self):
        return {name: os.path.getsize(self.file(name)) for name in sorted(os.listdir(self.path))}

    def time(self, key):
        """A moment in info.json as seconds since 1970, or None."""
        text = self.info.get(key)
        return datetime.fromisoformat(text).timestamp() if text else None

    def ranges(self, key):
        return [(_number(r["phys"]), _number(r["phys"]) + _number(r["bytes"]))
                for r in self.info.get(key) or []]


def _number(value):
    return int(value, 0) if isinstance(value, str) else value


def folders(dumps_dir):
    """Paths of all dumps below netdumpd's folder."""
    return {os.path.join(host, name)
            for host in (os.path.join(dumps_dir, name) for name in
                         (os.listdir(dumps_dir) if os.path.isdir(dumps_dir) else []))
            if os.path.isdir(host) for name in os.listdir(host)
            if os.path.isdir(os.path.join(host, name))}


def newest(dumps_dir, before):
    """The newest dump that was not there before, a complete one if there is one."""
    found = sorted(folders(dumps_dir) - before,
                   key=lambda path: (not path.endswith(".partial"), os.path.getmtime(path)))
    return Dump(found[-1]) if found else None
