# SPDX-License-Identifier: GPL-2.0-or-later
"""netdump-send, netdump-test and netdump-drivers against a device that is made up.

It is a file: room for the request, and behind that the answer.  One descriptor has one place in it,
so what is written replaces the room, and what is read then is the answer.
"""

import hashlib
import io
import json
import lzma
import os
import pty
import re
import resource
import signal
import subprocess
import tarfile
import termios
import threading
import tty

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}
RELEASE = os.uname().release
NUMBERS = {"status": 0, "visits": 9, "pause_max_us": 3200, "pause_total_us": 20100,
           "sent_bytes": 14123, "refused": 0}
STEPS = {"seal": 900, "open": 20000, "hello": 30000, "heard": 41000, "asked": 200000,
         "said": 213456}


@pytest.fixture(params=SHELLS)
def shell(request):
    return SHELLS[request.param]


def report(state="done", text="complete", steps=None, **numbers):
    lines = [f"state {state}", f"text {text}",
             *(f"{key} {value}" for key, value in {**NUMBERS, **numbers}.items()),
             *(f"step {name} {us}" for name, us in (STEPS if steps is None else steps).items())]
    return "\n".join(lines).encode() + b"\n\n"


class Device:
    def __init__(self, path, request, answer):
        self.path, self.request, self.answer = path, request, answer
        path.write_bytes(b"?" * len(request) + answer)

    def was_asked(self):
        return self.path.read_bytes() == self.request + self.answer


@pytest.fixture
def device(tmp_path):
    return lambda request, answer: Device(tmp_path / "device", request, answer)


def run(shell, name, *words, device=None, **more):
    there = device.path if isinstance(device, Device) else device
    env = {**os.environ, "NETDUMP_DEVICE": str(there), "LC_ALL": "C", **more.pop("env", {})}
    return subprocess.run([*shell, os.path.join(ROOT, "stub", "linux", name), *map(str, words)],
                          capture_output=True, text=True, check=False, env=env, **more)


# --- netdump-send ---


def test_a_log_is_sent_as_it_is(shell, device, tmp_path):
    log = tmp_path / "syslog"
    log.write_bytes(bytes(range(256)) * 40)
    there = device(b"log syslog\n" + log.read_bytes(), report())
    done = run(shell, "netdump-send", log, device=there)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (f"{log}: sent, 14 kB in 0.21 s; the system was stopped 9 times, "
                           "4 ms at most\n")
    assert there.was_asked()


def test_the_card_is_taken_if_asked_for(shell, device, tmp_path):
    (tmp_path / "log").write_text("x")
    there = device(b"log log take-nic\nx", report(visits=1, sent_bytes=999))
    done = run(shell, "netdump-send", "--take-nic", "log", device=there, cwd=tmp_path)
    assert done.stdout == ("log: sent, 999 bytes in 0.21 s; the system was stopped once, "
                           "4 ms at most\n")
    assert there.was_asked()


@pytest.mark.parametrize("name, called", [
    ("kern.log.1", "kern.log.1"), ("my log", "my_log"), (".hidden", "_hidden"), ("-x", "_x"),
    ("a\nb", "a_b"), ("t\u00e4g", "t__g"), ("n" * 70, "n" * 63), ("a%sb", "a_sb")])
def test_a_logs_name_is_made_harmless(shell, device, tmp_path, name, called):
    (tmp_path / name).write_text("x")
    there = device(f"log {called}\nx".encode(), report())
    assert run(shell, "netdump-send", "--", name, device=there, cwd=tmp_path).returncode == 0
    assert there.was_asked()


def test_each_is_a_session_and_one_that_fails_is_no_end(shell, device, tmp_path):
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    there = device(b"log two\n2", report(sent_bytes=2300456))
    done = run(shell, "netdump-send", "one", "three", tmp_path, "two", device=there, cwd=tmp_path)
    assert done.returncode == 1 and there.was_asked()
    assert [line.partition(";")[0] for line in done.stdout.splitlines()] == [
        "one: sent, 2.3 MB in 0.21 s", "two: sent, 2.3 MB in 0.21 s"]
    assert done.stderr == ("netdump-send: three: not sent: it cannot be read\n"
                           f"netdump-send: {tmp_path}: not sent: it cannot be read\n")


