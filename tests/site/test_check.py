# SPDX-License-Identifier: GPL-2.0-or-later
"""What site-check says of a site: each fault where it is, no secret, servers that were asked."""

import errno
import gzip
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

from conftest import BUILD, KEY, PROGRAM, SAMPLES, site_check
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


def test_a_key_of_one_host_in_an_included_file(site):
    """The place is where it stands."""
    site.config(f"\n\n{append(f'key={KEY} psk={PSK} -- ref.elf')}", "look")
    for name in "C0A80105", "C0A80106":
        site.config("INCLUDE pxelinux.cfg/look\n", name)
    _, found, _ = site.check()
    assert [(message["file"], message["line"]) for one in found["configurations"]
            for message in one["messages"]] == [("pxelinux.cfg/look", 6)] * 2


def test_what_several_include_is_wrong_once(site):
    site.config(append(f"key={KEY} -- absent"), "look")
    for name in "C0A80105", "C0A80106", "C0A80107":
        site.config("INCLUDE pxelinux.cfg/look\n", name)
    _, found, _ = site.check()
    assert found["errors"] == 1 and site.text().count("absent is not there") == 1
    assert all(errors(one) for one in found["configurations"])


def test_another_machines_mac(site):
    site.config(append(f"key={KEY} mac=02:00:00:00:00:02 -- ref.elf"), "01-02-00-00-00-00-01")
    assert "this file is for 02:00:00:00:00:01" in \
        errors(site.check()[1]["configurations"][0])[0][1]


LEAKS = [
    HEAD + f"APPEND key={KEY} psk={PSK} -- ref.elf", HEAD + f"APPEND kex={KEY} psk={PSK}0 -- ref.elf",
    HEAD + f"APPEND key={KEY} -- ref.elf psk={PSK} key={KEY}",
    HEAD + f"APPEND key={KEY},{KEY[:-1]}x -- ref.elf",
    HEAD + f"APPEND key={KEY} psk= {PSK} -- ref.elf", HEAD + f"APPEND key= {KEY} psk= 0x{PSK} -- ref.elf",
    HEAD + f"APPEND key={KEY} -- psk={PSK} vmlinuz", HEAD + f"APPEND key={KEY} -- {PSK} vmlinuz",
    HEAD + f"APPEND key={KEY} -- ref.elf --- psk={PSK}", HEAD + f"APPEND dini={PSK} key={KEY} -- ref.elf",
    HEAD.replace("KERNEL netdump.c32", "KERNEL netdump") + f"APPEND key={KEY} PSK={PSK} -- ref.elf",
    HEAD.replace("KERNEL", "LINUX") + f"APPEND key={KEY} psk={PSK} -- ref.elf",
    f"DEFAULT netdump.c32 key={KEY} psk={PSK} -- ref.elf", f"DEFAULT psk={PSK}", f"UI {PSK}",
    f"PROMPT 1\nTIMEOUT 1\nONTIMEOUT netdump.c32 psk={PSK}\nDEFAULT vmlinuz", f"INCLUDE psk={PSK}",
    f"DEFAULT a\nLABEL a\nKERNEL psk={PSK}", f"DEFAULT a\nLABEL psk={PSK}\nLINUX vmlinuz",
    f"UI menu.c32 psk={PSK}", f"DEFAULT vmlinuz\nPSK={PSK}", f"DEFAULT vmlinuz\nMENU {PSK}",
    f"DEFAULT vmlinuz\nPATH psk={PSK}\nUI no.c32",
    f"DEFAULT a\nLABEL a\nLINUX vmlinuz\nAPPEND psk={PSK[:8]}:{PSK[8:16]} x.key={KEY[:8]} PSK={PSK[:8]}",
]


