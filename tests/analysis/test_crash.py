# SPDX-License-Identifier: GPL-2.0-or-later
"""What crash, with the kernel's debug symbols, says of a dump of ours and of makedumpfile's own.

Both are of one crash, at level 31, and it says the same but for what `comparable` takes out.
CRASH is another crash than the installed one.
"""

import os
import re
import subprocess
from itertools import zip_longest

import pytest

pytestmark = pytest.mark.xdist_group("opened")

CRASH = os.environ.get("CRASH", "crash")
CRASH_S = 900  # for all commands, however busy this machine is
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C", "TZ": "UTC", "TERM": "dumb"}

# Each with something that it says if it works.
COMMANDS = {
    "sys": 'PANIC: "Kernel panic - not syncing: sysrq triggered crash"',
    "sys -i": "DMI_BIOS_VENDOR",
    "set": "STATE: TASK_RUNNING (PANIC)",
    "log": "Kernel panic - not syncing: sysrq triggered crash",
    "log -T": "Kernel panic - not syncing: sysrq triggered crash",
    "bt": "sysrq_handle_crash",
    "bt -a": "crash_nmi_callback",
    "bt -f": "sysrq_handle_crash",
    "bt -l": "kernel/panic.c",
    "task": "struct task_struct {",
    "mod": "e1000",
    "sym -m e1000": "e1000_xmit_frame",
    "kmem -f": "AREA",
    "kmem -g": "PG_locked",
    "kmem -h": "hugepages-2048kB",
    "kmem -i": "TOTAL MEM",
    "kmem -n": "MEM_MAP",
    "kmem -o": "PER-CPU OFFSET VALUES",
    "kmem -p": "PHYSICAL",  # every page structure
    "kmem -S": "task_struct",  # every object
    "kmem -s": "task_struct",
    "kmem -V": "NR_FREE_PAGES",
    "kmem -v": "VMAP_AREA",
    "kmem -z": "Normal",
    "files": "/dev/console",
    "net": "eth0",
    "net -a": "NEIGHBOUR",
    "mount": "devtmpfs",
    "irq": "eth0",
    "irq -a": "AFFINITY",
    "irq -b": "run_timer_softirq",
    "irq -s": "CPU0",
    "runq": "CPU 1 RUNQUEUE",
    "runq -t": "CPU 1",
    "timer": "JIFFIES",
    "timer -r": "HRTIMER_CLOCK_BASE",
    "sig -g": "SIGNAL_STRUCT",
    "vm -m": "struct mm_struct {",
    "swap": "SWAP_INFO_STRUCT",
    "ipcs": "SHMID_KERNEL",
    "dev": "ttyS",
    "dev -i": "serial",
    "dev -p": "8086:100e",
    "mach": "x86_64",
    "mach -c": "struct cpuinfo_x86 {",
    "p init_task.comm": "swapper/0",
    "p linux_banner": "Linux version",
    "p jiffies": "jiffies",
    "list task_struct.tasks -s task_struct.comm -h init_task": "kthreadd",
    "tree -t xarray -s pid.level init_pid_ns": "level = 0",
    "rd linux_banner 8": "Linux version 6.",
    # Of pages that are left out.
    "ps -a": "cannot access user stack address",
    "mach -m": "",  # it reads more than the table has, and there may be such a page
    "rd -p 0": "(not there)",
}

# Debian 12's crash knows neither struct pid as its kernel has it by now (8.0.4 does), and so finds
# the tasks that run and no others, nor how it keeps a process's memory areas (8.0.3 does).
OF_ALL_TASKS = {
    "ps": "[kthreadd]",
    "ps -g": "kthreadd",
    "ps -m": "kthreadd",
    "ps -s": "[kthreadd]",
    "ps -t": "kthreadd",
    "foreach bt -f": "kthreadd",
    "foreach files": "kthreadd",
    "foreach sig": "kthreadd",
    "foreach task -R pid,comm,flags": "kthreadd",
    "foreach vm -p": "/bin/busybox",
    "fuser /dev/console": "init",
    "vm": "/bin/busybox",
    "vm -p": "/bin/busybox",
}
UNKNOWN = re.compile(r"not found in PID hash|invalid structure member offset: mm_struct_mmap")
ALL = {**COMMANDS, **OF_ALL_TASKS}


def comparable(text):
    """Without the dump's name and what crash says of its format, and without crash's own addresses.

    For a page that was left out it has other words in makedumpfile's format than in an ELF core.
    """
    text = re.sub(r"^( *DUMPFILE:) .*$", r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"^\[.*\] error trace: .*$", "", text, flags=re.MULTILINE)
    return re.sub(r"(page excluded|read error|seek error)(?=: \w+( virtual)? address: )",
                  "(not there)", text)


def said(vmlinux, vmcore, commands):
    """Command: what crash says to it; and "": before the first."""
    done = subprocess.run([CRASH, "--no_crashrc", "-i", commands, vmlinux, vmcore], text=True,
                          timeout=CRASH_S, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout[-2000:]
    parts = re.split(r"^crash> (.*)\n", done.stdout, flags=re.MULTILINE)
    assert parts[1::2] == [*ALL, "exit"]
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


@pytest.fixture(scope="module", name="both")
def _both(vmlinux, ours, theirs, tmp_path_factory):
    commands = tmp_path_factory.mktemp("crash") / "commands"
    commands.write_text("".join(f"{command}\n" for command in [*ALL, "exit"]))
    return tuple(said(vmlinux, vmcore, str(commands)) for vmcore in (ours, theirs))


def different(both, command):
    """The first lines that are; pytest's own way takes ages with so many lines."""
    lines = zip_longest(*(comparable(dump[command]).splitlines() for dump in both))
    return [pair for pair in lines if pair[0] != pair[1]][:10]


def test_it_opens_both_alike(both):
    assert 'PANIC: "Kernel panic - not syncing: sysrq triggered crash"' in both[0][""]
    assert not different(both, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_the_same(both, command):
    assert not different(both, command)
    assert COMMANDS[command] in comparable(both[0][command])


@pytest.mark.parametrize("command", OF_ALL_TASKS)
def test_it_says_the_same_of_all_tasks(both, command):
    assert not different(both, command)
    if OF_ALL_TASKS[command] not in both[0][command]:
        assert UNKNOWN.search(both[1][""] + both[1][command])
        pytest.xfail("this crash does not know this kernel")
