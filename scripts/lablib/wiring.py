# SPDX-License-Identifier: GPL-2.0-or-later
"""What may lie between a machine and its server.

 plain    tap - server
 router   tap - dnsmasq, which routes - veth - netdumpd, in a namespace and subnet of its own
 vlan     a switch whose port takes what the machine sends into a VLAN, a tagged link, and a switch
          that has the server in that VLAN
 trunk    the same, but the machine's port passes tagged frames only: its firmware has to tag itself
"""

import os
import shutil
import subprocess
import time

from .network import SERVER_PORT, DnsmasqNetwork
from .process import BUSY_S, LabError

VLAN, LINK_PORT = 10, 2
# RFC 2544's, which no network has.
ROUTER_IP, FAR_IP = "198.18.0.1", "198.18.0.2"


class RouterNetwork(DnsmasqNetwork):
    """The server is where only the lease's gateway leads."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        self.listen = f"{FAR_IP}:{SERVER_PORT}"
        self.server_option = f"server={FAR_IP}"
        self._far_pid = None

    @property
    def server_namespace_pid(self):
        return self._far_pid

    def _wire(self):
        self._far_pid = far = self._namespace("far-namespace")
        self._ip(["link", "add", "far", "type", "veth", "peer", "name", "near", "netns", str(far)])
        for words, pid in ((["addr", "add", f"{ROUTER_IP}/24", "dev", "far"], None),
                           (["link", "set", "far", "up"], None),
                           (["link", "set", "lo", "up"], far),
                           (["addr", "add", f"{FAR_IP}/24", "dev", "near"], far),
                           (["link", "set", "near", "up"], far),
                           (["route", "add", "default", "via", ROUTER_IP], far)):
            self._ip(words, pid=pid)
        self._ip(["-q", "-w", "net.ipv4.ip_forward=1"], program="sysctl")


class VlanNetwork(DnsmasqNetwork):
    """Two switches (VDE's: not every kernel has VLANs), and a tagged link between them.

     machine - access port - edge ==== tagged ==== core - access port - tap - server
    """
    _machine_port = "port/setvlan {port} {vlan}"

    def start(self, out_dir):
        self._switches = {name: os.path.join(out_dir, name) for name in ("core", "edge")}
        super().start(out_dir)

    def _wire(self):
        for name, port, more in (("core", "port/setvlan {port} {vlan}", ["--tap", self.tap]),
                                 ("edge", self._machine_port, [])):
            self._switch(name, port, more)
        ends = [f"{folder}[{LINK_PORT}]" for folder in self._switches.values()]
        self._processes.start("link", ["vde_plug", *ends], namespace_pid=self.namespace_pid)

    def _switch(self, name, port, more):
        """Port 1 as it is said, the link's port in the VLAN with its tag; nothing else passes."""
        folder = self._switches[name]
        shutil.rmtree(folder, ignore_errors=True)
        with open(f"{folder}.rc", "w", encoding="utf-8") as file:
            file.write("\n".join([f"vlan/create {VLAN}", *([] if more else ["port/create 1"]),
                                  port.format(port=1, vlan=VLAN), f"port/create {LINK_PORT}",
                                  f"vlan/addport {VLAN} {LINK_PORT}", ""]))
        # It ends with its standard input.
        child, _ = self._processes.start(
            name, ["vde_switch", "--sock", folder, "--rcfile", f"{folder}.rc", *more],
            namespace_pid=self.namespace_pid, stdin=subprocess.PIPE)
        limit = time.monotonic() + BUSY_S
        while not os.path.exists(os.path.join(folder, "ctl")):
            if child.poll() is not None or time.monotonic() > limit:
                raise LabError("starting vde_switch: " + self._processes.log_tail(name))
            time.sleep(0.01)

    def qemu_args(self):
        return ["-netdev", f"vde,id=n0,sock={self._switches['edge']},port=1"]


class TrunkNetwork(VlanNetwork):
    """The machine's port passes the VLAN's frames with their tags, and none without."""
    _machine_port = "vlan/addport {vlan} {port}"


WIRINGS = {"plain": DnsmasqNetwork, "router": RouterNetwork, "vlan": VlanNetwork,
           "trunk": TrunkNetwork}
