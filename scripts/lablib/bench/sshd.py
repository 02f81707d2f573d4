# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's ssh server: Debian's sshd, for one key, in the lab's network and a root of its own.

It is never installed: the root below the run's folder has its program and libraries, a password
file with two lines, and little else.  It forwards to the sink and gives no shell.
"""

import os
import re
import shutil
import subprocess

from ..initramfs import BUSYBOX, program_files
from ..process import BUSY_S, LabError

CLIENT, SERVER = "openssh-client", "openssh-server"
LISTENS = re.compile(r"Server listening on")
PASSWD = "root:*:0:0::/:/bin/sh\nsshd:*:100:65534::/run/sshd:/bin/sh\n"
CONFIG = """\
ListenAddress {address}
HostKey /host_key
AuthorizedKeysFile /authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitOpen 127.0.0.1:{sink_port}
ForceCommand /bin/false
"""


class Sshd:
    """A root with all that it needs, made; started later, once there is a network."""

    def __init__(self, folder, guest, address, sink_port, say):
        self.root = os.path.join(folder, "sshd")
        self.client = guest.program(CLIENT, say)
        self._address = address
        shutil.rmtree(self.root, ignore_errors=True)
        for directory in ("etc", "dev", "run/sshd", "bin"):
            os.makedirs(os.path.join(self.root, directory))
        self._programs_copy(guest.program(SERVER, say), "usr/sbin/sshd")
        self._programs_copy(self.client, "usr/bin/ssh-keygen")
        shutil.copy(BUSYBOX, os.path.join(self.root, "bin/sh"))
        os.mknod(os.path.join(self.root, "dev/null"), 0o020666, os.makedev(1, 3))
        self._write("etc/passwd", PASSWD)
        self._write("sshd_config", CONFIG.format(address=address, sink_port=sink_port))
        self._keygen("host_key")
        self._keygen("id")
        self._write("authorized_keys", self._read("id.pub"))

    def client_files(self):
        """What the guest has to have: its key and the server's, as /id and /known_hosts."""
        host = " ".join(self._read("host_key.pub").split()[:2])
        return {"id": (self._read("id").encode(), 0o600),
                "known_hosts": (f"{self._address} {host}\n".encode(), 0o644),
                "etc/passwd": (PASSWD.encode(), 0o644)}

    def start(self, processes, network):
        """Returns when it listens."""
        _, lines = processes.start(
            "sshd", ["chroot", self.root, "/usr/sbin/sshd", "-D", "-e", "-f", "/sshd_config"],
            namespace_pid=network.namespace_pid, keep_lines=True)
        if not lines.wait(LISTENS, BUSY_S):
            raise LabError("starting sshd: " + processes.log_tail("sshd"))

    def _programs_copy(self, package, name):
        for file, path in program_files(package, name):
            target = os.path.join(self.root, file)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(path, target)

    def _keygen(self, name):
        done = subprocess.run(["chroot", self.root, "/usr/bin/ssh-keygen", "-q", "-t", "ed25519",
                               "-N", "", "-f", f"/{name}"], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise LabError(f"making a key for ssh: {done.stderr.strip()}")

    def _write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as out:
            out.write(text)

    def _read(self, name):
        with open(os.path.join(self.root, name), encoding="utf-8") as file:
            return file.read()
