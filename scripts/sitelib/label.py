# SPDX-License-Identifier: GPL-2.0-or-later
"""What one label does to a host, and what is wrong with it."""

import difflib
import ipaddress
import os
from dataclasses import replace

from . import hosts, menu, words
from .blanks import first, part
from .config import ENDINGS, Label, Message, Words, ending
from .root import Elsewhere, image_kind, is_there, needs

MODULE = "netdump.c32"
SEPARATOR = "---"
COMMAND_MAX = 2048     # bytes from which on PXELINUX refuses a command line
NEAR = 0.75            # a name that is so much like one that is there is a mistyped one
SECRETS = ("key=", "psk=")


class Checker:
    """Looks at the labels of one configuration."""

    def __init__(self, root, config, probe=None):
        self._root = root
        self._config = config
        self._probe = probe  # more words for netdump-words
        self._name = os.path.basename(config.file)

    def say(self, at, text, level="error"):
        message = Message(at.file, at.line, level, text)
        if message not in self._config.messages:
            self._config.messages.append(message)

    def look(self, label):
        """What it does, as JSON can hold it."""
        facts = {"label": label.name, "file": label.at.file, "line": label.at.line,
                 "menu_default": label.menu_default}
        kind, name = label.started_as(), first(label.kernel.text)
        if kind == "localboot":
            return {**facts, "does": "localboot"}
        if not name:
            self.say(label.kernel, f"label {label.name} starts nothing: give it a KERNEL")
            return {**facts, "does": "nothing"}
        size = len(label.command_line().encode(errors="surrogateescape"))
        if size >= COMMAND_MAX:
            self.say(label.said_at(), f"a command line of {size} bytes, from {COMMAND_MAX} on "
                     "PXELINUX boots nothing: make it shorter")
            return {**facts, "does": "nothing"}
        if kind == "com32" and not name.endswith(".c32"):
            name += ".c32"
        if kind == "config":
            self._config.named.append(self._file(label.kernel, name))
            return {**facts, "does": "config", "image": name}
        if kind == "com32":
            return {**facts, **self._module(label, name)}
        if os.path.basename(name) == MODULE:
            self.say(label.kernel, f"{MODULE} is a module, not a kernel: begin the line with KERNEL "
                     "or COM32")
        elif os.path.basename(name) + ".c32" == MODULE:
            self.say(label.kernel, f"is {MODULE} meant? KERNEL goes by the name's end")
        if kind == "linux":
            return {**facts, **self._linux(label, name)}
        self._file(label.kernel, name)
        return {**facts, "does": kind, "image": name}

    # --- files ---------------------------------------------------------------

    def _file(self, at, name):
        """Its path, if it is there."""
        try:
            path = self._root.path(name)
        except Elsewhere as error:
            self.say(at, str(error), error.level)
            return None
        if is_there(path):
            return path
        if os.path.isfile(path):
            self.say(at, f"{name} is empty, and so as good as not there to PXELINUX")
            return None
        folder = os.path.dirname(path)
        there = os.listdir(folder) if os.path.isdir(folder) else []
        near = difflib.get_close_matches(os.path.basename(path), there, 1, NEAR)
        self.say(at, f"{name} is not there: PXELINUX would look for {self._root.shown(path)}"
                 + (f"; is {near[0]} meant?" if near else ""))
        return None

    def module(self, at, name, asked_by=None):
        """A .c32 file and all libraries that it needs, as PXELINUX's loader finds them."""
        done, todo = {}, [(name, asked_by)]
        while todo:
            name, asked_by = todo.pop(0)
            if name in done:
                continue
            try:
                done[name] = path = self._root.module(name, self._config.path)
            except Elsewhere as error:
                self.say(at, str(error), error.level)
                continue
            if not path:
                self.say(at, f"{name} is not there" + (f", and {asked_by} needs it" if asked_by
                                                       else "") + ": copy it from build/tftpboot")
                continue
            libraries = needs(path)
            if libraries is None:
                self.say(at, f"{name} is no module of PXELINUX 6")
            todo += [(library, name) for library in libraries or ()]

    def _image(self, at, name, kinds):
        path = self._file(at, name)
        try:
            kind = image_kind(path) if path else None
        except OSError as error:
            self.say(at, f"{name} cannot be read: {error.strerror}")
            return None
        if path and kind not in kinds:
            self.say(at, f"{name} is no {' or '.join(kinds)} image")
        return kind

    def _initrds(self, at, names):
        names = [name for name in names if name]
        for name in names:
            self._file(at, name)
        return names

    # --- what is started ---------------------------------------------------------

    def _linux(self, label, name):
        """PXELINUX loads the files of the first initrd= alone, wherever in a word that stands."""
        at, told = label.said_at(), [word.partition("initrd=")[2] for word in label.words()
                                     if "initrd=" in word]
        self._image(label.kernel, name, ("Linux",))
        for more in told[1:]:
            self.say(at, f"initrd={more}: PXELINUX loads the first initrd= alone, which INITRD's "
                     "stands behind: name all files there, with commas", "warning")
        return {"does": "linux", "image": name, "system": "Linux", "netdump": False,
                "modules": self._initrds(at, told[0].split(",") if told else []),
                "arguments": label.words()}

    def _module(self, label, name):
        self.module(label.kernel, name)
        if menu.is_menu(name):
            self._config.menus += [self._file(label.said_at(), file)
                                   for file in menu.files(label.words())]
        if os.path.basename(name) != MODULE:
            return {"does": "module", "image": name}
        said = words.ask(label.words(), *(self._probe or ()))
        at = label.said_at()
        for fault in said["faults"]:
            self.say(at, fault)
        facts = {"does": "netdump", "netdump": True, **said, "words_file": at.file,
                 "words_line": at.line}
        facts["armed"] = not said["faults"]
        facts.pop("image")
        self._options(at, said)
        facts.update(self._system(label, at, label.words()[said["image"]:] if said["image"] else []))
        self._answers(at, said)
        return facts

    def _system(self, label, at, line):
        if not line:
            return {"image": None, "system": None, "modules": [], "arguments": []}
        arguments = line[1:line.index(SEPARATOR)] if SEPARATOR in line else line[1:]
        begun = [i for i, word in enumerate(line) if word == SEPARATOR]
        kind = self._image(at, line[0], ("Linux", "multiboot"))
        modules = self._initrds(at, [name for word in arguments if word.startswith("initrd=")
                                     for name in word.removeprefix("initrd=").split(",")])
        for i in begun:
            if i + 1 < len(line):
                modules.append(line[i + 1])
                self._file(at, line[i + 1])
            else:
                self.say(at, f"{SEPARATOR} at the end, and no module behind it", "warning")
        if label.initrd and begun:
            self.say(label.initrd, f"{MODULE} does not load INITRD's files where there are modules: "
                     f"put them behind {SEPARATOR}")
        for word in arguments:
            if word.startswith(SECRETS):
                self.say(at, f"{word[:4]} behind --: there it is the system's, not {MODULE}'s")
        return {"image": line[0], "system": kind, "modules": modules, "arguments": arguments}

    def _options(self, at, said):
        self._file(at, said["dini"])
        for address in said["servers"]:
            self._address(at, "server", address)
        for option in "ip", "gateway":
            if said[option]:
                self._address(at, option, said[option])
        for key in said["keys"]:
            if not key["usable"]:
                self.say(at, "key= has 64 digits, but they are no public key: take the word that "
                         "netdumpd keygen prints")
            elif key["example"]:
                self.say(at, f"key {key['fingerprint']} is a document's example: put in the one that "
                         "netdumpd keygen prints", "warning")
        if said["security"] == "plain":
            self.say(at, "insecure: memory goes out in the clear, to anyone who asks for it",
                     "warning")
        mine = hosts.mac_of(self._name)
        if mine and said["mac"] and said["mac"] != mine:
            self.say(at, f"mac={said['mac']}, but this file is for {mine}: nothing would be armed")
        if not hosts.is_one(self._name):
            for option in "ip", "psk", "mac":
                if said[option]:
                    self.say(at, f"{option}= is one host's, and this file may be many hosts'",
                             "warning")

    def _address(self, at, option, text):
        address = ipaddress.IPv4Address(text)
        for bad, why in ((address.is_unspecified, "no address"), (address.is_loopback, "a loopback"),
                         (address.is_multicast, "a multicast address"),
                         (address.packed[0] == 0 or address.packed[0] >= 240, "no host's address")):
            if bad:
                self.say(at, f"{option}={text}: {why}, where no packet would go")
                return

    def _answers(self, at, said):
        for answer in said.get("answers", ()):
            if not answer["answers"]:
                self.say(at, f"server {answer['server']}:{said['port']}: {answer['why']}: does a "
                         "netdumpd with this key run there, and does a firewall let it through?")

    # --- what is named elsewhere ---------------------------------------------------

    def command(self, at, what):
        """DEFAULT's, UI's, ONTIMEOUT's: what it does, if that is no label's to say."""
        name, more = part(at.text)
        label = self._config.find(name)
        if not name:
            self.say(at, f"{what} names nothing")
        elif label:
            if more and label.runs:
                self.look(replace(label, more=more))
        elif not self._config.implicit and what != "ONERROR":
            self.say(at, f"{what} {name}: there is no such label, and with IMPLICIT 0 PXELINUX "
                     "starts nothing else" + self._meant(name))
        else:
            return self._implicit(at, what, name, more if self._config.allowoptions else "")
        return None

    def _meant(self, name):
        near = difflib.get_close_matches(name, [label.name for label in self._config.labels], 1, NEAR)
        return f"; is {near[0]} meant?" if near else ""

    def _implicit(self, at, what, name, more):
        """A file, by its name or with an end that PXELINUX tries."""
        if not ending(name):
            name += next((end for end, _ in ENDINGS if self._is_module(name + end)), "")
        if not ending(name) and not self._is_module(name):
            self.say(at, f"{what} {name}: there is neither such a label nor such a file"
                     + self._meant(name))
            return None
        line = Words(f"{name} {more}", at.file, at.line)
        facts = self.look(Label(name, at, kernel=line))
        return None if facts["does"] == "module" else facts

    def _is_module(self, name):
        """Whether a file is there, or is to be looked for elsewhere."""
        try:
            return bool(self._root.module(name, self._config.path))
        except Elsewhere:
            return True

    def shown(self):
        """Texts and pictures that are named and not there: a host boots without them."""
        for one in self._config.files:
            before = len(self._config.messages)
            if one.text and not one.text.startswith("#"):
                self._file(one, one.text)
            for message in self._config.messages[before:]:
                message.level = "warning"
