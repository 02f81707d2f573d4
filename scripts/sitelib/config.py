# SPDX-License-Identifier: GPL-2.0-or-later
"""PXELINUX's configuration, read as PXELINUX reads it.

What counts: a keyword in any case up to a blank or the end, APPEND of a label in the place of the one
above all labels, "APPEND -" for none, whatever INCLUDE names as if it stood there, lines of 4,095
bytes.  What is no keyword is left alone; one that looks like one gets a word.
"""

import difflib
import os
from dataclasses import dataclass, field

from .blanks import first, part, split
from .menu import NOTHING, Menu
from .root import Elsewhere, is_there

LINE_MAX = 4095
INCLUDES_DEEP = 16
INCLUDES_MAX = 1000      # of one configuration: what is more is a mistake, or meant ill
TEXT_MAX = 1 << 20       # bytes of one, with all that it includes
KEYWORD_MAX = 16         # characters of what may be a mistyped one
TYPES = ("none", "localboot", "kernel", "linux", "boot", "bss", "pxe", "fdimage", "com32", "config")
ENDINGS = ((".c32", "com32"), (".img", "linux"), (".bss", "bss"), (".bin", "boot"),
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
              "goto", "exit", "help", "start", "autoboot", "tabmsg", "notabmsg", "passprompt", "width",
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
    more: str = ""         # words behind its name, where a command names it
    menu: Menu = None      # that it is an entry of
    menu_default: bool = False
    hidden: bool = False   # in no menu
    disabled: bool = False # nor at the prompt
    runs: bool = True      # it is no way to another menu or text

    def command_line(self):
        """As PXELINUX makes it, before SYSAPPEND's words."""
        append = self.append.text if self.append and self.append.text != "-" else ""
        return " ".join(text for text in (
            "" if self.type == "kernel" else f".{self.type}", self.kernel.text, append,
            f"initrd={self.initrd.text}" if self.initrd else "", self.more) if text)

    def words(self):
        """All of a module's or kernel's, those on its own line first."""
        return split(self.command_line())[1 if self.type == "kernel" else 2:]

    def said_at(self):
        """Where its words are, or most of them."""
        return self.append if self.append and self.append.text != "-" else self.kernel

    def started_as(self):
        """The type, by the name's end where the keyword does not say."""
        if self.type == "kernel":
            return ending(first(self.kernel.text)) or "linux"
        return "linux" if self.type == "fdimage" else self.type


def ending(name):
    """What PXELINUX takes a file for by its name, or None."""
    return next((kind for end, kind in ENDINGS if name.endswith(end)), None)


@dataclass
class Config:
    """One file with all that it includes."""
    file: str
    labels: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    included: list = field(default_factory=list)
    append: Words = None
    default: Words = None
    ui: Words = None
    ontimeout: Words = None
    onerror: Words = None
    timeout: int = 0
    totaltimeout: int = 0
    prompt: int = 0
    implicit: int = 1
    allowoptions: int = 1
    shiftkey: bool = False
    start: Menu = field(default_factory=Menu)  # that a menu begins with
    path: list = field(default_factory=list)
    files: list = field(default_factory=list)  # those that are shown: DISPLAY, F1, MENU BACKGROUND
    named: list = field(default_factory=list)  # those that CONFIG reads
    menus: list = field(default_factory=list)  # those that a menu reads

    def find(self, command):
        """The label that a command names by its first word; the first of that name."""
        name = first(command)
        return next((label for label in self.labels if label.name == name and not label.disabled),
                    None)


def number(text):
    """As atoi() has it."""
    digits = first(text)
    end = 1 if digits[:1] in ("-", "+") else 0
    begin = end
    while digits[end:end + 1] in tuple("0123456789"):
        end += 1
    return int(digits[:end]) if end > begin else 0


class Reader:
    """Reads one configuration; the label that is under way goes on through INCLUDEs."""

    def __init__(self, root, name):
        self._root = root
        self._open = []  # the files that are being read, by what they really are
        self._includes = self._bytes = 0
        self._label = None
        self.config = Config(root.shown(root.path(name)))
        self._menu_now = self.config.start

    def read(self, path):
        self._file(path, self._text_of(path))
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
        if self.config.find(label.name) and label.runs and not label.disabled:
            self._say(label.at, "warning", f"there is a label {label.name} above already, and that "
                      "is the one that boots")
        if not label.hidden:
            label.menu = self._menu_now
            label.menu.add(label, label.menu_default and label.runs and not label.disabled)
        self.config.labels.append(label)
        self._label = None

    def _text_of(self, path):
        """OSError: it cannot be read."""
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            text = file.read(TEXT_MAX + 1 - self._bytes)
        self._bytes += len(text)
        if self._bytes > TEXT_MAX:
            raise OSError(None, f"more than {TEXT_MAX >> 20} MiB, with what it includes")
        return text

    def _file(self, path, text):
        shown = self._root.shown(path)
        self.config.included.append(shown)
        self._open.append(os.path.realpath(path))
        lines = iter(enumerate(text.split("\n"), 1))
        for count, line in lines:
            size = len(line.encode(errors="surrogateescape"))
            if size > LINE_MAX:
                self._say(Words("", shown, count), "error", f"a line of {size} bytes: PXELINUX cuts "
                          f"it at {LINE_MAX} and takes the rest for one of its own")
            keyword, rest = part(line.split("\r")[0].split("\0")[0])
            self._keyword(keyword.lower() if keyword.isascii() else keyword,
                          Words(rest, shown, count), lines, keyword)
        self._open.pop()

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
            name = first(rest.text)
            self._label = Label(name, rest, kernel=Words(name, rest.file, rest.line))
        elif keyword == "append":
            (label or config).append = rest
        elif keyword == "initrd":
            if label:
                label.initrd = rest
        elif keyword in TYPES:
            if label:
                label.kernel, label.type = rest, keyword
            else:
                self._say(rest, "warning", f"{written} above all labels: PXELINUX ignores it")
        else:
            self._setting(keyword, rest, written)

    def _setting(self, keyword, rest, written):
        """What is no label's."""
        config, menu = self.config, self._menu_now
        if keyword in ("default", "ui", "ontimeout", "onerror"):
            setattr(config, keyword, rest)
            if keyword == "ontimeout":
                menu.ontimeout = rest
        elif keyword in ("timeout", "totaltimeout", "prompt", "implicit", "allowoptions"):
            setattr(config, keyword, number(rest.text))
            if keyword == "timeout":
                menu.timeout = config.timeout
        elif keyword == "path":
            config.path += [folder for folder in rest.text.split(":") if folder]
        elif keyword in ("display", "font", "kbdmap") or keyword[:1] == "f" and keyword in KEYWORDS:
            self._shows(rest)
        elif keyword not in KEYWORDS:
            self._unknown(keyword, written, rest)

    def _shows(self, rest):
        self.config.files.append(Words(first(rest.text), rest.file, rest.line))

    def _unknown(self, keyword, written, at):
        """Comments are this, too."""
        if not 1 < len(keyword) <= KEYWORD_MAX or not keyword.isalnum() or keyword in OTHERS:
            return
        near = difflib.get_close_matches(keyword, KEYWORDS + OTHERS, 1, 0.75)
        if near and near[0] not in OTHERS:
            self._say(at, "warning", f"{written} is nothing to PXELINUX: is {near[0].upper()} meant?")

    # --- MENU, TEXT, INCLUDE ------------------------------------------------------

    def _menu(self, rest):
        word, more = part(rest.text)
        word, more, label = word.lower(), Words(more, rest.file, rest.line), self._label
        if word == "include":
            self._menu_include(more)
        elif word == "background":
            self._shows(more)
        elif word == "begin":
            self._begin()
        elif word == "end":
            self._end()
        elif word == "separator":
            self._record()
            self._menu_now.add(NOTHING)
        elif word == "start":
            self.config.start = self._menu_now
        elif word == "shiftkey":
            self.config.shiftkey = True
        elif word == "default" and not label and self._menu_now.parent:
            self._menu_now.parent.default = self._menu_now.number
        elif label and word in ("default", "hide", "disable", "disabled", "quit", "goto", "exit",
                                "help"):
            self._menu_label(label, word, more)
        elif word not in MENU_WORDS:
            near = difflib.get_close_matches(word[:KEYWORD_MAX], MENU_WORDS, 1, 0.75)
            self._say(rest, "warning", f"MENU {word.upper()} is nothing to PXELINUX"
                      + (f": is {near[0].upper()} meant?" if near else ""))

    def _menu_label(self, label, word, more):
        if word == "default":
            label.menu_default = True
        elif word == "hide":
            label.hidden = True
        elif word in ("disable", "disabled"):
            label.disabled, label.runs = True, False
        elif word != "exit" or self._menu_now.parent:
            label.runs = False
            if word == "help":
                self._shows(more)

    def _begin(self):
        self._record()
        self._menu_now = self._menu_now.begin()

    def _end(self):
        self._record()
        self._menu_now = self._menu_now.parent or self._menu_now

    def _menu_include(self, rest):
        """With a title behind the file's name it is a submenu."""
        title = part(rest.text)[1]
        if title:
            self._begin()
        self._include(rest)
        if title:
            self._end()

    def _text(self, rest, lines):
        for _, line in lines:
            if first(line).lower() == "endtext":
                return
        self._say(rest, "error", "TEXT without ENDTEXT: all that follows is its text")

    def _include(self, rest):
        name = first(rest.text)
        try:
            path = self._root.path(name)
        except Elsewhere as error:
            self._say(rest, error.level, f"INCLUDE {error}")
            return
        if self._includes == INCLUDES_MAX:
            return
        self._includes += 1
        wrong = self._include_fault(name, path)
        if not wrong:
            try:
                text = self._text_of(path)
            except OSError as error:
                wrong = f"cannot be read: {error.strerror}"
        if wrong:
            self._say(rest, "error", f"INCLUDE {name}: {wrong}")
        else:
            self._file(path, text)

    def _include_fault(self, name, path):
        if not name or not is_there(path):
            return "there is no such file"
        if os.path.realpath(path) in self._open:
            return "it would include itself, and PXELINUX never ends"
        if len(self._open) > INCLUDES_DEEP:
            return f"{INCLUDES_DEEP} files deep; does it include itself?"
        if self._includes == INCLUDES_MAX:
            return f"the {INCLUDES_MAX}th of them, and none from here on was looked at"
        return None


def read(root, name):
    """The configuration of that name, as PXELINUX would have it; OSError."""
    return Reader(root, name).read(root.path(name))
