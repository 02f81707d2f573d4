# SPDX-License-Identifier: GPL-2.0-or-later
"""Menus, as menu.c32 and vesamenu.c32 have them, and what happens without a key pressed."""

import os
from dataclasses import dataclass, field

from .blanks import first, split

MODULES = ("menu.c32", "vesamenu.c32")
OWN = "~"  # the file that is being read, among those that a menu is given
NOTHING, SUBMENU = "nothing", "submenu"  # entries that are no labels


@dataclass
class Menu:
    """One menu; a submenu begins with what its parent has."""
    parent: "Menu" = None
    number: int = 0  # its own entry in the parent
    entries: list = field(default_factory=list)
    default: int = 0
    timeout: int = 0
    ontimeout: object = None

    def begin(self):
        """A submenu."""
        self.entries.append(SUBMENU)
        return Menu(self, len(self.entries) - 1, timeout=self.timeout, ontimeout=self.ontimeout)

    def add(self, entry, is_default=False):
        self.entries.append(entry)
        if is_default:
            self.default = len(self.entries) - 1

    def chosen(self):
        """The entry that the bar is on; None: it has none, or none that can be chosen."""
        entry = self.entries[self.default] if self.entries else NOTHING
        return None if entry == NOTHING or entry != SUBMENU and entry.disabled else entry


def is_menu(name):
    """With or without the end that PXELINUX would find."""
    return os.path.basename(name).removesuffix(".c32") + ".c32" in MODULES


def files(words):
    """The other files that a menu is given to read."""
    return [word for word in words if word != OWN]


def _wait(*times):
    """The first of those that are set, in seconds."""
    return min((time for time in times if time), default=0) / 10


def _started(config, command):
    """(label or None, the module or kernel, its words)"""
    label = config.find(command.text)
    if label:
        module = label.started_as() == "com32"
        return label, first(label.kernel.text) if module else "", label.words()
    name, *words = split(command.text) or [""]
    return None, name, words


def _from_menu(config, words):
    if files(words):
        return None, f"shows the menu of {', '.join(files(words))}"
    menu, label = config.start, config.ui and config.default and config.find(config.default.text)
    if label and label.menu:  # it is not hidden
        menu, chosen = label.menu, label
    else:
        chosen = menu.chosen()
        label = chosen if chosen not in (None, SUBMENU) and chosen.runs else None
    if menu.ontimeout and not config.shiftkey:
        label, name = config.find(menu.ontimeout.text), first(menu.ontimeout.text)
    else:
        name = label.name if label else None
    does = f"boots {name}" if name else "stays at the prompt"
    if config.shiftkey:
        return label, f"{does} at once, unless Shift is held down"
    wait = _wait(menu.timeout, config.totaltimeout)
    if not wait or chosen is None:  # the bar moves to one that can be chosen, and that is a key
        return label, "shows a menu, and waits for a key for ever"
    return label, f"shows a menu, and after {wait:g} s {does}"


def course(config):
    """(the label that boots, or None; in words)"""
    start = config.ui or config.default
    wait = _wait(config.timeout, config.totaltimeout)
    if start and (config.ui or not config.prompt):
        label, name, words = _started(config, start)
        if is_menu(name):
            return _from_menu(config, words)
        return label, f"boots {first(start.text)} at once"
    command = wait and config.ontimeout or start
    if not command:
        return None, "stays at the prompt"
    label, name, words = _started(config, command)
    if not wait:
        return label, "waits at the prompt for ever"
    if is_menu(name):
        label, how = _from_menu(config, words)
        return label, f"waits {wait:g} s, then {how}"
    return label, f"waits {wait:g} s, then boots {first(command.text)}"
