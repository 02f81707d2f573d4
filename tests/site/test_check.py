# SPDX-License-Identifier: GPL-2.0-or-later
"""What site-check says of a site: each fault where it is, no secret, servers that were asked."""

import os
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import BUILD, KEY, PROGRAM, SAMPLES
from sitelib import words

NETDUMPD = os.path.join(BUILD, "server", "netdumpd")
HEADER = struct.Struct("<IBBHQQ")  # struct nd_wire_header
DONE, DONE_BYTES, HANDSHAKE = 4, 160, 0x80
PSK = "5a" * 8 + "c3" * 24
HEAD = "DEFAULT a\nLABEL a\n  KERNEL netdump.c32\n"


def append(words_):
    return f"{HEAD}  APPEND {words_}\n"


FAULTS = {
    f"key={KEY} colour=red -- ref.elf": (4, '"colour=..." is not an option of netdump.c32'),
    f"key={KEY} action=sleep -- ref.elf": (4, '"action=sleep" is not action='),
    f"key={KEY} skip=iommu,all -- ref.elf": (4, '"skip=iommu,all" is not'),
    f"key={KEY} deadline=1d -- ref.elf": (4, '"deadline=1d" is not'),
    f"key={KEY}": (4, "no image: APPEND"),
    "-- ref.elf": (4, "no key="),
    f"psk={PSK} -- ref.elf": (4, "psk= is of no use"),
    f"key={KEY}00 -- ref.elf": (4, '"key=..." is not key=HEX'),
    "key=" + "0" * 64 + " -- ref.elf": (4, "they are no public key"),
    f"key={KEY},{KEY} server=192.0.2.1 -- ref.elf": (4, "key= has not as many keys"),
    f"key={KEY} server=127.0.0.1 -- ref.elf": (4, "server=127.0.0.1: a loopback"),
    f"key={KEY} server=224.0.0.1 -- ref.elf": (4, "a multicast address"),
    f"key={KEY} gateway=0.0.0.0 -- ref.elf": (4, "gateway=0.0.0.0: no address"),
    f"key={KEY} -- vmlinux": (4, "vmlinux is not there: PXELINUX would look for vmlinux; is vmlinuz"),
    f"key={KEY} -- initrd.img": (4, "initrd.img is no Linux or multiboot image"),
    f"key={KEY} -- ref.elf --- absent.img": (4, "absent.img is not there"),
    f"key={KEY} -- vmlinuz initrd=initrd.img,more.img": (4, "more.img is not there"),
    f"key={KEY} dini=other.bin -- ref.elf": (4, "other.bin is not there"),
    f"-- ref.elf key={KEY}": (4, "key= behind --"),
}


def errors(found):
    return [(message["line"], message["text"]) for message in found["messages"]
            if message["level"] == "error"]


@pytest.mark.parametrize("said", FAULTS)
def test_each_fault_is_told_with_its_line(site, said):
    line, text = FAULTS[said]
    site.config(append(said))
    status, found, _ = site.check()
    assert status == 1
    assert any(at == line and text in message for at, message in errors(found["configurations"][0]))


def test_every_fault_of_a_line_is_told(site):
    found = errors(site.one(append("colour=red action=sleep server=x -- absent.elf")))
    for part in "colour=", "action=sleep", "server=x", "absent.elf is not there":
        assert any(part in text for _, text in found), part


@pytest.mark.parametrize("lacks, says", [
    ("netdump.c32", "netdump.c32 is not there"), ("dini.bin", "dini.bin is not there"),
    ("ldlinux.c32", "ldlinux.c32 is not there"),
    ("libcom32.c32", "libcom32.c32 is not there, and netdump.c32 needs it")])
def test_each_file_that_a_host_would_miss(site, lacks, says):
    os.unlink(site.folder / lacks)
    site.config(append(f"key={KEY} -- ref.elf"))
    status, found, _ = site.check()
    said = found["messages"] + found["configurations"][0]["messages"]
    assert status == 1 and any(says in message["text"] for message in said)


def test_a_menu_needs_its_libraries(site):
    os.unlink(site.folder / "libutil.c32")
    found = errors(site.one(f"UI menu.c32\n{append(f'key={KEY} -- ref.elf')}"))
    assert (1, "libutil.c32 is not there, and menu.c32 needs it: copy it from build/tftpboot") in found


def test_libraries_are_looked_for_in_path(site):
    (site.folder / "lib").mkdir()
    for name in os.listdir(site.folder):
        if name.startswith("lib") and name.endswith(".c32"):
            (site.folder / name).rename(site.folder / "lib" / name)
    assert errors(site.one(append(f"key={KEY} -- ref.elf")))
    assert not errors(site.one("PATH lib\n" + append(f"key={KEY} -- ref.elf")))


@pytest.mark.parametrize("keyword, says", [("LINUX netdump.c32", "begin the line with KERNEL"),
                                           ("KERNEL netdump", "is netdump.c32 meant?")])