@pytest.mark.parametrize("said", LEAKS)
def test_no_key_is_told(site, said):
    """Not where it is right, nor where it is wrong, nor where it is the system's."""
    site.config(said + "\n")
    for told in site.text(), site.text("--json"):
        assert told
        for key in PSK, KEY, PSK.upper():
            assert not any(key[at:at + 8] in told for at in range(0, 64, 8)), told


def test_no_key_is_told_of_a_command_line(site):
    for words_ in (["--config", f"psk={PSK}"], ["--prefix", f"http://{PSK}/"], ["--host", PSK]):
        status, _, said = site_check(site.folder, *words_)
        assert status == 2 and said and PSK[:8] not in said


@pytest.mark.parametrize("said, shown", [
    (b"action=r\xe9boot", r'"action=r\xe9boot" is not action='), (b"col\xe9r=red", r'"col\xe9r=..."'),
    ("action=r\u00e9boot".encode(), '"action=r\u00e9boot"'),
    ("option-of-nobody\u00e9=y"[1:].encode(), r'"ption-of-nobody\xc3..."')])
def test_a_fault_is_told_in_whatever_coding(site, said, shown):
    site.config(append(f"key={KEY} @ -- ref.elf").encode().replace(b"@", said))
    status, found, _ = site.check()
    (one,) = found["configurations"]
    assert status == 1 and not one["labels"][0]["armed"] and shown in errors(one)[0][1]
    assert shown in site.text()


def test_a_file_is_found_in_whatever_coding(site):
    for name in b"d\xe9.bin", "d\u00e9.bin".encode():
        line = append(f"key={KEY} dini=@ -- ref.elf").encode().replace(b"@", name)
        site.config(line)
        assert "is not there" in errors(site.check()[1]["configurations"][0])[0][1]
        (site.folder / os.fsdecode(name)).write_bytes(b"DINI")
        assert site.check()[0] == 0


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_what_no_terminal_has_is_written_out(site, encoding):
    site.config(b"DEFAULT \xe9\nLABEL \xe9\nLINUX vmlinuz \xe9\x1b\xe4\xb8\xad\n", os.fsdecode(b"caf\xe9"))
    status, said, _ = site_check(site.folder, encoding=encoding)
    assert status == 0 and r"caf\xe9" in said and "\x1b" not in said


def test_keys_are_no_arguments_of_a_process(site, tmp_path, monkeypatch):
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\necho \"$@\" >> {tmp_path}/arguments\nexec {words.program()} \"$@\"\n")
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
    said = {message["text"] for one in found["configurations"] for message in one["messages"]}
    known = re.compile(r"key [0-9a-f]{16} is a document's example|insecure: memory|no host finds it by")
    assert said and all(known.match(text) for text in said), said


def test_a_documents_key_is_a_warning(site):
    found = site.one(append("key=" + "0123456789abcdef" * 4 + " -- ref.elf"))
    (message,) = found["messages"]
    assert message["level"] == "warning" and "is a document's example" in message["text"]
    assert not site.one(append(f"key={KEY} -- ref.elf"))["messages"]


def test_in_the_clear_is_a_warning(site):
    (message,) = site.one(append("insecure -- ref.elf"))["messages"]
    assert message["level"] == "warning" and message["text"].startswith("insecure: memory goes out")


def test_kernels_may_be_packed(site):
    for name, good in ("ref.elf", True), ("initrd.img", False):
        (site.folder / "packed.gz").write_bytes(gzip.compress((site.folder / name).read_bytes()))
        assert (not errors(site.one(append(f"key={KEY} -- packed.gz")))) == good
    (site.folder / "packed.gz").write_bytes(b"\x1f\x8b\x08 and no more")
    assert errors(site.one(append(f"key={KEY} -- packed.gz")))


@pytest.mark.parametrize("name", ["192.0.2.1::vmlinuz", "http://192.0.2.1/vmlinuz", "ftp://host/vmlinuz"])
@pytest.mark.parametrize("line", ["DEFAULT @", "UI @", "DEFAULT vmlinuz\nINCLUDE @",
                                  "DEFAULT a\nLABEL a\nLINUX @", "DEFAULT vmlinuz\nPATH @\nUI no.c32",
                                  f"DEFAULT netdump.c32 key={KEY} -- @"])
