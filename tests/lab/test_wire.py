# SPDX-License-Identifier: GPL-2.0-or-later
"""What may happen to a dump on its way, and to the server: test_dump.py has that each is right."""

import os
import re

import pytest

PAGES_SENT = re.compile(r"^dini: sent (\d+) pages, (\d+) zero", re.M)
PLANTED_TIMES = 512  # by init.sh


def sent_share(run):
    """Pages that DINI sent, some of them in several pieces or again, for each that there is."""
    sent, zero = map(int, PAGES_SENT.search(run.serial()).groups())
    return (sent + zero) / run.facts["pages"]


@pytest.mark.run("loss")
def test_the_loss_was_real_and_cost_only_requests(run):
    for way, count in run.facts["loss"].items():
        assert 0.15 < count["lost"] / count["datagrams"] < 0.25, way
    assert run.facts["reasked_pages"] > 0


@pytest.mark.run("server-kill")
def test_a_killed_server_goes_on_where_it_was(run):
    assert [event["name"] for event in run.facts["events"]] == ["server-kill"] * 2
    assert all(event["seconds"] >= 3 for event in run.facts["events"])
    assert run.facts["resumed"] == 2
    assert sent_share(run) < 1.5  # from the beginning each time would be two
    assert os.listdir(os.path.dirname(run.dump)) == [os.path.basename(run.dump)]


@pytest.mark.run("net-down")
def test_a_minute_without_a_network_is_waited_out(run):
    (event,) = run.facts["events"]
    assert event["name"] == "net-down" and event["seconds"] >= 60
    assert sent_share(run) < 1.2


@pytest.mark.run("firmware-hang")
def test_firmware_that_hangs_is_started_afresh(run):
    assert [event["name"] for event in run.facts["events"]] == ["firmware-hang"] * 2
    hung = re.findall(r"^dini: firmware call (?:08|14) did not return", run.serial(), re.M)
    assert len(hung) == 2


@pytest.mark.run("dead-servers")
def test_the_next_server_takes_over(run):
    servers = re.search(r"server=(\S+),(\S+),(\S+)", run.config())
    assert re.search(rf"^dini: server {re.escape(servers[3])} answers", run.serial(), re.M)


@pytest.mark.run("e1000")
def test_under_keys_the_planted_text_is_in_the_dump_alone(run):
    assert run.facts["planted"]["in_dump"] >= PLANTED_TIMES
    assert run.facts["planted"]["in_capture"] == 0
    assert os.path.getsize(os.path.join(run.out, "net.pcap")) > run.facts["wire_bytes"]


@pytest.mark.run("rtl8139")
def test_in_the_clear_the_planted_text_is_on_the_wire(run):
    """What the test above looks for can be found."""
    assert run.facts["planted"]["in_dump"] >= PLANTED_TIMES
    assert run.facts["planted"]["in_capture"] > 0
