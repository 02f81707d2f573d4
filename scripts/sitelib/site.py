# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole site: each configuration in its TFTP root, who finds it, and what that host does."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

from . import hosts, told
from .config import Message, read
from .label import Checker
from .menu import course
from .root import Elsewhere, Root, is_there

SIDE_BY_SIDE = 8  # a server that does not answer takes its time
LOADERS = ("pxelinux.0", "lpxelinux.0")


class SiteError(Exception):
    """The root cannot be looked at."""


def look(root, name, probe=None):
    """One configuration: who finds it, what they do, what is wrong."""
    base, path = os.path.basename(name), root.path(name)
    try:
        if os.path.isfile(path) and not is_there(path):
            return _absent(root, path, "is empty")
        config = read(root, name)
    except OSError as error:
        return _absent(root, path, (f"is a link to {os.readlink(path)}, which " if os.path.islink(path)
                                    else "") + f"cannot be read: {error.strerror}")
    if probe and hosts.mac_of(base):
        probe = [*probe, "--mac", hosts.mac_of(base)]
    checker = Checker(root, config, probe)
    labels = [checker.look(label) for label in config.labels if label.runs]
    for what in "default", "ui", "ontimeout", "onerror":
        command = getattr(config, what)
        labels += [facts for facts in [command and checker.command(command, what.upper())] if facts]
    checker.shown()
    label, how = course(config)
    config.messages.sort(key=lambda message: (message.file, message.line))
    return {"file": config.file, "hosts": hosts.finders(base), "boots": label.name if label else None,
            "course": how, "labels": labels, "includes": config.included[1:],
            "names": [root.shown(path) for path in config.named if path],
            "menus": [root.shown(path) for path in config.menus if path],
            "begins": bool(config.default or config.ui or config.ontimeout and config.timeout),
            "messages": [asdict(message) for message in config.messages]}


def _absent(root, path, why):
    """One that PXELINUX does not get, or that we do not."""
    shown = root.shown(path)
    hosts_ = hosts.finders(os.path.basename(path))
    return {"file": shown, "hosts": hosts_, "boots": None, "course": why, "labels": [],
            "includes": [], "names": [], "menus": [], "begins": True, "messages": [asdict(Message(
                shown, 0, "error", f"{why}: where a TFTP server does not give it out, PXELINUX goes on "
                "to the next name"))]}


def _configurations(root):
    folder = root.path(hosts.FOLDER)
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise SiteError(f"{folder}: {error.strerror}: give a TFTP root, the folder with "
                        f"{hosts.FOLDER} in it") from error
    paths = {name: os.path.join(folder, name) for name in names}
    return [os.path.join(hosts.FOLDER, name) for name, path in paths.items()
            if (os.path.isfile(path) or os.path.islink(path) and not os.path.exists(path))
            and not name.startswith(".") and not name.endswith("~")]


def _loader(root):
    """What PXELINUX itself needs before it has read a configuration."""
    messages = []
    if not any(os.path.isfile(root.path(name)) for name in LOADERS):
        messages.append(Message(".", 0, "warning", f"no {' or '.join(LOADERS)} here: what boots the "
                                "hosts, and where does it look?"))
    elif not os.path.isfile(root.path("ldlinux.c32")):
        messages.append(Message(".", 0, "error", "ldlinux.c32 is not there, and PXELINUX is of no "
                                "use without it: copy it from build/tftpboot"))
    return [asdict(message) for message in messages]


def _real(root, names):
    """Which files these are, whatever they are called."""
    return {os.path.realpath(os.path.join(root.folder, name)) for name in names}


def _strangers(root, found):
    """Files that nobody finds by name, unless another one includes, names or links to them."""
    named = _real(root, (name for one in found for name in one["names"] + one["menus"]))
    looked_at = _real(root, [name for one in found for name in one["includes"]]
                      + [one["file"] for one in found if one["hosts"]])
    left = []
    for one in found:
        real = _real(root, [one["file"]])
        if one["hosts"] or not real & looked_at:
            left.append(one)
        if one["hosts"] or real & (looked_at | named):
            continue
        right = hosts.mistaken(os.path.basename(one["file"]))
        one["messages"].append(asdict(Message(
            one["file"], 0, "error" if right else "warning",
            f"PXELINUX never looks for this name: is {right} meant?" if right else
            "no host finds it by itself: by DHCP option 209, or an INCLUDE elsewhere, perhaps")))
    return left


