# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench makes of its figures, and what kdump's sink notes; nothing here is timed."""

import argparse
import io
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from lablib import bench
from lablib.bench import kdump, makers, others, results, rows, sink, subject, table, targets
from lablib.delay import PROGRAM
from lablib.process import LabError

NIC = "e1000"
SUBJECT = subject.Subject(NIC, "a host", "a build")
# Every target is held, none of them by more than a little.
FOUND = {
    "ours": {"first_log_s": 0.49, "durable_s": 1.9, "kept_mib": 1.9},
    "kdump-tcp": {"first_byte_s": 8.0, "durable_s": 11.0},
    "kdump-ssh": {"first_byte_s": 7.5, "durable_s": 10.0},
    "kdump-tcp-roomy": {"first_byte_s": 8.0, "durable_s": 11.0},
    "kdump-ssh-roomy": {"first_byte_s": 7.5, "durable_s": 10.0},
    **{f"size-{gib}-free": {"durable_s": 2.0, "kept_mib": 1.9} for gib in rows.SIZES_GIB[:-1]},
    "size-16-free": {"durable_s": 2.9, "kept_mib": 2.0},
    "loss-0": {"data_s": 9.0, "frames_mb_s": 9.1},
    "loss-1": {"data_s": 9.9},
    "loss-5": {"data_s": 11.9},
    "undi-e1000": {"batch_1_mb_s": 6.0, "ceiling_mb_s": 10.0},
    **{f"server-{count}": {"stored_of_copy": 0.81} for count in rows.MACHINES},
}
TARGETS = 10
COUNT = 100     # of datagrams through the relay
ANSWER_S = 120  # until one has to be there, on a busy machine


def words(changes=None):
    found = {name: {**figures, **(changes or {}).get(name, {})}
             for name, figures in FOUND.items()}
    return [one.word() for one in targets.judge(found, NIC)]


def test_all_can_be_held():
    assert words() == ["held"] * TARGETS


@pytest.mark.parametrize("row, key, value, missed", [
    ("ours", "durable_s", 2.1, [0]),                # a fifth of the faster kdump, not of the slower
    ("kdump-ssh", "durable_s", 9.0, [0]),
    ("kdump-tcp-roomy", "durable_s", 9.0, [0]),
    ("kdump-tcp", "first_byte_s", 7.0, [1]),
    ("ours", "first_log_s", 0.51, [1, 2]),
    ("loss-0", "frames_mb_s", 8.9, [3]),
    ("undi-e1000", "batch_1_mb_s", 6.7, [4]),
    ("size-16-free", "durable_s", 3.1, [5]),
    ("size-8-free", "kept_mib", 2.1, [6]),
    ("server-10", "stored_of_copy", 0.79, [7]),
    ("loss-1", "data_s", 10.1, [8]),
    ("loss-5", "data_s", 12.1, [9])])
def test_each_can_be_missed(row, key, value, missed):
    found = words({row: {key: value}})
    assert [number for number, word in enumerate(found) if word == "missed"] == missed


def test_what_was_not_measured_is_missed():
    assert [one.word() for one in targets.judge({}, NIC)] == ["missed"] * TARGETS


@pytest.mark.parametrize("row, missed", [
    ("kdump-ssh", {0, 1}), ("size-4-free", {6}), ("server-100", {7}), ("undi-e1000", {3, 4})])
def test_a_row_that_is_missing_misses_what_needs_it(row, missed):
    found = {name: figures for name, figures in FOUND.items() if name != row}
    found = [one.word() for one in targets.judge(found, NIC)]
    assert {number for number, word in enumerate(found) if word == "missed"} == missed


def test_another_nics_ceiling_is_none_of_ours():
    assert [one.word() for one in targets.judge(FOUND, "rtl8139")][3:5] == ["missed", "missed"]


def test_rows_have_names_of_their_own():
    names = [row.name for row in rows.of(rows.PARTS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 1000])
def test_the_sink_takes_the_stream_apart_wherever_it_is_cut(cut):
    log, dump = io.BytesIO(), io.BytesIO()
    splitter = sink.Splitter(log, dump)
    stream = b"log\n\0dump\0\n"
    for now, start in enumerate(range(0, len(stream), cut), 1):
        splitter.feed(stream[start:start + cut], now)
    assert (log.getvalue(), dump.getvalue()) == (b"log\n", b"dump\0\n")
    assert splitter.found["first_byte"] == 1
    assert splitter.found["first_line"] == 1 + 3 // cut  # the newline's piece
    assert splitter.found["last_byte"] == 1 + (len(stream) - 1) // cut


class Connection:
    """Gives its pieces, then its end; another thread may look before that."""

    def __init__(self, *pieces):
        self._pieces = list(pieces)
        self.asked_last = threading.Event()
        self.end = threading.Event()

    def recv(self, _):
        if self._pieces:
            return self._pieces.pop(0)
        self.asked_last.set()
        self.end.wait()
        return b""


