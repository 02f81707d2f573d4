# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab that stays, what may lie between machine and server, and PXELINUX's own word on site-check."""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import types

import pytest

from conftest import BOOT_S, BUILD, NET, ROOT, Run, until
from test_lab import END_S, processes_of

sys.path.insert(0, os.path.join(ROOT, "scripts"))
from lablib import control, keeper, run as lab_run, site as lab_site  # noqa: E402
from lablib.process import LabError, Lines  # noqa: E402
from lablib.scenario import SYSTEMS  # noqa: E402
from sitelib.site import look  # noqa: E402
from sitelib.root import Root  # noqa: E402

LAB = os.path.join(ROOT, "scripts", "lab")
SITE_CHECK = os.path.join(ROOT, "scripts", "site-check")
REF = os.path.join(BUILD, "stub", "ref.elf")
# Each by another way to a configuration, with another NIC; found is the file that PXELINUX asked for.
GUESTS = {"ana": ("ref:e1000:mac", "pxelinux.cfg/01-52-54-00-4c-41-10"),
          "bob": ("ref:virtio-net-pci:file", "site/bob.cfg"),
          "cyd": ("ref:rtl8139:prefix", "racks/cyd/pxelinux.cfg/default"),
          "dan": ("ref:pcnet:group", "pxelinux.cfg/0A4F003")}
needs_root = pytest.mark.skipif(NET == "user", reason="takes namespaces, and so root")


