# SPDX-License-Identifier: GPL-2.0-or-later
"""DINI's own agent, in a process of many machines, against netdumpd; and the judge of both."""
import json
import os
import subprocess

import pytest

from conftest import until
from fakeimage import PAGE
from fakemachine import DATA, HEADER, RECORD
from test_sealed import Keys

FAKECRASH = os.environ.get("NETDUMP_FAKECRASH", "build/tests/fakecrash")
PLAINCOPY = os.environ.get("NETDUMP_PLAINCOPY", "build/tests/plaincopy")
MACHINES, MEM = 12, "1M"
DATA_BYTES, SEALED = 32, 0x40  # a DATA before its records; a bit of its type


class Machines:
    """fakecrash under way; report() waits for its end."""

    def __init__(self, server, *options, machines=MACHINES, mem=MEM):
        self.what = ["--machines", str(machines), "--mem", mem]
        self.process = subprocess.Popen(
            [FAKECRASH, "--server", "%s:%u" % server.address, *self.what, "--json", *options],
            stdout=subprocess.PIPE, text=True)

    def report(self, timeout=120):
        out, _ = self.process.communicate(timeout=timeout)
        found = json.loads(out)
        assert (self.process.returncode == 0) == (found["complete"] == found["machines"])
        return found


def verify(server, *options, machines=MACHINES, mem=MEM):
    """How many dumps are right, and what is wrong with the others."""
    run = subprocess.run([FAKECRASH, "--verify", str(server.dir), "--machines", str(machines),
                          "--mem", mem, *options], capture_output=True, text=True, timeout=60,
                         check=False)
    right = int(run.stdout.split()[0])
    assert (run.returncode == 0) == (right == machines)
    return right, run.stderr


def vmcore(server, host):
    folder, = (server.dir / host).iterdir()
    return folder / "vmcore"


def byte_flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte, = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def machines():
    every = []

    def start(*args, **more):
        every.append(Machines(*args, **more))
        return every[-1]

    yield start
    for one in every:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


@pytest.mark.parametrize("security", ["insecure", "key", "psk"])
def test_all_are_complete_and_right(serve, machines, tmp_path, security):
    psk = security == "psk"
    keys = Keys(tmp_path, **({f"host{i}": None for i in range(MACHINES)} if psk else {}))
    server = serve(*([] if security == "insecure" else keys.options))
    options = ["--insecure"] if security == "insecure" else ["--key", keys.public.hex()]
    hosts = ["--psk", str(tmp_path / "hosts.keys")] if psk else []
    found = machines(server, *options, *hosts).report()
    assert found["complete"] == MACHINES
    assert {m["host"] for m in found["each"]} == {d.split("/")[0] for d in server.dumps()}
    assert all(m["seconds_to_read"] <= m["seconds_to_done"] <= found["seconds"]
               for m in found["each"])
    assert found["memory_bytes"] == MACHINES * ((1 << 20) - 4096)
    assert len({server.info(d)["ip"] for d in server.dumps()}) == MACHINES
    assert len({server.info(d)["mac"] for d in server.dumps()}) == MACHINES
    assert verify(server, *hosts) == (MACHINES, "")


def test_memory_follows_from_the_seed(serve, machines):
    server = serve()
    assert machines(server, "--insecure", "--seed", "7", "--zero", "0", "--random",
                    "100").report()["complete"] == MACHINES
    assert verify(server, "--seed", "7", "--zero", "0", "--random", "100")[0] == MACHINES
    for other in (["--seed", "8", "--zero", "0", "--random", "100"], ["--seed", "7"]):
        right, why = verify(server, *other)
        assert right == 0 and why.count("differs") == MACHINES


def test_verify_sees_one_bit(serve, machines):
    server = serve()
    machines(server, "--insecure").report()
    path = vmcore(server, "fake-00003")
    for at in (0, 200, 4000, 4096, 0x30000 + 77, path.stat().st_size - 1):
        byte_flip(path, at)
        right, why = verify(server)
        assert right == MACHINES - 1 and why.count("fake-00003") == 1, at
        byte_flip(path, at)
    assert verify(server)[0] == MACHINES
    with open(path, "ab") as file:
        file.write(bytes(1))
    assert "length" in verify(server)[1]


def test_sizes_have_units(serve, machines):
    server = serve()
    assert machines(server, "--insecure", machines=1, mem="32M").report()["complete"] == 1
    for same in ("32768K", "33554432"):
        assert verify(server, machines=1, mem=same) == (1, "")
    assert "headers" in verify(server, machines=1, mem="33558528")[1]


