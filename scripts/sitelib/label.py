# SPDX-License-Identifier: GPL-2.0-or-later
"""What one label does to a host, and what is wrong with it."""

import difflib
import ipaddress
import os

from . import hosts, words
from .config import Message
from .root import Remote, image_kind, needs

MODULE = "netdump.c32"
SEPARATOR = "---"
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
        if not label.kernel.text:
            self.say(label.kernel, f"label {label.name} starts nothing: give it a KERNEL")
            return {**facts, "does": "nothing"}
        kind, name = label.started_as(), label.kernel.text.split()[0]
        if kind == "com32" and not name.endswith(".c32"):
            name += ".c32"
        if kind == "localboot":
            return {**facts, "does": "localboot"}
        if kind == "config":
            self._file(label.kernel, name)
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
        except Remote:
            self.say(at, f"{name} is another server's, and was not looked at", "warning")
            return None
        if os.path.isfile(path):
            return path
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
            except Remote:
                self.say(at, f"{name} is another server's, and was not looked at", "warning")
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
        kind = image_kind(path) if path else None
        if path and kind not in kinds:
            self.say(at, f"{name} is no {' or '.join(kinds)} image")
        return kind

    def _initrds(self, at, arguments):
        names = [name for word in arguments if word.startswith("initrd=")
                 for name in word.removeprefix("initrd=").split(",") if name]
        for name in names:
            self._file(at, name)
        return names

    # --- what is started ---------------------------------------------------------

    def _linux(self, label, name):
        at = label.append or label.kernel
        self._image(label.kernel, name, ("Linux",))
        return {"does": "linux", "image": name, "system": "Linux", "netdump": False,
                "modules": self._initrds(at, label.words()), "arguments": label.words()}

    def _module(self, label, name):
        self.module(label.kernel, name)
        if os.path.basename(name) != MODULE:
            return {"does": "module", "image": name}
        said = words.ask(label.words(), *(self._probe or ()))
        at = label.append or label.kernel
        for fault in said["faults"]:
            self.say(at, fault)
        facts = {"does": "netdump", "netdump": True, **said}
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
        modules = self._initrds(at, arguments)
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
        return {"image": line[0], "system": kind, "modules": modules,
                "arguments": [word[:4] + "..." if word.startswith(SECRETS) else word
                              for word in arguments]}

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

    def command(self, at, what):
        """A command that is no label's: DEFAULT's, UI's, ONTIMEOUT's."""
        text = at.text.split()[0] if at.text else ""
        if not text:
            self.say(at, f"{what} names nothing")
        elif text.endswith(".c32"):
            self.module(at, text)
        elif not self._config.find(text):
            near = difflib.get_close_matches(text, [label.name for label in self._config.labels], 1,
                                             NEAR)
            path = self._root.path(text)
            if not self._config.implicit or not os.path.isfile(path):
                self.say(at, f"{what} {text}: there is neither such a label nor such a file"
                         + (f"; is {near[0]} meant?" if near else ""))


    def shown(self):
        """Texts and pictures that are named and not there: a host boots without them."""
        for one in self._config.files:
            before = len(self._config.messages)
            if one.text and not one.text.startswith("#"):
                self._file(one, one.text)
            for message in self._config.messages[before:]:
                message.level = "warning"
