# SPDX-License-Identifier: GPL-2.0-or-later
"""The TFTP root of one run: the distribution's files and one machine's configuration."""

import os
import shutil

from .process import LabError

CONFIG = """\
# One run of scripts/lab.
SERIAL 0 115200
DEFAULT lab
PROMPT 0
TIMEOUT 0
LABEL lab
  KERNEL {kernel}
  APPEND {append}
"""


class TftpRoot:
    """A folder of links into the distribution, plus what this run adds."""

    def __init__(self, path, tftpboot):
        self.path = path
        if not os.path.exists(os.path.join(tftpboot, "pxelinux.0")):
            raise LabError(f"{tftpboot} has no pxelinux.0: run make dist")
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(os.path.join(path, "pxelinux.cfg"))
        for name in os.listdir(tftpboot):
            source = os.path.join(tftpboot, name)
            if os.path.isfile(source) and not name.startswith("."):
                shutil.copy(source, path)

    def link(self, name, source):
        """Once more to the same file is no error: two systems of a lab may boot with it."""
        path, source = self.file(name), os.path.abspath(source)
        if not os.path.islink(path) or os.readlink(path) != source:
            os.symlink(source, path)

    def file(self, name):
        return os.path.join(self.path, name)

    def config_write(self, mac, text):
        """A configuration for this machine alone, by PXELINUX's own file search."""
        name = "01-" + mac.lower().replace(":", "-")
        with open(os.path.join(self.path, "pxelinux.cfg", name), "w", encoding="utf-8") as out:
            out.write(text)


def netdump_config(options, image, image_args, modules=()):
    """The configuration that boots an image, and its modules, with netdump.c32."""
    words = [*options, "--", image, *image_args]
    for module in modules:
        words += ["---", module]
    append = " ".join(word for word in words if word)
    return CONFIG.format(kernel="netdump.c32", append=append)


def linux_config(kernel, words, initrds):
    """The configuration that boots Linux as PXELINUX itself does."""
    return CONFIG.format(kernel=kernel, append=" ".join([f"initrd={','.join(initrds)}", *words]))