def test_another_servers_file_is_not_looked_at(site, name, line):
    found = site.one(line.replace("@", name) + "\n")
    if "PATH" not in line:  # which ":" parts
        (message,) = found["messages"]
        assert message["level"] == "warning"
        assert "is another server's, and was not looked at" in message["text"]


@pytest.fixture
def unreadable(monkeypatch):
    """A file that opens for nobody: root may read all there is."""
    names, before = set(), open

    def guarded(path, *more, **options):
        if os.path.basename(path) in names:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return before(path, *more, **options)
    monkeypatch.setattr("builtins.open", guarded)
    return names.add


def test_a_kernel_that_cannot_be_read(site, unreadable):
    unreadable("vmlinuz")
    assert (4, "vmlinuz cannot be read: Permission denied") in \
        errors(site.one(append(f"key={KEY} -- vmlinuz")))


def test_a_configuration_that_cannot_be_read(site, unreadable):
    unreadable("C0A80105")
    for name in "C0A80105", "C0A80106":
        site.config(append(f"key={KEY} -- ref.elf"), name)
    status, found, _ = site.check()
    bad, good = found["configurations"]
    assert status == 1 and not errors(good) and good["labels"]
    assert "cannot be read: Permission denied" in errors(bad)[0][1]


def test_an_include_that_cannot_be_read(site, unreadable):
    unreadable("look")
    site.config("# ...", "look")
    assert (5, "INCLUDE pxelinux.cfg/look: cannot be read: Permission denied") in \
        errors(site.one(append(f"key={KEY} -- ref.elf") + "INCLUDE pxelinux.cfg/look\n"))


@pytest.mark.parametrize("target", ["absent", "C0A80105"])
def test_a_link_to_nothing_is_an_error(site, target):
    site.config(append(f"key={KEY} -- ref.elf"))
    (site.folder / "pxelinux.cfg" / "C0A80105").symlink_to(target)
    status, found, _ = site.check()
    assert status == 1 and f"is a link to {target}, which cannot be read" in \
        errors(found["configurations"][0])[0][1]
    status, found, _ = site.check("--host", "192.168.1.5")
    assert status == 1 and found["configurations"][0]["file"] == "pxelinux.cfg/default"
    assert f"is a link to {target}" in found["messages"][0]["text"]


def test_what_a_link_leads_to_is_no_stranger(site):
    site.config(append(f"key={KEY} -- ref.elf"), "rack1")
    (site.folder / "pxelinux.cfg" / "C0A80105").symlink_to("rack1")
    status, found, _ = site.check()
    assert status == 0 and not found["warnings"]
    assert [one["file"] for one in found["configurations"]] == ["pxelinux.cfg/C0A80105"]


def test_an_empty_configuration_is_passed_over(site):
    site.config("", "C0A80105")
    site.config(append(f"key={KEY} -- ref.elf"))
    status, found, _ = site.check()
    assert status == 1 and "is empty" in errors(found["configurations"][0])[0][1]
    found = site.check("--host", "192.168.1.5")[1]
    assert found["configurations"][0]["file"] == "pxelinux.cfg/default"


def test_no_configuration_is_an_error(site):
    status, found, _ = site.check()
    assert status == 1 and "no configuration is there" in found["messages"][0]["text"]


def test_a_host_by_half_its_names(site):
    for name in "default", "C0A80", "b8945908-d6a6-41a9-611d-74a6ab80b83d":
        site.config(append(f"key={KEY} -- ref.elf"), name)

    def unasked(host):
        return [message["text"].partition(" may be")[0]
                for message in site.check("--host", host)[1]["messages"]]
    uuid = "b8945908-d6a6-41a9-611d-74a6ab80b83d"
    assert unasked("02:00:00:00:00:01") == [f"{uuid}, C0A80"]
    assert unasked("02:00:00:00:00:01,10.0.0.1") == [uuid]
    os.unlink(site.folder / "pxelinux.cfg" / uuid)
    assert unasked("10.0.0.1") == []