def lab(*words, good=True):
    """One verb; what it says."""
    done = subprocess.run([LAB, *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=3600)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    return done.stdout + done.stderr


def status(out):
    found = json.loads(lab("status", "--json", "--out", out))
    return found, {guest["name"]: guest for guest in found["guests"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """All four, up; from a shell that has ended since."""
    folder = tmp_path_factory.mktemp("site")
    out = folder / "lab"
    folder.chmod(0o755)
    words = " ".join(f"--guest {name}={what}" for name, (what, _) in GUESTS.items())
    subprocess.run(["sh", "-c", f"'{LAB}' up --wait --out '{out}' {words}; kill -HUP 0"],
                   start_new_session=True, check=False, capture_output=True, timeout=3600)
    yield out
    lab("down", "--out", out)


@needs_root
@pytest.mark.xdist_group("site")
def test_each_machine_finds_its_own(site):
    with open(site / "dnsmasq.log", encoding="utf-8") as log:
        served = re.findall(rf"sent {re.escape(str(site))}/tftp/(\S+) to (\S+)", log.read())
    _, guests = status(site)
    for name, (_, path) in GUESTS.items():
        assert guests[name]["state"] == "runs" and guests[name]["config"] == path
        assert (path, guests[name]["ip"]) in served


@needs_root
@pytest.mark.xdist_group("site")
def test_one_crashes_on_command_and_comes_back(site):
    _, before = status(site)
    lab("crash", "--wait", "bob", "--out", site)
    _, after = status(site)
    assert after["bob"]["boots"] == before["bob"]["boots"] + 1
    (path,) = after["bob"]["dumps"]
    with open(os.path.join(path, "info.json"), encoding="utf-8") as file:
        info = json.load(file)
    assert info["status"] == "complete" and "NMI" in info["reason"]
    for name in "ana", "cyd", "dan":
        assert after[name] == before[name]


@needs_root
@pytest.mark.xdist_group("site")
def test_all_at_once(site):
    _, before = status(site)
    for name in GUESTS:
        lab("crash", name, "--out", site)

    def is_over(after):
        return all(len(after[name]["dumps"]) > len(before[name]["dumps"])
                   and after[name]["state"] == "runs" for name in GUESTS)

    until(is_over, lambda: status(site)[1], 2 * BOOT_S)


@needs_root
@pytest.mark.xdist_group("site")
def test_a_console_is_a_window(site):
    found, _ = status(site)
    tmux = found["attach"].split()[:3]
    names = subprocess.run([*tmux, "list-windows", "-F", "#W"], capture_output=True, text=True,
                           check=True).stdout.split()
    assert names == [*GUESTS, "netdumpd"]
    until(lambda text: "ref: idle" in text,
          lambda: subprocess.run([*tmux, "capture-pane", "-p", "-t", "lab:ana"], text=True,
                                 capture_output=True, check=True).stdout, END_S)


@needs_root
@pytest.mark.xdist_group("site")
def test_what_cannot_be(site):
    assert "there are ana, bob, cyd, dan" in lab("crash", "eve", "--out", site, good=False)
    assert "is up in" in lab("up", "--out", site, good=False)


@pytest.mark.parametrize("words, says", [
    (["--guest", "x"], "NAME=SYSTEM:NIC"), (["--guest", "x=dos:e1000"], "systems are"),
    (["--guest", "x=ref:e1000:luck"], "found by one of"), (["--level", "32"], "from 0 to 31"),
    (["--guest", "x=ref:e1000", "--guest", "x=ref:e1000"], "is taken")])
def test_a_site_without_sense(tmp_path, words, says):
    assert says in lab("up", "--out", tmp_path, *words, good=False)


def sockets_of(out):
    with open(out / "site.json", encoding="utf-8") as file:
        mark = json.load(file)
    return mark["pid"], mark["sockets"]


@pytest.fixture
def small(tmp_path):
    """A lab with one machine, up."""
    out = tmp_path / "lab"
    tmp_path.chmod(0o755)
    lab("up", "--out", out, "--guest", "one=ref:e1000")
    yield out
    lab("down", "--out", out)


@needs_root
@pytest.mark.parametrize("what", ["nothing", "killed", "stopped"])
def test_down_leaves_nothing(small, what):
    out = small
    pid, sockets = sockets_of(out)
    assert any("qemu" in line for line in processes_of(str(out)) + processes_of(sockets))
    (first,) = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True,
                              check=True).stdout.split()
    if what == "killed":
        os.kill(int(first), signal.SIGKILL)
    elif what == "stopped":
        os.kill(int(first), signal.SIGSTOP)
    assert ("nothing was up" in lab("down", "--out", out)) == (what == "killed")
    until(lambda left: not left, lambda: processes_of(str(out)) + processes_of(sockets), END_S)
    assert not os.path.exists(sockets) and not os.path.exists(out / "site.json")
    assert "nothing was up" in lab("down", "--out", out)


# --- its parts, without a machine ---------------------------------------------------


def test_a_text_that_goes_on_for_days_is_not_kept(tmp_path):
    lines, whole = Lines(tmp_path / "log", keep=100), ""
    for number in range(1000):
        said = f"line {number}\n"
        lines.feed(said.encode())
        whole += said
        assert len(lines.text) <= 200 + len(said) and whole.endswith(lines.text)
        assert lines.since(len(whole) - 5) == (whole[-5:], len(whole))
    assert not lines.lines and len(lines.text) >= 100
    assert lines.since(0) == (lines.text, len(whole))
    assert lines.wait(re.compile("line 99"), 0, len(whole) - 9)
    assert not lines.wait(re.compile("line 99"), 0, len(whole) - 8)
    lines.close()
    assert (tmp_path / "log").read_text() == whole


def test_a_state_is_the_last_line_that_says_one():
    guest = keeper.Guest("a", "ref", "e1000", "mac", 0)
    guest.machine = types.SimpleNamespace(gone=lambda: False)
    assert guest.state() == "starts"
    for line, state in (("PXELINUX 6.04", "boots"), ("netdump: fence 1", "loads"), ("ref: idle", "runs"),
                        ("[ 1.0] Kernel panic - not syncing", "crashed"), ("or other", "crashed"),
                        ("dini: server 1.2.3.4 answers", "dumps"), ("dini: failed: x", "gave up"),
                        ("dini: done: x", "dumped"), ("PXELINUX 6.04", "boots")):
        guest.hear(0.0, line)
        assert guest.state() == state
    assert guest.boots == 2


def test_keep_is_nothing_to_type(tmp_path):
    said = lab("keep", "--out", tmp_path, "--sockets", tmp_path, "--level", 0, "--guest",
               "a=ref:e1000", good=False)
    assert "scripts/lab up starts it" in said and not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["[]", "5", "null", "{}", '{"pid": 1, "started": 1}', "x",
                                  '{"pid": "1", "started": 1, "sockets": "x"}'])
def test_a_mark_that_is_none(tmp_path, text):
    (tmp_path / "site.json").write_text(text)
    assert "no lab is up" in lab("status", "--out", tmp_path, good=False)


def test_who_says_nothing_keeps_nobody_waiting(tmp_path):
    listener, ends = control.Listener(str(tmp_path / "control")), threading.Event()

    def serve():
        while not ends.is_set():
            listener.serve(lambda request: {"heard": request})
    server = threading.Thread(target=serve)
    server.start()
    try:
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(tmp_path / "control"))
            assert control.ask({"sockets": str(tmp_path)}, END_S / 4, verb="x")["heard"] == {"verb": "x"}
    finally:
        ends.set()
        server.join()


@pytest.mark.parametrize("request_", [[], 5, None, {}, {"verb": "x"}])
def test_what_is_no_request(request_):
    with pytest.raises(LabError):
        keeper.Keeper._answer(None, request_)


