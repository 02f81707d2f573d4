# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a row's figures: a lab with netdump, one with kdump, raw UNDI, a server under load.

Figures are numbers; a name ends in the unit, and means the same in all rows.
"""

import argparse
import json
import os
import shutil
import subprocess

from .. import matrix, run
from ..lab import BUILD, ROOT, SERVER
from ..process import LabError
from . import kdump, rows

LAB = os.path.join(ROOT, "scripts", "lab")
LOAD = os.path.join(ROOT, "tests", "tools", "load")
FAKECRASH = os.path.join(BUILD, "tests", "fakecrash")
HOST_MIB = 2048  # of the host's memory, for all but the guest's


def figures(row, nic, out, quiet):
    """One run of a row, in the folder out."""
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    found = MAKERS[row.maker](row, nic, out, quiet)
    for large in "dumps", "tftp", "kdump", "sshd":
        shutil.rmtree(os.path.join(out, large), ignore_errors=True)
    return {key: value for key, value in found.items() if value is not None}


def _netdump(row, nic, out, quiet):
    _host_check(row)
    parser = argparse.ArgumentParser()
    run.options(parser)
    words = [*row.words, *(f"--append-kernel={word}" for word in row.kernel_words()),
             "--nic", nic, *matrix.PLACES[matrix.NICS[nic]], "--net", "dnsmasq", "--out", out,
             "--timeout", str(kdump.END_S)]
    if row.round_trip_ms:
        words += ["--round-trip", str(row.round_trip_ms)]
    args = parser.parse_args(words + (["--quiet"] if quiet else []))
    run.prepare(args)
    facts = run.facts_of(args)
    if not facts["good"] or "panic" not in (facts["panic"] or "").lower():
        raise LabError(f"{row.title}: no whole dump ({facts['why'] or facts['outcome']})")
    seconds, wire = facts["seconds_of_data"], facts["wire"]
    kept = facts["fence_kib"] / 1024 + facts["crash_kernel_mib"]
    return {"first_log_s": facts["seconds_to_first_log"], "durable_s": facts["seconds_to_durable"],
            "data_s": seconds, "wire_mb": wire["to_server"] / 1e6,
            "frames_mb_s": wire["to_server"] / 1e6 / seconds if seconds else None,
            "back_mb": wire["from_server"] / 1e6, "again_share": facts["reasked_share"],
            "kept_mib": kept}


def _kdump(row, nic, out, quiet):
    _host_check(row)
    facts = kdump.facts_of(kdump.Options(out=out, way=row.way, nic=nic, mem=f"{row.gib}G",
                                         crash_mib=row.crash_mib, **matrix.settings_of(nic),
                                         append_kernel=row.kernel_words(), quiet=quiet))
    return {"first_byte_s": facts["seconds_to_first_byte"],
            "first_log_s": facts["seconds_to_first_log"], "durable_s": facts["seconds_to_durable"],
            "wire_mb": facts["wire"]["to_server"] / 1e6,
            "back_mb": facts["wire"]["from_server"] / 1e6,
            "kernel_s": facts["seconds_to_kernel"], "network_s": facts["seconds_to_network"],
            "kept_mib": facts["crash_kernel_mib"]}


def _host_check(row):
    """A filled guest is in the host's memory with all that it has."""
    with open("/proc/meminfo", encoding="ascii") as file:
        free = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:"))
    if row.filled and free // 1024 < row.gib * 1024 + HOST_MIB:
        raise LabError(f"{row.title}: this host has {free // 1024} MiB of memory left")


def _undi(row, _, out, quiet):
    """scripts/lab undi counts what arrives; its own judgement is no matter here."""
    done = subprocess.run([LAB, "undi", "--json", "--out", out, *row.words,
                           *(["--quiet"] if quiet else [])], stdout=subprocess.PIPE, text=True,
                          check=False)
    if not done.stdout.strip():
        raise LabError(f"scripts/lab undi {' '.join(row.words)}: it has no result")
    (found,) = json.loads(done.stdout)["nics"]
    if found["why"]:
        raise LabError(found["why"])
    batches = {f"batch_{one['size']}_mb_s": one["mb_s"] for one in found["rows"]}
    return {**batches, "ceiling_mb_s": found["ceiling_mb_s"],
            "ceiling_frames_s": found["ceiling_frames_s"]}


def _load(row, _, out, quiet):
    done = subprocess.run([LOAD, "--json", "--dir", out, "--netdumpd", SERVER,
                           "--fakecrash", FAKECRASH, *row.words], capture_output=True, text=True,
                          check=False)
    if done.returncode or not done.stdout:
        raise LabError(f"{row.title}: {(done.stderr or done.stdout).strip()[-300:]}")
    found = json.loads(done.stdout)
    return {"seconds": found["seconds"], "stored_mb_s": found["stored_mb_per_s"],
            "copy_mb_s": found["copy"]["mb_per_s"], "stored_of_copy": found["stored_of_copy"],
            "peak_mib": found["netdumpd"]["peak_kib"] / 1024,
            "cpu_s": found["netdumpd"]["cpu_seconds"]}


MAKERS = {rows.NETDUMP: _netdump, rows.KDUMP: _kdump, rows.UNDI: _undi, rows.LOAD: _load}
