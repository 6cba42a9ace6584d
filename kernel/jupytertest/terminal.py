"""A program in a terminal, for the tests beside this file."""

import os
import re
import sys
import time

import pexpect
from client import TIMEOUT


class Terminal:
    """A Python module run in a terminal of 100 columns. What it shows is searched without its escape sequences."""

    escapes = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")

    def __init__(self, *argv, **env):
        # Without answers to requests for the cursor's place, and with help printed, not paged.
        env = dict(os.environ, TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1", PAGER="cat", **env)
        self.child = pexpect.spawn(sys.executable, ["-m", *argv], env=env, encoding="utf-8", dimensions=(40, 100))
        self.shown, self.mark = "", 0

    def type(self, text):
        self.mark = len(self.text())
        self.child.send(text)

    def text(self):
        return self.escapes.sub("", self.shown).replace("\r", "")

    def wait(self, pattern):
        """Waits until what was shown since the last typing matches, and returns the match."""
        end = time.time() + TIMEOUT
        while True:
            found = re.search(pattern, self.text()[self.mark :], re.S)
            if found:
                return found
            if time.time() > end:
                raise AssertionError(f"no {pattern!r} in\n{self.text()}")
            try:
                self.shown += self.child.read_nonblocking(65536, timeout=0.2)
            except pexpect.TIMEOUT:
                pass
            except pexpect.EOF:
                found = re.search(pattern, self.text()[self.mark :], re.S)
                if found:
                    return found
                raise AssertionError(f"it ended without {pattern!r}:\n{self.text()}") from None

    def ended(self):
        """Waits for the program's end and returns its exit status."""
        self.child.expect(pexpect.EOF, timeout=TIMEOUT)
        self.shown += self.child.before or ""
        self.child.wait()
        return self.child.exitstatus

    def close(self):
        self.child.close(force=True)
