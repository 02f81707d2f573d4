# SPDX-License-Identifier: GPL-2.0-or-later
"""PXELINUX's configuration, read as PXELINUX reads it.

What counts: a keyword in any case up to a blank or the end, APPEND of a label in the place of the one
above all labels, "APPEND -" for none, whatever INCLUDE names as if it stood there, lines of 4,095
bytes.  What is no keyword is left alone; one that looks like one gets a word.
"""

import difflib
import os
from dataclasses import dataclass, field

from .root import Remote

LINE_MAX = 4095
INCLUDES_MAX = 16
TYPES = ("none", "localboot", "kernel", "linux", "boot", "bss", "pxe", "fdimage", "com32", "config")
ENDINGS = ((".c32", "com32"), (".img", "fdimage"), (".bss", "bss"), (".bin", "boot"),
           (".bs", "boot"), (".0", "pxe"))
KEYWORDS = ("menu", "text", "include", "append", "initrd", "label", *TYPES[1:], "timeout",
            "totaltimeout", "ontimeout", "onerror", "allowoptions", "ipappend", "sysappend",
            "default", "ui", "display", "font", "kbdmap", "implicit", "prompt", "console",
            "noescape", "nocomplete", "nohalt", "pxeretry", "serial", "say", "path", "sendcookies",
            "endtext", *(f"f{n}" for n in range(13)))
# What PXELINUX had once, or its menus alone know: nothing that a person mistyped.
OTHERS = ("allowedit", "localbios", "notice", "version")
MENU_WORDS = ("label", "title", "default", "hide", "passwd", "shiftkey", "save", "nosave", "onerror",
              "master", "include", "background", "hidden", "color", "colour", "msgcolor",
              "msgcolour", "separator", "disable", "disabled", "indent", "begin", "end", "quit",
              "goto", "exit", "start", "autoboot", "tabmsg", "notabmsg", "passprompt", "width",
              "margin", "passwordmargin", "rows", "tabmsgrow", "cmdlinerow", "endrow",
              "passwordrow", "timeoutrow", "helpmsgrow", "helpmsgendrow", "hshift", "vshift",
              "hiddenrow", "hiddenkey", "resolution", "immediate", "noimmediate", "clear")


@dataclass
class Words:
    """What stands behind a keyword, and where."""
    text: str
    file: str
    line: int


@dataclass
class Message:
    """What is wrong, where, and what to do now."""
    file: str
    line: int
    level: str  # error, warning
    text: str


@dataclass
class Label:
    """One entry: what it starts, with which words."""
    name: str
    at: Words
    type: str = "kernel"
    kernel: Words = None
    append: Words = None
    initrd: Words = None
    sysappend: int = 0
    menu_default: bool = False
    runs: bool = True  # it is no separator, submenu or way out of one

    def words(self):
        """All of a module's or kernel's; sysappend's come behind them."""
        append = self.append.text if self.append and self.append.text != "-" else ""
        return append.split() + ([f"initrd={self.initrd.text}"] if self.initrd else [])

    def started_as(self):
        """The type, by the name's end where the keyword does not say."""
        if self.type != "kernel":
            return self.type
        name = self.kernel.text.split()[0] if self.kernel.text else ""
        return next((kind for end, kind in ENDINGS if name.endswith(end)), "linux")


@dataclass
class Config:
    """One file with all that it includes."""
    file: str
    labels: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    included: list = field(default_factory=list)
    append: Words = None
    sysappend: int = 0
    default: Words = None
    ui: Words = None
    ontimeout: Words = None
    onerror: Words = None
    timeout: int = 0
    prompt: int = 0
    implicit: int = 1
    path: list = field(default_factory=list)
    files: list = field(default_factory=list)  # those that are shown: DISPLAY, F1, MENU BACKGROUND

    def find(self, command):
        """The label that a command names by its first word; the first of that name."""
        name = command.split()[0] if command.split() else ""
        return next((label for label in self.labels if label.name == name), None)


def number(text):
    """As atoi() has it."""
    digits = text.split()[0] if text.split() else ""
    sign = digits[:1] in ("-", "+")
    end = 1 if sign else 0
    while end < len(digits) and digits[end].isdigit():
        end += 1
    return int(digits[:end]) if end > sign else 0


def mask(text):
    """As strtoul() has it, in any of C's bases."""
    word = text.split()[0] if text.split() else "0"
    try:
        return int(word, 8 if word[:1] == "0" and word[1:].isdigit() else 0)
    except ValueError:
        return 0


