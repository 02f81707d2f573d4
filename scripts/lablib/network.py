# SPDX-License-Identifier: GPL-2.0-or-later
"""The network between the guest and the server.

--net dnsmasq (root)                        --net user (anyone)

 +---- network namespace of this run ----+   +---- QEMU ----+
 | dnsmasq  netdumpd   QEMU              |   | guest        |
 |     \\       |        |               |   |   |          |      netdumpd
 |      +----- tap ---- NIC of the guest |   | DHCP, TFTP  -+- 127.0.0.1:PORT
 +---------------------------------------+   +--------------+   (10.0.2.2:PORT inside)

The namespace has no name: it is gone with its last process, so nothing can be
left behind, and labs side by side cannot meet.  The tap's name and the subnet
still differ from run to run, so that nobody takes one lab's capture for another's.
"""

import json
import os
import re
import socket
import subprocess
import time

from . import delay
from .filter import Filter
from .process import BUSY_S, LabError

SERVER_PORT = 6668
SERVER_IP6, PREFIX6 = "fd00::1", "fd00::"


class DnsmasqNetwork:
    """A namespace with one tap; dnsmasq gives out leases and files.

    dead_servers: the configuration names two before ours, an address that nobody has and one
    where nobody listens.  round_trip_ms: how much longer a dump's datagrams are under way.
    """
    names_hosts = True

    def __init__(self, processes, tftp_dir, mac, host, boot_words, dead_servers=False,
                 round_trip_ms=0):
        self._processes = processes
        self._tftp_dir = tftp_dir
        self._mac = mac
        self._host = host
        self._boot_words = boot_words
        run = os.getpid()
        self.tap = f"lab{run % 10**8}"
        prefix = f"10.{64 + run // 250 % 128}.{run % 250 + 1}"
        self.server_ip = f"{prefix}.1"
        self.guest_ip = f"{prefix}.50"
        self._deaf_ip = f"{prefix}.8" if dead_servers else None
        self.interface = self.tap  # where the server's address is
        self.namespace_pid = None
        self.filter = None  # once it is started
        self._round_trip_ms = round_trip_ms
        self.delay = None   # once it is started
        self.listen = f"{'127.0.0.1' if round_trip_ms else self.server_ip}:{SERVER_PORT}"
        # The TFTP server is the default.
        self.server_option = (f"server={prefix}.7,{self._deaf_ip},{self.server_ip}"
                              if dead_servers else "")

    def start(self, out_dir):
        self.namespace_pid = self._namespace("namespace")
        for words in (["link", "set", "lo", "up"],
                      ["tuntap", "add", "dev", self.tap, "mode", "tap"]):
            self._ip(words)
        self._wire()
        for words in (["addr", "add", f"{self.server_ip}/24", "dev", self.interface],
                      ["link", "set", self.tap, "up"]):
            self._ip(words)
        if self._deaf_ip:
            self._ip(["addr", "add", f"{self._deaf_ip}/24", "dev", self.interface])
        spared = [f"--{word}" for word in spare_waits(self.interface, self._ip)]
        self.filter = Filter(self.namespace_pid, self.tap, SERVER_PORT)
        if self._round_trip_ms:
            self.delay = delay.Delay(self._processes, self.namespace_pid, SERVER_PORT,
                                     self.server_ip, self._round_trip_ms)
        lease = os.path.join(out_dir, "dnsmasq.leases")
        _, lines = self._processes.start("dnsmasq", [
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--port=0", f"--interface={self.interface}", "--bind-interfaces",
            f"--dhcp-range={self.guest_ip},{self.guest_ip},255.255.255.0,1h",
            *spared, f"--dhcp-host={self._mac},{self.guest_ip},{self._host}",
            *self._boot_words, "--enable-tftp", f"--tftp-root={self._tftp_dir}",
            f"--dhcp-leasefile={lease}", "--pid-file=", "--log-facility=-", "--log-dhcp",
            "--user=root", "--group=root"], namespace_pid=self.namespace_pid, keep_lines=True)
        if not lines.wait(re.compile(r"TFTP root is"), BUSY_S):
            raise LabError("starting dnsmasq: " + self._processes.log_tail("dnsmasq"))

    def _wire(self):
        """What lies between the tap and self.interface: nothing, here."""

    @property
    def server_namespace_pid(self):
        """Where netdumpd is."""
        return self.namespace_pid

    def _namespace(self, name):
        """A new one: the process that holds it, once it has left the lab's own."""
        holder, _ = self._processes.start(name, ["unshare", "--net", "sleep", "infinity"])
        ours = os.readlink("/proc/self/ns/net")
        limit = time.monotonic() + BUSY_S
        while time.monotonic() < limit and holder.poll() is None:
            try:
                if os.readlink(f"/proc/{holder.pid}/ns/net") != ours:
                    return holder.pid
            except OSError:
                pass
            time.sleep(0.01)
        raise LabError("making a network namespace: "
                       + (self._processes.log_tail(name) or "unshare did not start")
                       + "; --net user needs neither root nor a namespace")

    def _ip(self, words, program="ip", pid=None):
        pid = pid or self.namespace_pid
        done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", program] + words,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"{program} {' '.join(words)}: {done.stderr.strip()}; "
                           "--net user needs no tap")
        return done.stdout

    def wire_bytes(self, before=None):
        """Bytes of frames between the guest and the tap, each way; with `before`: since then."""
        done = self._ip(["-s", "-j", "link", "show", "dev", self.tap])
        stats = json.loads(done)[0]["stats64"]
        found = {"to_server": stats["rx"]["bytes"], "from_server": stats["tx"]["bytes"]}
        return {way: count - (before or {}).get(way, 0) for way, count in found.items()}

    def bochs_words(self, _):
        return f"ethmod=tuntap, ethdev=/dev/net/tun:{self.tap}"

    def qemu_args(self):
        return ["-netdev", f"tap,id=n0,ifname={self.tap},script=no,downscript=no"]


class UserNetwork:
    """QEMU's own network; the server listens on the host's loopback."""
    names_hosts = False

    def __init__(self, tftp_dir, bootfile="pxelinux.0"):
        self._tftp_dir = tftp_dir
        self._bootfile = bootfile
        self.namespace_pid = self.server_namespace_pid = None
        self.delay = None
        self.server_ip = "10.0.2.2"
        port = _free_udp_port()
        self.listen = f"127.0.0.1:{port}"
        self.server_option = f"server=10.0.2.2:{port}"

    def start(self, out_dir):
        """QEMU brings it up with the machine."""

    def wire_bytes(self, before=None):
        """None: nobody counts there."""

    def bochs_words(self, file_write):
        script = file_write("slirp.conf", f"# slirp config\nbootfile = {self._bootfile}\n")
        return f"ethmod=slirp, ethdev={self._tftp_dir}, script={script}"

    def qemu_args(self):
        if "," in self._tftp_dir:
            raise LabError(f"{self._tftp_dir}: a comma in the path of --out is not for --net user")
        return ["-netdev", f"user,id=n0,tftp={self._tftp_dir},bootfile={self._bootfile}"]


def spare_waits(interface, ip):
    """dnsmasq's options with which iPXE waits neither 3 s for a proxy's offer nor 13 s for a router
    of IPv6; for that one the interface has an address now, by ip(words), if the kernel has IPv6.
    """
    options = ["dhcp-option=encap:175,176,1b"]  # its no-pxedhcp
    try:
        ip(["addr", "add", f"{SERVER_IP6}/64", "dev", interface, "nodad"])
    except LabError:
        return options
    return [*options, "enable-ra", f"dhcp-range={PREFIX6},ra-only,64"]


def _free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
