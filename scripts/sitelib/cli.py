# SPDX-License-Identifier: GPL-2.0-or-later
"""site-check's command line."""

import argparse
import ipaddress
import json
import re
import sys

from . import report, told
from .site import SiteError, check
from .words import WordsError

GOOD, BAD, USAGE = 0, 1, 2


def _parser():
    top = argparse.ArgumentParser(
        prog="site-check",
        description="What each host of a TFTP root will boot, where its dump will go, and what is "
                    "wrong with its configuration.",
        epilog="Exit status: 0 no errors, 1 errors, 2 a command line without sense, or no root.")
    top.add_argument("root", metavar="DIR", help="the TFTP root, with pxelinux.cfg in it")
    only = top.add_mutually_exclusive_group()
    only.add_argument("--host", metavar="MAC|IP[,MAC|IP]",
                      help="only the configuration that this host finds; its MAC address, its IP "
                           "address, or both")
    only.add_argument("--config", metavar="FILE",
                      help="only this one, as DHCP option 209 names it")
    top.add_argument("--prefix", default="", metavar="PATH",
                     help="where names begin, as DHCP option 210 says it")
    top.add_argument("--probe", action="store_true",
                     help="ask each server whether it answers, under the key that is configured")
    top.add_argument("--tftp", metavar="IP",
                     help="with --probe: the TFTP server, whom hosts without server= dump to")
    top.add_argument("--json", action="store_true", help="what was found as JSON")
    return top


def _host(text):
    """(MAC or None, IP or None)"""
    mac = ip = None
    for word in text.split(","):
        if re.fullmatch(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}", word) and not mac:
            mac = word
            continue
        try:
            if ip:
                raise ValueError
            ip = str(ipaddress.IPv4Address(word))
        except ValueError:
            raise SiteError(f"--host {text}: a MAC address, an IPv4 address, or both with a comma") \
                from None
    return mac, ip


def main():
    args = _parser().parse_args()
    for stream in sys.stdout, sys.stderr:
        stream.reconfigure(errors="backslashreplace")
    try:
        if args.tftp:
            args.tftp = str(ipaddress.IPv4Address(args.tftp))
        probe = ["--probe", *(["--tftp", args.tftp] if args.tftp else [])] if args.probe else None
        found = check(args.root, args.prefix, _host(args.host) if args.host else None, args.config,
                      probe)
    except (SiteError, WordsError, ValueError) as error:
        print(f"site-check: {told.text(str(error))}", file=sys.stderr)
        return USAGE
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(report.lines(found)))
    return BAD if found["errors"] else GOOD
