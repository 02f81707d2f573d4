# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows' results on the disk: each row's file has all its runs, so that a bench that was
interrupted goes on where it was.  What another build or another host was measured at is no result.
"""

import json
import os
import statistics
import sys
import time

from ..process import LabError
from . import makers
from .others import BUSY_CPUS, Others


class Results:
    """Of one bench, in its folder."""

    def __init__(self, out, subject):
        self._out = out
        self._subject = subject

    def runs(self, row):
        """[{"figures": ..., "date": ..., ...}], a failed run with "why" for figures."""
        try:
            with open(self._path(row), encoding="utf-8") as file:
                found = json.load(file)
        except FileNotFoundError:
            return []
        was, is_now = found["subject"], self._subject.of(row)
        if was["nic"] != is_now["nic"]:
            raise LabError(f"{self._out} has results of {was['nic']}: another --out, or --again")
        return found["runs"] if was == is_now else []

    def make(self, row, count, quiet):
        """Runs a row until it has been run so often; one that failed stays, until forget()."""
        runs = self.runs(row)
        while len(runs) < count:
            one = {"date": time.strftime("%Y-%m-%d %H:%M:%S")}
            began, others = time.monotonic(), Others()
            try:
                one["figures"] = makers.figures(row, self._subject.nic, self._folder(row), quiet)
            except LabError as error:
                one["why"] = str(error)
            one["other_cpus"] = round(others.cpus(), 2)
            one["took_s"] = round(time.monotonic() - began, 1)
            runs.append(one)
            self._write(row, runs)
            print(f"bench: {row.name}: {one.get('why', 'done')} ({one['took_s']:.0f} s)",
                  file=sys.stderr, flush=True)
            if "why" in one:
                break

    def forget(self, row):
        if os.path.exists(self._path(row)):
            os.unlink(self._path(row))

    def as_json(self, row):
        """A row with the medians of what all of its runs have: none, if one of them failed."""
        runs = self.runs(row)
        found = [one.get("figures", {}) for one in runs]
        keys = [key for key in found[0] if all(key in one for one in found)]
        return {"part": row.part, "name": row.name, "title": row.title, "runs": len(runs),
                "busy": any(one["other_cpus"] > BUSY_CPUS for one in runs),
                "other_cpus": [one["other_cpus"] for one in runs],
                "dates": [one["date"] for one in runs],
                "why": next((one["why"] for one in runs if "why" in one), None),
                "figures": {key: statistics.median(one[key] for one in found) for key in keys}}

    def _folder(self, row):
        return os.path.join(self._out, "runs", row.name)

    def _path(self, row):
        return os.path.join(self._out, f"{row.name}.json")

    def _write(self, row, runs):
        path = self._path(row)
        os.makedirs(self._out, exist_ok=True)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump({"subject": self._subject.of(row), "runs": runs}, file, indent=1)
        os.rename(f"{path}.new", path)
