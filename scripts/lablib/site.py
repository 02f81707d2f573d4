# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/lab up, status, crash, console, down: a lab that stays, as a small site.

What they do is asked of its keeper (keeper.py), a process of its own that `up` leaves behind.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager

from . import console, keeper
from .control import Mark, ask, is_kept
from .lab import BUILD, ROOT, tell
from .process import BUSY_S, LabError
from .scenario import SYSTEMS

OUT = os.path.join(BUILD, "lab", "site")
DEFAULT = ("alpha=linux:e1000:mac", "beta=ref:virtio-net-pci:file", "gamma=ref:rtl8139:prefix")
GUEST = re.compile(r"([a-z][a-z0-9-]{0,15})=([a-z]+):([a-z0-9_-]+)(?::([a-z]+))?")
UP_S, DOWN_S = 300, 60
WAIT_S = 900  # for a boot or a dump, under TCG on a busy machine
POLL_S = 0.5


def _out(parser):
    parser.add_argument("--out", metavar="DIR", default=OUT,
                        help="the lab's folder; default: build/lab/site")


def _json(parser):
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def up_options(parser):
    _out(parser)
    parser.add_argument("--guest", action="append", default=[], metavar="NAME=SYSTEM:NIC[:FOUND]",
                        help="a machine; SYSTEM is one of " + ", ".join(sorted(keeper.MEMORY))
                        + "; FOUND is how it finds its configuration: mac, group (by the address), "
                        "file (DHCP option 209), prefix (210), default; may be given often; the "
                        "first has a key of its own; default: " + " ".join(DEFAULT))
    parser.add_argument("--level", type=int, default=0, metavar="0..31", help="netdumpd's; default: 0")
    parser.add_argument("--wait", action="store_true", help="until all machines are up")


def down_options(parser):
    _out(parser)


def status_options(parser):
    _out(parser)
    _json(parser)


def crash_options(parser):
    _out(parser)
    parser.add_argument("name", metavar="NAME", help="of the machine")
    parser.add_argument("--wait", action="store_true",
                        help="until its dump is on disk and it is up again")


def console_options(parser):
    _out(parser)
    parser.add_argument("name", metavar="NAME", help="of the machine; Ctrl-] leaves it")


def keep_options(parser):
    """up's own second half."""
    _out(parser)
    parser.add_argument("--sockets", required=True)
    parser.add_argument("--level", type=int, required=True)
    parser.add_argument("--guest", action="append", required=True)


def _guests(texts):
    guests = []
    for number, text in enumerate(texts):
        match = GUEST.fullmatch(text)
        if not match:
            raise LabError(f"--guest {text}: NAME=SYSTEM:NIC or NAME=SYSTEM:NIC:FOUND")
        name, system, nic, found = match.groups()
        found = found or "mac"
        if system not in keeper.MEMORY:
            raise LabError(f"--guest {text}: systems are " + ", ".join(sorted(keeper.MEMORY)))
        if found not in keeper.FOUND:
            raise LabError(f"--guest {text}: a machine is found by one of "
                           + ", ".join(keeper.FOUND))
        if name in (guest.name for guest in guests) or name in ("netdumpd", "control", "tmux"):
            raise LabError(f"--guest {text}: that name is taken")
        guests.append(keeper.Guest(name, system, nic, found, number))
    return guests


def prepare(args):
    """What can be wrong with a command line."""
    args.out = os.path.abspath(args.out)
    if hasattr(args, "level") and not 0 <= args.level <= 31:
        raise LabError(f"--level {args.level}: from 0 to 31")
    if hasattr(args, "sockets") and os.getpid() != 1:
        raise LabError("keep is a part of up, in namespaces of its own: scripts/lab up starts it")
    if hasattr(args, "guest"):
        args.guest = args.guest or list(DEFAULT)
        _guests(args.guest)
        if os.geteuid():
            raise LabError("a lab that stays has namespaces of its own, which takes root")


def _kept(out):
    """The mark of a lab that is up."""
    mark = Mark(out).read()
    if not is_kept(mark):
        raise LabError(f"no lab is up in {out}: scripts/lab up starts one")
    return mark


# --- up ----------------------------------------------------------------------------


def up(args):
    """Starts the keeper, and returns when all machines are on; the keeper stays."""
    for system in sorted({guest.system for guest in _guests(args.guest)}):
        SYSTEMS[system].fetch(tell)  # the keeper has no network but its own
    os.makedirs(args.out, exist_ok=True)
    with _alone(args.out):
        mark = Mark(args.out)
        if is_kept(mark.read()):
            raise LabError(f"a lab is up in {args.out} already: scripts/lab down ends it")
        _clear(args.out)
        sockets = tempfile.mkdtemp(prefix="ndsite-")  # short: a path has 107 bytes
        child = _keeper_start(args, sockets)
        mark.write(child.pid, sockets)
    status = _await_up(args, child)
    if args.wait:
        status = _await(args.out, lambda found: all(guest["state"] == "runs"
                                                    for guest in found["guests"]),
                        "all machines to be up")
    return {**status, "good": True}