def test_the_sink_gives_files_their_names_once_all_is_there(tmp_path):
    connection, found = Connection(b"log\n\0du", b"mp"), []
    receiver = threading.Thread(target=lambda: found.append(
        sink.receive(connection, str(tmp_path))))
    receiver.start()
    connection.asked_last.wait()
    before = sorted(os.listdir(tmp_path))
    connection.end.set()
    receiver.join()
    assert before == ["dmesg.txt.partial", "vmcore.flat.partial"]
    assert (tmp_path / "dmesg.txt").read_bytes() == b"log\n"
    assert (tmp_path / "vmcore.flat").read_bytes() == b"dump"
    assert found[0]["durable"] >= found[0]["last_byte"] and found[0]["dump_bytes"] == 4


def opened(folder, monkeypatch, log=kdump.PANIC_TEXT, dmesg=kdump.PANIC_TEXT, size=4):
    """kdump's look at what arrived, with tools that find this log in it."""
    def tool(words, **_):
        if "--dump-dmesg" in words:
            (folder / "log").write_bytes(log)
        (folder / "vmcore").touch()
        return "6.1\n"
    monkeypatch.setattr(kdump, "_run", tool)
    (folder / "vmcore.flat").write_bytes(b"dump")
    (folder / "dmesg.txt").write_bytes(dmesg)
    return kdump.opened(str(folder), size)


def test_kdumps_result_is_a_dump_of_the_crash(tmp_path, monkeypatch):
    assert opened(tmp_path, monkeypatch) == "6.1"


@pytest.mark.parametrize("broken, why", [
    ({"log": b"all is well"}, "log has no panic in it"),
    ({"dmesg": b"all is well"}, "dmesg.txt has no panic in it"),
    ({"size": 5}, "has not the 5 bytes that came")])
def test_what_is_no_dump_of_the_crash_is_no_result(tmp_path, monkeypatch, broken, why):
    with pytest.raises(LabError, match=why):
        opened(tmp_path, monkeypatch, **broken)