class Reader:
    """Reads one configuration; the label that is under way goes on through INCLUDEs."""

    def __init__(self, root, name):
        self._root = root
        self._depth = 0
        self._label = None
        self.config = Config(root.shown(root.path(name)))

    def read(self, path):
        self._file(path)
        self._record()
        return self.config

    def _say(self, at, level, text):
        self.config.messages.append(Message(at.file, at.line, level, text))

    def _record(self):
        """The label is over: what it does not say it has of what stands above all labels."""
        label = self._label
        if not label:
            return
        label.append = label.append or self.config.append
        if self.config.find(label.name) and label.runs:
            self._say(label.at, "warning", f"there is a label {label.name} above already, and that "
                      "is the one that boots")
        self.config.labels.append(label)
        self._label = None

    def _file(self, path):
        shown = self._root.shown(path)
        self.config.included.append(shown)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = iter(enumerate(file.read().split("\n"), 1))
        for count, line in lines:
            line = line.split("\r")[0].split("\0")[0]
            at = Words(line.strip(), shown, count)
            if len(line.encode(errors="surrogateescape")) >= LINE_MAX:
                self._say(at, "error", f"a line of {len(line)} bytes: PXELINUX cuts it at "
                          f"{LINE_MAX} and takes the rest for one of its own")
            keyword, _, rest = at.text.replace("\t", " ").partition(" ")
            self._keyword(keyword.lower(), Words(rest.strip(), shown, count), lines, keyword)

    def _keyword(self, keyword, rest, lines, written):
        config, label = self.config, self._label
        if keyword == "menu":
            self._menu(rest)
        elif keyword == "text":
            self._text(rest, lines)
        elif keyword == "include":
            self._include(rest)
        elif keyword == "label":
            self._record()
            name = rest.text.split()[0] if rest.text else ""
            self._label = Label(name, rest, kernel=Words(name, rest.file, rest.line),
                                sysappend=config.sysappend)
        elif keyword == "append":
            (label or config).append = rest
        elif keyword in ("ipappend", "sysappend"):
            (label or config).sysappend = mask(rest.text)
        elif keyword == "initrd":
            if label:
                label.initrd = rest
        elif keyword in TYPES:
            if label:
                label.kernel, label.type = rest, keyword
            else:
                self._say(rest, "warning", f"{written} above all labels: PXELINUX ignores it")
        elif keyword in ("default", "ui", "ontimeout", "onerror"):
            setattr(config, keyword, rest)
        elif keyword in ("timeout", "prompt", "implicit"):
            setattr(config, keyword, number(rest.text))
        elif keyword == "path":
            config.path += rest.text.split(":")
        elif keyword in ("display", "font", "kbdmap") or keyword[:1] == "f" and keyword in KEYWORDS:
            config.files.append(Words(rest.text.split()[0] if rest.text else "", rest.file,
                                      rest.line))
        elif keyword not in KEYWORDS:
            self._unknown(keyword, written, rest)

    def _unknown(self, keyword, written, at):
        """Comments are this, too."""
        if len(keyword) < 2 or not keyword.isalnum() or keyword in OTHERS:
            return
        near = difflib.get_close_matches(keyword, KEYWORDS + OTHERS, 1, 0.75)
        if near and near[0] not in OTHERS:
            self._say(at, "warning", f"{written} is nothing to PXELINUX: is {near[0].upper()} meant?")

    def _menu(self, rest):
        word, _, more = rest.text.replace("\t", " ").partition(" ")
        word, label = word.lower(), self._label
        if word == "default" and label:
            label.menu_default = True
        elif word == "include":
            self._include(Words(more.strip(), rest.file, rest.line))
        elif word == "background":
            self.config.files.append(Words(more.split()[0] if more.split() else "", rest.file,
                                           rest.line))
        elif word in ("separator", "begin", "end"):
            self._record()
        elif word in ("disable", "disabled", "quit", "goto", "exit") and label:
            label.runs = False
        elif word not in MENU_WORDS:
            near = difflib.get_close_matches(word, MENU_WORDS, 1, 0.75)
            self._say(rest, "warning", f"MENU {word.upper()} is nothing to PXELINUX"
                      + (f": is {near[0].upper()} meant?" if near else ""))

    def _text(self, rest, lines):
        for _, line in lines:
            if line.split()[:1] and line.split()[0].lower() == "endtext":
                return
        self._say(rest, "error", "TEXT without ENDTEXT: all that follows is its text")

    def _include(self, rest):
        name = rest.text.split()[0] if rest.text else ""
        try:
            path = self._root.path(name)
        except Remote:
            self._say(rest, "warning", f"{name} is another server's, and was not looked at")
            return
        if not name or not os.path.isfile(path):
            self._say(rest, "error", f"INCLUDE {name}: there is no such file")
            return
        if self._depth == INCLUDES_MAX:
            self._say(rest, "error", f"INCLUDE {name}: {INCLUDES_MAX} files deep; does it include "
                      "itself?")
            return
        self._depth += 1
        self._file(path)
        self._depth -= 1


def read(root, name):
    """The configuration of that name, as PXELINUX would have it."""
    return Reader(root, name).read(root.path(name))
