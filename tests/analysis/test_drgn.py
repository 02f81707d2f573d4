# SPDX-License-Identifier: GPL-2.0-or-later
"""What drgn, with the kernel's debug symbols, reads in a dump of ours at level 31."""

import drgn
import pytest
from drgn.helpers.linux.pid import for_each_task

pytestmark = pytest.mark.xdist_group("opened")

PANIC = ["panic", "sysrq_handle_crash", "__handle_sysrq", "write_sysrq_trigger", "vfs_write",
         "ksys_write", "do_syscall_64"]


def opened(vmcore, vmlinux):
    program = drgn.Program()
    program.set_core_dump(vmcore)
    program.load_debug_info([vmlinux])
    return program


@pytest.fixture(scope="module", name="program")
def _program(ours, vmlinux):
    return opened(ours, vmlinux)


def stacks(program):
    """(pid, name, stack trace) of all tasks."""
    return [(task.pid.value_(), task.comm.string_().decode(), str(program.stack_trace(task)))
            for task in for_each_task(program)]


def test_it_finds_the_first_task(program):
    assert program["init_task"].comm.string_() == b"swapper/0"


def test_it_finds_all_tasks_and_their_stacks_as_in_the_whole_dump(program, whole, vmlinux):
    found = stacks(program)
    assert {(1, "init"), (2, "kthreadd")} < {task[:2] for task in found}
    assert all("schedule" in trace for _, name, trace in found if name == "kthreadd")
    assert found == stacks(opened(whole, vmlinux))


def test_it_unwinds_the_panic(program):
    names = [frame.name for frame in program.crashed_thread().stack_trace()]
    assert [name for name in names if name in PANIC] == PANIC