@pytest.fixture
def sleeper():
    """Processes that pass for keepers."""
    children = []

    def start(*_):
        children.append(subprocess.Popen(["sleep", "600"]))
        return children[-1]
    yield start
    for child in children:
        child.kill()
        child.wait()


def test_of_two_that_start_at_once_one_does(tmp_path, monkeypatch, sleeper):
    both, up, refused = threading.Barrier(2), [], []

    def start(*_):
        try:
            both.wait(2)  # for the other one, who must not come
        except threading.BrokenBarrierError:
            pass
        return sleeper()

    def work():
        try:
            up.append(lab_site.up(types.SimpleNamespace(out=str(tmp_path), wait=False,
                                                        guest=["a=ref:e1000"])))
        except LabError as error:
            refused.append(str(error))
    monkeypatch.setattr(lab_site, "_keeper_start", start)
    monkeypatch.setattr(lab_site, "_await_up", lambda *_: {})
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(up) == 1 and "already" in refused[0]
    shutil.rmtree(control.Mark(str(tmp_path)).read()["sockets"])


def test_each_system_can_be_in_a_lab(tmp_path):
    assert set(keeper.MEMORY) == set(keeper.WORDS) == set(SYSTEMS)
    for name, words in keeper.WORDS.items():
        parser = argparse.ArgumentParser()
        lab_run.options(parser)
        args = parser.parse_args(["--system", name, *words, "--out", str(tmp_path)])
        lab_run.prepare(args)
        assert ("lab.shell" in args.append_kernel) == (name != "ref")


def test_what_debian_has_is_there_before_the_network_is_not(tmp_path, monkeypatch, sleeper):
    """The keeper's is its own; a machine that never ran the lab has no kernel yet."""
    done = []

    class System:
        """Each of them."""
        def __init__(self, name):
            self._name = name

        def fetch(self, say):
            done.append(self._name)
            say("")

    def start(*_):
        done.append("keeper")
        return sleeper()
    monkeypatch.setattr(lab_site, "SYSTEMS", {name: System(name) for name in lab_site.SYSTEMS})
    monkeypatch.setattr(lab_site, "_keeper_start", start)
    monkeypatch.setattr(lab_site, "_await_up", lambda *_: {})
    lab_site.up(types.SimpleNamespace(out=str(tmp_path), wait=False, guest=[
        "a=xen:e1000", "b=linux:e1000", "c=linux:rtl8139"]))
    assert done == ["linux", "xen", "keeper"]
    shutil.rmtree(control.Mark(str(tmp_path)).read()["sockets"])


def test_another_users_lab_is_not_ended(tmp_path, monkeypatch, sleeper):
    def kill(*_):
        raise PermissionError
    control.Mark(str(tmp_path)).write(sleeper().pid, str(tmp_path / "none"))
    with monkeypatch.context() as patch, pytest.raises(LabError, match="is another user's"):
        patch.setattr(lab_site.os, "kill", kill)
        lab_site.down(types.SimpleNamespace(out=str(tmp_path)))
    assert (tmp_path / "site.json").exists()


@pytest.mark.parametrize("states, says", [
    ([("runs", 1, 0), ("crashed", 1, 0), ("gave up", 1, 0)], "made no dump"),
    ([("runs", 1, 0), ("boots", 2, 0), ("runs", 2, 0)], "made no dump"),
    ([("runs", 1, 0), ("dumped", 1, 1), ("runs", 2, 1)], None)])
def test_a_crash_without_a_dump_is_not_waited_for(monkeypatch, states, says):
    left = iter(states)

    def ask(_, verb, name=None):
        if verb == "crash":
            return {"name": name, "dumps_before": 0, "boots_before": 1}
        state, boots, dumps = next(left)
        return {"guests": [{"name": "a", "state": state, "boots": boots, "dumps": ["x"] * dumps}]}
    monkeypatch.setattr(lab_site, "ask", ask)
    monkeypatch.setattr(lab_site, "_kept", lambda out: None)
    monkeypatch.setattr(lab_site, "POLL_S", 0)
    args = types.SimpleNamespace(out="out", name="a", wait=True)
    if says:
        with pytest.raises(LabError, match=says):
            lab_site.crash(args)
    else:
        assert lab_site.crash(args)["good"]
    assert next(left, None) is None


# --- what lies between ----------------------------------------------------------------

REF_RUN = ["--system", "ref", "--mem", "128M", "--nic", "e1000"]


