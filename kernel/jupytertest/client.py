"""What the tests beside this file share: the kernel with a client of jupyter_client, and what runs on the machine."""

import os
import time

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


def reply_to(kc, msg_id):
    """The reply to a request on the shell channel: wait_for_ready may have left some of its own there."""
    while True:
        reply = kc.get_shell_msg(timeout=TIMEOUT)
        if reply["parent_header"].get("msg_id") == msg_id:
            return reply["content"]


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
    return reply_to(kc, msg_id), out


def run(kc, code, **options):
    return finish(kc, kc.execute(code, **options))


def text(out, name="stdout"):
    return "".join(m["content"]["text"] for m in out if m["msg_type"] == "stream" and m["content"]["name"] == name)


def result(out):
    return [m["content"]["data"]["text/plain"] for m in out if m["msg_type"] == "execute_result"]


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