NOT_SENT = {
    "failed": (report(state="failed", text="no server answers", steps={}), "no server answers"),
    "never": (report(status=2, text="disk full"), "disk full"),
    "no-reason": (report(state="failed", text="", steps={}), "no reason was given"),
    "cut-short": (report()[:-1], "DEVICE: its report ends too early"),
    "nothing": (b"", "DEVICE: its report ends too early"),
    "number": (report(visits="many"), "DEVICE: a report with the line 'visits many'"),
    "time": (report(steps={"seal": "-1"}), "DEVICE: a report with the line 'step seal -1'"),
    "command": (report(status="0;reboot"), "DEVICE: a report with the line 'status 0;reboot'"),
}


@pytest.mark.parametrize("answer, why", NOT_SENT.values(), ids=NOT_SENT)
def test_why_one_is_not_sent(shell, device, tmp_path, answer, why):
    (tmp_path / "log").write_text("x")
    there = device(b"log log\nx", answer)
    done = run(shell, "netdump-send", "log", device=there, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("netdump-send: log: not sent: "
                           f"{why.replace('DEVICE', str(there.path))}\n")
    machine = run(shell, "netdump-send", "--json", "log", device=there, cwd=tmp_path)
    log, = json.loads(machine.stdout)["logs"]
    assert machine.returncode == 1 and (log["state"] == "failed" or log["status"])


def test_a_newer_modules_report_is_understood(shell, device, tmp_path):
    (tmp_path / "log").write_text("x")
    there = device(b"log log\nx", b"colour blue\nstep later 7\n" + report())
    done = run(shell, "netdump-send", "log", device=there, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("log: sent, 14 kB")


def test_json_of_logs(shell, device, tmp_path):
    (tmp_path / "a\"b\\c\td").write_text("1")
    (tmp_path / "a_b_c_e").write_text("2")
    there = device(b"log a_b_c_e\n2", report(text="it is \"well\" \\ $(reboot) `x` 100%"))
    done = run(shell, "netdump-send", "--json", "a\"b\\c\td", "a_b_c_e", "none", device=there,
               cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "") and there.was_asked()
    one, two, none = json.loads(done.stdout)["logs"]
    whole = {"state": "done", "text": "it is \"well\" \\ $(reboot) `x` 100%", **NUMBERS,
             "steps": STEPS}
    assert one == {"file": "a\"b\\c?d", **whole} and two == {"file": "a_b_c_e", **whole}
    assert none == {"file": "none", "state": "failed", "text": "it cannot be read", "steps": {},
                    **{key: 0 for key in NUMBERS}, "status": None}


def test_what_the_device_does_not_take(shell, tmp_path):
    (tmp_path / "log").write_bytes(bytes(5000))
    done = run(shell, "netdump-send", "log", device="/dev/full", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("netdump-send: log: not sent: cat: write error: "
                           "No space left on device\n")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    (tmp_path / "device").write_bytes(b"")
    done = run(shell, "netdump-send", "log", device=tmp_path / "device", cwd=tmp_path,
               preexec_fn=limit)
    assert done.returncode == 1
    assert re.fullmatch("netdump-send: log: not sent: cat: .*: File too large\n", done.stderr)


@pytest.mark.parametrize("name, words", [("netdump-send", ["/dev/null"]), ("netdump-test", [])])
def test_without_the_module(shell, tmp_path, name, words):
    there = tmp_path / "netdump"
    done = run(shell, name, *words, device=there)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{name}: there is no {there}: netdump.ko is not loaded\n"
    assert not there.exists()
    done = run(shell, name, *words, device=tmp_path)
    assert done.returncode == 1 and f"{tmp_path} cannot be opened\n" in done.stderr


@pytest.mark.parametrize("name, words", [
    ("netdump-send", []), ("netdump-send", ["--json"]), ("netdump-send", ["--nonsense", "x"]),
    ("netdump-send", ["-x"]), ("netdump-test", ["x"]), ("netdump-test", ["--bytes"]),
    ("netdump-test", ["--bytes", "1k"]), ("netdump-test", ["--bytes", "-1"]),
    ("netdump-drivers", ["-C"]), ("netdump-drivers", ["x"]), ("netdump-drivers", ["-nC"])])
def test_command_lines(shell, device, name, words):
    there = device(b"", b"")
    done = run(shell, name, *words, device=there)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"usage: {name}")
    told = run(shell, name, "--help", device=there)
    assert (told.returncode, told.stdout, told.stderr) == (0, done.stderr, "")


# --- netdump-test ---


def test_a_dry_run_tells_each_step(shell, device):
    there = device(b"test\n", report(refused=2))
    done = run(shell, "netdump-test", device=there)
    assert (done.returncode, done.stderr) == (0, "") and there.was_asked()
    assert done.stdout == """\
    0.000 s  the seal holds
    0.020 s  the network card is open
    0.030 s  the first packet is out
    0.041 s  a server answered
    0.200 s  all was sent that it asked for
    0.213 s  it said how that went
the system was stopped 9 times, 4 ms at most, 21 ms in all
packets that were not taken: 2
server: complete
"""


def test_one_that_fails_tells_how_far_it_came(shell, device):
    there = device(b"test 4096 take-nic\n",
                   report(state="failed", text="no server answers",
                          steps={"seal": 900, "open": 12020000}))
    done = run(shell, "netdump-test", "--take-nic", "--bytes", 4096, device=there)
    assert there.was_asked() and done.returncode == 1
    assert done.stdout.splitlines()[:2] == ["    0.000 s  the seal holds",
                                            "   12.020 s  the network card is open"]
    assert done.stderr == "netdump-test: no server answers\n"


def test_json_of_a_dry_run(shell, device):
    there = device(b"test\n", report())
    done = run(shell, "netdump-test", "--json", device=there)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"state": "done", "text": "complete", **NUMBERS,
                                       "steps": STEPS}
    done = run(shell, "netdump-test", "--json", device="/dev/null")
    assert done.returncode == 1 and json.loads(done.stdout)["state"] == "failed"


# --- netdump-drivers ---

INSMOD = """\
#!/bin/sh
echo "${1##*/}" >>$LOADED
case $1 in
*.xz | *bad*) echo "insmod: ERROR: could not insert module $1: Invalid module format" >&2; exit 1 ;;
*/nic*) ln -s ../../drivers/nic $CARD/driver; mkdir -p $CARD/net/eth0 ;;
esac
"""


class Machine:
    """Its sysfs, an insmod that gives the card 0000:00:03.0 a driver when nic* is loaded."""

    def __init__(self, folder):
        self.folder, self.sys = folder, folder / "sys"
        self.loaded = folder / "loaded"
        self.loaded.write_text("")
        (self.sys / "bus/pci/drivers/nic").mkdir(parents=True)
        (self.sys / "module/there_already").mkdir(parents=True)
        insmod = folder / "insmod"
        insmod.write_text(INSMOD)
        insmod.chmod(0o755)
        self.env = {"NETDUMP_SYSFS": str(self.sys), "NETDUMP_RUN": str(folder / "run"),
                    "NETDUMP_INSMOD": str(insmod), "LOADED": str(self.loaded),
                    "CARD": str(self.card("0000:00:03.0", "pci:nic", make=False))}

    def card(self, bdf, alias, kind="0x020000", driver=None, make=True):
        card = self.sys / "bus/pci/devices" / bdf
        if make:
            card.mkdir(parents=True)
            (card / "class").write_text(kind + "\n")
            (card / "modalias").write_text(alias + "\n")
            if driver:
                (card / "driver").symlink_to(f"../../drivers/{driver}")
        return card


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def archive(modules, order=None):
    """An answer with {name: content} of modules."""
    if order is None:
        order = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n"
                        for name, content in modules.items())
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in {"order": order.encode(), **modules}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def asks(*aliases):
    return "\n".join(["drivers", RELEASE, *aliases, ""]).encode()


