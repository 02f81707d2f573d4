# SPDX-License-Identifier: GPL-2.0-or-later
"""What the network does to a dump on its way: random loss, or nothing passes at all.

Rules of nftables at the tap, where a wire's faults are: what the guest sends is dropped before
the server's side of the network has seen it (ingress), what the server sends once it has left
there (egress), so that no program is told.

       guest -> QEMU -> tap -> ingress: drop? -> netdumpd
       guest <- QEMU <- tap <- egress:  drop? <- netdumpd

Loss is for the dump's datagrams alone; it is in force from the start, and booting goes on as ever.
"""

import json
import subprocess

from .process import LabError

UNITS = 10000  # numgen's range: a hundredth of a percent is one
WAYS = {"to_server": ("ingress", "dport"), "from_server": ("egress", "sport")}


class Filter:
    """The tap's rules; there are none until a method makes some."""

    def __init__(self, namespace_pid, tap, port):
        self._namespace_pid = namespace_pid
        self._tap = tap
        self._port = port
        self._lossy = False

    def loss(self, percent):
        """Lose this share of the dump's datagrams, both ways, and count."""
        share = round(percent / 100 * UNITS)
        rules = ""
        for way, (hook, side) in WAYS.items():
            rules += (f"counter sent_{way} {{ }}\ncounter lost_{way} {{ }}\n"
                      + self._chain(way, hook, f"udp {side} {self._port} counter name sent_{way}\n"
                                    f"udp {side} {self._port} numgen random mod {UNITS} < {share} "
                                    f"counter name lost_{way} drop"))
        self._nft("--file", "-", script=f"table netdev loss {{\n{rules}}}\n")
        self._lossy = True

    def down(self):
        """From now on nothing passes, whatever it is."""
        rules = "".join(self._chain(way, hook, "drop") for way, (hook, _) in WAYS.items())
        self._nft("--file", "-", script=f"table netdev down {{\n{rules}}}\n")

    def up(self):
        self._nft("delete", "table", "netdev", "down")

    def counts(self):
        """What loss() did: {way: {"datagrams": all of them, "lost": how many}}, or None."""
        if not self._lossy:
            return None
        seen = self._counters("loss")
        return {way: {"datagrams": seen[f"sent_{way}"], "lost": seen[f"lost_{way}"]}
                for way in WAYS}

    def sink(self, ports, udp_bytes):
        """Count the guest's datagrams of this length to these ports, each by itself; they end here."""
        rules = "".join(f"counter port_{port} {{ }}\n" for port in ports)
        rules += self._chain("sink", "ingress", "".join(
            f"udp dport {port} udp length {udp_bytes} counter name port_{port} drop\n"
            for port in ports))
        self._nft("--file", "-", script=f"table netdev sink {{\n{rules}}}\n")

    def sunk(self):
        """What sink() counted: {port: datagrams}."""
        return {int(name.removeprefix("port_")): packets
                for name, packets in self._counters("sink").items()}

    def _counters(self, table):
        listed = json.loads(self._nft("--json", "list", "counters", "table", "netdev", table))
        return {entry["counter"]["name"]: entry["counter"]["packets"]
                for entry in listed["nftables"] if "counter" in entry}

    def _chain(self, name, hook, rules):
        return (f"chain {name} {{\ntype filter hook {hook} device \"{self._tap}\" priority 0; "
                f"policy accept;\n{rules}\n}}\n")

    def _nft(self, *words, script=""):
        words = ["nsenter", f"--net=/proc/{self._namespace_pid}/ns/net", "--", "nft", *words]
        try:
            done = subprocess.run(words, input=script, capture_output=True, text=True, check=False)
        except OSError as error:
            raise LabError(f"{words[0]}: {error.strerror}; scripts/setup lab installs what the "
                           "lab needs") from error
        if done.returncode:
            raise LabError("nft: " + " ".join(done.stderr.split())
                           + "; a faulty network takes the package nftables, and a kernel with "
                           "its netdev family (CONFIG_NF_TABLES_NETDEV, CONFIG_NETFILTER_EGRESS, "
                           "CONFIG_NFT_NUMGEN)")
        return done.stdout
