# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a lab that stays: a site's, with several machines and one dnsmasq.

 +---------- network namespace of the lab ----------+
 | dnsmasq  netdumpd                                |
 |     \\       |                                    |
 |      +--- lab0 (bridge) ---+---------+           |
 |             |              |         |           |
 |           tap0           tap1      tap2          |
 |             |              |         |           |
 |           alpha           beta     gamma         |
 +--------------------------------------------------+

How a guest finds its configuration is dnsmasq's to say, by tags as a site has them.
"""

import os
import re
import subprocess

from .network import SERVER_PORT, spare_waits
from .process import BUSY_S, LabError

BRIDGE = "lab0"
SUBNET = "10.79.0"
SERVER_IP = f"{SUBNET}.1"
FIRST_GUEST = 50
OWN_FILE = "site/{name}.cfg"  # DHCP option 209
OWN_PREFIX = "racks/{name}/"  # DHCP option 210

CONF = """\
# What a site's /etc/dnsmasq.d/pxelinux has, less what only a lab needs.
interface={bridge}
bind-interfaces
port=0
log-dhcp
dhcp-range={first},{last},255.255.255.0,1h
# What iPXE waits for, at each boot, where it is not told.
{spared}
dhcp-boot=pxelinux.0
enable-tftp
tftp-root={tftp}
# Each machine by its NIC: its tag says where it belongs.
{hosts}
# PXELINUX's own options, which no firmware asks for: so they are forced on it.
{options}
"""


class GuestPort:
    """A guest's end of the network, as machine.py takes it."""
    namespace_pid = None

    def __init__(self, number):
        self.tap = f"tap{number}"
        self.ip = f"{SUBNET}.{FIRST_GUEST + number}"

    def qemu_args(self):
        return ["-netdev", f"tap,id=n0,ifname={self.tap},script=no,downscript=no"]


class SiteNetwork:
    """Made inside the lab's own namespace, by the process that is there."""
    namespace_pid = server_namespace_pid = None
    listen = f"{SERVER_IP}:{SERVER_PORT}"

    def __init__(self, processes, out, tftp_dir):
        self._processes = processes
        self._out = out
        self._tftp_dir = tftp_dir

    def start(self, guests):
        for words in (["link", "set", "lo", "up"], ["link", "add", BRIDGE, "type", "bridge"],
                      ["addr", "add", f"{SERVER_IP}/24", "dev", BRIDGE],
                      ["link", "set", BRIDGE, "up"]):
            _ip(words)
        for guest in guests:
            for words in (["tuntap", "add", "dev", guest.port.tap, "mode", "tap"],
                          ["link", "set", guest.port.tap, "master", BRIDGE, "up"]):
                _ip(words)
        conf = os.path.join(self._out, "dnsmasq.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(self._conf(guests, spare_waits(BRIDGE, _ip)))
        _, lines = self._processes.start("dnsmasq", [
            "dnsmasq", "--keep-in-foreground", f"--conf-file={conf}", "--no-resolv", "--no-hosts",
            f"--dhcp-leasefile={os.path.join(self._out, 'dnsmasq.leases')}", "--pid-file=",
            "--log-facility=-", "--user=root", "--group=root"], keep_lines=True)
        if not lines.wait(re.compile(r"TFTP root is"), BUSY_S):
            raise LabError("starting dnsmasq: " + self._processes.log_tail("dnsmasq"))

    def _conf(self, guests, spared):
        options = []
        for guest in guests:
            if guest.found == "file":
                options.append(f"dhcp-option-force=tag:{guest.name},209,"
                               + OWN_FILE.format(name=guest.name))
            elif guest.found == "prefix":
                options.append(f"dhcp-option-force=tag:{guest.name},210,"
                               + OWN_PREFIX.format(name=guest.name))
        return CONF.format(
            bridge=BRIDGE, tftp=self._tftp_dir, options="\n".join(options),
            spared="\n".join(spared),
            first=f"{SUBNET}.{FIRST_GUEST}", last=f"{SUBNET}.{FIRST_GUEST + len(guests)}",
            hosts="\n".join(f"dhcp-host={guest.mac},set:{guest.name},{guest.port.ip},{guest.name}"
                            for guest in guests))


def _ip(words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(words)}: {done.stderr.strip()}")
