"""Drives two installed kernels, turn and turn about, with the real jupyter_client, and prints all times and sizes as JSON.

The Go side of the benchmark (kernel.go) says which kernels and how often, and makes the table. Both kernels are alive at once and are
asked the same questions one after the other, the first of them alternating, so that what else the machine does meets both.
"""

import json
import os
import socket
import sys
import time

from jupyter_client.manager import KernelManager

TIMEOUT = 120


def family(root):
    """The process ids of a process and all below it."""
    below = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as f:
                    below.setdefault(int(f.read().rpartition(")")[2].split()[1]), []).append(int(name))
            except OSError:
                pass
    out = [root]
    for pid in out:
        out.extend(below.get(pid, []))
    return out


def pss(root):
    """Bytes of memory of a process and all below it, what they share with others counted in proportion."""
    total = 0
    for pid in family(root):
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total * 1024


class Kernel:
    def __init__(self, name, setup, cell, complete, inspect):
        self.name, self.setup, self.cell, self.complete_code, self.inspect_code = name, setup, cell, complete, inspect
        self.samples = {}

    def note(self, what, value):
        self.samples.setdefault(what, []).append(value)

    def start(self):
        self.km = KernelManager(kernel_name=self.name)
        begun = time.perf_counter()
        self.km.start_kernel()
        # libzmq tries a port that is not open yet again only after 100 ms: so it is told of it when it is open.
        while True:
            try:
                socket.create_connection((self.km.ip, self.km.shell_port)).close()
                break
            except OSError:
                time.sleep(0.0005)
        self.kc = self.km.client()
        self.kc.start_channels(hb=False)
        self.finish(self.kc.kernel_info(), idle=False)
        self.note("start", time.perf_counter() - begun)
        self.pid = self.km.provisioner.process.pid

    def finish(self, msg_id, idle=True):
        while True:
            reply = self.kc.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == msg_id:
                break
        while idle:
            msg = self.kc.get_iopub_msg(timeout=TIMEOUT)
            if msg["parent_header"].get("msg_id") == msg_id and msg["content"].get("execution_state") == "idle":
                break
        if reply["content"].get("status") != "ok":
            raise RuntimeError(f"{self.name}: {reply['content']}")
        return reply["content"]

    def ready(self):
        """The first cell, which is not counted; it also waits until iopub is subscribed."""
        self.kc.wait_for_ready(timeout=TIMEOUT)
        self.finish(self.kc.execute(self.setup))

    def timed(self, what, send, idle=True):
        begun = time.perf_counter()
        content = self.finish(send(), idle)
        self.note(what, time.perf_counter() - begun)
        return content

    def ask(self, n):
        self.timed("cell", lambda: self.kc.execute(self.cell.replace("N", str(n))))

    def complete(self):
        if not self.timed("complete", lambda: self.kc.complete(self.complete_code, len(self.complete_code)), idle=False)["matches"]:
            raise RuntimeError(f"{self.name} completes nothing")

    def inspect(self):
        if not self.timed("inspect", lambda: self.kc.inspect(self.inspect_code, len(self.inspect_code)), idle=False)["found"]:
            raise RuntimeError(f"{self.name} finds nothing")

    def stop(self):
        self.kc.stop_channels()
        self.km.shutdown_kernel()


def main():
    rounds, cells = int(sys.argv[1]), int(sys.argv[2])
    ours = Kernel("godlas", "x := 1\nx", "x + N", "strings.ToU", "strings.ToUpper")
    theirs = Kernel("python3", "import os\nx = 1\nx", "x + N", "os.path.jo", "os.path.join")
    both = [ours, theirs]
    for i in range(rounds):
        both.reverse()
        for k in both:
            k.start()
        for k in both:
            k.ready()
        time.sleep(1)
        for k in both:
            k.note("memory after the start", pss(k.pid))
        for n in range(cells):
            both.reverse()
            for k in both:
                k.ask(n)
        time.sleep(1)
        for k in both:
            k.note("memory after cells", pss(k.pid))
        for n in range(cells):
            both.reverse()
            for k in both:
                k.complete()
            for k in both:
                k.inspect()
        for k in both:
            k.note("memory at the end", pss(k.pid))
            k.stop()
        print(f"round {i + 1} of {rounds}", file=sys.stderr)
    json.dump({"ours": ours.samples, "theirs": theirs.samples}, sys.stdout)


main()
