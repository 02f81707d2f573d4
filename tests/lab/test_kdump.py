# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock crash kernel, wrapped by netdump-wrap: netdump first, kdump if there is none.

Loaded by kexec_load, and by kexec_file_load; test_dump.py has that the first one's dump is right.
"""

import pytest


@pytest.mark.run("kdump")
def test_whole_seal_dumps_through_dini(run):
    text = run.serial()
    assert run.status == 0, run.stderr + text[-2000:]
    assert "init: crash kernel loaded (1)\n" in text
    assert text.index("stub: entered") < text.index("dini: entered")
    assert "kdump:" not in text


@pytest.mark.run("kdump-refused")
def test_a_flipped_bit_leaves_the_dump_to_kdump(run):
    text = run.serial()
    assert run.status == 0, run.stderr + text[-2000:]
    crash = text[text.index("breaker: seal-flip: done"):]
    assert run.facts["outcome"] == "refused: fenced memory was changed"
    assert not run.dump and "dini: entered" not in crash
    assert ("stub: refused: fenced memory was changed\nstub: on to the crash kernel\n" in crash)
    ram = (1024 - run.facts["crash_kernel_mib"]) << 20
    assert 0.9 * ram < run.facts["kdump_bytes"] < 1.2 * ram
    assert "kdump: last words: stub: fenced memory was changed\n" in crash
