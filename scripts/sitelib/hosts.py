# SPDX-License-Identifier: GPL-2.0-or-later
"""Which configuration a host finds: PXELINUX's own search, from either end."""

import ipaddress
import os
import re

FOLDER = "pxelinux.cfg"
MAC = re.compile(r"([0-9a-f]{2})((?:-[0-9a-f]{2}){6})")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = re.compile(r"[0-9A-F]{1,8}")
ETHERNET = "01"


def mac_of(name):
    """The MAC address that a file is for, or None."""
    match = MAC.fullmatch(name)
    return match[2][1:].replace("-", ":") if match else None


def is_one(name):
    """Whether a file of this name is one host's alone."""
    return bool(MAC.fullmatch(name) or UUID.fullmatch(name)
                or ADDRESS.fullmatch(name) and len(name) == 8)


def finders(name):
    """Who finds a file of this name, in words; None: nobody, as long as DHCP names none."""
    if name == "default":
        return "hosts without a file of their own"
    if UUID.fullmatch(name):
        return f"the host whose firmware says UUID {name}"
    if MAC.fullmatch(name):
        return f"the host with the NIC {mac_of(name)}"
    if not ADDRESS.fullmatch(name):
        return None
    first = ipaddress.IPv4Address(int(name.ljust(8, "0"), 16))
    if len(name) == 8:
        return f"the host with the address {first}"
    return f"hosts in {first}/{4 * len(name)}"


def mistaken(name):
    """What a name would have to be for PXELINUX to look for it, if it is near to one."""
    for right in (name.lower(), name.lower().replace(":", "-"), f"{ETHERNET}-{name.lower()}",
                  f"{ETHERNET}-{name.lower().replace(':', '-')}"):
        if right != name and (MAC.fullmatch(right) or UUID.fullmatch(right)):
            return right
    if ADDRESS.fullmatch(name.upper()):
        return name.upper()
    try:
        return f"{int(ipaddress.IPv4Address(name)):08X}"
    except ValueError:
        return "default" if name.lower() == "default" and name != "default" else None


def wanted(mac, ip):
    """The names that PXELINUX asks for, in its order."""
    names = [f"{ETHERNET}-{mac.lower().replace(':', '-')}"] if mac else []
    if ip:
        digits = f"{int(ipaddress.IPv4Address(ip)):08X}"
        names += [digits[:count] for count in range(8, 0, -1)]
    return [os.path.join(FOLDER, name) for name in [*names, "default"]]