MODULES = {"phy-x.ko": b"phy" * 5000, "there-already.ko": b"\0\n\n", "nic.ko": b"nic"}


def test_drivers_are_asked_for_and_loaded_in_order(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    machine.card("0000:00:04.0", "pci:nic", kind="0x028000")  # the same kind is named once
    machine.card("0000:00:05.0", "pci:another")
    machine.card("0000:00:06.0", "pci:has-one", driver="nic")
    machine.card("0000:00:07.0", "pci:disk", kind="0x010000")
    there = device(asks("pci:another", "pci:nic"), report() + archive(MODULES))
    done = run(shell, "netdump-drivers", device=there, env=machine.env)
    assert (done.returncode, done.stderr) == (0, "") and there.was_asked()
    folder, = (machine.folder / "run").iterdir()
    assert done.stdout == f"""\
{folder}: modules: 3, in 0.21 s; the system was stopped 9 times, 4 ms at most
phy-x.ko: loaded
there-already.ko: is there already
nic.ko: loaded
0000:00:03.0: driver nic, eth0
0000:00:04.0: still without a driver
0000:00:05.0: still without a driver
"""
    assert machine.loaded.read_text() == "phy-x.ko\nnic.ko\n"
    assert {name: (folder / name).read_bytes() for name in MODULES} == MODULES


def test_without_keys_nothing_is_loaded_unless_asked_for(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    (machine.sys / "kernel/netdump").mkdir(parents=True)
    (machine.sys / "kernel/netdump/security").write_text("insecure\n")
    there = device(asks("pci:nic"), report() + archive(MODULES))
    done = run(shell, "netdump-drivers", device=there, env=machine.env)
    assert done.returncode == 1 and "there are no keys" in done.stderr
    assert machine.loaded.read_text() == ""
    done = run(shell, "netdump-drivers", "--insecure", device=there, env=machine.env)
    assert (done.returncode, done.stderr) == (0, "") and there.was_asked()
    assert "nic.ko" in machine.loaded.read_text()


def test_no_card_lacks_a_driver(shell, machine, device):
    machine.card("0000:00:06.0", "pci:has-one", driver="nic")
    there = device(b"", report())
    done = run(shell, "netdump-drivers", device=there, env=machine.env)
    assert (done.returncode, done.stdout) == (0, "no network card lacks a driver\n")
    assert there.was_asked() and not (machine.folder / "run").exists()


def test_only_unpacked_and_into_which_folder(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    folder = machine.folder / "some where" / "else"
    there = device(asks("pci:nic").replace(b"\n", b" take-nic\n", 1), report() + archive(MODULES))
    done = run(shell, "netdump-drivers", "-n", "--take-nic", "-C", folder, device=there,
               env=machine.env)
    assert (done.returncode, done.stderr) == (0, "") and there.was_asked()
    assert done.stdout.splitlines()[1:] == list(MODULES)
    assert machine.loaded.read_text() == "" and sorted(os.listdir(folder)) == sorted(
        [*MODULES, "order"])


def test_one_that_does_not_load_is_no_end_but_no_driver_is(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    there = device(asks("pci:nic"), report() + archive({"bad.ko": b"b", "nic.ko": b"n"}))
    done = run(shell, "netdump-drivers", device=there, env=machine.env)
    assert done.returncode == 0 and "0000:00:03.0: driver nic, eth0\n" in done.stdout
    assert done.stderr == "netdump-drivers: bad.ko: not loaded: Invalid module format\n"
    os.unlink(machine.env["CARD"] + "/driver")
    there = device(asks("pci:nic"), report() + archive({"bad.ko": b"b"}))
    done = run(shell, "netdump-drivers", device=there, env=machine.env)
    assert done.returncode == 1
    assert "0000:00:03.0: still without a driver\n" in done.stdout


def test_what_insmod_takes_only_uncompressed(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    packed = {"nic-core.ko.xz": lzma.compress(b"nic core"), "bad.ko.xz": b"not xz"}
    there = device(asks("pci:nic"), report() + archive(packed))
    done = run(shell, "netdump-drivers", "-C", machine.folder / "out", device=there,
               env=machine.env)
    assert done.returncode == 0, done.stderr
    assert machine.loaded.read_text().startswith("nic-core.ko.xz\nnic-core.ko\nbad.ko.xz\n")
    assert (machine.folder / "out" / "nic-core.ko").read_bytes() == b"nic core"
    assert done.stderr == "netdump-drivers: bad.ko.xz: not loaded: Invalid module format\n"


NOT_TAKEN = {
    "none": (report(status=1, text="no module for these devices in 6.1"),
             "no drivers: no module for these devices in 6.1"),
    "failed": (report(state="failed", text="no server answers"), "no drivers: no server answers"),
    "no-report": (report()[:-1], "no drivers: DEVICE: its report ends too early"),
    "empty": (report(), "FOLDER: the answer"),
    "cut-short": (report() + archive(MODULES)[:5000], "FOLDER: the answer cannot be unpacked"),
    "no-archive": (report() + b"no archive" * 100, "FOLDER: the answer cannot be unpacked"),
    "changed": (report() + archive(MODULES).replace(b"phyphy", b"phyphi", 1),
                "FOLDER: damaged: phy-x.ko: FAILED"),
    "no-order": (report() + archive(MODULES, order=""), "FOLDER: the answer names no modules"),
    "another": (report() + archive(MODULES, order="0" * 64 + "  nic.ko\n"),
                "FOLDER: damaged: nic.ko: FAILED"),
    "missing": (report() + archive({}, order="0" * 64 + "  nic.ko\n"), "FOLDER: damaged: "),
    **{f"name-{name}": (
        report() + archive({"nic.ko": b"n"}, order=f"{hashlib.sha256(b'n').hexdigest()}  {name}\n"),
        f"FOLDER/order: no module is called '{name}'")
       for name in ("/nic.ko", "../nic.ko", "a/nic.ko", "-f", ".nic.ko", "nic.ko *", "")},
}


@pytest.mark.parametrize("answer, why", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_answers_that_are_not_taken(shell, machine, device, answer, why):
    machine.card("0000:00:03.0", "pci:nic")
    there = device(asks("pci:nic"), answer)
    folder = machine.folder / "out"
    done = run(shell, "netdump-drivers", "-C", folder, device=there, env=machine.env)
    assert done.returncode == 1 and machine.loaded.read_text() == ""
    why = why.replace("DEVICE", str(there.path)).replace("FOLDER", str(folder))
    assert f"netdump-drivers: {why}" in done.stderr


def test_members_do_not_leave_the_folder(shell, machine, device):
    machine.card("0000:00:03.0", "pci:nic")
    order = f"{hashlib.sha256(b'n').hexdigest()}  nic.ko\n"
    there = device(asks("pci:nic"),
                   report() + archive({"nic.ko": b"n", "../left": b"x",
                                       f"{machine.folder}/also": b"x"}, order))
    run(shell, "netdump-drivers", "-C", machine.folder / "out", device=there, env=machine.env)
    assert not (machine.folder / "left").exists() and not (machine.folder / "also").exists()


def test_a_device_that_cannot_seek(shell, machine):
    """A terminal in raw mode: what is read too early is lost.  A second without a byte ends it."""
    machine.card("0000:00:03.0", "pci:nic")
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    mode = termios.tcgetattr(theirs)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 0, 10
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    asked = bytearray()

    def serve():
        while len(asked) < len(asks("pci:nic")):
            asked.extend(os.read(ours, 4096))
        answer = report() + archive(MODULES)
        while answer:
            answer = answer[os.write(ours, answer):]

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    done = run(shell, "netdump-drivers", device=os.ttyname(theirs), env=machine.env)
    server.join(10)
    assert (done.returncode, done.stderr) == (0, "") and bytes(asked) == asks("pci:nic")
    assert machine.loaded.read_text() == "phy-x.ko\nnic.ko\n"
    os.close(ours)
    os.close(theirs)
