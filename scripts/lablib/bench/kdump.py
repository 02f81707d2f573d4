# SPDX-License-Identifier: GPL-2.0-or-later
"""What netdump is measured against: kdump in the same virtual machine, at its best.

Debian's stock kernel is booted by PXELINUX without netdump.c32, its crash kernel is the same file,
loaded by kexec -p with an initial file system of one driver and a few programs; that sends the log
and makedumpfile's dump over one connection to a sink in the lab's network, by TCP or through ssh.

       crash.sh: vmcore-dmesg, makedumpfile -F -l -d 31 -> nc --------------> sink.py -> disk
                                                        -> ssh -W -> sshd -> sink.py -> disk

What arrived has to be a dump with the panic in it, or there is no result.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from ..guest import Guest
from ..initramfs import sender_archive, system_archive
from ..lab import BUILD, Lab, Settings
from ..process import BUSY_S, LabError, whole_line
from ..scenario import (BOOT_FAILED, BOOT_S, CRASH_S, FILL_S, FILLED, KERNEL_WORDS, PANIC, fills)
from ..tftproot import linux_config
from .sshd import Sshd

HERE = os.path.dirname(os.path.abspath(__file__))
INIT = os.path.join(HERE, "crash.sh")
SINK = os.path.join(HERE, "sink.py")
PORT = 6669
END_S = 3600  # from the panic to the end of the dump
OPEN_S = 900  # for a tool to read the dump, which for want of data may go on for ever
# Of memory for the crash kernel: the least with which it works, in steps of 16 MiB; with less the
# initial file system does not fit.
CRASH_MIB = {"tcp": 96, "ssh": 112}
# One processor, nothing to say, and nothing that such a short life has no use for.
CRASH_WORDS = ("quiet nr_cpus=1 reset_devices cgroup_disable=memory mce=off numa=off nokaslr "
               "random.trust_bootloader=on")
# NICs by QEMU's names whose drivers have others.
DRIVERS = {"rtl8139": "8139cp", "virtio-net-pci": "virtio_pci,virtio_net", "pcnet": "pcnet32",
           "ne2k_pci": "ne2k-pci", "i82559er": "e100"}
PANIC_TEXT = b"Kernel panic - not syncing: sysrq triggered crash"


@dataclass
class Options:
    """Of one run; names as for scripts/lab run."""
    out: str
    way: str = "tcp"  # or ssh
    level: int = 31
    nic: str = "e1000"
    machine: str = "pc"
    behind: str = None
    mem: str = "1G"
    crash_mib: int = None  # CRASH_MIB's
    append_kernel: tuple = ()
    quiet: bool = False


def facts_of(options):
    """One run: panic, dump, and what the sink saw of it."""
    options.crash_mib = options.crash_mib or CRASH_MIB[options.way]
    settings = Settings(out=options.out, nic=options.nic, machine=options.machine,
                        behind=options.behind, mem=options.mem, server=False,
                        quiet=options.quiet)
    with Lab(settings) as lab:
        guest = Guest(BUILD).prepare(lab.say)
        ip = lab.network.server_ip
        ssh = Sshd(lab.out, guest, ip, PORT, lab.say) if options.way == "ssh" else None
        lab.start(_config(lab, guest, options, ssh))
        sink = _sink_start(lab, "127.0.0.1" if ssh else ip)
        if ssh:
            ssh.start(lab.processes, lab.network)
        _await(lab, r"^init: running, (.*)", BOOT_S, "the system to boot")
        if fills(options.append_kernel):
            _await(lab, FILLED, FILL_S, "its memory to be filled")
        _await(lab, r"Kernel panic - not syncing", CRASH_S, "the crash")
        wire = lab.network.wire_bytes()
        lab.await_line(r"^kdump: reboot$", END_S, "kdump's end")
        wire = lab.network.wire_bytes(wire)
        facts = _facts(lab, options, sink, wire)
    with open(os.path.join(options.out, "summary.json"), "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=1)
        out.write("\n")
    return facts


def _config(lab, guest, options, ssh):
    """Fills the TFTP root; the configuration that boots the system to be crashed."""
    makedumpfile = guest.program("makedumpfile", lab.say)
    programs = [(guest.kexec_root, "sbin/vmcore-dmesg"), (makedumpfile, "usr/bin/makedumpfile")]
    programs.append((ssh.client, "usr/bin/ssh") if ssh else
                    (guest.program("netcat-openbsd", lab.say), "bin/nc.openbsd"))
    drivers = DRIVERS.get(options.nic, options.nic)
    words = [CRASH_WORDS, f"lab.drivers={drivers}", f"lab.address={lab.network.guest_ip}",
             f"lab.sink={lab.network.server_ip}:{PORT}", f"lab.way={options.way}",
             f"lab.level={options.level}"]
    lab.tftp.link("vmlinuz", guest.vmlinuz)
    lab.tftp.link("system.cpio.gz", system_archive(guest))
    sender_archive(lab.tftp.file("crash.cpio"), guest, init=INIT, drivers=drivers.split(","),
                   programs=programs, files=ssh.client_files() if ssh else {},
                   words=" ".join(words))
    return linux_config("vmlinuz", [*KERNEL_WORDS, f"crashkernel={options.crash_mib}M",
                                    "lab.kdump", *options.append_kernel],
                        ["system.cpio.gz", "crash.cpio"])


def _sink_start(lab, address):
    """What the sink says; the dump goes to OUT/kdump."""
    folder = os.path.join(lab.out, "kdump")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    _, lines = lab.processes.start("sink", [SINK, address, str(PORT), folder],
                                   namespace_pid=lab.network.namespace_pid, keep_lines=True)
    if not lines.wait(re.compile("listening"), BUSY_S):
        raise LabError("starting the sink: " + lab.processes.log_tail("sink"))
    return lines


def _await(lab, pattern, timeout_s, what):
    match = lab.await_text(f"{whole_line(pattern)}|(?P<failed>{BOOT_FAILED})", timeout_s, what)
    if match["failed"]:
        raise LabError(f"waited for {what}, and the machine said: {match['failed']}")


def _facts(lab, options, sink, wire):
    serial = lab.machine.serial
    panic_at, _ = serial.time_of(PANIC)
    said = sink.wait(re.compile(r"^(\{.*\})\n", re.M), BUSY_S)
    if not said:
        raise LabError("the sink has no whole dump: see serial.log and sink.log")
    seen = json.loads(said[1])
    release = opened(os.path.join(lab.out, "kdump"), seen["dump_bytes"])
    kernel_at, _ = serial.time_of(re.compile(r"^kdump: running"))
    network_at, _ = serial.time_of(re.compile(r"^kdump: network is up"))
    free = re.search(r"^kdump: free (\d+) KiB", serial.text, re.M)

    def after(moment):
        return round(moment - panic_at, 3) if moment else None

    return {"good": True, "way": options.way, "level": options.level, "nic": options.nic,
            "mem": options.mem, "crash_kernel_mib": options.crash_mib,
            "crash_free_kib": int(free[1]) if free else None, "wire": wire,
            "log_bytes": seen["log_bytes"], "dump_bytes": seen["dump_bytes"],
            "seconds_to_kernel": after(kernel_at), "seconds_to_network": after(network_at),
            "seconds_to_first_byte": after(seen["first_byte"]),
            "seconds_to_first_log": after(seen["first_line"]),
            "seconds_to_last_byte": after(seen["last_byte"]),
            "seconds_to_durable": after(seen["durable"]), "release": release}


def opened(folder, dump_bytes):
    """The release in the dump that arrived; an error unless its panic can be read from it."""
    flat, vmcore, log = (os.path.join(folder, name)
                         for name in ("vmcore.flat", "vmcore", "log"))
    if os.path.getsize(flat) != dump_bytes:
        raise LabError(f"{flat} has not the {dump_bytes} bytes that came")
    with open(flat, "rb") as stream:
        _run(["makedumpfile", "-R", vmcore], stdin=stream)
    _run(["makedumpfile", "--dump-dmesg", vmcore, log])
    for path in (log, os.path.join(folder, "dmesg.txt")):
        with open(path, "rb") as file:
            if PANIC_TEXT not in file.read():
                raise LabError(f"{path} has no panic in it: this is no dump of the crash")
    release = _run(["crash", "--osrelease", vmcore]).strip()
    for path in (flat, vmcore):
        os.unlink(path)
    return release


def _run(words, stdin=None):
    try:
        done = subprocess.run(words, stdin=stdin or subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=OPEN_S)
    except OSError as error:
        raise LabError(f"{words[0]}: {error.strerror}; scripts/setup analysis installs it") \
            from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(words)}: no end after {OPEN_S} s") from error
    if done.returncode:
        raise LabError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