def test_a_module_that_is_started_as_a_kernel(site, keyword, says):
    found = errors(site.one(append(f"key={KEY} -- ref.elf").replace("KERNEL netdump.c32", keyword)))
    assert any(says in text for _, text in found)


def test_com32_takes_the_name_without_its_end(site):
    assert not errors(site.one(append(f"key={KEY} -- ref.elf").replace("KERNEL netdump.c32",
                                                                      "COM32 netdump")))


def test_initrd_beside_modules_is_not_loaded(site):
    found = errors(site.one(append(f"key={KEY} -- vmlinuz --- initrd.img") + "INITRD initrd.img\n"))
    assert found == [(5, "netdump.c32 does not load INITRD's files where there are modules: put them "
                      "behind ---")]
    assert not errors(site.one(append(f"key={KEY} -- vmlinuz") + "INITRD initrd.img\n"))


@pytest.mark.parametrize("name, one_host", [("default", False), ("C0A80", False), ("C0A80105", True),
                                            ("01-02-00-00-00-00-01", True)])
def test_what_is_one_hosts_in_a_file_of_many(site, name, one_host):
    site.config(append(f"key={KEY} psk={PSK} ip=192.0.2.9 -- ref.elf"), name)
    _, found, _ = site.check()
    said = [message["text"] for message in found["configurations"][0]["messages"]]
    assert [text for text in said if "is one host's" in text] == (
        [] if one_host else ["ip= is one host's, and this file may be many hosts'",
                             "psk= is one host's, and this file may be many hosts'"])


def test_a_key_of_one_host_in_two_files(site):
    for name in "C0A80105", "C0A80106":
        site.config(append(f"key={KEY} psk={PSK} -- ref.elf"), name)
    _, found, _ = site.check()
    assert [errors(one)[0][1].split(":")[0].split(" is in ")[1] for one in found["configurations"]] \
        == ["pxelinux.cfg/C0A80106, too", "pxelinux.cfg/C0A80105, too"]


def test_another_machines_mac(site):
    site.config(append(f"key={KEY} mac=02:00:00:00:00:02 -- ref.elf"), "01-02-00-00-00-00-01")
    assert "this file is for 02:00:00:00:00:01" in \
        errors(site.check()[1]["configurations"][0])[0][1]


def test_no_key_is_told(site):
    """Not where it is right, nor where it is wrong, nor where it is the system's."""
    for said in (f"key={KEY} psk={PSK} -- ref.elf", f"kex={KEY} psk={PSK}0 -- ref.elf",
                 f"key={KEY} -- ref.elf psk={PSK} key={KEY}", f"key={KEY},{KEY[:-1]}x -- ref.elf"):
        site.config(append(said))
        for told in site.text(), site.text("--json"):
            assert told and PSK[:12] not in told and KEY[:12] not in told


def test_keys_are_no_arguments_of_a_process(site, tmp_path, monkeypatch):
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/arguments\nexec {words.PROGRAM} \"$@\"\n")
    spy.chmod(0o755)
    monkeypatch.setenv("NETDUMP_WORDS", str(spy))
    site.config(append(f"key={KEY} psk={PSK} -- ref.elf"))
    assert site.check()[0] == 0
    assert (tmp_path / "arguments").read_text() == "\n"


def test_what_a_host_does(site):
    site.config(append(f"server=192.0.2.1,192.0.2.2:7777 key={KEY} psk={PSK} action=hold deadline=0 "
                       "skip=iommu,bus gateway=192.0.2.254 fallback=boot -- vmlinuz quiet --- "
                       "initrd.img"), "01-02-00-00-00-00-01")
    (label,) = site.check()[1]["configurations"][0]["labels"]
    wanted = {"servers": ["192.0.2.1", "192.0.2.2"], "port": 7777, "security": "NKpsk0",
              "action": "hold", "deadline": 0, "skip": ["iommu", "bus"], "gateway": "192.0.2.254",
              "fallback": True, "image": "vmlinuz", "arguments": ["quiet"],
              "modules": ["initrd.img"], "armed": True}
    assert {name: label[name] for name in wanted} == wanted
    text = site.text()
    for part in ("dumps to 192.0.2.1:7777, key ", "else to  192.0.2.2:7777", "never gives up",
                 "then hold", "leaves out iommu, bus", "the host with the NIC 02:00:00:00:00:01"):
        assert part in text


def test_the_samples_are_right(site):
    """The reference kernel stands in for a site's: netdump.c32 takes it, PXELINUX itself would not."""
    for name in os.listdir(SAMPLES):
        shutil.copy(os.path.join(SAMPLES, name), site.folder / "pxelinux.cfg")
    status, found, _ = site.check()
    assert status == 0, site.text()
    warnings = {message["text"].split(":")[0] for one in found["configurations"]
                for message in one["messages"]}
    assert all("example" in text or text in ("insecure", "no host finds it by itself")
               for text in (warning.replace("key ", "example ") for warning in warnings))