@contextmanager
def _alone(out):
    """From the question whether a lab is up to the mark that says so there is one `up` in a folder."""
    with open(os.path.join(out, "site.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keeper_start(args, sockets):
    """In namespaces of its own: when the first process there ends, the kernel ends the others.

    What they leave in temporary folders then goes with the sockets.
    """
    words = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--",
             sys.executable, os.path.join(ROOT, "scripts", "lab"), "keep", "--out", args.out,
             "--sockets", sockets, "--level", str(args.level)]
    for guest in args.guest:
        words += ["--guest", guest]
    with open(os.path.join(args.out, "keeper.log"), "wb") as log:
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                stderr=subprocess.STDOUT, start_new_session=True, cwd="/",
                                env={**os.environ, "TMPDIR": sockets})


def _await_up(args, child):
    limit = time.monotonic() + UP_S
    log = os.path.join(args.out, "keeper.log")
    while time.monotonic() < limit and child.poll() is None:
        with open(log, encoding="utf-8", errors="replace") as file:
            if "the lab is up" in file.read():
                return ask(Mark(args.out).read(), verb="status")
        time.sleep(POLL_S)
    _down(args.out)
    with open(log, encoding="utf-8", errors="replace") as file:
        last = [line for line in file.read().splitlines() if line.strip()][-1:]
    raise LabError("the lab does not come up: " + " ".join(last).removeprefix("lab: ")
                   + f"; see {log}")


def keep(args):
    """The keeper itself."""
    return keeper.main(args.out, args.sockets, _guests(args.guest), args.level)


# --- while it is up -----------------------------------------------------------------


def _await(out, is_so, what):
    limit = time.monotonic() + WAIT_S
    while time.monotonic() < limit:
        found = ask(_kept(out), verb="status")
        if is_so(found):
            return found
        gone = [guest["name"] for guest in found["guests"] if guest["state"] == "gone"]
        if gone:
            raise LabError(f"waited for {what}, and {gone[0]} is gone: see {out}/{gone[0]}")
        time.sleep(POLL_S)
    raise LabError(f"waited {WAIT_S} s for {what}: " + ", ".join(
        f"{guest['name']}: {guest['state']}" for guest in found["guests"]))


def status(args):
    return {**ask(_kept(args.out), verb="status"), "good": True}


def crash(args):
    """Has a machine panic; what comes of it is status()'s to say."""
    begun = ask(_kept(args.out), verb="crash", name=args.name)
    if not args.wait:
        return {"good": True, "name": args.name}

    def is_back(found):
        (guest,) = [guest for guest in found["guests"] if guest["name"] == args.name]
        dumped, is_up = len(guest["dumps"]) > begun["dumps_before"], guest["state"] == "runs"
        if not dumped and (guest["state"] == "gave up"
                           or is_up and guest["boots"] > begun["boots_before"]):
            raise LabError(f"{args.name} crashed and made no dump: see {args.out}/{args.name}/"
                           f"serial.log and {args.out}/netdumpd.log")
        return dumped and is_up

    return {**_await(args.out, is_back, f"the dump of {args.name}, and for it to be up again"),
            "good": True, "name": args.name}


def watch(args):
    mark = Mark(args.out).read()  # whose process has another number in the lab's own windows
    if not mark:
        _kept(args.out)
    console.watch(os.path.join(mark["sockets"], args.name))
    return 0


# --- down ----------------------------------------------------------------------------


def down(args):
    """Ends everything, in whatever state it is."""
    return {"good": True, "was_up": _down(args.out)}


def _down(out):
    mark = Mark(out).read()
    was_up = is_kept(mark)
    if was_up:
        try:
            ask(mark, DOWN_S / 4, verb="down")
            _await_end(mark, DOWN_S)
        except LabError:
            pass  # it is not asked again
        if is_kept(mark):
            try:
                os.kill(mark["pid"], signal.SIGKILL)  # and the kernel ends the rest
            except PermissionError as error:
                raise LabError(f"the lab in {out}, process {mark['pid']}, is another user's: "
                               "who started it can end it") from error
            _await_end(mark, BUSY_S)
    _clear(out)
    return was_up


def _await_end(mark, timeout_s):
    limit = time.monotonic() + timeout_s
    while is_kept(mark):
        try:
            os.waitpid(mark["pid"], os.WNOHANG)
        except ChildProcessError:
            pass  # another process's
        if time.monotonic() > limit:
            raise LabError(f"the keeper, process {mark['pid']}, does not end")
        time.sleep(0.05)


def _clear(out):
    mark = Mark(out).read()
    if mark and os.path.basename(mark["sockets"]).startswith("ndsite-"):
        shutil.rmtree(mark["sockets"], ignore_errors=True)
    try:
        Mark(out).remove()
    except OSError as error:
        raise LabError(f"{out}: what is left of a lab cannot be removed: {error.strerror}") from error


# --- for a person ---------------------------------------------------------------------


def text(found):
    """The status, line by line."""
    lines = [f"up for {found['up_s']:.0f} s in {found['out']}; consoles: {found['attach']}"]
    for guest in found["guests"]:
        lines.append(f"{guest['name']:<8} {guest['state']:<8} {guest['system']}, {guest['nic']}, "
                     f"{guest['ip']}, {guest['config']}; booted {guest['boots']} times, "
                     f"{len(guest['dumps'])} dumps")
        lines += [f"           {path}" for path in guest["dumps"][-3:]]
    return "\n".join(lines)


def crash_text(found):
    return text(found) if "guests" in found else \
        f"{found['name']} was told to panic; scripts/lab status says what comes of it"


def down_text(found):
    return "all of it is stopped" if found["was_up"] else "nothing was up"