def _beginnings(root, found):
    """A configuration that begins nothing, but for those that a menu reads."""
    menus = _real(root, (name for one in found for name in one["menus"]))
    for one in found:
        if not one.pop("begins") and not _real(root, [one["file"]]) & menus:
            one["messages"].insert(0, asdict(Message(one["file"], 1, "error", "neither DEFAULT nor "
                                                     "UI: nothing boots by itself")))


def _shared_keys(found):
    """Hosts' own keys in several files: to a server they are all the host that the key is for."""
    places = {}  # of each key: in each configuration, where
    for one in found:
        for label in one["labels"]:
            if label.get("psk"):
                places.setdefault(label["psk"], {})[one["file"]] = (label["words_file"],
                                                                    label["words_line"])
    for name, where in places.items():
        for one in found:
            others = ", ".join(file for file in where if file != one["file"])
            if one["file"] in where and others:
                one["messages"].append(asdict(Message(
                    *where[one["file"]], "error", f"psk {name} is in {others}, too: the server would "
                    "take both for the host that it belongs to")))


def _one_host(root, host):
    """(names asked for, the one that is there, what there is to say of the others)"""
    asked = hosts.wanted(*host)
    found = next((name for name in asked if is_there(root.path(name))), None)
    passed = asked[:asked.index(found)] if found else asked
    broken = [look(root, name) for name in passed if os.path.lexists(root.path(name))]
    if not found:
        raise SiteError("that host finds no configuration: there is none of "
                        + ", ".join(os.path.basename(name) for name in asked))
    messages = [message for one in broken for message in one["messages"]]
    try:
        there = [os.path.basename(name) for name in _configurations(root)]
    except SiteError:
        there = []
    unasked = [name for name in there if hosts.UUID.fullmatch(name)]
    if not host[1] and not hosts.MAC.fullmatch(os.path.basename(found)):
        unasked += [name for name in there if hosts.ADDRESS.fullmatch(name)]
    if unasked:
        messages.append(asdict(Message(
            hosts.FOLDER, 0, "warning", f"{', '.join(unasked)} may be this host's, too: without its "
            "IP address and its UUID (which --host does not take) they are not compared")))
    return asked, found, messages


def _root(folder, prefix):
    try:
        root = Root(folder, prefix)
    except Elsewhere as error:
        raise SiteError(f"--prefix {prefix}: {error}: give a path in {folder}") from error
    if not os.path.isdir(root.folder):
        raise SiteError(f"{folder}: no such folder")
    return root


def _one_config(root, name):
    try:
        path = root.path(name)
    except Elsewhere as error:
        raise SiteError(f"--config {error}") from error
    if not os.path.isfile(path):
        raise SiteError(f"{name}: there is no such file in {root.folder}")
    return name


def check(folder, prefix="", host=None, config=None, probe=None):
    """All of it, as JSON can hold it and a terminal can show it."""
    root = _root(folder, prefix)
    asked, general = [], _loader(root)
    if config:
        names = [_one_config(root, config)]
    elif host:
        asked, name, messages = _one_host(root, host)
        names, general = [name], general + messages
    else:
        names = _configurations(root)
        if not names:
            general.append(asdict(Message(hosts.FOLDER, 0, "error", "no configuration is there, so "
                                          "hosts boot nothing: begin with one called default")))
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = list(pool.map(partial(look, root, probe=probe), names))
    _beginnings(root, found)
    if not host and not config:
        found = _strangers(root, found)
        _shared_keys(found)
    # What several include is wrong once.
    wrong = {tuple(message.values()): message["level"]
             for one in [*found, {"messages": general}] for message in one["messages"]}
    return told.everything({
        "root": root.folder, "prefix": prefix, "asked": asked, "messages": general,
        "configurations": found, "errors": [*wrong.values()].count("error"),
        "warnings": [*wrong.values()].count("warning")})
