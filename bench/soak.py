"""Runs cells in an installed kernel with the real jupyter_client, again and again, and prints the memory of its processes as JSON.

argv: the number of runs, and how often to look. The cells are 200 different ones: twenty kinds, each with ten numbers in it.
"""

import json
import os
import sys
import time

from jupyter_client.manager import KernelManager

KINDS = [
    "x@ := @\nx@ * 2",
    "var total@ float64\nfor i := range 100 { total@ += float64(i) }\ntotal@",
    "func fib@(n int) int { if n < 2 { return n }; return fib@(n-1) + fib@(n-2) }\nfib@(12)",
    "type T@ struct{ A, B int }\nfunc (t T@) Sum() int { return t.A + t.B }\nT@{1, @}.Sum()",
    'for i := range 50 { fmt.Println("line", i, @) }',
    'm@ := map[string]int{}\nfor _, w := range strings.Fields("a b a @") { m@[w]++ }\nm@',
    'panic("oh @")',
    "undefined@ + 1",
    "done@ := make(chan int)\ngo func() { done@ <- @ }()\n<-done@",
    "func Map@[A, B any](xs []A, f func(A) B) (out []B) { for _, x := range xs { out = append(out, f(x)) }; return }\nMap@([]int{1, 2}, strconv.Itoa)",
    'b@, _ := json.Marshal(struct{ N int }{@})\nstring(b@)',
    "%who",
    'fmt.Fprintln(os.Stderr, "to stderr", @)',
    'display.HTML("<b>@</b>")',
    'h@ := display.Markdown("one @")\nh@.Update("two")',
    'import "math"\nmath.Sqrt(@)',
    "s@ := make([]byte, 1<<20)\nlen(s@)",
    "!echo @",
    'fmt.Println(slices.Sorted(maps.Keys(map[int]bool{@: true, 1: true})))',
    'time.Sleep(time.Millisecond)\nfmt.Printf("%T %v", errors.New("e@"), @)',
]


def pss(root):
    """Bytes of memory of a process and its children, what they share with others counted in proportion."""
    out = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
            if int(name) == root or parent == root:
                with open(f"/proc/{name}/smaps_rollup") as f:
                    out["front" if int(name) == root else "session"] = 1024 * sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except OSError:
            pass
    return out


def main():
    runs, look = int(sys.argv[1]), int(sys.argv[2])
    km = KernelManager(kernel_name="godlas")
    km.start_kernel()
    kc = km.client()
    kc.start_channels()
    try:
        kc.wait_for_ready(timeout=60)
        root = km.provisioner.pid
        cells = [kind.replace("@", str(n)) for kind in KINDS for n in range(2, 12)]
        failing = sum(cell.startswith(("panic", "undefined")) for cell in cells)
        samples, failed, begun = [], 0, time.time()
        for i in range(runs):
            if i % look == 0:
                samples.append({"runs": i, "seconds": time.time() - begun, **pss(root)})
            msg = kc.execute(cells[i * 7 % len(cells)], stop_on_error=False)
            while True:
                reply = kc.get_shell_msg(timeout=60)
                if reply["parent_header"].get("msg_id") == msg:
                    break
            failed += reply["content"]["status"] != "ok"
            while True:
                m = kc.get_iopub_msg(timeout=60)
                if m["parent_header"].get("msg_id") == msg and m["msg_type"] == "status" and m["content"]["execution_state"] == "idle":
                    break
        samples.append({"runs": runs, "seconds": time.time() - begun, **pss(root)})
        json.dump({"samples": samples, "failed": failed, "wanted": failing * runs // len(cells)}, sys.stdout)
    finally:
        kc.stop_channels()
        km.shutdown_kernel(now=True)


main()