@pytest.mark.parametrize("arguments", [["/nonexistent"], [], ["--host", "x"], ["--tftp", "x"],
                                       ["--config", "absent"], ["--config", "http://192.0.2.1/x"],
                                       ["--config", "../x"], ["--prefix", "http://192.0.2.1/"],
                                       ["--prefix", "192.0.2.1::x/"], ["--prefix", "../"]])
def test_what_makes_no_sense(site, arguments):
    folder = [] if arguments[:1] == ["/nonexistent"] else [str(site.folder)]
    done = subprocess.run([PROGRAM, *folder, *arguments] if arguments else [PROGRAM],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr and "Traceback" not in done.stderr


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

    def __init__(self, folder, *more, at=None):
        address, self.port = at or ("127.0.0.1", free_port())
        self.dumps = folder / "dumps"
        self.log = folder / "log"
        self.key = self._keygen(folder / "key") if not more else ""
        self.psk = self._keygen(folder / "hosts", "--host", "own") if not more else ""
        more = more or ("--key", str(folder / "key"), "--host-keys", str(folder / "hosts"))
        if os.geteuid() == 0:
            more += ("--user", "nobody")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([NETDUMPD, "--dir", str(self.dumps), "--listen",
                                             f"{address}:{self.port}", *more], stderr=log)
        limit = time.monotonic() + 60
        while "listening on" not in self.log.read_text(encoding="utf-8"):
            assert time.monotonic() < limit and self.process.poll() is None
            time.sleep(0.01)

    def end(self):
        """Its log is whole then: a refusal is told to the machine first, and to the log after."""
        self.process.terminate()
        assert self.process.wait(60) == 0
        return self.log.read_text(encoding="utf-8")

    @staticmethod
    def _keygen(path, *words_):
        return subprocess.run([NETDUMPD, "keygen", *words_, str(path)], capture_output=True,
                              text=True, check=True).stdout.strip()


@pytest.fixture
def netdumpd(tmp_path):
    tmp_path.chmod(0o755)
    one = Netdumpd(tmp_path)
    yield one
    one.end()


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
    log = netdumpd.end()
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
        one.end()


class Liar(threading.Thread):
    """Answers each HELLO with a DONE in the clear, or in a handshake that nobody sealed."""

    def __init__(self, kind):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.kind = kind
        self.heard, self.hello = 0, b""
        self.start()

    def run(self):
        while True:
            hello, whom = self.socket.recvfrom(2048)
            self.hello = hello
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


def test_the_tftp_server_is_asked_if_it_is_named(site, tmp_path):
    """Who names no server= has no port to name either: so an address of its own."""
    address = f"127.1.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}"
    tmp_path.chmod(0o755)
    one = Netdumpd(tmp_path, at=(address, 6668))
    try:
        said = append(f"{one.key} -- ref.elf")
        (answer,) = site.one(said, "--probe", "--tftp", address)["labels"][0]["answers"]
        assert answer["answers"] and answer["server"] == address
        assert not site.one(said, "--probe")["labels"][0]["answers"]
    finally:
        one.end()
    found = site.one(said, "--probe", "--tftp", address)
    assert any(f"server {address}:6668: " in text for _, text in errors(found))


def test_who_asks_is_whose_file_it_is(site):
    """HELLO says the MAC address that the file is for."""
    liar = Liar(DONE)
    site.config(append(f"server=127.0.0.1:{liar.port} insecure -- ref.elf"), "01-02-00-00-00-00-07")
    site.check("--probe")
    assert bytes.fromhex("020000000007") in liar.hello
