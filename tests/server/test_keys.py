# SPDX-License-Identifier: GPL-2.0-or-later
"""netdumpd keygen and pubkey: what they write and print, and what they will not do."""
import os
import resource
import stat
import subprocess

import pytest

import noise
from conftest import BUILD


NETDUMPD = os.path.abspath(os.path.join(BUILD, "netdumpd"))


@pytest.fixture
def run(tmp_path):
    def start(*args, umask=0o022, file_limit=resource.RLIM_INFINITY, stdout=subprocess.PIPE):
        def prepare():
            os.umask(umask)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        return subprocess.run([NETDUMPD, *args], cwd=tmp_path, text=True, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=30, preexec_fn=prepare,
                              restore_signals=False)  # SIGXFSZ stays ignored: an error instead

    return start


def word(result, name):
    """The key in `name=HEX`, all that was printed."""
    assert result.returncode == 0 and result.stderr == "", result.stderr
    key, digits = result.stdout.removesuffix("\n").split("=")
    assert key == name and len(digits) == 64
    return bytes.fromhex(digits)


def refusal(result, *words):
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("netdumpd: ") and result.stderr.count("\n") == 1
    for one in words:
        assert one in result.stderr, result.stderr


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_a_new_private_key(run, tmp_path, umask):
    public = word(run("keygen", "server.key", umask=umask), "key")
    path = tmp_path / "server.key"
    assert mode(path) == 0o600
    text = path.read_text()
    assert len(text) == 65 and text.endswith("\n")
    assert noise.public(bytes.fromhex(text)) == public
    assert word(run("pubkey", "server.key"), "key") == public


def test_keys_differ_and_the_file_has_a_usual_name(run, tmp_path):
    assert word(run("keygen"), "key") != word(run("keygen", "second"), "key")
    assert sorted(os.listdir(tmp_path)) == ["netdumpd.key", "second"]


@pytest.mark.parametrize("there", ["file", "link", "dangling", "folder"])
def test_what_is_there_stays(run, tmp_path, there):
    path, other = tmp_path / "server.key", tmp_path / "other"
    if there == "file":
        path.write_text("precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
        if there == "link":
            other.write_text("precious")
    refusal(run("keygen", "server.key"), "server.key is there already")
    if there == "file":
        assert path.read_text() == "precious"
    assert other.exists() == (there == "link")


def test_a_folder_that_is_not_there(run):
    refusal(run("keygen", "no/server.key"), "no/server.key: No such file")


def test_a_key_that_is_not_written_leaves_no_file(run, tmp_path):
    """A file size limit stands for a full disk."""
    refusal(run("keygen", "server.key", file_limit=10), "server.key:")
    assert os.listdir(tmp_path) == []


def test_hosts_get_a_line_each(run, tmp_path):
    path = tmp_path / "hosts"
    keys = [word(run("keygen", "--host", name, "hosts"), "psk") for name in ("web1", "web2")]
    assert keys[0] != keys[1] and mode(path) == 0o600
    assert path.read_text() == "".join(f"web{i} {key.hex()}\n" for i, key in enumerate(keys, 1))


def test_lines_that_are_there_stay(run, tmp_path):
    path = tmp_path / "hosts"
    path.write_text(f"# by hand, and no newline at its end\nold {bytes(32).hex()}")
    path.chmod(0o600)
    before = path.read_text()
    key = word(run("keygen", "--host", "new", "hosts"), "psk")
    assert path.read_text() == before + f"\nnew {key.hex()}\n"
    before = path.read_text()
    for name in ("old", "new"):
        refusal(run("keygen", "--host", name, "hosts"), f"{name} has a key already")
    assert path.read_text() == before


def test_a_line_that_is_not_written_leaves_no_half(run, tmp_path):
    key = word(run("keygen", "--host", "web1", "hosts"), "psk")
    refusal(run("keygen", "--host", "web2", "hosts", file_limit=100), "hosts:")
    assert (tmp_path / "hosts").read_text() == f"web1 {key.hex()}\n"


def test_many_at_once(tmp_path):
    """Each looks and writes under a lock: one line a host, whole."""
    names = [f"h{i % 5}" for i in range(15)]
    running = [subprocess.Popen([NETDUMPD, "keygen", "--host", name, "hosts"], cwd=tmp_path,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
               for name in names]
    printed = [process.communicate(timeout=60)[0] for process in running]
    lines = [line.split() for line in (tmp_path / "hosts").read_text().splitlines()]
    assert sorted(name for name, _ in lines) == sorted(set(names))
    assert sorted(f"psk={key}\n" for _, key in lines) == sorted(filter(None, printed))


@pytest.mark.parametrize("name", ["", ".web1", "-web1", "../web1", "web 1", "a/b", "x" * 64, "web1\n"])
def test_names_that_no_folder_may_have(run, tmp_path, name):
    refusal(run("keygen", "--host", name, "hosts"), "not a host's name")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("bits", [0o640, 0o620, 0o604, 0o602])
def test_what_others_can_read_or_write(run, tmp_path, bits):
    for name, text in (("key", f"{bytes(32).hex()}\n"), ("hosts", "")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(bits)
    refusal(run("pubkey", "key"), f"key: its mode is 0{bits:o}", "chmod 600")
    refusal(run("keygen", "--host", "web1", "hosts"), f"hosts: its mode is 0{bits:o}")


def test_files_that_are_none(run, tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name in ("fifo", "/dev/null"):
        refusal(run("pubkey", name), "not a regular file")
    refusal(run("pubkey", "absent"), "absent: No such file")
    refusal(run("keygen", "--host", "web1", "."), "Is a directory")


def test_files_that_are_damaged(run, tmp_path):
    for name, text in (("key", "00112233\n"), ("hosts", f"web1 {bytes(32).hex()} more\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    refusal(run("pubkey", "key"), "key: not a private key")
    refusal(run("keygen", "--host", "web2", "hosts"), "hosts: line 1: something behind the key")
    assert (tmp_path / "hosts").read_text().count("\n") == 1


@pytest.mark.parametrize("args, words", [
    (["pubkey"], "FILE is missing"),
    (["keygen", "--host", "web1"], "FILE is missing"),
    (["keygen", "a", "b"], "b: unexpected"),
    (["keygen", "--psk"], "unrecognized option"),
])
def test_command_lines_that_make_no_sense(run, tmp_path, args, words):
    result = run(*args)
    assert result.returncode == 64 and words in result.stderr and result.stdout == ""
    assert os.listdir(tmp_path) == []


def test_a_key_that_is_not_shown(run):
    """It is in its file all the same; the exit status says that it was not shown."""
    with open("/dev/full", "w", encoding="ascii") as full:
        result = run("keygen", "server.key", stdout=full)
    assert result.returncode == 1 and "standard output" in result.stderr
    word(run("pubkey", "server.key"), "key")
