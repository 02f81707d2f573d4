# SPDX-License-Identifier: GPL-2.0-or-later
"""What happened, for a person and for a program."""

import os

from . import planted
from .fault import DONE
from .scenario import ENTERED, FENCE, PANIC


def collect(scenario):
    """Everything worth knowing about a run, as JSON can hold it."""
    lab, dump = scenario.lab, scenario.dump
    serial = lab.machine.serial
    panic_at, panic = serial.time_of(PANIC)
    entered_at, _ = serial.time_of(ENTERED)
    fence = FENCE.search(serial.text)
    since = panic_at or entered_at
    info = dump.info if dump else {}

    def after(moment):
        return round(moment - since, 3) if moment and since else None

    first, last = (dump.time(key) if dump else None for key in ("started", "last_data"))
    seconds = last - first if first and last else None
    return {
        "good": scenario.good(), "complete": scenario.complete(), "outcome": scenario.outcome,
        "system": scenario.options.system, "nic": lab.settings.nic,
        "machine": lab.settings.machine, "behind": lab.settings.behind,
        "mem": lab.settings.mem, "cpus": lab.settings.cpus,
        "crash_kernel_mib": scenario.system.crash_kernel_mib,
        "kdump_bytes": scenario.kdump_bytes(),
        "net": lab.settings.net, "mac": lab.mac,
        "insecure": lab.settings.insecure, "psk": lab.settings.psk,
        "release": info.get("release"),
        "panic": info.get("panic") or (next(filter(None, panic.groups()), "") if panic else None),
        "fence_kib": int(fence[1]) if fence else None,
        "fence": fence[2] if fence else None,
        "pages": info.get("pages"), "zero_pages": info.get("zero_pages"),
        "wire": scenario.wire,
        "wire_bytes": info.get("wire_bytes"), "datagrams": info.get("datagrams"),
        "vmcore_bytes": info.get("vmcore_bytes"),
        "seconds_of_data": round(seconds, 3) if seconds else None,
        "rate_mb_s": round(info["wire_bytes"] / seconds / 1e6, 2) if seconds else None,
        "reasked_pages": info.get("reasked_pages"),
        "reasked_share": round(info["reasked_pages"] / max(info["pages"], 1), 4) if info else None,
        "resumed": info.get("resumed"),
        "faults": scenario.options.faults.as_json(serial.text),
        "without_remedy": scenario.options.without_remedy,
        "to_refuse": bool(scenario.options.faults.reasons()),
        "loss": scenario.loss, "events": scenario.events.as_json(),
        "planted": scenario.planted,
        "seconds_to_entry": after(entered_at),
        "seconds_to_first_log": after(dump.time("first_log") if dump else None),
        "seconds_to_durable": after(scenario.durable),
        "seconds_to_end": after(dump.time("finished") if dump else None),
        "seconds": {name: round(value, 1) for name, value in scenario.elapsed.items()},
        "why": info.get("why"),
        "dump": dump.path if dump else None,
        "files": dump.files() if dump else {},
        "serial_log": os.path.join(lab.out, "serial.log"),
        "check": scenario.check.as_json() if scenario.check else None,
    }


def _number(value, unit=""):
    return "not known" if value is None else f"{value:,}{unit}".replace(",", " ")


def _behind(place):
    return f" behind a {place.replace('-', ' ')}" if place else ""


def _seconds(value):
    return "not known" if value is None else f"{value:.2f} s"