@needs_root
@pytest.mark.parametrize("wiring", ["router", "vlan"])
def test_a_dump_through(tmp_path, wiring):
    run = Run(tmp_path / "run", "--check", *REF_RUN, "--wiring", wiring)
    assert run.status == 0, run.stderr
    assert run.facts["check"]["pages_different"] == 0
    checked = subprocess.run([SITE_CHECK, os.path.join(run.out, "tftp")], capture_output=True,
                             text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@needs_root
def test_a_system_that_tags_is_dumped_without_tags(tmp_path):
    """Its driver has told the NIC to filter VLANs, and to put and take tags."""
    run = Run(tmp_path / "run", "--check", "--mem", "256M", "--nic", "e1000e", "--machine", "q35",
              "--wiring", "vlan", "--append-kernel", "lab.vlan=20")
    assert run.status == 0, run.stderr
    assert re.search(r"^init: vlan 20 used, [1-9]\d* frames sent", run.serial(), re.M)
    assert run.facts["check"]["pages_different"] == 0


@needs_root
def test_it_is_the_gateway_that_leads_there(tmp_path):
    """One that nobody has, in the place of the lease's."""
    run = Run(tmp_path / "run", *REF_RUN, "--wiring", "router", "--append",
              "gateway=10.255.255.254 deadline=10")
    assert run.status == 1 and not run.facts["complete"]
    assert "no word from a server" in run.serial()


@needs_root
def test_firmware_that_does_not_tag_gets_nowhere_on_a_trunk(start):
    """Which is Debian's iPXE: it has no command for it."""
    console = start("", {}, wiring="trunk", machine="pc,graphics=off", server=False, mem="64M")
    console.wait(r"No more network devices")
    with open(os.path.join(console.lab.out, "dnsmasq.log"), encoding="utf-8") as log:
        assert "DHCPDISCOVER" not in log.read()


@pytest.mark.parametrize("words", [["--wiring", "router", "--net", "user"],
                                   ["--wiring", "router", "--dead-servers", "--net", "dnsmasq"]])
def test_wirings_without_sense(tmp_path, words):
    run = Run(tmp_path / "run", *words)
    assert run.status == 2 and "--wiring router" in run.stderr


# --- PXELINUX itself --------------------------------------------------------------------

TRICKY = """\
SERIAL 0 115200
prompt 1
timeout 0
append insecure -- ref.elf crash=none above
DEFAULT above
LABEL above
  KERNEL netdump.c32
label Own
\tkErNeL\tnetdump.c32
\tappend\tinsecure -- ref.elf crash=none own\twords
LABEL com32
  COM32 netdump
  APPEND insecure -- ref.elf crash=none by the name
LABEL twice
  KERNEL netdump.c32
  APPEND insecure -- ref.elf crash=none first
LABEL twice
  KERNEL netdump.c32
  APPEND insecure -- ref.elf crash=none second
LABEL goes-on
  KERNEL netdump.c32
INCLUDE pxelinux.cfg/other
LABEL initrd
  KERNEL netdump.c32
  APPEND insecure -- ref.elf crash=none
  INITRD ldlinux.c32
LABEL line
  KERNEL netdump.c32 insecure -- ref.elf crash=none on the line
  APPEND and behind it
LABEL minus
  KERNEL netdump.c32
  APPEND -
"""
OTHER = """\
  APPEND insecure -- ref.elf crash=none of the other file
LABEL text
  KERNEL netdump.c32
  TEXT HELP
  APPEND insecure -- ref.elf crash=none help
  ENDTEXT
"""


def test_pxelinux_reads_it_as_site_check_does(start, tmp_path):
    """Each label, booted from the prompt, has the words that site-check said."""
    (tmp_path / "default").write_text(TRICKY, encoding="utf-8")
    (tmp_path / "other").write_text(OTHER, encoding="utf-8")
    console = start(None, {"ref.elf": REF, "pxelinux.cfg/default": tmp_path / "default",
                           "pxelinux.cfg/other": tmp_path / "other"},
                    server=False, mem="64M", reboots=True)
    said = {}
    for label in look(Root(console.lab.tftp.path), "pxelinux.cfg/default")["labels"]:
        said.setdefault(label["label"], label)
    assert list(said) == ["above", "Own", "com32", "twice", "goes-on", "text", "initrd", "line", "minus"]
    for name, label in said.items():
        console.prompt()
        console.type(name)
        if label["armed"]:
            words = " ".join([label["image"], r"netdump=0x\w+", *label["arguments"]])
            console.wait(rf"^ref: command line: {words}$")
        else:
            console.wait(r"^netdump: no image: APPEND")
        console.at = len(console.lab.machine.serial.text)
        console.lab.machine.monitor("system_reset")
