# SPDX-License-Identifier: GPL-2.0-or-later
"""Child processes: started together, stopped together, whatever happens.

Each child has a session of its own, so that Ctrl-C reaches the lab alone, and
the lab stops them in reverse order.  Should the lab itself be killed, the kernel
ends them (setpriv --pdeathsig; those that change their user lose it, which the
lab's own children do not).
"""

import os
import signal
import subprocess
import threading
import time


BUSY_S = 120      # for what takes a moment, on a machine that has much else to do
LAST_WORDS_S = 5  # from the end of a process to the end of what it said


class LabError(Exception):
    """What was being done, to what, and what to do now."""


def whole_line(pattern):
    """The pattern where the rest of its line has come too.  Text comes in pieces, and `$` and
    `.*` are content with half a line."""
    return rf"(?:{pattern})(?=.*\n)"


class Lines:
    """Text that arrives over time: each line with the host's time, and a way to wait.

    Waiting looks at the text, not at lines: a prompt has no newline.  For what goes on for days,
    `keep` is how many characters of text are kept at least, and then no lines are.
    """

    def __init__(self, path, on_line=None, keep=None):
        self.text = ""
        self.dropped = 0  # characters before it
        self.lines = []  # (host time, line)
        self.closed = False
        self._partial = ""
        self._began = 0.0
        self._on_line = on_line
        self._keep = keep
        self._changed = threading.Condition()
        self._raw = open(path, "wb")
        self._times = open(f"{path}.times", "w", encoding="utf-8")

    def feed(self, data):
        """Take bytes as they came; a line has the time of its first byte."""
        now = time.time()
        self._raw.write(data)
        self._raw.flush()
        chunk = data.decode("utf-8", "replace").replace("\r", "")
        done = []
        with self._changed:
            self.text += chunk
            for piece in chunk.splitlines(keepends=True):
                if not self._partial:
                    self._began = now
                self._partial += piece
                if piece.endswith("\n"):
                    done.append((self._began, self._partial.rstrip("\n")))
                    self._partial = ""
            if self._keep is None:
                self.lines += done
            elif len(self.text) > 2 * self._keep:
                self.dropped += len(self.text) - self._keep
                self.text = self.text[-self._keep:]
            self._changed.notify_all()
        for when, line in done:
            self._times.write(f"{when:.3f} {line}\n")
            if self._on_line:
                self._on_line(when, line)
        self._times.flush()

    def close(self):
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        self._raw.close()
        self._times.close()

    def wait(self, pattern, timeout_s, start=0, stop=None):
        """The match of a compiled pattern in the text from start on.

        None when the time is over, the other end is gone, or stop() is true; then what
        is still on its way is read first.
        """
        limit = time.monotonic() + timeout_s
        with self._changed:
            while True:
                match = pattern.search(self.text, max(start - self.dropped, 0))
                if match:
                    return match
                left = limit - time.monotonic()
                if left <= 0 or self.closed:
                    return None
                if stop and stop():
                    stop, limit = None, min(limit, time.monotonic() + LAST_WORDS_S)
                self._changed.wait(min(left, 0.5))

    def since(self, at):
        """(what has come since the character of that number, the next one's number)"""
        with self._changed:
            return self.text[max(at - self.dropped, 0):], self.dropped + len(self.text)

    def time_of(self, pattern, last=False):
        """(host time, match) of the first or last whole line with the pattern."""
        found = (None, None)
        with self._changed:
            for when, line in self.lines:
                match = pattern.search(line)
                if match:
                    found = (when, match)
                    if not last:
                        break
        return found


class Processes:
    """The lab's children, in the order in which they were started."""

    def __init__(self, out_dir):
        self._out_dir = out_dir
        self._running = []  # (name, Popen, reader thread or None)

    def start(self, name, argv, namespace_pid=None, on_line=None, keep_lines=False,
              stdin=subprocess.DEVNULL):
        """Start argv; what it prints goes to OUT/NAME.log.  Returns (Popen, Lines)."""
        command = ["setpriv", "--pdeathsig", "TERM", "--"] + list(argv)
        if namespace_pid is not None:
            command = ["nsenter", f"--net=/proc/{namespace_pid}/ns/net", "--"] + command
        log = os.path.join(self._out_dir, f"{name}.log")
        lines = Lines(log, on_line) if keep_lines or on_line else None
        try:
            if lines:
                child = subprocess.Popen(command, stdin=stdin,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                         start_new_session=True)
            else:
                with open(log, "wb") as output:
                    child = subprocess.Popen(command, stdin=stdin, stdout=output,
                                             stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            raise LabError(f"starting {name} ({command[0]}): {error.strerror}; "
                           "scripts/setup lab installs what the lab needs") from error
        thread = None
        if lines:
            thread = threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True)
            thread.start()
        self._running.append((name, child, thread))
        return child, lines

    def stop(self, child, grace_s=5):
        """End one child: SIGTERM, then SIGKILL when it takes too long."""
        for i, (_, running, thread) in enumerate(self._running):
            if running is child:
                del self._running[i]
                _end(running, grace_s)
                if thread:
                    thread.join(timeout=5)
                return

    def stop_all(self):
        while self._running:
            self.stop(self._running[-1][1])

    def log_tail(self, name, lines=5):
        """The last lines that a child printed, for an error message."""
        try:
            with open(os.path.join(self._out_dir, f"{name}.log"), encoding="utf-8",
                      errors="replace") as log:
                return "".join(log.readlines()[-lines:]).strip()
        except OSError:
            return ""


def _pump(stream, lines):
    while True:
        data = stream.read1(65536)
        if not data:
            break
        lines.feed(data)
    stream.close()
    lines.close()


def _end(child, grace_s):
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()