@pytest.mark.parametrize("arguments", [["/nonexistent"], [], ["--host", "x"], ["--tftp", "x"],
                                       ["--config", "absent"]])
def test_what_makes_no_sense(site, arguments):
    folder = [] if arguments[:1] == ["/nonexistent"] else [str(site.folder)]
    done = subprocess.run([PROGRAM, *folder, *arguments] if arguments else [PROGRAM],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr


def test_a_root_without_configurations(tmp_path):
    done = subprocess.run([PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pxelinux.cfg" in done.stderr


# --- --probe ---------------------------------------------------------------------


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Netdumpd:
    """One, with a key of its own and one for the host that is named `own`."""

    def __init__(self, folder, *more):
        self.port = free_port()
        self.dumps = folder / "dumps"
        self.log = folder / "log"
        self.key = self._keygen(folder / "key") if not more else ""
        self.psk = self._keygen(folder / "hosts", "--host", "own") if not more else ""
        more = more or ("--key", str(folder / "key"), "--host-keys", str(folder / "hosts"))
        if os.geteuid() == 0:
            more += ("--user", "nobody")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([NETDUMPD, "--dir", str(self.dumps), "--listen",
                                             f"127.0.0.1:{self.port}", *more], stderr=log)
        limit = time.monotonic() + 60
        while "listening on" not in self.log.read_text(encoding="utf-8"):
            assert time.monotonic() < limit and self.process.poll() is None
            time.sleep(0.01)

    @staticmethod
    def _keygen(path, *words_):
        return subprocess.run([NETDUMPD, "keygen", *words_, str(path)], capture_output=True,
                              text=True, check=True).stdout.strip()


@pytest.fixture
def netdumpd(tmp_path):
    tmp_path.chmod(0o755)
    one = Netdumpd(tmp_path)
    yield one
    one.process.terminate()
    one.process.wait(60)


def answers(site, netdumpd_, said):
    found = site.one(append(f"server=127.0.0.1:{netdumpd_.port} {said} -- ref.elf"), "--probe")
    (answer,) = found["labels"][0]["answers"]
    told = [text for _, text in errors(found) if "netdumpd with this key" in text]
    assert bool(told) != answer["answers"]
    return answer["answers"]


def test_a_server_with_the_key_answers(site, netdumpd):
    assert answers(site, netdumpd, netdumpd.key)
    assert answers(site, netdumpd, f"{netdumpd.key} {netdumpd.psk}")


def test_it_leaves_nothing_behind(site, netdumpd):
    assert answers(site, netdumpd, netdumpd.key)
    log = netdumpd.log.read_text(encoding="utf-8")
    assert "HELLO" not in log and log.count("a dry run is one range") == 1
    assert os.listdir(netdumpd.dumps) == []


@pytest.mark.parametrize("said", [f"key={KEY}", "insecure", "{key} psk=" + PSK])
def test_without_the_right_keys_none_answers(site, netdumpd, said):
    assert not answers(site, netdumpd, said.format(key=netdumpd.key))


def test_in_the_clear(site, tmp_path):
    one = Netdumpd(tmp_path, "--insecure")
    try:
        assert answers(site, one, "insecure")
        assert not answers(site, one, f"key={KEY}")
    finally:
        one.process.terminate()
        one.process.wait(60)


class Liar(threading.Thread):
    """Answers each HELLO with a DONE in the clear, or in a handshake that nobody sealed."""

    def __init__(self, kind):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.kind = kind
        self.heard = 0
        self.start()

    def run(self):
        while True:
            hello, whom = self.socket.recvfrom(2048)
            magic, version, _, _, session, seq = HEADER.unpack_from(hello)
            self.heard += 1
            done = HEADER.pack(magic, version, DONE, DONE_BYTES, session, seq).ljust(DONE_BYTES, b"\0")
            if self.kind != DONE:
                done = HEADER.pack(magic, version, self.kind, HEADER.size + 40 + len(done) + 16,
                                   session, seq) + bytes(40) + done + bytes(16)
            self.socket.sendto(done, whom)


@pytest.mark.parametrize("kind", [DONE, DONE | HANDSHAKE])
def test_who_has_not_the_key_is_no_answer(site, kind):
    liar = Liar(kind)
    assert not answers(site, liar, f"key={KEY}") and liar.heard
    assert answers(site, liar, "insecure") == (kind == DONE)


def test_nobody_there(site):
    found = site.one(append(f"server=127.0.0.1:{free_port()} key={KEY} -- ref.elf"), "--probe")
    assert "Connection refused" in "".join(text for _, text in errors(found))


def test_the_tftp_server_is_asked_if_it_is_named(site, netdumpd, monkeypatch):
    said = f"{netdumpd.key} -- ref.elf"
    assert "answers" in site.one(append(said), "--probe", "--tftp", "127.0.0.1")["labels"][0]
    assert not site.one(append(said), "--probe")["labels"][0]["answers"]