@pytest.fixture(name="relay")
def _relay():
    """(its address, a server's socket behind it): 20 ms each way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        server.bind(("127.0.0.1", 0))
        server.settimeout(ANSWER_S)
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
        probe.close()
        with subprocess.Popen([PROGRAM, address[0], str(address[1]), "127.0.0.1",
                               str(server.getsockname()[1]), "20000"], stdout=subprocess.PIPE,
                              text=True) as child:
            assert child.stdout.readline() == "delay: ready\n"
            yield address, server
            child.send_signal(signal.SIGTERM)
            said = child.stdout.read()
        assert said == f"delay: {COUNT} to the server, {COUNT} back, 0 dropped\n"


def test_the_relay_keeps_order_content_and_time(relay):
    address, server = relay
    pieces = [os.urandom(1 + 13 * number) for number in range(COUNT)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as machine:
        machine.settimeout(ANSWER_S)
        began = time.monotonic()
        for piece in pieces:
            machine.sendto(piece, address)
        for piece in pieces:
            got, back = server.recvfrom(4096)
            assert got == piece
            server.sendto(got, back)
        assert time.monotonic() - began >= 0.02
        assert [machine.recv(4096) for _ in pieces] == pieces
        assert time.monotonic() - began >= 0.04


ROW = rows.Row("server", "server-1", "1 machine", rows.LOAD)


def test_figures_are_the_medians_of_the_runs(tmp_path, monkeypatch):
    seconds = iter((3.0, 1.0, 2.0))
    monkeypatch.setattr(makers, "figures", lambda *_: {"seconds": next(seconds)})
    kept = results.Results(str(tmp_path), SUBJECT)
    kept.make(ROW, 1, True)
    assert kept.as_json(ROW)["figures"] == {"seconds": 3.0}
    kept.make(ROW, 3, True)  # what is there counts
    assert kept.as_json(ROW)["figures"] == {"seconds": 2.0}
    assert kept.as_json(ROW)["runs"] == 3


def test_a_row_that_failed_once_has_no_figures_until_it_is_measured_again(tmp_path, monkeypatch):
    def failing(*_):
        raise LabError("no boot")
    kept = results.Results(str(tmp_path), SUBJECT)
    monkeypatch.setattr(makers, "figures", failing)
    kept.make(ROW, 2, True)
    assert (kept.as_json(ROW)["why"], kept.as_json(ROW)["figures"]) == ("no boot", {})
    monkeypatch.setattr(makers, "figures", lambda *_: {"seconds": 1.0})
    kept.make(ROW, 2, True)
    assert len(kept.runs(ROW)) == 2
    assert (kept.as_json(ROW)["why"], kept.as_json(ROW)["figures"]) == ("no boot", {})
    kept.forget(ROW)
    kept.make(ROW, 1, True)
    assert (kept.as_json(ROW)["why"], kept.as_json(ROW)["figures"]) == (None, {"seconds": 1.0})


def test_a_figure_that_one_run_lacks_is_none_of_the_rows(tmp_path, monkeypatch):
    found = iter([{"seconds": 1.0, "first_log_s": 0.1}, {"seconds": 3.0}])
    kept = results.Results(str(tmp_path), SUBJECT)
    monkeypatch.setattr(makers, "figures", lambda *_: next(found))
    kept.make(ROW, 2, True)
    assert kept.as_json(ROW)["figures"] == {"seconds": 2.0}


def test_results_of_another_nic_are_not_mixed_in(tmp_path, monkeypatch):
    monkeypatch.setattr(makers, "figures", lambda *_: {"seconds": 1.0})
    results.Results(str(tmp_path), SUBJECT).make(ROW, 1, True)
    with pytest.raises(LabError, match="has results of e1000"):
        results.Results(str(tmp_path), replace(SUBJECT, nic="rtl8139")).runs(ROW)


@pytest.mark.parametrize("other", [{"host": "another"}, {"build": "another"}])
def test_another_build_or_host_is_measured_anew(tmp_path, monkeypatch, other):
    monkeypatch.setattr(makers, "figures", lambda *_: {"seconds": 1.0})
    results.Results(str(tmp_path), SUBJECT).make(ROW, 1, True)
    later = results.Results(str(tmp_path), replace(SUBJECT, **other))
    assert later.runs(ROW) == []
    monkeypatch.setattr(makers, "figures", lambda *_: {"seconds": 2.0})
    later.make(ROW, 1, True)
    assert later.as_json(ROW)["figures"] == {"seconds": 2.0}


def test_kdump_has_nothing_of_our_build(tmp_path, monkeypatch):
    monkeypatch.setattr(makers, "figures", lambda *_: {"durable_s": 1.0})
    row = replace(ROW, maker=rows.KDUMP)
    results.Results(str(tmp_path), SUBJECT).make(row, 1, True)
    assert results.Results(str(tmp_path), replace(SUBJECT, build="another")).runs(row)
    assert not results.Results(str(tmp_path), replace(SUBJECT, host="another")).runs(row)


@pytest.mark.parametrize("row, busy", [("ours", {0, 1, 2, 6}), ("size-16-free", {5, 6}),
                                       ("loss-0", {3, 8, 9}), ("undi-e1000", {3, 4})])
def test_a_target_says_when_its_host_was_busy(row, busy):
    found = enumerate(targets.judge(FOUND, NIC, [row]))
    assert {number for number, one in found if one.busy} == busy


def test_a_busy_machine_is_one_with_work_that_is_not_ours():
    assert others.busy_ticks("cpu  1 2 4 8 16 32 64 128 256 512\n") == 1 + 2 + 4 + 32 + 64 + 128


@pytest.mark.parametrize("busy_s, ours_s, cpus", [(10, 10, 0.0), (10, 5, 0.5), (9, 10, 0.0)])
def test_others_are_what_is_left_of_the_time(monkeypatch, busy_s, ours_s, cpus):
    clock = {"monotonic": 0.0, "busy": 0.0, "ours": 0.0}
    monkeypatch.setattr(others.time, "monotonic", lambda: clock["monotonic"])
    monkeypatch.setattr(others, "_busy_s", lambda: clock["busy"])
    monkeypatch.setattr(others, "_ours_s", lambda: clock["ours"])
    one = others.Others()
    clock.update(monotonic=10.0, busy=busy_s, ours=ours_s)
    assert one.cpus() == cpus


def arguments(tmp_path, *more):
    parser = argparse.ArgumentParser()
    bench.options(parser)
    args = parser.parse_args(["--out", str(tmp_path), "--show", *more])
    bench.prepare(args)
    return args


def test_what_is_shown_is_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(bench.plot, "write", lambda *_: None)  # see below
    monkeypatch.setattr(makers, "figures", lambda *_: {"stored_of_copy": 0.5, "seconds": 1.0})
    monkeypatch.setattr(others.Others, "cpus", lambda _: 0.5)
    monkeypatch.setattr(subject, "here", lambda _: SUBJECT)
    results.Results(str(tmp_path), SUBJECT).make(ROW, 1, True)
    found = bench.measure(arguments(tmp_path))
    assert not found["good"]
    assert json.loads((tmp_path / "bench.json").read_text()) == found
    text = table.text(found)
    assert text + "\n" == (tmp_path / "bench.txt").read_text()
    assert re.search(r"missed \* +the server", text)
    assert "1 machines *" in text and "50%" in text and "the machine had other work" in text


@pytest.mark.parametrize("found", [FOUND, {}])
def test_the_plot_has_what_there_is(tmp_path, found):
    known = [{"part": row.part, "title": row.title, "figures": found[row.name]}
             for row in rows.of(rows.PARTS) if row.name in found]
    judged = [one.as_json() for one in targets.judge(found, NIC)]
    bench.plot.write(str(tmp_path / "bench.svg"), {"rows": known, "targets": judged})
    text = (tmp_path / "bench.svg").read_text()
    assert text.startswith("<?xml")
    assert text.count("<!-- netdump, level 31 -->") == len([row for row in known
                                                            if row["title"] == "netdump, level 31"])


@pytest.mark.parametrize("option", ["--part", "--row"])
def test_a_filter_names_what_there_is(tmp_path, option):
    with pytest.raises(LabError, match=f"{option} flood: there are"):
        arguments(tmp_path, option, "flood")
