"""What the tests beside this file share: the kernel with a client of jupyter_client, and a program in a terminal."""

import os
import re
import sys
import time

import pexpect
from jupyter_client.manager import KernelManager

NAME = "godlas"
TIMEOUT = 60


def start(**options):
    km = KernelManager(kernel_name=NAME, **options)
    km.start_kernel()
    kc = km.client()
    kc.start_channels()
    kc.wait_for_ready(timeout=TIMEOUT)
    return km, kc


def finish(kc, msg_id):
    """The reply's content and the output messages of a request up to its idle."""
    out = []
    while True:
        msg = kc.get_iopub_msg(timeout=TIMEOUT)
        if msg["parent_header"].get("msg_id") != msg_id:
            continue
        if msg["msg_type"] == "status" and msg["content"]["execution_state"] == "idle":
            break
        out.append(msg)
    while True:
        reply = kc.get_shell_msg(timeout=TIMEOUT)
        if reply["parent_header"].get("msg_id") == msg_id:
            return reply["content"], out


def run(kc, code, **options):
    return finish(kc, kc.execute(code, **options))


def processes():
    """The parents of all processes that have not ended, as Linux tells."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":  # nobody has waited for it
                parents[int(entry)] = int(fields[1])
    return parents


def below(pid):
    """The processes that pid has started, and theirs."""
    parents = processes()
    found, more = set(), {pid}
    while more:
        more = {p for p, parent in parents.items() if parent in more}
        found |= more
    return found


def wait_ended(pids):
    end = time.time() + TIMEOUT
    while pids & set(processes()):
        if time.time() > end:
            raise AssertionError(f"still there: {pids & set(processes())}")
        time.sleep(0.05)


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
