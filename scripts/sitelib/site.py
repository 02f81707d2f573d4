# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole site: each configuration in its TFTP root, who finds it, and what that host does."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

from . import hosts
from .config import Message, read
from .label import Checker
from .root import Root

MENUS = ("menu.c32", "vesamenu.c32")
SIDE_BY_SIDE = 8  # a server that does not answer takes its time
LOADERS = ("pxelinux.0", "lpxelinux.0")


class SiteError(Exception):
    """The root cannot be looked at."""


def _is_menu(command):
    return os.path.basename(command.text.partition(" ")[0]) in MENUS


def _course(config):
    """What happens without a key pressed: (label or None, in words)."""
    menu = config.ui or (config.default if config.default and _is_menu(config.default) else None)
    command = config.ontimeout
    if not command and not menu:
        command = config.ui or config.default
    label = config.find(command.text) if command else None
    if menu and not command:
        runs = [label for label in config.labels if label.runs]
        label = next((label for label in reversed(runs) if label.menu_default),
                     (config.ui and config.default and config.find(config.default.text))
                     or (runs[0] if runs else None))
    name = label.name if label else command.text if command else "nothing"
    if menu:
        how = f"shows a menu, and after {config.timeout / 10:g} s boots {name}" if config.timeout \
            else "shows a menu, and waits for a key for ever"
    elif not command:
        how = "stays at the prompt"
    elif not config.prompt:
        how = f"boots {name} at once"
    else:
        how = f"waits {config.timeout / 10:g} s, then boots {name}" if config.timeout \
            else "waits at the prompt for ever"
    return label, how


def look(root, name, probe=None):
    """One configuration: who finds it, what they do, what is wrong."""
    base = os.path.basename(name)
    try:
        config = read(root, name)
    except OSError as error:
        raise SiteError(f"{name}: {error.strerror}") from error
    if probe and hosts.mac_of(base):
        probe = [*probe, "--mac", hosts.mac_of(base)]
    checker = Checker(root, config, probe)
    labels = [checker.look(label) for label in config.labels if label.runs]
    for what in "default", "ui", "ontimeout", "onerror":
        command = getattr(config, what)
        if command:
            checker.command(command, what.upper())
    if not config.default and not config.ui:
        config.messages.append(Message(config.file, 1, "error", "neither DEFAULT nor UI: nothing "
                                       "boots by itself"))
    checker.shown()
    label, how = _course(config)
    config.messages.sort(key=lambda message: (message.file, message.line))
    return {"file": config.file, "hosts": hosts.finders(base), "boots": label.name if label else None,
            "course": how, "labels": labels, "includes": config.included[1:],
            "messages": [asdict(message) for message in config.messages]}


def _configurations(root):
    folder = root.path(hosts.FOLDER)
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise SiteError(f"{folder}: {error.strerror}: give a TFTP root, the folder with "
                        f"{hosts.FOLDER} in it") from error
    return [os.path.join(hosts.FOLDER, name) for name in names
            if os.path.isfile(os.path.join(folder, name)) and not name.startswith(".")
            and not name.endswith("~")]


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


def _strangers(found):
    """Files that nobody finds by name, unless another one includes them."""
    included = {name for one in found for name in one["includes"]}
    for one in found:
        if one["hosts"] or one["file"] in included:
            continue
        right = hosts.mistaken(os.path.basename(one["file"]))
        one["messages"].append(asdict(Message(
            one["file"], 0, "error" if right else "warning",
            f"PXELINUX never looks for this name: is {right} meant?" if right else
            "no host finds it by itself: by DHCP option 209, or an INCLUDE elsewhere, perhaps")))
    return [one for one in found if one["hosts"] or one["file"] not in included]


def _shared_keys(found):
    """Hosts' own keys in several files: to a server they are all the host that the key is for."""
    files = {}
    for one in found:
        for label in one["labels"]:
            if label.get("psk"):
                files.setdefault(label["psk"], {})[one["file"]] = label["line"]
    for name, where in files.items():
        if len(where) < 2:
            continue
        for one in found:
            if one["file"] in where:
                others = ", ".join(file for file in where if file != one["file"])
                one["messages"].append(asdict(Message(
                    one["file"], where[one["file"]], "error", f"psk {name} is in {others}, too: the "
                    "server would take both for the host that it belongs to")))


def check(folder, prefix="", host=None, config=None, probe=None):
    """All of it, as JSON can hold it."""
    root = Root(folder, prefix)
    if not os.path.isdir(root.folder):
        raise SiteError(f"{folder}: no such folder")
    asked = []
    if config:
        names = [config]
        if not os.path.isfile(root.path(config)):
            raise SiteError(f"{config}: there is no such file in {folder}")
    elif host:
        asked = hosts.wanted(*host)
        names = [next((name for name in asked if os.path.isfile(root.path(name))), None)]
        if names[0] is None:
            raise SiteError("that host finds no configuration: there is none of "
                            + ", ".join(os.path.basename(name) for name in asked))
    else:
        names = _configurations(root)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = list(pool.map(partial(look, root, probe=probe), names))
    if not host and not config:
        found = _strangers(found)
        _shared_keys(found)
    general = _loader(root)
    wrong = [message for one in found for message in one["messages"]] + general
    return {"root": root.folder, "prefix": prefix, "asked": asked, "messages": general,
            "configurations": found,
            "errors": sum(message["level"] == "error" for message in wrong),
            "warnings": sum(message["level"] == "warning" for message in wrong)}