def test_verify_misses_nothing(serve, machines):
    server = serve()
    machines(server, "--insecure").report()
    assert "no folder" in verify(server, machines=MACHINES + 1)[1]
    folder = vmcore(server, "fake-00000").parent
    folder.rename(folder.with_name(folder.name + ".partial"))
    assert "not complete" in verify(server)[1]
    (vmcore(server, "fake-00001").parent / "dmesg.txt").write_text("another's\n")
    right, why = verify(server)
    assert right == MACHINES - 2 and "log" in why
    (server.dir / "fake-00002" / "more").mkdir()
    assert "2 dumps" in verify(server)[1]


def test_another_key_is_not_answered(serve, machines, tmp_path):
    keys = Keys(tmp_path)
    server = serve(*keys.options)
    wrong = keys.public[:-1] + bytes([keys.public[-1] ^ 1])
    for options in (["--key", wrong.hex()], ["--insecure"]):
        found = machines(server, *options, "--deadline", "2").report()
        assert found["complete"] == 0
        assert {m["status"] for m in found["each"]} == {"unanswered"}
    assert server.dumps() == []


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_server_starts_anew_in_the_middle(serve, machines, tmp_path, how):
    keys = Keys(tmp_path)
    server = serve(*keys.options, "--map", "0")
    crashed = machines(server, "--key", keys.public.hex(), "--zero", "0", mem="8M")
    until(lambda: any((server.dir / d / "map.json").exists() for d in server.dumps()))
    getattr(server, how)()
    assert crashed.process.poll() is None, "it was too late"
    again = serve(*keys.options, port=server.address[1])
    assert crashed.report()["complete"] == MACHINES
    assert verify(again, "--zero", "0", mem="8M") == (MACHINES, "")


def datagrams(file):
    """(type, seq, datagram) of each that stands in the file, one behind the other."""
    while file:
        _, _, kind, length, _, seq = HEADER.unpack_from(file)
        yield kind, seq, file[:length]
        assert len(file) >= length > 0
        file = file[length:]


def raw_bytes(data):
    """Of memory, that the records of a DATA stand for."""
    at, raw_all = DATA_BYTES, 0
    while at < len(data):
        _, raw, stored, _, _ = RECORD.unpack_from(data, at)
        at, raw_all = at + RECORD.size + stored, raw_all + raw
    return raw_all


@pytest.mark.parametrize("keyed", [False, True])
def test_plaincopy_gets_every_datagram(tmp_path, keyed):
    """What `make load` compares with: whole dumps, in the datagrams that netdumpd would get."""
    security = ["--key", "ab" * 32] if keyed else ["--insecure"]
    with subprocess.Popen([PLAINCOPY, tmp_path, str(MACHINES)], stdout=subprocess.PIPE,
                          text=True) as copy:
        run = subprocess.run([FAKECRASH, "--server", copy.stdout.readline().strip(), "--copy",
                              *security, "--machines", str(MACHINES), "--mem", "4M", "--json"],
                             capture_output=True, text=True, timeout=60, check=True)
        took = json.loads(copy.stdout.read())
    found = json.loads(run.stdout)
    assert found["complete"] == MACHINES
    files = [list(datagrams(file.read_bytes())) for file in tmp_path.iterdir()]
    assert {(kind, bool(seq)) for file in files for kind, seq, _ in file} == \
        {(DATA | (SEALED if keyed else 0), True)}
    if not keyed:
        assert [sum(raw_bytes(d) for _, _, d in file) for file in files] == \
            [(4 << 20) - PAGE] * MACHINES
    # And an empty one of each, behind the last.
    assert took["datagrams"] == sum(map(len, files)) + MACHINES
    assert took["bytes"] == found["wire_bytes"] and took["cpu_seconds"] > 0


@pytest.mark.parametrize("words", [
    [], ["--server", "127.0.0.1"], ["--server", "127.0.0.1", "--key", "12"],
    ["--server", "127.0.0.1", "--insecure", "--mem", "5000"],
    ["--server", "127.0.0.1", "--insecure", "--machines", "0"],
    ["--server", "127.0.0.1", "--insecure", "--zero", "60", "--random", "41"],
    ["--server", "127.0.0.1", "--insecure", "--psk", "file"],
    ["--server", "host", "--insecure"], ["--server", "127.0.0.1", "--insecure", "more"],
], ids=" ".join)
def test_what_makes_no_sense(words):
    run = subprocess.run([FAKECRASH, *words], capture_output=True, text=True, timeout=10,
                         check=False)
    assert run.returncode == 64 and "--usage" in run.stderr