def text(facts):
    """The same for a person."""
    rows = [
        ("system", f"{facts['release'] or facts['system']} on {facts['machine']}, "
                   f"{facts['nic']}{_behind(facts['behind'])}, {facts['mem']}, {facts['cpus']} CPU"),
        ("keys", "none: in the clear" if facts["insecure"]
         else "the server's and the machine's" if facts["psk"] else "the server's"),
        ("panic", facts["panic"] or "not seen"),
        ("fence", "not seen" if facts["fence_kib"] is None
         else f"{facts['fence_kib']} KiB ({facts['fence']})"),
        ("pages", f"{_number(facts['pages'])}, of them zero: {_number(facts['zero_pages'])}"),
        ("on the wire", f"{_number(facts['wire_bytes'], ' bytes')} in "
                        f"{_number(facts['datagrams'])} datagrams"),
        ("rate", "not known" if facts["rate_mb_s"] is None else f"{facts['rate_mb_s']:.2f} MB/s"),
        ("asked again", f"{_number(facts['reasked_pages'])} pages"),
        *_fault_rows(facts),
        ("panic to first log line", _seconds(facts["seconds_to_first_log"])),
        ("panic to end", _seconds(facts["seconds_to_end"])),
    ]
    if facts["kdump_bytes"]:
        rows.append(("kdump", f"{_number(facts['kdump_bytes'], ' bytes')}, the panic in its log"))
    if facts["check"]:
        rows += _check_rows(facts["check"])
    rows.append(("dump", facts["dump"] or "none"))
    rows += [("", f"{name}, {_number(size, ' bytes')}") for name, size in facts["files"].items()]
    rows.append(("serial log", facts["serial_log"]))
    rows.append(("verdict", verdict(facts)))
    return "\n".join(f"  {name:24} {value}" for name, value in rows)


def _fault_rows(facts):
    """What the lab did to the machine, and to the dump on its way."""
    rows = [(fault["name"], f"{fault['state']}: {fault['breaks']}") for fault in facts["faults"]]
    if facts["without_remedy"]:
        rows.append(("remedy", "left out"))
    rows += [(f"lost {way.replace('_', ' ')}",
             f"{_number(count['lost'])} of {_number(count['datagrams'])} datagrams, "
             f"{count['lost'] / max(count['datagrams'], 1):.2%}")
            for way, count in (facts["loss"] or {}).items()]
    rows += [(event["name"], "not yet when the dump was over" if event["seconds"] is None
              else f"for {event['seconds']:.1f} s, with {event['received_mib']:.0f} MiB received")
             for event in facts["events"]]
    if facts["resumed"]:
        rows.append(("resumed", _number(facts["resumed"])))
    if facts["planted"]:
        rows.append(("planted text", f"{_number(facts['planted']['in_capture'])} times in the "
                                     f"capture, {_number(facts['planted']['in_dump'])} in the "
                                     "dump"))
    return rows


def _check_rows(check):
    rows = [("pages compared", _number(check["pages_compared"])),
            ("pages different", _number(check["pages_different"])
             + ("" if not check["first_different"]
                else ", first at " + ", ".join(check["first_different"])))]
    rows += [("excluded", f"in {pages} page: {reason}")
             for reason, pages in check["pages_excluded"].items()]
    if check["pages_left_out"]:
        rows.append(("left out", f"{_number(check['pages_left_out'])} pages, as by makedumpfile"))
    for name, what in (("missing", "RAM that is not in the dump"),
                       ("absent", "RAM that was not readable"),
                       ("superfluous", "there in spite of the level")):
        if check[name]:
            rows.append((what, ", ".join(f"{start}-{end}" for start, end in check[name])))
    return rows


def verdict(facts):
    """In one line, and if the run was not good, what it failed in."""
    for fault in facts["faults"]:
        if fault["state"] != DONE:
            return f"NOT PUT TO THE TEST: {fault['name']}: {fault['state']}"
    if facts["without_remedy"]:
        return (f"broken ({facts['why'] or facts['outcome']}), as it is to be without the remedy"
                if facts["good"] else "NOT BROKEN, though its remedy was left out")
    if facts["to_refuse"]:
        return (f"rightly {facts['outcome']}" if facts["good"]
                else f"NOT REFUSED ({facts['outcome']})")
    if facts["good"]:
        return "complete and right" if facts["check"] else "complete"
    if not facts["complete"]:
        return f"NOT COMPLETE ({facts['why'] or facts['outcome']})"
    if any(event["seconds"] is None for event in facts["events"]):
        return "complete, but NOT PUT TO THE TEST: an event never came"
    if planted.is_exposed(facts["planted"], facts["insecure"]):
        return "complete, but NOT SECRET"
    return "complete, but NOT RIGHT" if facts["check"] else "complete, but NOT COMPARED"
